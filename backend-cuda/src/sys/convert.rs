//! The kernels of conversions, each with its checks.

use std::sync::Arc;

use epitile_core::precision::exp2;

use super::buffer::Buffer;
use super::device::Device;
use super::launch::{LIST, Operand, launch, list};
use crate::error::CudaError;

/// Rows and columns of a block of `turn`; see `kernels/convert.cu`.
const SIDE: usize = 32;

impl Device {
    /// `to` ← `from` in the precision and scale of `to`, rounded once.
    ///
    /// # Panics
    /// If the shapes differ.
    pub(crate) fn convert(
        self: &Arc<Self>,
        from: Operand<'_>,
        to: Operand<'_>,
    ) -> Result<(), CudaError> {
        let (count, (address, code)) = (from.count(), from.checked());
        assert_eq!((from.rows, from.cols), (to.rows, to.cols), "shapes");
        let (out, format) = to.checked();
        if count == 0 {
            return Ok(());
        }
        let reads: Vec<&Buffer> = from.buffers().chain(to.natural).collect();
        self.issue(&reads, &[to.buffer], |lane| {
            // SAFETY: both buffers hold `count` numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.convert,
                    list(count),
                    address,
                    code,
                    exp2(from.scale),
                    from.natural(),
                    out,
                    format,
                    exp2(to.scale),
                    to.natural(),
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
        let (rows, cols, (address, code)) = (from.rows, from.cols, from.checked());
        assert_eq!((rows, cols), (to.cols, to.rows), "shapes");
        let (out, format) = to.checked();
        let blocks = rows.div_ceil(SIDE) * cols.div_ceil(SIDE);
        if blocks == 0 {
            return Ok(());
        }
        let reads: Vec<&Buffer> = from.buffers().chain(to.natural).collect();
        self.issue(&reads, &[to.buffer], |lane| {
            // SAFETY: both buffers hold rows × cols numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.turn,
                    (blocks, LIST),
                    address,
                    code,
                    exp2(from.scale),
                    from.natural(),
                    out,
                    format,
                    exp2(to.scale),
                    to.natural(),
                    rows as u64,
                    cols as u64
                )
            }
        })
    }
}
