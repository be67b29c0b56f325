//! Products of tiles, entry by entry.

use alloc::format;
use alloc::string::String;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{Sum, gamma, operand, within};
use super::sample::{Sample, cases};
use crate::backend::{Backend, Trans};
use crate::precision::{Precision, exp2};
use crate::tile::Tile;

/// (m, n, k).
const SHAPES: [(usize, usize, usize); 13] = [
    (1, 1, 1),
    (3, 2, 4),
    (16, 15, 17),
    (8, 8, 0),
    (0, 3, 4),
    (3, 0, 4),
    (1, 65, 16),
    (33, 1, 65),
    (31, 33, 32),
    (32, 8, 33),
    (33, 33, 33),
    (65, 31, 65),
    (32, 16, 48),
];

/// Exponent of entries that are zero.
const NOTHING: i32 = -2000;

/// α, and the exponent of C's entries: C counts as much as the product, nothing, or far more.
const CASES: [(f64, i32); 4] = [(-1.0, 0), (1.0, NOTHING), (-0.3, 12), (0.0, 0)];

/// Computes C + α·op(A)·op(B) and demands |C − Ĉ| ≤ γ_{k+3} |α||op(A)||op(B)| + u|C| + kη|α| in
/// every entry, u = [`Backend::accumulator_roundoff`] of operands and C, C the exact result,
/// η = [`Backend::accumulator_underflow`] times the operands' scales.
///
/// k products summed in any order cost γ_k, rounding α and multiplying by it two more, the last
/// rounding u|C| and a term of second order (Higham 2002, §3.1 and 3.5). C itself is rounded
/// once: a backend that starts its sums from C breaks this where C is large.
///
/// # Errors
/// If an entry is not within its bound, or the backend failed.
pub fn holds<B: Backend>(
    backend: &B,
    alpha: f64,
    (a, ta): (&Tile, Trans),
    (b, tb): (&Tile, Trans),
    c: &Tile,
) -> Result<(), Failure> {
    let what = describe(alpha, (a, ta), (b, tb), c);
    let (x, y) = (
        put(backend, &what, a.as_ref())?,
        put(backend, &what, b.as_ref())?,
    );
    let mut z = put(backend, &what, c.as_ref())?;
    succeed(&what, backend.gemm(alpha, (&x, ta), (&y, tb), &mut z))?;
    let got = get(backend, &what, &z)?;
    let product = Product::new(backend, alpha, (a, ta), (b, tb), c.precision());
    let rows = c.rows().max(1);
    let entries = got.to_f64().into_iter().zip(c.to_f64()).enumerate();
    for (at, (got, c)) in entries {
        let (truth, bound) = product.entry((at % rows, at / rows), c);
        within(&what, (at % rows, at / rows), got, truth, bound)?;
    }
    Ok(())
}

/// Every combination of transpositions, operands in this format with themselves and with F64 and
/// F32, into F64 and F32.
///
/// # Errors
/// The first failing case.
pub fn gemm_is_within_its_bound<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(6);
    let (wide, single) = (Precision::F64, Precision::F32);
    for (place, &(m, n, k)) in cases(&SHAPES, 2).iter().enumerate() {
        for (turn, to) in [wide, single].into_iter().enumerate() {
            for (p, q) in [
                (precision, precision),
                (wide, precision),
                (precision, single),
            ] {
                for (ta, tb) in cases(&ORIENTATIONS, 2).iter().copied() {
                    let (alpha, exponent) = CASES[(place + turn + sample.below(2)) % CASES.len()];
                    let a = sample.operand(oriented((m, k), ta), p);
                    let b = sample.operand(oriented((k, n), tb), q);
                    let c = sample.accumulator((m, n), to, exponent);
                    holds(backend, alpha, (&a, ta), (&b, tb), &c)?;
                }
            }
        }
    }
    // Long sums, past the blocks in which a backend may cut them.
    for (to, (ta, tb)) in [(wide, ORIENTATIONS[1]), (single, ORIENTATIONS[2])] {
        let (m, n, k) = if cfg!(miri) {
            (2, 1, 20)
        } else {
            (33, 17, 521)
        };
        let a = sample.operand(oriented((m, k), ta), precision);
        let b = sample.operand(oriented((k, n), tb), precision);
        let c = sample.accumulator((m, n), to, 0);
        holds(backend, -1.0, (&a, ta), (&b, tb), &c)?;
    }
    Ok(())
}

