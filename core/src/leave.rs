//! Leave-one-out residuals in closed form: what each individual is predicted by all others.
//!
//! With fixed effects by generalised least squares α = P y, P = A⁻¹ − A⁻¹X(XᵀA⁻¹X)⁻¹XᵀA⁻¹, and the
//! residual of individual i when it is left out of everything, b̂ included, is α_i / P_ii (Rasmussen
//! and Williams, Gaussian Processes for Machine Learning, eq. 5.12, with P in place of A⁻¹).
//! With the mean subtracted, the mean left without i differs from ȳ by (y_i − ȳ)/(N − 1), and α is
//! linear in it: the residual is (α_i + w_i (y_i − ȳ)/(N − 1)) / (A⁻¹)_ii with w = A⁻¹1.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::dense::{dot, solve_lower};
use crate::engine::Engine;
use crate::gls::{Fits, Fixed};
use crate::solver::{SolveError, Solver};

/// P_ii below this share of (A⁻¹)_ii is not used: the difference has lost ten bits. The fixed
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
