//! Scales that are found on the device and kept there: nobody waits for a tile to learn its scale.

use std::sync::Arc;

use epitile_core::precision::{Precision, exp2};

use super::buffer::Buffer;
use super::device::{Device, Lane};
use super::launch::{LIST, Operand, format, holds, launch};
use crate::error::CudaError;

/// Numbers that a thread looks at.
const EACH: usize = 32;

impl Device {
    /// 2^e as F64, e the natural scale of this tile's numbers in `precision`: one of F16, E4M3 and E5M2.
    pub(crate) fn natural_scale(
        self: &Arc<Self>,
        tile: Operand<'_>,
        precision: Precision,
    ) -> Result<Buffer, CudaError> {
        let (count, (address, code)) = (tile.count(), tile.checked());
        let blocks = count.div_ceil(LIST * EACH).max(1);
        let (parts, scale) = (self.buffer(blocks * 8)?, self.buffer(8)?);
        let reads: Vec<&Buffer> = tile.buffers().collect();
        self.issue(&reads, &[&parts, &scale], |lane| {
            // SAFETY: the tile holds its numbers, `parts` one for each block, `scale` one.
            unsafe {
                launch!(
                    lane,
                    self.kernels.largest,
                    (blocks, LIST),
                    address,
                    code,
                    exp2(tile.scale),
                    tile.natural(),
                    count as u64,
                    holds::<u64>(&parts, blocks)
                )?;
                launch!(
                    lane,
                    self.kernels.natural,
                    (1, LIST),
                    holds::<u64>(&parts, blocks),
                    blocks as u64,
                    format(precision),
                    holds::<f64>(&scale, 1)
                )
            }
        })?;
        Ok(scale)
    }

    /// α times the scales that two operands have on the device, and β: two numbers in F32 in `out`.
    pub(super) fn scalars(
        &self,
        lane: &mut Lane,
        (alpha, beta): (f64, f64),
        naturals: [Option<&Buffer>; 2],
        out: &Buffer,
    ) -> Result<(), CudaError> {
        let [a, b] = naturals.map(|n| n.map_or(0, |one| holds::<f64>(one, 1)));
        // SAFETY: each is a number, `out` holds two.
        unsafe {
            launch!(
                lane,
                self.kernels.factors,
                (1, 1),
                alpha,
                a,
                b,
                beta,
                holds::<f32>(out, 2)
            )
        }
    }
}
