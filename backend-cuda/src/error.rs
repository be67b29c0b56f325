//! What can go wrong on a GPU.

use std::fmt;

use epitile_core::backend::{BackendError, ErrorKind};
use epitile_core::precision::Precision;

/// An error of [`Cuda`](crate::Cuda).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaError {
    /// A call of the driver or of a library failed, or work issued before it.
    Call {
        /// Library and function.
        what: &'static str,
        /// The vendor's name of the error.
        code: String,
    },
    /// The device has no room for this.
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: usize,
    },
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
}

impl CudaError {
    pub(crate) fn call(what: &'static str, code: impl fmt::Debug) -> Self {
        let code = format!("{code:?}");
        CudaError::Call { what, code }
    }
}

impl fmt::Display for CudaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CudaError::Call { what, code } => write!(
                f,
                "the GPU failed: {what} reports {code}; run epitile verify --backend cuda to see \
                 whether it works at all, or use --backend cpu"
            ),
            CudaError::OutOfMemory { bytes } => write!(
                f,
                "the GPU's memory is full: no room for {} MiB more; choose a smaller --tile or a \
                 cheaper --precision, or use --backend cpu",
                bytes.div_ceil(1 << 20)
            ),
            CudaError::NotPositiveDefinite {
                pivot,
                rows,
                precision,
            } => write!(
                f,
                "pivot {pivot} of a {rows} × {rows} tile in {precision} is not positive and finite"
            ),
            CudaError::Unsupported {
                operation,
                precision,
            } => write!(f, "{operation} does not take {precision} tiles here"),
        }
    }
}

impl std::error::Error for CudaError {}

impl BackendError for CudaError {
    fn kind(&self) -> ErrorKind {
        match *self {
            CudaError::Call { .. } => ErrorKind::Device,
            CudaError::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            CudaError::NotPositiveDefinite { pivot, .. } => {
                ErrorKind::NotPositiveDefinite { pivot }
            }
            CudaError::Unsupported { .. } => ErrorKind::Unsupported,
        }
    }
}
