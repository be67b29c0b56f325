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

/// γ_k = k·u / (1 − k·u), Higham (2002), Lemma 3.1; ∞ where k·u ≥ 1 and nothing is promised.
pub fn gamma(k: usize, u: f64) -> f64 {
    let ku = k as f64 * u;
    if ku < 1.0 {
        ku / (1.0 - ku)
    } else {
        f64::INFINITY
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(products: &[(f64, f64)]) -> Sum {
        let mut sum = Sum::default();
        products.iter().for_each(|&(a, b)| sum.add_product(a, b));
        sum
    }

    #[test]
    fn sums_keep_what_f64_cancels() {
        // (2⁵³ + 1)·1 − 2⁵³ = 1, and (1 + 2⁻⁵²)² − 1 − 2⁻⁵¹ = 2⁻¹⁰⁴.
        let big = exp2(53);
        assert_eq!(sum(&[(big, 1.0), (1.0, 1.0), (-big, 1.0)]).value(), 1.0);
        let x = 1.0 + exp2(-52);
        assert_eq!(
            sum(&[(x, x), (-1.0, 1.0), (-exp2(-51), 1.0)]).value(),
            exp2(-104)
        );
        let mut twice = Sum::default();
        twice.add_scaled(2.0, sum(&[(big, 1.0), (1.0, 1.0)]));
        assert_eq!(twice.distance(2.0 * big), 2.0);
    }

    #[test]
    fn a_bound_is_met_at_its_edge_and_not_beyond() {
        let truth = sum(&[(1.0, 1.0)]);
        let at = |got| within("", (0, 0), got, truth, exp2(-20));
        assert!(at(1.0 + exp2(-20)).is_ok() && at(1.0 - exp2(-20)).is_ok());
        assert!(at(1.0 + 1.001 * exp2(-20)).is_err());
        assert!(at(f64::NAN).is_err() && at(f64::INFINITY).is_err());
        assert_eq!(gamma(1, 0.25), 1.0 / 3.0);
        assert_eq!(gamma(4, 0.25), f64::INFINITY);
    }

    #[test]
    fn bits_tell_zeros_apart_but_not_nans() {
        let same = |a, b| same("", (0, 0), a, b);
        assert!(same(0.0, -0.0).is_err() && same(1.0, 1.0 + exp2(-52)).is_err());
        assert!(same(f64::NAN, -f64::NAN).is_ok() && same(-0.0, -0.0).is_ok());
    }

    #[test]
    fn conversion_rounds_the_quotient_and_flushes_it() {
        // 1 + 2⁻¹¹ is a midpoint of F16, 17/16 · 256 one of E4M3.
        assert_eq!(converted(1.0 + exp2(-11), Precision::F16, 0), 1.0);
        assert_eq!(
            converted(1.0 + 3.0 * exp2(-11), Precision::F16, 0),
            1.0 + exp2(-9)
        );
        assert_eq!(converted(17.0, Precision::F8E4M3, -4), 256.0);
        assert_eq!(converted(-500.0, Precision::F8E4M3, 0), -448.0);
        let under = f64::from_bits(FLUSH_BELOW.to_bits() - 1);
        assert_eq!(
            converted(-under, Precision::F32, 0).to_bits(),
            (-0f64).to_bits()
        );
        assert_eq!(converted(FLUSH_BELOW, Precision::F32, 0), FLUSH_BELOW);
        assert_eq!(converted(under, Precision::F64, 0), under);
    }
}