/// The unit roundoff that the bounds rest on is at least that of the output's format, and at most
/// that of half precision, beyond which the plan's rules mean nothing.
///
/// # Errors
/// If it is not.
pub fn accumulator_roundoff_is_plausible<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let u = backend.accumulator_roundoff([precision; 2], precision.accumulator());
    let (least, most) = (
        precision.accumulator().unit_roundoff(),
        Precision::F16.unit_roundoff(),
    );
    if (least..=most).contains(&u) {
        return Ok(());
    }
    let what = format!("accumulator roundoff of {precision}");
    let text = format!("is {u:e}, not within {least:e}…{most:e}");
    Err(Failure::other(&what, text))
}

/// All combinations of transpositions of two operands.
pub const ORIENTATIONS: [(Trans, Trans); 4] = [
    (Trans::No, Trans::No),
    (Trans::No, Trans::Yes),
    (Trans::Yes, Trans::No),
    (Trans::Yes, Trans::Yes),
];

/// Shape in which op(A) of shape (r, c) is stored.
pub fn oriented((r, c): (usize, usize), trans: Trans) -> (usize, usize) {
    match trans {
        Trans::No => (r, c),
        Trans::Yes => (c, r),
    }
}

/// The exact product, entry by entry, of operands as converted to the precision of the output.
pub(super) struct Product {
    alpha: f64,
    k: usize,
    u: f64,
    eta: f64,
    a: (alloc::vec::Vec<f64>, usize, usize),
    b: (alloc::vec::Vec<f64>, usize, usize),
}

impl Product {
    pub(super) fn new<B: Backend>(
        backend: &B,
        alpha: f64,
        (a, ta): (&Tile, Trans),
        (b, tb): (&Tile, Trans),
        to: Precision,
    ) -> Self {
        // Steps between the rows and between the columns of op(·).
        let steps = |t: &Tile, trans| match trans {
            Trans::No => (1, t.rows()),
            Trans::Yes => (t.rows(), 1),
        };
        let ((ar, ac), (br, bc)) = (steps(a, ta), steps(b, tb));
        let operands = [a.precision(), b.precision()];
        Product {
            alpha,
            k: oriented((a.rows(), a.cols()), ta).1,
            u: backend.accumulator_roundoff(operands, to),
            eta: backend.accumulator_underflow(operands, to) * exp2(a.scale() + b.scale()),
            a: (operand(a, to), ar, ac),
            b: (operand(b, to), br, bc),
        }
    }

    /// Entry (r, c) of C + α·op(A)·op(B) and its bound.
    pub(super) fn entry(&self, (r, c): (usize, usize), start: f64) -> (Sum, f64) {
        let ((a, ar, ac), (b, br, bc)) = (&self.a, &self.b);
        let (mut sum, mut magnitude) = (Sum::default(), 0.0);
        for l in 0..self.k {
            let (x, y) = (a[r * ar + l * ac], b[l * br + c * bc]);
            sum.add_product(x, y);
            magnitude += (x * y).abs();
        }
        let mut total = Sum::default();
        total.add(start);
        total.add_scaled(self.alpha, sum);
        let (k, alpha, u) = (self.k, self.alpha.abs(), self.u);
        let bound = gamma(k + 3, u) * alpha * magnitude + k as f64 * alpha * self.eta;
        (total, bound + u * total.value().abs())
    }
}

fn describe(alpha: f64, (a, ta): (&Tile, Trans), (b, tb): (&Tile, Trans), c: &Tile) -> String {
    let op = |t: &Tile, trans| {
        let mark = if trans == Trans::Yes { "ᵀ" } else { "" };
        format!("({} × {} {}){mark}", t.rows(), t.cols(), t.precision())
    };
    format!(
        "gemm, {} × {} {} + {alpha}·{}·{}",
        c.rows(),
        c.cols(),
        c.precision(),
        op(a, ta),
        op(b, tb)
    )
}
