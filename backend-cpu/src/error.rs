//! What can go wrong on a CPU.

use core::fmt;

use epitile_core::backend::{BackendError, ErrorKind};
use epitile_core::precision::Precision;

/// An error of [`Cpu`](crate::Cpu).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuError {
    /// A pivot of a Cholesky factorisation was not positive or not finite.
    NotPositiveDefinite {
        /// Row of the pivot within the tile, from 0.
        pivot: usize,
        /// Rows of the tile.
        rows: usize,
        /// Precision of the tile.
        precision: Precision,
    },
    /// The operation does not take tiles of this precision.
    Unsupported {
        /// Name of the operation.
        operation: &'static str,
        /// The precision it was handed.
        precision: Precision,
    },
    /// The scratch file cannot be written; [`Scratch::failure`](crate::Scratch::failure) has the
    /// cause.
    Scratch,
}

impl fmt::Display for CpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpuError::NotPositiveDefinite {
                pivot,
                rows,
                precision,
            } => write!(
                f,
                "pivot {pivot} of a {rows} × {rows} tile in {precision} is not positive and finite"
            ),
            CpuError::Unsupported {
                operation,
                precision,
            } => write!(f, "{operation} does not take {precision} tiles here"),
            CpuError::Scratch => f.write_str("the scratch file cannot be written"),
        }
    }
}

impl core::error::Error for CpuError {}

impl BackendError for CpuError {
    fn kind(&self) -> ErrorKind {
        match *self {
            CpuError::NotPositiveDefinite { pivot, .. } => ErrorKind::NotPositiveDefinite { pivot },
            CpuError::Unsupported { .. } => ErrorKind::Unsupported,
            CpuError::Scratch => ErrorKind::Storage,
        }
    }
}
