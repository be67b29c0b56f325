//! Genotypes on the device, and lists of individuals.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable, cast_slice};
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
    missing: Option<Missing>,
}

/// Where calls are missing: the plane, and by individual the ends of its list of bits.
#[derive(Debug)]
struct Missing {
    plane: Buffer,
    ends: Buffer,
    places: Buffer,
}

/// `Calls` of `kernels/pairs.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct RawCalls {
    some: u64,
    two: u64,
    missing: u64,
    ends: u64,
    places: u64,
}

impl Calls {
    /// Puts genotypes on the device.
    pub(crate) fn new(device: &Arc<Device>, genotypes: &Genotypes) -> Result<Self, CudaError> {
        let all = 0..genotypes.samples();
        let planes = |of: &dyn Fn(usize) -> Vec<u64>| -> Result<Buffer, CudaError> {
            let rows: Vec<u64> = all.clone().flat_map(of).collect();
            device.upload(cast_slice(&rows))
        };
        let missing = match genotypes.has_missing() {
            false => None,
            true => {
                let row = |i| genotypes.missing(i).unwrap_or(&[]);
                let (mut ends, mut places) = (Vec::new(), Vec::new());
                for i in all.clone() {
                    for (w, &word) in row(i).iter().enumerate() {
                        let bits = (0..64).filter(|bit| word >> bit & 1 == 1);
                        places.extend(bits.map(|bit| w as u32 * 64 + bit));
                    }
                    ends.push(places.len() as u64);
                }
                Some(Missing {
                    plane: planes(&|i| row(i).to_vec())?,
                    ends: device.upload(cast_slice(&ends))?,
                    places: device.upload(cast_slice(&places))?,
                })
            }
        };
        Ok(Calls {
            samples: genotypes.samples(),
            words: genotypes.words(),
            some: planes(&|i| genotypes.some(i).to_vec())?,
            two: planes(&|i| genotypes.two(i).to_vec())?,
            missing,
        })
    }

    /// Whether calls are missing.
    pub(crate) fn has_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// As kernels take it.
    pub(super) fn raw(&self) -> RawCalls {
        let missing = self.missing.as_ref();
        let address = |of: fn(&Missing) -> &Buffer| missing.map_or(0, |m| of(m).address());
        RawCalls {
            some: self.some.address(),
            two: self.two.address(),
            missing: address(|m| &m.plane),
            ends: address(|m| &m.ends),
            places: address(|m| &m.places),
        }
    }

    /// Everything it consists of.
    pub(super) fn buffers(&self) -> Vec<&Buffer> {
        let missing = self.missing.iter();
        let more = missing.flat_map(|m| [&m.plane, &m.ends, &m.places]);
        [&self.some, &self.two].into_iter().chain(more).collect()
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
