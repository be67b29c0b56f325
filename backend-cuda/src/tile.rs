//! Matrices on the device.

use epitile_core::precision::Precision;

use crate::sys::{Buffer, Operand};

/// A matrix on the device, column-major without gaps; stored numbers times 2^scale.
#[derive(Debug)]
pub struct CudaTile {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) precision: Precision,
    pub(crate) scale: i32,
    pub(crate) buffer: Buffer,
}

impl CudaTile {
    /// As kernels read it.
    pub(crate) fn operand(&self) -> Operand<'_> {
        Operand {
            rows: self.rows,
            cols: self.cols,
            precision: self.precision,
            scale: self.scale,
            buffer: &self.buffer,
        }
    }

    /// Numbers.
    pub(crate) fn count(&self) -> usize {
        self.rows * self.cols
    }

    /// Bytes of the stored numbers.
    pub(crate) fn bytes(&self) -> usize {
        self.count() * self.precision.bytes()
    }
}
