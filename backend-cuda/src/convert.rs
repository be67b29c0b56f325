//! Conversion between precisions and scales: value / 2^scale, rounded once, on the device.

use std::sync::Arc;

use epitile_core::precision::Precision;
use epitile_core::tile::is_scaled;

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
    let mut to = empty(device, tile, precision, is_turned(precision))?;
    to.scale = scale;
    written(device, (tile, tile.stored()), to)
}

/// `tile` in another precision, in the scale that is natural to it; where that depends on the numbers
/// it is found on the device and stays there. Three kernels then.
///
/// # Errors
/// As [`convert`].
pub(crate) fn demote(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
) -> Result<CudaTile, CudaError> {
    let mut to = empty(device, tile, precision, is_turned(precision))?;
    if is_scaled(precision) {
        to.natural = Some(Arc::new(device.natural_scale(tile.stored(), precision)?));
    }
    written(device, (tile, tile.stored()), to)
}

/// The values of `tile` in another precision and no scale, laid out as it is: for products, which take
/// both layouts.
///
/// # Errors
/// As [`convert`].
pub(crate) fn valued(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
) -> Result<CudaTile, CudaError> {
    let to = empty(device, tile, precision, tile.turned)?;
    written(device, (tile, tile.stored()), to)
}

/// The stored numbers of `tile` in a precision that holds them, row-major if `turned`; the scale stays
/// theirs.
///
/// # Errors
/// As [`convert`].
pub(crate) fn restored(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
    turned: bool,
) -> Result<CudaTile, CudaError> {
    let to = empty(device, tile, precision, turned)?;
    let to = written(device, (tile, tile.stored().bare()), to)?;
    Ok(CudaTile {
        scale: tile.scale,
        natural: tile.natural.clone(),
        ..to
    })
}

/// A row-major tile column by column, in F32, which holds its numbers; `None` of others.
///
/// # Errors
/// If the device fails.
pub(crate) fn by_columns(
    device: &Arc<Device>,
    tile: &CudaTile,
) -> Result<Option<CudaTile>, CudaError> {
    let turned = tile.turned;
    let by_columns = turned.then(|| restored(device, tile, Precision::F32, false));
    by_columns.transpose()
}

/// A tile of this one's shape with scale 2⁰, its numbers unspecified.
fn empty(
    device: &Arc<Device>,
    tile: &CudaTile,
    precision: Precision,
    turned: bool,
) -> Result<CudaTile, CudaError> {
    for precision in [tile.precision, precision] {
        supported(precision, "convert")?;
    }
    Ok(CudaTile {
        rows: tile.rows,
        cols: tile.cols,
        precision,
        scale: 0,
        natural: None,
        turned,
        buffer: device.buffer(tile.count() * precision.bytes())?,
    })
}

/// `to` with the numbers `from`, which are those of `tile`.
fn written(
    device: &Arc<Device>,
    (tile, from): (&CudaTile, Operand<'_>),
    to: CudaTile,
) -> Result<CudaTile, CudaError> {
    match to.turned == tile.turned {
        true => device.convert(from, to.stored())?,
        false => device.turn(from, to.stored())?,
    }
    Ok(to)
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
