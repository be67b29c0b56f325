//! The kernels of conversions, each with its checks.

use std::sync::Arc;

use epitile_core::precision::exp2;

use super::buffer::Buffer;
use super::device::{Device, Lane};
use super::launch::{LIST, Operand, launch, list};
use crate::error::CudaError;

/// Rows and columns of a block of `turn`; see `kernels/convert.cu`.
const SIDE: usize = 32;

/// What a kernel takes of a matrix: address, format, and the two factors that are its scale.
type Raw = (u64, i32, f64, u64);

impl Device {
    /// Issues `work` on two matrices, which reads the first and writes the second.
    fn rewrite(
        self: &Arc<Self>,
        from: Operand<'_>,
        to: Operand<'_>,
        work: impl FnOnce(&mut Lane, Raw, Raw) -> Result<(), CudaError>,
    ) -> Result<(), CudaError> {
        let [a, b] = [from, to].map(|matrix| {
            let (address, code) = matrix.checked();
            (address, code, exp2(matrix.scale), matrix.natural())
        });
        if from.count() == 0 {
            return Ok(());
        }
        let reads: Vec<&Buffer> = from.buffers().chain(to.natural).collect();
        self.issue(&reads, &[to.buffer], |lane| work(lane, a, b))
    }

    /// `to` ← `from` in the precision and scale of `to`, rounded once.
    ///
    /// # Panics
    /// If the shapes differ.
    pub(crate) fn convert(
        self: &Arc<Self>,
        from: Operand<'_>,
        to: Operand<'_>,
    ) -> Result<(), CudaError> {
        let count = from.count();
        assert_eq!((from.rows, from.cols), (to.rows, to.cols), "shapes");
        self.rewrite(from, to, |lane, a, b| {
            // SAFETY: both buffers hold `count` numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.convert,
                    list(count),
                    a.0,
                    a.1,
                    a.2,
                    a.3,
                    b.0,
                    b.1,
                    b.2,
                    b.3,
                    count as u64
                )
            }
        })
    }

    /// `to` ← the transpose of `from` in the precision and scale of `to`, rounded once.
    ///
    /// # Panics
    /// If the shapes are not each other's transpose.
    pub(crate) fn turn(
        self: &Arc<Self>,
        from: Operand<'_>,
        to: Operand<'_>,
    ) -> Result<(), CudaError> {
        let (rows, cols) = (from.rows, from.cols);
        assert_eq!((rows, cols), (to.cols, to.rows), "shapes");
        let blocks = rows.div_ceil(SIDE) * cols.div_ceil(SIDE);
        self.rewrite(from, to, |lane, a, b| {
            // SAFETY: both buffers hold rows × cols numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.turn,
                    (blocks, LIST),
                    a.0,
                    a.1,
                    a.2,
                    a.3,
                    b.0,
                    b.1,
                    b.2,
                    b.3,
                    rows as u64,
                    cols as u64
                )
            }
        })
    }
}
