//! Residuals in closed form of what is left out: individuals one by one, or folds.
//!
//! With fixed effects by generalised least squares α = P y, P = A⁻¹ − A⁻¹X(XᵀA⁻¹X)⁻¹XᵀA⁻¹, and the
//! residual of individual i when it is left out of everything, b̂ included, is α_i / P_ii (Rasmussen
//! and Williams, Gaussian Processes for Machine Learning, eq. 5.12, with P in place of A⁻¹).
//! With the mean subtracted, the mean left without i differs from ȳ by (y_i − ȳ)/(N − 1), and α is
//! linear in it: the residual is (α_i + w_i (y_i − ȳ)/(N − 1)) / (A⁻¹)_ii with w = A⁻¹1.
//!
//! A fold F likewise: its residuals are P_FF⁻¹ α_F, and S⁻¹(α_F + w_F Σ_F(y − ȳ)/(N − |F|)) with
//! S = (A⁻¹)_FF if the mean is subtracted. P_FF = S − Z Zᵀ with Z = W_F C⁻ᵀ, C Cᵀ = XᵀA⁻¹X, so with
//! S = D Dᵀ and Y = D⁻¹Z P_FF⁻¹ = D⁻ᵀ(I + Y (I − YᵀY)⁻¹ Yᵀ)D⁻¹: nothing cancels but in I − YᵀY, which
//! is what the others tell of the fixed effects, over what all tell.

use alloc::vec;
use alloc::vec::Vec;

use core::ops::Range;

use crate::backend::{Backend, BackendError, ErrorKind, Solve};
use crate::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};
use crate::engine::Engine;
use crate::gls::{Fits, Fixed};
use crate::precision::Precision;
use crate::solver::{SolveError, Solver};
use crate::tile::Tile;

/// P_ii below this share of (A⁻¹)_ii, or a pivot of I − YᵀY below it, is not used: the difference has lost ten bits. The fixed
/// effects then follow individual i, which is so for about as many individuals as there are
/// effects.
const SHARE: f64 = 1.0 / 1024.0;

/// Leave-one-out residuals y_i − ŷ₋ᵢ of every trait, from `fits` of the same traits by the same
/// solver. NaN for an individual on which the fixed effects hang so much that rounding shows: it
/// must be left out in earnest.
///
/// They are as accurate as the solver's factor; see [`crate::inverse`].
///
/// # Errors
/// See [`SolveError`].
///
/// # Panics
/// If the solver has factored nothing, or a deflated matrix.
pub fn residuals<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    fixed: Fixed<'_>,
    fits: &Fits,
) -> Result<Vec<Vec<f64>>, SolveError<B::Error>> {
    let n = solver.system().order();
    let (backend, engine) = (solver.system().backend, solver.system().engine);
    let factor = solver.factor().expect("fits come from a factor");
    assert!(factor.deflation().is_empty(), "a factor of A itself");
    let diagonal = factor
        .cholesky()
        .inverse_diagonal(backend, engine)
        .map_err(SolveError::Backend)?;
    if let Fixed::Gls(_) = fixed {
        let row = |i: usize| {
            let mut row: Vec<f64> = fits.w.iter().map(|w| w[i]).collect();
            solve_lower(&fits.information, fits.w.len(), &mut row);
            dot(&row, &row)
        };
        let shares = diagonal.iter().enumerate().map(|(i, d)| (d, d - row(i)));
        let p: Vec<f64> = shares
            .map(|(d, p)| if p > SHARE * d { p } else { f64::NAN })
            .collect();
        let of = |fit: &crate::gls::Fit| fit.weights.iter().zip(&p).map(|(a, p)| a / p).collect();
        return Ok(fits.traits.iter().map(of).collect());
    }
    let ones = vec![1.0; n];
    let w = solver.solve(&[&ones], None)?.remove(0).0;
    let others = n as f64 - 1.0;
    let of = |(fit, y): (&crate::gls::Fit, &&[f64])| {
        let mean = fit.effects[0];
        let weights = fit.weights.iter().zip(y.iter()).zip(&w);
        let left_out = weights.map(|((a, y), w)| a + w * (y - mean) / others);
        left_out.zip(&diagonal).map(|(a, d)| a / d).collect()
    };
    Ok(fits.traits.iter().zip(y).map(of).collect())
}

