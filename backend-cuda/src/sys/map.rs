//! Kernel functions of pair statistics, and the kernel that makes tiles of them.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable, cast_slice};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::precision::{Precision, exp2};

use super::buffer::Buffer;
use super::calls::Index;
use super::device::Device;
use super::launch::{format, launch, list};
use super::numbers::Numbers;
use crate::error::CudaError;

/// A kernel function with its constants for the rows and columns of one tile, on the device.
#[derive(Debug)]
pub(crate) struct Map {
    kernel: Kernel,
    gamma: f64,
    scale: f64,
    norms: Option<[Buffer; 2]>,
    covariates: Option<(usize, [Buffer; 2])>,
    /// Rows and columns.
    shape: (usize, usize),
}

/// `Map` of `kernels/kernel.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawMap {
    function: i32,
    degree: i32,
    gamma: f64,
    scale: f64,
    norms: [u64; 2],
    values: [u64; 2],
    covariates: u64,
}

impl Map {
    /// Puts a kernel function on the device, with norms and covariates of these individuals.
    pub(crate) fn new(
        device: &Arc<Device>,
        map: &KernelMap,
        (rows, cols): (&[u32], &[u32]),
    ) -> Result<Self, CudaError> {
        // `count` numbers of each individual, those of the rows and those of the columns.
        let both = |of: [&[f64]; 2], count: usize| -> Result<[Buffer; 2], CudaError> {
            let gathered = |of: &[f64], list: &[u32]| {
                let each = list.iter().map(|&i| &of[i as usize * count..][..count]);
                device.upload(cast_slice(&each.collect::<Vec<_>>().concat()))
            };
            Ok([gathered(of[0], rows)?, gathered(of[1], cols)?])
        };
        let norms = match map.kernel {
            Kernel::Linear | Kernel::Poly(_) => Some(both([&map.rows, &map.cols], 1)?),
            _ => None,
        };
        let covariates = match &map.covariates {
            Some(c) if c.count > 0 => Some((c.count, both([&c.rows, &c.cols], c.count)?)),
            _ => None,
        };
        Ok(Map {
            kernel: map.kernel,
            gamma: map.gamma,
            scale: map.scale,
            norms,
            covariates,
            shape: (rows.len(), cols.len()),
        })
    }

    fn raw(&self) -> RawMap {
        let (function, degree) = match self.kernel {
            Kernel::Linear => (0, 0),
            Kernel::Standardised => (1, 0),
            Kernel::TwoPq => (2, 0),
            Kernel::Gaussian => (3, 0),
            Kernel::Laplacian => (4, 0),
            Kernel::Ibs => (5, 0),
            Kernel::Poly(degree) => (6, degree as i32),
            Kernel::GrmSquared => (7, 0),
        };
        let addresses = |both: &[Buffer; 2]| [both[0].address(), both[1].address()];
        RawMap {
            function,
            degree,
            gamma: self.gamma,
            scale: self.scale,
            norms: self.norms.as_ref().map_or([0; 2], addresses),
            values: self.covariates.as_ref().map_or([0; 2], |c| addresses(&c.1)),
            covariates: self.covariates.as_ref().map_or(0, |c| c.0 as u64),
        }
    }

    fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        let norms = self.norms.iter().flatten();
        norms.chain(self.covariates.iter().flat_map(|c| &c.1))
    }
}

impl Device {
    /// Kernel values of the pairs `rows[r]`, `cols[c]`, whose numbers count in units of 2^unit, to a
    /// tile in F64 or F32.
    ///
    /// # Panics
    /// If a pair is not among them, or the constants are of another number of rows and columns.
    pub(crate) fn kernel_tile(
        self: &Arc<Self>,
        map: &Map,
        (numbers, unit): (&Numbers, i32),
        (rows, cols): (&Index, &Index),
        (out, precision): (&Buffer, Precision),
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(numbers.order.holds(rows, cols), "a pair that is kept");
        assert_eq!((m, n), map.shape, "rows and columns of the constants");
        assert!(out.bytes() >= m * n * precision.bytes(), "bytes of a tile");
        let (order, width) = numbers.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let mut reads = vec![&numbers.buffer, &rows.buffer, &cols.buffer];
        reads.extend(map.buffers());
        self.issue(&reads, &[out], |lane| {
            // SAFETY: every pair has its number, its individuals their constants, and `out` a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.kernel_tile,
                    list(m * n),
                    map.raw(),
                    numbers.buffer.address(),
                    i32::from(numbers.whole),
                    order,
                    width,
                    exp2(unit),
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    out.address(),
                    format(precision)
                )
            }
        })
    }
}
