//! Norms and diagonal shifts.

use alloc::format;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{Sum, gamma, same, within};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::precision::Precision;
use crate::tile::Tile;

const SHAPES: [(usize, usize); 10] = [
    (1, 1),
    (3, 5),
    (16, 15),
    (0, 4),
    (4, 0),
    (1, 65),
    (65, 1),
    (33, 31),
    (65, 129),
    (300, 257),
];

/// Demands the norms of `tile`: the largest magnitude exactly, the row sums with the bits of
/// summation from the first column on, the column sums within γ_rows, and the Frobenius norm within γ_{len+2} of itself
/// (len products, any order of summation, one square root). Values between 2⁻⁵⁰⁰ and 2⁵⁰⁰.
///
/// # Errors
/// If a norm is wrong, or the backend failed.
pub fn holds<B: Backend>(backend: &B, tile: &Tile) -> Result<(), Failure> {
    let (rows, cols, p) = (tile.rows(), tile.cols(), tile.precision());
    let what = format!("norm, {rows} × {cols} {p}, scale 2^{}", tile.scale());
    let device = put(backend, &what, tile.as_ref())?;
    let norm = succeed(&what, backend.norm(&device))?;
    let values = tile.to_f64();
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    same(&format!("{what}: largest"), (0, 0), norm.max, largest)?;
    if norm.rows.len() != rows {
        let text = format!("{} row sums", norm.rows.len());
        return Err(Failure::other(&what, text));
    }
    for (r, &got) in norm.rows.iter().enumerate() {
        let sum = (0..cols).fold(0.0, |sum, c| sum + values[c * rows + r].abs());
        same(&format!("{what}: row sums"), (r, 0), got, sum)?;
    }
    if norm.cols.len() != cols {
        let text = format!("{} column sums", norm.cols.len());
        return Err(Failure::other(&what, text));
    }
    let u = Precision::F64.unit_roundoff();
    for (c, &got) in norm.cols.iter().enumerate() {
        let mut sum = Sum::default();
        values[c * rows..][..rows]
            .iter()
            .for_each(|v| sum.add(v.abs()));
        let bound = gamma(rows, u) * sum.value();
        within(&format!("{what}: column sums"), (0, c), got, sum, bound)?;
    }
    let mut squares = Sum::default();
    values.iter().for_each(|&v| squares.add_product(v, v));
    let mut frobenius = Sum::default();
    frobenius.add(num_traits::Float::sqrt(squares.value()));
    // Two roundings more for the oracle's own sum and root.
    let bound = gamma(values.len() + 4, u) * frobenius.value();
    let what = format!("{what}: Frobenius");
    within(&what, (0, 0), norm.frobenius, frobenius, bound)
}

/// Norms of every shape, scaled values included.
///
/// # Errors
/// The first failing case.
pub fn norm_is_within_the_bound_of_its_sum<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(4);
    for &shape in cases(&SHAPES, 3) {
        for _ in 0..3 {
            holds(backend, &sample.operand(shape, precision))?;
        }
    }
    Ok(())
}

/// The diagonal grows by the value, rounded at most twice (the value to the tile's precision,
/// and the sum); everything else keeps its bits.
///
/// # Errors
/// The first failing case.
pub fn shift_touches_the_diagonal_only<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(5);
    let u = precision.unit_roundoff();
    for &n in cases(&[1, 3, 17, 0, 32, 65], 4) {
        for value in [0.0, 0.05, -1.0 / 3.0, 1e4] {
            let what = format!("shift, {n} × {n} {precision}, by {value}");
            let before = sample.accumulator((n, n), precision, 0);
            let mut tile = put(backend, &what, before.as_ref())?;
            succeed(&what, backend.shift(&mut tile, value))?;
            let after = get(backend, &what, &tile)?.to_f64();
            for (at, (&got, v)) in after.iter().zip(before.to_f64()).enumerate() {
                let entry = (at % n, at / n);
                if entry.0 != entry.1 {
                    same(&what, entry, got, v)?;
                    continue;
                }
                let mut truth = Sum::default();
                truth.add(v);
                truth.add(value);
                let bound = u * truth.value().abs() + gamma(2, u) * value.abs();
                within(&what, entry, got, truth, bound)?;
            }
        }
    }
    Ok(())
}
