//! Genotypes on the device, and lists of individuals.

use std::sync::Arc;

use bytemuck::cast_slice;
use epitile_core::genotypes::Genotypes;

use super::buffer::Buffer;
use super::device::Device;
use crate::error::CudaError;

/// Calls of some individuals on the device.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) samples: usize,
    /// 64-bit words in a row of a plane.
    pub(crate) words: usize,
    pub(super) some: Buffer,
    pub(super) two: Buffer,
    /// If a call is missing.
    missing: Option<Buffer>,
}

impl Calls {
    /// Puts genotypes on the device.
    pub(crate) fn new(device: &Arc<Device>, genotypes: &Genotypes) -> Result<Self, CudaError> {
        let all = 0..genotypes.samples();
        let planes = |of: &dyn Fn(usize) -> Vec<u64>| -> Result<Buffer, CudaError> {
            let rows: Vec<u64> = all.clone().flat_map(of).collect();
            device.upload(cast_slice(&rows))
        };
        let missing = genotypes.has_missing().then(|| {
            let row = |i| genotypes.missing(i).unwrap_or(&[]);
            planes(&|i| row(i).to_vec())
        });
        Ok(Calls {
            samples: genotypes.samples(),
            words: genotypes.words(),
            some: planes(&|i| genotypes.some(i).to_vec())?,
            two: planes(&|i| genotypes.two(i).to_vec())?,
            missing: missing.transpose()?,
        })
    }

    /// Whether calls are missing.
    pub(crate) fn has_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Address of the plane of missing calls, or none.
    pub(super) fn missing_address(&self) -> u64 {
        self.missing.as_ref().map_or(0, Buffer::address)
    }

    /// Everything it consists of.
    pub(super) fn buffers(&self) -> Vec<&Buffer> {
        let planes = [&self.some, &self.two].into_iter();
        planes.chain(&self.missing).collect()
    }
}

/// Individuals by number, on the device.
#[derive(Debug)]
pub(crate) struct Index {
    pub(super) buffer: Buffer,
    pub(super) len: usize,
    /// One more than the largest.
    pub(super) end: usize,
}

impl Index {
    /// Puts a list on the device.
    pub(crate) fn new(device: &Arc<Device>, list: &[u32]) -> Result<Self, CudaError> {
        Ok(Index {
            buffer: device.upload(cast_slice(list))?,
            len: list.len(),
            end: list.iter().max().map_or(0, |&last| last as usize + 1),
        })
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
