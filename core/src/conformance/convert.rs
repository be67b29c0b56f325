//! Conversion: one rounding, and the flush.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{converted, same_tile};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::precision::{Precision, exp2, exponent};
use crate::round::{FLUSH_BELOW, round};
use crate::tile::Tile;

/// Converts `tile` and demands value / 2^`scale`, rounded once and flushed, in every entry.
/// `scale` from −1074 to 1023.
///
/// # Errors
/// If an entry differs in a bit (NaN may have any payload), or the backend failed.
pub fn holds<B: Backend>(
    backend: &B,
    tile: &Tile,
    precision: Precision,
    scale: i32,
) -> Result<(), Failure> {
    let (rows, cols) = (tile.rows(), tile.cols());
    let what = format!(
        "convert, {rows} × {cols} {} at scale 2^{} → {precision} at 2^{scale}",
        tile.precision(),
        tile.scale()
    );
    let values: Vec<f64> = tile
        .to_f64()
        .into_iter()
        .map(|v| converted(v, precision, scale))
        .collect();
    // The values are exact in `precision`: writing them rounds nothing.
    let stored = Tile::from_f64(rows, cols, &values, precision, 0);
    let expected = Tile::from_bytes(rows, cols, precision, scale, stored.bytes())
        .unwrap_or_else(|| stored.clone());
    let from = put(backend, &what, tile.as_ref())?;
    let to = succeed(&what, backend.convert(&from, precision, scale))?;
    same_tile(&what, &get(backend, &what, &to)?, &expected)
}

/// Values, midpoints between neighbouring values, and midpoints moved by one ulp of f64, of every
/// supported format, go to the nearest value, ties to even: a second rounding would show.
///
/// # Errors
/// The first failing case.
pub fn convert_rounds_once<B: Backend>(backend: &B, precision: Precision) -> Result<(), Failure> {
    let mut sample = Sample::new(2);
    let targets = Precision::ALL.into_iter().filter(|&p| usable(backend, p));
    for target in targets {
        for &count in cases(&[1, 24, 17 * 33], 1) {
            let mut values: Vec<f64> = (0..count)
                .flat_map(|_| around(sample.uniform() * exp2(sample.below(24) as i32), target))
                .chain(edges(target))
                .collect();
            // One column, then an awkward rectangle.
            let rows = if count == 1 { values.len() } else { 17 };
            values.truncate(values.len() / rows * rows);
            let tile = |scale| Tile::from_f64(rows, values.len() / rows, &values, precision, scale);
            for (from, to) in [(0, 0), (0, 3), (-5, -12), (9, 60)] {
                holds(backend, &tile(from), target, to)?;
            }
        }
        holds(backend, &Tile::zeros(0, 3, precision), target, 0)?;
    }
    Ok(())
}

/// Zeros of both signs, NaN, infinities, subnormals, and values about the flush limit; from
/// F64 also quotients that leave the range on either side.
///
/// # Errors
/// The first failing case.
pub fn convert_keeps_signs_and_flushes<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let below = f64::from_bits(FLUSH_BELOW.to_bits() - 1);
    let above = f64::from_bits(FLUSH_BELOW.to_bits() + 1);
    let (least, max) = (precision.min_positive(), precision.format().max);
    let mut values = vec![0.0, f64::NAN, f64::INFINITY, below, FLUSH_BELOW, above];
    values.extend([least, 3.0 * least, 5.0 * least, 7.0 * least, max, max / 3.0]);
    values.extend([1.0, exp2(-64), exp2(-62), exp2(-40), exp2(-126), 448.0]);
    values.extend(values.clone().iter().map(|v| -v));
    let tile = Tile::from_f64(values.len(), 1, &values, precision, 0);
    // Other payloads of NaN, all patterns of a one-byte format among them.
    let mut sample = Sample::new(3);
    let codes: Vec<u64> = match precision.bytes() {
        1 => (0..32)
            .map(|w| 0x0706_0504_0302_0100 + 0x0808_0808_0808_0808 * w)
            .collect(),
        _ => (0..32).map(|_| sample.bits()).collect(),
    };
    let bytes = bytemuck::cast_slice(&codes);
    let patterns = Tile::from_bytes(256 / precision.bytes(), 1, precision, 0, bytes);
    for target in Precision::ALL.into_iter().filter(|&p| usable(backend, p)) {
        for &scale in cases(&[0, 60, -60, 1, -1], 2) {
            holds(backend, &tile, target, scale)?;
            if let Some(patterns) = &patterns {
                holds(backend, patterns, target, scale)?;
            }
        }
    }
    Ok(())
}

fn usable<B: Backend>(backend: &B, precision: Precision) -> bool {
    precision != Precision::I8 && backend.supports(precision)
}

/// The value of `p` next to `x`, the midpoint to the next one, that midpoint moved by one ulp of
/// f64 and of f32, and their negatives.
fn around(x: f64, p: Precision) -> [f64; 12] {
    let value = round(x, p).abs();
    let quantum = exponent(value.max(p.min_positive())) + 1 - p.format().digits as i32;
    let middle = value + exp2(quantum.max(exponent(p.min_positive()))) / 2.0;
    let moved = |ulps: i64| f64::from_bits(middle.to_bits().saturating_add_signed(ulps));
    let [u, o, d, e] = [-1, 1, -(1 << 29), 1 << 29].map(moved);
    let v = value;
    [v, -v, middle, -middle, u, -u, o, -o, d, -d, e, -e]
}

/// About the least normal, the least and the greatest value of `p`.
fn edges(p: Precision) -> Vec<f64> {
    let f = p.format();
    let places = [0.0, p.min_positive(), exp2(f.min_exponent), f.max];
    places.into_iter().flat_map(|x| around(x, p)).collect()
}
