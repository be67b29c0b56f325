//! Conversion between precisions and scales: value / 2^scale, rounded once, on the device.

use std::sync::Arc;

use epitile_core::precision::Precision;

use crate::error::CudaError;
use crate::sys::Device;
use crate::tile::CudaTile;

/// `tile` in another precision and scale. One kernel.
///
/// # Errors
/// [`CudaError::Unsupported`] from and to I8.
pub(crate) fn convert(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
    scale: i32,
) -> Result<CudaTile, CudaError> {
    for precision in [tile.precision, precision] {
        supported(precision, "convert")?;
    }
    let converted = CudaTile {
        rows: tile.rows,
        cols: tile.cols,
        precision,
        scale,
        buffer: device.buffer(tile.count() * precision.bytes())?,
    };
    device.convert(tile.operand(), &converted.buffer, (precision, scale))?;
    Ok(converted)
}

/// Refuses what is no operand.
pub(crate) fn supported(precision: Precision, operation: &'static str) -> Result<(), CudaError> {
    match precision {
        Precision::I8 => Err(CudaError::Unsupported {
            operation,
            precision,
        }),
        _ => Ok(()),
    }
}
