//! Sums of magnitudes and squares.

use crate::simd::decode::Entry;
use crate::simd::level::multiversion;

/// Running sums of each row.
pub(crate) struct Sums {
    /// Σ|v|.
    pub(crate) magnitudes: Vec<f64>,
    /// Σv².
    pub(crate) squares: Vec<f64>,
    /// max |v|, NaN left out.
    pub(crate) largest: Vec<f64>,
    /// Σ|v| of each column so far.
    pub(crate) columns: Vec<f64>,
}

multiversion! {
    /// Adds a column, its numbers times `factor`, and its own sum to `sums.columns`.
    fn add<E: Entry>(column: &[E], factor: f64, sums: &mut Sums) = body::<E>, body::<E>
}

/// Numbers of a vector.
const LANES: usize = 8;

#[inline(always)]
fn body<E: Entry>(column: &[E], factor: f64, sums: &mut Sums) {
    let n = column.len();
    let (magnitudes, squares) = (&mut sums.magnitudes[..n], &mut sums.squares[..n]);
    let largest = &mut sums.largest[..n];
    for r in 0..n {
        let v = (column[r].to_f64() * factor).abs();
        magnitudes[r] += v;
        squares[r] += v * v;
        largest[r] = if v > largest[r] { v } else { largest[r] };
    }
    let mut lanes = [0.0; LANES];
    let (steps, rest) = column.as_chunks::<LANES>();
    for step in steps {
        for l in 0..LANES {
            lanes[l] += (step[l].to_f64() * factor).abs();
        }
    }
    let rest = rest.iter().map(|v| (v.to_f64() * factor).abs());
    sums.columns.push(lanes.into_iter().chain(rest).sum());
}
