//! Kernel tiles: one kernel makes values of numbers that are kept, or made just before.

use std::sync::Arc;

use epitile_core::kernel::KernelMap;
use epitile_core::precision::Precision;

use crate::error::CudaError;
use crate::pairs::CudaPairs;
use crate::sys::{Device, Map};
use crate::tile::CudaTile;

/// The kernel tile of individuals `rows` × `cols` in F64 or F32, scale 2⁰.
///
/// # Errors
/// [`CudaError::Unsupported`] in other precisions.
///
/// # Panics
/// If an index is out of range.
pub(crate) fn tile(
    device: &Arc<Device>,
    map: &KernelMap,
    pairs: &CudaPairs,
    (rows, cols): (&[u32], &[u32]),
    precision: Precision,
) -> Result<CudaTile, CudaError> {
    if !matches!(precision, Precision::F64 | Precision::F32) {
        return Err(CudaError::Unsupported {
            operation: "kernel_tile",
            precision,
        });
    }
    let buffer = device.buffer(rows.len() * cols.len() * precision.bytes())?;
    let map = Map::new(device, map, (rows, cols))?;
    pairs.with((rows, cols), |numbers, index| {
        device.kernel_tile(&map, (numbers, pairs.unit()), index, (&buffer, precision))
    })?;
    Ok(CudaTile {
        rows: rows.len(),
        cols: cols.len(),
        precision,
        scale: 0,
        natural: None,
        turned: false,
        buffer,
    })
}
