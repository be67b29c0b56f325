//! Fixed effects by generalised least squares.
//!
//! b̂ = (Xᵀ A⁻¹ X)⁻¹ Xᵀ A⁻¹ y and A α = y − X b̂, so that Xᵀ α = 0.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};
use crate::engine::Engine;
use crate::solver::{SolveError, Solver};

/// How the mean and the covariates are taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fixed<'a> {
    /// The training mean of y is subtracted; there are no covariates.
    Mean,
    /// Columns of X (the intercept among them), of full rank.
    Gls(&'a [Vec<f64>]),
}

/// One trait's solution.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Dual weights α.
    pub weights: Vec<f64>,
    /// b̂: one number per column of X, or the mean.
    pub effects: Vec<f64>,
    /// σ̂²_f = yᵀα / (N − C), computed as (y − X b̂)ᵀα, which is the same number without
    /// cancellation.
    pub variance: f64,
    /// Evidence for α.
    pub certificate: Certificate,
}

/// A fit of several traits of the same individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct Fits {
    /// One per trait.
    pub traits: Vec<Fit>,
    /// W = A⁻¹ X, column by column (empty if the mean was subtracted).
    pub w: Vec<Vec<f64>>,
    /// Lower Cholesky factor of Xᵀ A⁻¹ X, C × C (empty if the mean was subtracted).
    pub information: Vec<f64>,
}

/// Right-hand sides that a fit solves first, whatever λ: the columns of X, and each y without its
/// mean or what ordinary least squares explain.
///
/// # Errors
/// `NotPositiveDefinite` (with `tile` past the last) if the columns of X depend on each other.
pub fn right_sides<E>(y: &[&[f64]], fixed: Fixed<'_>) -> Result<Vec<Vec<f64>>, SolveError<E>> {
    match fixed {
        Fixed::Mean => Ok(y.iter().map(|y| centred(y, mean(y))).collect()),
        Fixed::Gls(x) => Ok([x, &ordinary(y, x)?[1]].concat()),
    }
}

/// Fits each y; see the module.
///
/// # Errors
/// See [`SolveError`]. `NotPositiveDefinite` (with `tile` past the last) if XᵀA⁻¹X is singular.
pub fn fit<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    fixed: Fixed<'_>,
) -> Result<Fits, SolveError<B::Error>> {
    fit_from(solver, y, fixed, None)
}

/// As [`fit`], with first guesses for the solutions of [`right_sides`].
///
/// # Errors
/// As [`fit`].
pub fn fit_from<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    fixed: Fixed<'_>,
    guesses: Option<&[Vec<f64>]>,
) -> Result<Fits, SolveError<B::Error>> {
    match fixed {
        Fixed::Mean => fit_mean(solver, y, guesses),
        Fixed::Gls(x) => fit_gls(solver, y, x, guesses),
    }
}

fn fit_mean<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    guesses: Option<&[Vec<f64>]>,
) -> Result<Fits, SolveError<B::Error>> {
    let means: Vec<f64> = y.iter().map(|y| mean(y)).collect();
    let centred: Vec<Vec<f64>> = y.iter().zip(&means).map(|(y, &m)| centred(y, m)).collect();
    let columns: Vec<&[f64]> = centred.iter().map(Vec::as_slice).collect();
    let solved = solver.solve(&columns, guesses)?;
    let traits = solved.into_iter().zip(&means).zip(&centred);
    Ok(Fits {
        traits: traits
            .map(|(((weights, certificate), &mean), centred)| Fit {
                variance: dot(centred, &weights) / (weights.len() as f64 - 1.0),
                weights,
                effects: vec![mean],
                certificate,
            })
            .collect(),
        w: Vec::new(),
        information: Vec::new(),
    })
}

