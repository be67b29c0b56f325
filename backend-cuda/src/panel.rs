//! Right-hand sides in F64: products and solves by kernels of our own, which keep columns (and in
//! products rows) apart to the last bit.

use std::sync::Arc;

use epitile_core::backend::{Solve, Trans};

use crate::convert::{by_columns, supported};
use crate::error::CudaError;
use crate::sys::Device;
use crate::tile::CudaTile;

/// Y ← Y + α·op(A)·X, A of any precision.
///
/// # Errors
/// [`CudaError::Unsupported`] for I8.
pub(crate) fn apply(
    device: &Arc<Device>,
    alpha: f64,
    (a, trans): (&CudaTile, Trans),
    x: &CudaTile,
    y: &CudaTile,
) -> Result<(), CudaError> {
    supported(a.precision, "apply")?;
    let a = (a.stored(), a.transposed(trans));
    device.apply(alpha, a, x.stored(), y.stored())
}

/// L X = B or Lᵀ X = B, L of any precision.
///
/// # Errors
/// [`CudaError::Unsupported`] for I8.
pub(crate) fn trsm(
    device: &Arc<Device>,
    solve: Solve,
    l: &CudaTile,
    b: &CudaTile,
) -> Result<(), CudaError> {
    supported(l.precision, "trsm")?;
    let transposed = solve == Solve::LeftTransposed;
    let by_columns = by_columns(device, l)?;
    let l = by_columns.as_ref().unwrap_or(l);
    device.solve((l.stored(), transposed), b.stored())
}
