//! Triangular solves, by the residual of every entry.

use alloc::format;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{Sum, gamma, operand, within};
use super::sample::{Sample, cases};
use crate::backend::{Backend, Solve};
use crate::precision::Precision;
use crate::tile::Tile;

/// (order of L, number of systems).
const SHAPES: [(usize, usize); 9] = [
    (1, 1),
    (3, 2),
    (16, 17),
    (0, 3),
    (4, 0),
    (33, 8),
    (15, 65),
    (65, 31),
    (129, 17),
];

/// The three forms.
pub const FORMS: [Solve; 3] = [Solve::RightTransposed, Solve::Left, Solve::LeftTransposed];

/// Solves and demands |B − X̂·op(L)| ≤ γ_{n+1} |X̂||op(L)| in every entry (for the left forms with
/// the factors the other way round), L as converted to B's precision.
///
/// Substitution in any order satisfies this with γ_n: Higham (2002), Theorem 8.5; one rounding
/// more lets a backend multiply by reciprocals of the diagonal. Products that underflow add the
/// format's least number η for each term, and for x_i times l_ii.
///
/// # Errors
/// If a residual is not within its bound, or the backend failed.
pub fn holds<B: Backend>(backend: &B, solve: Solve, l: &Tile, b: &Tile) -> Result<(), Failure> {
    let (n, rows, p) = (l.rows(), b.rows(), b.precision());
    let what = format!(
        "trsm {solve:?}, L {n} × {n} {}, B {rows} × {} {p}",
        l.precision(),
        b.cols()
    );
    let triangle = put(backend, &what, l.as_ref())?;
    let mut device = put(backend, &what, b.as_ref())?;
    succeed(&what, backend.trsm(solve, &triangle, &mut device))?;
    let x = get(backend, &what, &device)?.to_f64();
    let l = operand(l, p);
    let bound = gamma(n + 1, backend.accumulator_roundoff([p, p], p));
    for (at, b) in b.to_f64().into_iter().enumerate() {
        let (r, c) = (at % rows, at / rows);
        let (mut product, mut magnitude) = (Sum::default(), 0.0);
        // (X Lᵀ)_rc = Σ_j X_rj L_cj, (L X)_rc = Σ_j L_rj X_jc, (Lᵀ X)_rc = Σ_j L_jr X_jc.
        let terms = match solve {
            Solve::RightTransposed => 0..c + 1,
            Solve::Left => 0..r + 1,
            Solve::LeftTransposed => r..n,
        };
        for j in terms {
            let (x, l) = match solve {
                Solve::RightTransposed => (x[j * rows + r], l[j * n + c]),
                Solve::Left => (x[c * rows + j], l[j * n + r]),
                Solve::LeftTransposed => (x[c * rows + j], l[r * n + j]),
            };
            product.add_product(x, l);
            magnitude += (x * l).abs();
        }
        let pivot = match solve {
            Solve::RightTransposed => l[c * n + c],
            Solve::Left | Solve::LeftTransposed => l[r * n + r],
        };
        let underflow = p.min_positive() * (n as f64 + pivot.abs());
        within(&what, (r, c), b, product, bound * magnitude + underflow)?;
    }
    Ok(())
}

/// The three forms in every shape, L in this format with NaN above its diagonal, B in F64 and F32.
///
/// # Errors
/// The first failing case.
pub fn trsm_leaves_a_residual_within_its_bound<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(8);
    for &(n, systems) in cases(&SHAPES, 2) {
        for to in [Precision::F64, Precision::F32] {
            for solve in FORMS {
                let shape = match solve {
                    Solve::RightTransposed => (systems, n),
                    _ => (n, systems),
                };
                let l = sample.triangle(n, precision);
                let b = sample.accumulator(shape, to, 3);
                holds(backend, solve, &l, &b)?;
                let l = sample.stiff(n, precision);
                holds(backend, solve, &l, &reachable(solve, &l, &b))?;
            }
        }
    }
    Ok(())
}

/// A right-hand side whose solution is about `x`, however ill conditioned `l` is: an explicit
/// inverse is caught by it, substitution does not mind.
fn reachable(solve: Solve, l: &Tile, x: &Tile) -> Tile {
    let (n, rows, cols) = (l.rows(), x.rows(), x.cols());
    let (l, x_values) = (operand(l, x.precision()), x.to_f64());
    let entry = |r: usize, c: usize| match solve {
        Solve::RightTransposed => (0..=c).map(|j| x_values[j * rows + r] * l[j * n + c]).sum(),
        Solve::Left => (0..=r).map(|j| l[j * n + r] * x_values[c * rows + j]).sum(),
        Solve::LeftTransposed => (r..n).map(|j| l[r * n + j] * x_values[c * rows + j]).sum(),
    };
    let values: alloc::vec::Vec<f64> = (0..rows * cols)
        .map(|at| entry(at % rows, at / rows))
        .collect();
    Tile::from_f64(rows, cols, &values, x.precision(), 0)
}