fn fit_gls<B: Backend, E: Engine>(
    solver: &mut Solver<'_, B, E>,
    y: &[&[f64]],
    x: &[Vec<f64>],
    guesses: Option<&[Vec<f64>]>,
) -> Result<Fits, SolveError<B::Error>> {
    let c = x.len();
    let [first, reduced] = ordinary(y, x)?;
    let columns: Vec<&[f64]> = x.iter().chain(&reduced).map(Vec::as_slice).collect();
    let mut solved = solver.solve(&columns, guesses)?;
    let u = solved.split_off(c);
    let w: Vec<Vec<f64>> = solved.into_iter().map(|(w, _)| w).collect();

    let mut information = gram(x, &w);
    cholesky(&mut information, c, 0.0).map_err(|_| singular())?;
    let mut effects = Vec::with_capacity(y.len());
    let mut starts = Vec::with_capacity(y.len());
    for ((weights, _), first) in u.iter().zip(&first) {
        let correction = normal_solve(&information, x, weights);
        let mut alpha = weights.clone();
        for (w, b) in w.iter().zip(&correction) {
            axpy(-b, w, &mut alpha);
        }
        starts.push(alpha);
        effects.push(
            first
                .iter()
                .zip(&correction)
                .map(|(a, b)| a + b)
                .collect::<Vec<f64>>(),
        );
    }
    // The certificate is of α itself, for the right-hand side that b̂ leaves.
    let right: Vec<Vec<f64>> = y
        .iter()
        .zip(&effects)
        .map(|(y, b)| residual(y, x, b))
        .collect();
    let columns: Vec<&[f64]> = right.iter().map(Vec::as_slice).collect();
    let solved = solver.solve(&columns, Some(&starts))?;
    let traits = solved.into_iter().zip(effects).zip(u.iter().zip(&right));
    Ok(Fits {
        traits: traits
            .map(
                |(((weights, mut certificate), effects), ((_, unrefined), right))| {
                    certificate.before = unrefined.before;
                    certificate.iterations += unrefined.iterations;
                    certificate.passes += unrefined.passes;
                    certificate.level = certificate.level.max(unrefined.level);
                    Fit {
                        variance: dot(right, &weights) / (weights.len() as f64 - c as f64),
                        weights,
                        effects,
                        certificate,
                    }
                },
            )
            .collect(),
        w,
        information,
    })
}

fn singular<E>() -> SolveError<E> {
    SolveError::NotPositiveDefinite {
        tile: usize::MAX,
        pivot: 0,
    }
}

/// Ordinary least squares, which come first so that what is left for A⁻¹ is small and well scaled:
/// effects and what is left of each y.
fn ordinary<E>(y: &[&[f64]], x: &[Vec<f64>]) -> Result<[Vec<Vec<f64>>; 2], SolveError<E>> {
    let mut normal = gram(x, x);
    cholesky(&mut normal, x.len(), 0.0).map_err(|_| singular())?;
    let effects: Vec<Vec<f64>> = y.iter().map(|y| normal_solve(&normal, x, y)).collect();
    let reduced = y.iter().zip(&effects).map(|(y, b)| residual(y, x, b));
    let reduced = reduced.collect();
    Ok([effects, reduced])
}

/// y − m.
fn centred(y: &[f64], m: f64) -> Vec<f64> {
    y.iter().map(|v| v - m).collect()
}

/// Mean, as the sum from the first entry on over the count.
fn mean(y: &[f64]) -> f64 {
    y.iter().sum::<f64>() / y.len() as f64
}

/// XᵀV, column-major.
fn gram(x: &[Vec<f64>], v: &[Vec<f64>]) -> Vec<f64> {
    v.iter()
        .flat_map(|v| x.iter().map(move |x| dot(x, v)))
        .collect()
}

/// (L Lᵀ)⁻¹ Xᵀ v.
fn normal_solve(l: &[f64], x: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
    let mut b: Vec<f64> = x.iter().map(|x| dot(x, v)).collect();
    solve_lower(l, x.len(), &mut b);
    solve_lower_transposed(l, x.len(), &mut b);
    b
}

/// y − X b.
fn residual(y: &[f64], x: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let mut r = y.to_vec();
    for (x, b) in x.iter().zip(b) {
        axpy(-b, x, &mut r);
    }
    r
}
