//! Oracles better than the arithmetic under test, and the comparisons.
//!
//! Bounds and oracles are themselves computed in f64: bounds with relative errors of γ_k, oracles
//! ([`Sum`]) with errors of γ_k² Σ|ab|. Both are below 2⁻³⁰ of any bound here; [`SLACK`] covers
//! them.

use alloc::format;

use super::failure::{Failure, How};
use crate::precision::{Precision, exp2};
use crate::round::{FLUSH_BELOW, round};
use crate::tile::Tile;

/// Factor on every bound for the rounding errors of the bound itself.
pub const SLACK: f64 = 1.0 + 1.0 / 1_073_741_824.0;

/// γ_k = k·u / (1 − k·u), Higham (2002), Lemma 3.1.
///
/// # Panics
/// Unless k·u < 1.
pub fn gamma(k: usize, u: f64) -> f64 {
    let ku = k as f64 * u;
    assert!(ku < 1.0, "γ_{k} of unit roundoff {u:e}");
    ku / (1.0 - ku)
}

/// A sum of products in twice the working precision: Dot2 of Ogita, Rump and Oishi, *Accurate sum
/// and dot product* (SIAM J. Sci. Comput. 26, 2005), Algorithm 5.3, before its last rounding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// Adds `x`.
    pub fn add(&mut self, x: f64) {
        // Knuth's two-sum: s + e = high + x exactly.
        let s = self.high + x;
        let t = s - self.high;
        let e = (self.high - (s - t)) + (x - t);
        (self.high, self.low) = (s, self.low + e);
    }

    /// Adds `a · b`; |a| and |b| below 2⁹⁹⁰, the product's last bit not under 2⁻¹⁰⁷⁴.
    pub fn add_product(&mut self, a: f64, b: f64) {
        // Dekker's product: p + e = a·b exactly.
        let p = a * b;
        let ((a1, a2), (b1, b2)) = (split(a), split(b));
        let e = a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2);
        self.add(p);
        self.low += e;
    }

    /// Adds `alpha` times another sum.
    pub fn add_scaled(&mut self, alpha: f64, other: Sum) {
        self.add_product(alpha, other.high);
        self.add_product(alpha, other.low);
    }

    /// The sum, rounded to f64.
    pub fn value(self) -> f64 {
        self.high + self.low
    }

    /// Distance from `x`.
    pub fn distance(mut self, x: f64) -> f64 {
        self.add(-x);
        self.value().abs()
    }
}

/// Veltkamp's splitting: a = a₁ + a₂ exactly, each of at most 26 bits.
fn split(a: f64) -> (f64, f64) {
    const FACTOR: f64 = 134_217_729.0; // 2²⁷ + 1
    let c = FACTOR * a;
    let high = c - (c - a);
    (high, a - high)
}

/// Demands |`got` − `truth`| ≤ `bound`.
///
/// # Errors
/// If that is not so; NaN never passes.
pub fn within(
    what: &str,
    entry: (usize, usize),
    got: f64,
    truth: Sum,
    bound: f64,
) -> Result<(), Failure> {
    let error = truth.distance(got);
    if error <= bound * SLACK {
        return Ok(());
    }
    Err(Failure {
        what: what.into(),
        how: How::Bound {
            entry,
            got,
            expected: truth.value(),
            error,
            bound,
        },
    })
}

/// Demands the same f64, any NaN being as good as another.
///
/// # Errors
/// If the two differ.
pub fn same(what: &str, entry: (usize, usize), got: f64, expected: f64) -> Result<(), Failure> {
    if got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan() {
        return Ok(());
    }
    let show = |v: f64| format!("{v:e} ({:#018x})", v.to_bits());
    Err(Failure {
        what: what.into(),
        how: How::Bits {
            entry,
            got: show(got),
            expected: show(expected),
        },
    })
}

/// Demands the shape, precision and scale of `expected` and, entry by entry, its values.
///
/// # Errors
/// If the two differ in anything but the payload of a NaN.
pub fn same_tile(what: &str, got: &Tile, expected: &Tile) -> Result<(), Failure> {
    let head = |t: &Tile| (t.rows(), t.cols(), t.precision(), t.scale());
    if head(got) != head(expected) {
        let text = format!("tile is {:?}, expected {:?}", head(got), head(expected));
        return Err(Failure::other(what, text));
    }
    let rows = got.rows().max(1);
    let pairs = unscaled(got).into_iter().zip(unscaled(expected));
    for (at, (g, e)) in pairs.enumerate() {
        same(what, (at % rows, at / rows), g, e)?;
    }
    Ok(())
}

/// The stored numbers themselves, without the scale, which might take them out of range.
fn unscaled(tile: &Tile) -> alloc::vec::Vec<f64> {
    let (rows, cols, p) = (tile.rows(), tile.cols(), tile.precision());
    Tile::from_bytes(rows, cols, p, 0, tile.bytes()).map_or_else(Default::default, |t| t.to_f64())
}

/// What [`convert`](crate::backend::Backend::convert) stores for the value `v`: v / 2^scale
/// rounded once, flushed. Needs a scale within −1074…1023, where that power of two is an f64.
pub fn converted(v: f64, precision: Precision, scale: i32) -> f64 {
    let quotient = v / exp2(scale);
    if precision != Precision::F64 && quotient.abs() < FLUSH_BELOW {
        0f64.copysign(quotient)
    } else {
        round(quotient, precision)
    }
}

/// Values of a tile as operand of an output of precision `to`.
pub fn operand(tile: &Tile, to: Precision) -> alloc::vec::Vec<f64> {
    let mut values = tile.to_f64();
    if (tile.precision(), tile.scale()) != (to, 0) {
        values.iter_mut().for_each(|v| *v = converted(*v, to, 0));
    }
    values
}
