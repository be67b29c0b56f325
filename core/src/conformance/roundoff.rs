//! What sums lose: products whose size differs by every power of two that could be dropped.
//!
//! A machine that aligns the products of a sum to the largest and cuts off what is below its last bit
//! loses nothing of random numbers that a bound would notice, and everything of small ones beside a
//! large one. So here one product is large, all others are smaller by the same power of two, and of one
//! sign: what each of them loses adds up.

use alloc::format;
use alloc::vec::Vec;

use super::failure::{Failure, get, put, succeed};
use super::gauge::within;
use super::gemm::Product;
use super::sample::{cases, stored};
use crate::backend::{Backend, Trans};
use crate::precision::{Precision, exp2, exponent};
use crate::tile::Tile;

/// Rows and columns: multiples of 16, as tensor cores take 8-bit numbers, and unlike.
const SHAPE: (usize, usize) = (48, 16);
/// Products of a sum: one group that a tensor core adds, several, and many.
const LENGTHS: [usize; 3] = [32, 64, 512];

/// The most that sums of products of two operands in `precision`, in an accumulator in `to`, lost in
/// these trials, as the unit roundoff that would just bound it.
///
/// # Errors
/// The first entry past its bound, or if the backend failed.
pub fn measured<B: Backend>(
    backend: &B,
    precision: Precision,
    to: Precision,
) -> Result<f64, Failure> {
    let u = backend.accumulator_roundoff([precision; 2], to);
    let mut most = 0.0f64;
    for &k in cases(&LENGTHS, 1) {
        for place in [0, k / 2, k - 1] {
            let what = format!("sums of {k} products of {precision} in {to}, number {place} large");
            let (a, b) = operands(k, place, precision, to);
            let zero = Tile::zeros(SHAPE.0, SHAPE.1, to);
            let (x, y) = (
                put(backend, &what, a.as_ref())?,
                put(backend, &what, b.as_ref())?,
            );
            let mut z = put(backend, &what, zero.as_ref())?;
            let (x, y) = ((&x, Trans::No), (&y, Trans::Yes));
            succeed(&what, backend.gemm(1.0, x, y, &mut z))?;
            let got = get(backend, &what, &z)?;
            let product = Product::new(backend, 1.0, (&a, Trans::No), (&b, Trans::Yes), to);
            for (at, got) in got.to_f64().into_iter().enumerate() {
                let entry = (at % SHAPE.0, at / SHAPE.0);
                let (truth, bound) = product.entry(entry, 0.0);
                within(&what, entry, got, truth, bound)?;
                if bound.is_finite() && bound > 0.0 {
                    most = most.max(u * truth.distance(got) / bound);
                }
            }
        }
    }
    Ok(most)
}

/// What sums of operands in this format lose is within their bound; see [`measured`].
///
/// # Errors
/// The first failing case.
pub fn accumulator_roundoff_bounds_what_sums_lose<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    measured(backend, precision, precision.accumulator()).map(|_| ())
}

/// Powers of two between the large product and the others in the first row.
const NEAR: i32 = 4;

/// A, of whose rows each has smaller numbers than the one before, and B, with a row for every
/// significand: products that are smaller than the large one by 2^NEAR to two digits past the
/// accumulator, as far as the format's normal numbers go.
fn operands(k: usize, place: usize, precision: Precision, to: Precision) -> (Tile, Tile) {
    let (range, (rows, cols)) = (precision.format(), SHAPE);
    let binades = exponent(range.max) - range.min_exponent - 1;
    let deepest = (to.format().digits as i32 + 2 - NEAR).min(binades);
    let of = |count: usize, small: &dyn Fn(usize) -> f64, large: &dyn Fn(usize) -> f64| {
        let entries = (0..k).flat_map(|l| (0..count).map(move |i| (i, l)));
        let value = |(i, l)| if l == place { large(i) } else { small(i) };
        entries.map(value).collect::<Vec<f64>>()
    };
    let depth = |i: usize| i as i32 * deepest / (rows as i32 - 1);
    let significand = |j: usize| 1.0 + (j % 8) as f64 / 8.0;
    let a = of(rows, &|i| exp2(-depth(i)), &|_| 1.0);
    let b = of(cols, &|j| significand(j) * exp2(-NEAR), &significand);
    (
        stored((rows, k), &a, precision, 0),
        stored((cols, k), &b, precision, 0),
    )
}
