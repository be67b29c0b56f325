//! The kernels of conversions, each with its checks.

use std::sync::Arc;

use epitile_core::precision::{Precision, exp2};

use super::buffer::Buffer;
use super::device::Device;
use super::launch::{LIST, Operand, format, launch, list};
use crate::error::CudaError;

/// Rows and columns of a block of `turn`; see `kernels/convert.cu`.
const SIDE: usize = 32;

impl Device {
    /// `to` ← `from` in another precision and scale, rounded once.
    pub(crate) fn convert(
        self: &Arc<Self>,
        from: Operand<'_>,
        (to, precision, scale): (&Buffer, Precision, i32),
    ) -> Result<(), CudaError> {
        let (count, (address, code)) = (from.count(), from.checked());
        assert!(to.bytes() >= count * precision.bytes(), "bytes of a tile");
        let (factor, divisor) = (exp2(from.scale), exp2(scale));
        if count == 0 {
            return Ok(());
        }
        self.issue(&[from.buffer], &[to], |lane| {
            // SAFETY: both buffers hold `count` numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.convert,
                    list(count),
                    address,
                    code,
                    factor,
                    to.address(),
                    format(precision),
                    divisor,
                    count as u64
                )
            }
        })
    }

    /// `to` ← the transpose of `from` in another precision and scale, rounded once.
    pub(crate) fn turn(
        self: &Arc<Self>,
        from: Operand<'_>,
        (to, precision, scale): (&Buffer, Precision, i32),
    ) -> Result<(), CudaError> {
        let (rows, cols, (address, code)) = (from.rows, from.cols, from.checked());
        let bytes = rows * cols * precision.bytes();
        assert!(to.bytes() >= bytes, "bytes of a tile");
        let (factor, divisor) = (exp2(from.scale), exp2(scale));
        let blocks = rows.div_ceil(SIDE) * cols.div_ceil(SIDE);
        if blocks == 0 {
            return Ok(());
        }
        self.issue(&[from.buffer], &[to], |lane| {
            // SAFETY: both buffers hold rows × cols numbers of their formats.
            unsafe {
                launch!(
                    lane,
                    self.kernels.turn,
                    (blocks, LIST),
                    address,
                    code,
                    factor,
                    to.address(),
                    format(precision),
                    divisor,
                    rows as u64,
                    cols as u64
                )
            }
        })
    }
}
