//! Matrices on the device.

use std::sync::Arc;

use epitile_core::backend::Trans;
use epitile_core::precision::Precision;

use crate::sys::{Buffer, Operand};

/// A matrix on the device, without gaps; stored numbers times 2^scale, and times what `natural` holds.
/// Column-major, but for E4M3:
/// those tiles are row-major, since tensor cores take 8-bit operands only if the numbers that are
/// summed over, along the rows of a factor's tiles, stand side by side.
#[derive(Debug)]
pub struct CudaTile {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) precision: Precision,
    pub(crate) scale: i32,
    /// A power of two in F64 that only the device knows.
    pub(crate) natural: Option<Arc<Buffer>>,
    /// Row-major.
    pub(crate) turned: bool,
    pub(crate) buffer: Buffer,
}

/// Whether tiles of this precision are row-major.
pub(crate) fn is_turned(precision: Precision) -> bool {
    precision == Precision::F8E4M3
}

/// The bytes of a column-major matrix of rows × cols bytes, row by row.
pub(crate) fn by_rows(bytes: &[u8], (rows, cols): (usize, usize)) -> Vec<u8> {
    let entries = (0..rows).flat_map(|r| (0..cols).map(move |c| c * rows + r));
    entries.map(|at| bytes[at]).collect()
}

impl CudaTile {
    /// The column-major matrix that is stored, as kernels read it: of a turned tile the transpose.
    pub(crate) fn stored(&self) -> Operand<'_> {
        let (rows, cols) = match self.turned {
            false => (self.rows, self.cols),
            true => (self.cols, self.rows),
        };
        Operand {
            rows,
            cols,
            precision: self.precision,
            scale: self.scale,
            natural: self.natural.as_deref(),
            buffer: &self.buffer,
        }
    }

    /// Whether op(tile) is the transpose of what is stored.
    pub(crate) fn transposed(&self, trans: Trans) -> bool {
        (trans == Trans::Yes) != self.turned
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
