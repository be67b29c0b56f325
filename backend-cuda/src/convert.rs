//! Conversion between precisions and scales: value / 2^scale, rounded once, on the device.

use std::sync::Arc;

use epitile_core::precision::Precision;

use crate::error::CudaError;
use crate::sys::{Device, Operand};
use crate::tile::{CudaTile, is_turned};

/// `tile` in another precision and scale, laid out as tiles of that precision are. One kernel.
///
/// # Errors
/// [`CudaError::Unsupported`] from and to I8.
pub(crate) fn convert(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
    scale: i32,
) -> Result<CudaTile, CudaError> {
    laid_out(device, tile, (precision, scale), is_turned(precision))
}

/// The same, laid out as `tile` is: for products, which take both layouts.
///
/// # Errors
/// As [`convert`].
pub(crate) fn convert_as_laid_out(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
    scale: i32,
) -> Result<CudaTile, CudaError> {
    laid_out(device, tile, (precision, scale), tile.turned)
}

/// A row-major tile column by column, in F32, which holds its numbers; `None` of others.
///
/// # Errors
/// If the device fails.
pub(crate) fn by_columns(
    device: &Arc<Device>,
    tile: &CudaTile,
) -> Result<Option<CudaTile>, CudaError> {
    if !tile.turned {
        return Ok(None);
    }
    // The stored numbers, whatever their scale.
    let from = Operand {
        scale: 0,
        ..tile.stored()
    };
    let buffer = device.buffer(tile.count() * Precision::F32.bytes())?;
    device.turn(from, (&buffer, Precision::F32, 0))?;
    Ok(Some(CudaTile {
        precision: Precision::F32,
        turned: false,
        buffer,
        ..*tile
    }))
}

fn laid_out(
    device: &Arc<Device>,
    tile: &CudaTile,
    (precision, scale): (Precision, i32),
    turned: bool,
) -> Result<CudaTile, CudaError> {
    for precision in [tile.precision, precision] {
        supported(precision, "convert")?;
    }
    let converted = CudaTile {
        rows: tile.rows,
        cols: tile.cols,
        precision,
        scale,
        turned,
        buffer: device.buffer(tile.count() * precision.bytes())?,
    };
    let to = (&converted.buffer, precision, scale);
    match turned == tile.turned {
        true => device.convert(tile.stored(), to)?,
        false => device.turn(tile.stored(), to)?,
    }
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