/// Residuals y_F − ŷ_F of every trait, in the order of the system, for the `folds` that divide it:
/// each is predicted by all others. NaN in a fold on which the fixed effects hang so much that
/// rounding shows: it must be left out in earnest.
///
/// (2/3 + 1/(2K))·N³ operations, a factor of N³/3 among them, for K folds, where K factors without
/// a fold take ((K − 1)/K)³·K/3·N³. As accurate as the solver's factor; see [`crate::inverse`]: with
/// E its backward error, S errs by ‖E‖₂/λ of itself in first order, and so does a residual, of
/// ‖S⁻¹‖₂‖S‖₂ times the largest.
///
/// # Errors
/// See [`SolveError`].
///
/// # Panics
/// If the solver has factored nothing, or a deflated matrix; if a fold is empty or past the last.
pub fn folds<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    fixed: Fixed<'_>,
    fits: &Fits,
    folds: &[Range<usize>],
) -> Result<Vec<Vec<f64>>, SolveError<B::Error>> {
    let n = solver.system().order();
    let shifts = match fixed {
        Fixed::Gls(_) => None,
        Fixed::Mean => Some(solver.solve(&[&vec![1.0; n]], None)?.remove(0).0),
    };
    let (backend, engine) = (solver.system().backend, solver.system().engine);
    let factor = solver.factor().expect("fits come from a factor");
    assert!(factor.deflation().is_empty(), "a factor of A itself");
    let right = |rows: &Range<usize>| -> Vec<Vec<f64>> {
        let of = |(fit, y): (&crate::gls::Fit, &&[f64])| {
            let mut right = fit.weights[rows.clone()].to_vec();
            if let Some(w) = &shifts {
                let deviations = y[rows.clone()].iter().map(|y| y - fit.effects[0]);
                let shift = deviations.sum::<f64>() / (n - rows.len()) as f64;
                axpy(shift, &w[rows.clone()], &mut right);
            }
            right
        };
        fits.traits.iter().zip(y).map(of).collect()
    };
    let mut parts: Vec<_> = folds.iter().map(|rows| (rows, Vec::new())).collect();
    engine
        .for_each(&mut parts, |_, (rows, part)| {
            let block = factor.cholesky().inverse_block(backend, rows.clone())?;
            let of = leave(backend, block, right(rows), effects(fits, rows))?;
            *part = of.unwrap_or_else(|| vec![vec![f64::NAN; rows.len()]; y.len()]);
            Ok(())
        })
        .map_err(SolveError::Backend)?;
    let mut residuals = vec![vec![f64::NAN; n]; y.len()];
    for (rows, part) in parts {
        for (of, part) in residuals.iter_mut().zip(part) {
            of[rows.clone()].copy_from_slice(&part);
        }
    }
    Ok(residuals)
}

/// Z = W_F C⁻ᵀ, column by column.
fn effects(fits: &Fits, rows: &Range<usize>) -> Vec<Vec<f64>> {
    let c = fits.w.len();
    let mut z = vec![Vec::with_capacity(rows.len()); c];
    for i in rows.clone() {
        let mut row: Vec<f64> = fits.w.iter().map(|w| w[i]).collect();
        solve_lower(&fits.information, c, &mut row);
        z.iter_mut().zip(row).for_each(|(z, v)| z.push(v));
    }
    z
}

/// (S − Z Zᵀ)⁻¹ of each right-hand side; `None` where rounding would show.
fn leave<B: Backend>(
    backend: &B,
    mut block: B::Tile,
    right: Vec<Vec<f64>>,
    z: Vec<Vec<f64>>,
) -> Result<Option<Vec<Vec<f64>>>, B::Error> {
    let (t, c) = (right.len(), z.len());
    match backend.potrf(&mut block) {
        Err(e) if matches!(e.kind(), ErrorKind::NotPositiveDefinite { .. }) => return Ok(None),
        outcome => outcome?,
    }
    let solve = |solve: Solve, columns: &[Vec<f64>]| -> Result<Vec<Vec<f64>>, B::Error> {
        let (rows, cols) = (columns.first().map_or(0, Vec::len), columns.len());
        let panel = Tile::from_f64(rows, cols, &columns.concat(), Precision::F64, 0);
        let mut panel = backend.upload(panel.as_ref())?;
        backend.trsm(solve, &block, &mut panel)?;
        let solved = backend.download(&panel)?.to_f64();
        Ok(solved.chunks(rows.max(1)).map(<[f64]>::to_vec).collect())
    };
    let mut half = solve(Solve::Left, &[right, z].concat())?;
    let y = half.split_off(t);
    let mut rest: Vec<f64> = y
        .iter()
        .flat_map(|a| y.iter().map(move |b| -dot(a, b)))
        .collect();
    (0..c).for_each(|i| rest[i * c + i] += 1.0);
    if cholesky(&mut rest, c, SHARE).is_err() {
        return Ok(None);
    }
    for half in &mut half {
        let mut inner: Vec<f64> = y.iter().map(|y| dot(y, half)).collect();
        solve_lower(&rest, c, &mut inner);
        solve_lower_transposed(&rest, c, &mut inner);
        y.iter().zip(inner).for_each(|(y, v)| axpy(v, y, half));
    }
    solve(Solve::LeftTransposed, &half).map(Some)
}
