//! Symmetric rank-k updates, entry by entry of the lower triangle.

use alloc::format;

use super::failure::{Failure, get, put, succeed};
use super::gauge::within;
use super::gemm::Product;
use super::sample::{Sample, above, cases};
use crate::backend::{Backend, Trans};
use crate::precision::Precision;
use crate::tile::Tile;

/// (n, k).
const SHAPES: [(usize, usize); 10] = [
    (1, 1),
    (3, 2),
    (16, 17),
    (0, 3),
    (5, 0),
    (33, 15),
    (31, 65),
    (65, 32),
    (129, 33),
    (48, 64),
];

/// Computes C + α·A·Aᵀ and demands the bound of [`gemm::holds`](super::gemm::holds) in every
/// entry of the lower triangle.
///
/// # Errors
/// If an entry is not within its bound, or the backend failed.
pub fn holds<B: Backend>(backend: &B, alpha: f64, a: &Tile, c: &Tile) -> Result<(), Failure> {
    let (n, to) = (c.rows(), c.precision());
    let what = format!(
        "syrk, {n} × {n} {to} + {alpha}·A·Aᵀ, A {n} × {} {}",
        a.cols(),
        a.precision()
    );
    let x = put(backend, &what, a.as_ref())?;
    let mut z = put(backend, &what, c.as_ref())?;
    succeed(&what, backend.syrk(alpha, &x, &mut z))?;
    let got = get(backend, &what, &z)?;
    let product = Product::new(backend, alpha, (a, Trans::No), (a, Trans::Yes), to);
    let entries = got.to_f64().into_iter().zip(c.to_f64()).enumerate();
    for (at, (got, c)) in entries.filter(|(at, _)| at % n >= at / n) {
        let (truth, bound) = product.entry((at % n, at / n), c);
        within(&what, (at % n, at / n), got, truth, bound)?;
    }
    Ok(())
}

/// Updates of every shape with operands in this format, NaN above the diagonal of C.
///
/// # Errors
/// The first failing case.
pub fn syrk_is_within_its_bound<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(7);
    for &(n, k) in cases(&SHAPES, 2) {
        for to in [Precision::F64, Precision::F32] {
            for (alpha, exponent) in [(-1.0, 0), (1.0, 12), (-0.3, -8)] {
                let a = sample.operand((n, k), precision);
                let c = above(&sample.accumulator((n, n), to, exponent), f64::NAN);
                holds(backend, alpha, &a, &c)?;
            }
        }
    }
    Ok(())
}
