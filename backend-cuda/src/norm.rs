//! Norms of tiles: sums by row and by column on the device, the few last additions here.

use std::sync::Arc;

use bytemuck::cast_slice_mut;
use epitile_core::backend::TileNorm;
use epitile_core::precision::exponent;

use crate::convert::{by_columns, supported};
use crate::error::CudaError;
use crate::sys::Device;
use crate::tile::CudaTile;

/// Frobenius norm, largest magnitude and sums of magnitudes, in FP64. Waits for the tile.
///
/// Rows are summed from the first column on, |v| and v²; the sums of v² then from the first row on;
/// columns by 256 threads. A NaN makes all three NaN where it stands.
///
/// # Errors
/// [`CudaError::Unsupported`] for I8.
pub(crate) fn norm(device: &Arc<Device>, tile: &CudaTile) -> Result<TileNorm, CudaError> {
    supported(tile.precision, "norm")?;
    let by_columns = by_columns(device, tile)?;
    let tile = by_columns.as_ref().unwrap_or(tile);
    let n = tile.rows;
    let ([magnitudes, squares, largest], cols) = sums(device, tile, tile.scale)?;
    let mut max = largest.into_iter().fold(0.0, f64::max);
    if magnitudes.iter().any(|sum| sum.is_nan()) {
        max = f64::NAN;
    }
    // Squares that left the range of f64 are summed again, with the largest number near 1.
    const SAFE: f64 = 1e140;
    let frobenius = if max > 0.0 && max.is_finite() && !(1.0 / SAFE..=SAFE).contains(&max) {
        let e = exponent(max).max(-1021);
        let ([_, squares, _], _) = sums(device, tile, tile.scale - e)?;
        squares.iter().sum::<f64>().sqrt() * epitile_core::precision::exp2(e)
    } else {
        squares.iter().sum::<f64>().sqrt()
    };
    debug_assert_eq!(magnitudes.len(), n);
    Ok(TileNorm {
        frobenius,
        max,
        rows: magnitudes,
        cols,
    })
}

/// By row Σ|v|, Σv² and the largest |v|, and by column Σ|v|.
type Sums = ([Vec<f64>; 3], Vec<f64>);

fn sums(device: &Arc<Device>, tile: &CudaTile, scale: i32) -> Result<Sums, CudaError> {
    let sums = device.sums(tile.stored(), scale)?;
    let mut rows = vec![0.0; 3 * tile.rows];
    device.download(&sums.rows, cast_slice_mut(&mut rows))?;
    let mut cols = vec![0.0; tile.cols];
    device.download(&sums.cols, cast_slice_mut(&mut cols))?;
    let part = |k: usize| rows[k * tile.rows..][..tile.rows].to_vec();
    Ok(([part(0), part(1), part(2)], cols))
}
