//! Sums of magnitudes and squares.

use crate::simd::level::multiversion;
use crate::simd::panel::Entry;

/// Running sums of each row.
pub(crate) struct Sums {
    /// Σ|v|.
    pub(crate) magnitudes: Vec<f64>,
    /// Σv².
    pub(crate) squares: Vec<f64>,
    /// max |v|, NaN left out.
    pub(crate) largest: Vec<f64>,
}

multiversion! {
    /// Adds a column, its numbers times `factor`.
    fn add<E: Entry>(column: &[E], factor: f64, sums: &mut Sums) = body::<E>, body::<E>
}

#[inline(always)]
fn body<E: Entry>(column: &[E], factor: f64, sums: &mut Sums) {
    let n = column.len();
    let (magnitudes, squares) = (&mut sums.magnitudes[..n], &mut sums.squares[..n]);
    let largest = &mut sums.largest[..n];
    for r in 0..n {
        let v = (column[r].into() * factor).abs();
        magnitudes[r] += v;
        squares[r] += v * v;
        largest[r] = if v > largest[r] { v } else { largest[r] };
    }
}
