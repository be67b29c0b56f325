//! Traits and fixed effects of some individuals, trained with any kernel and λ.

use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::gls::{self, Fixed};
use epitile_core::leave;
use epitile_core::solver::Solver;

use super::{FixedEffects, Intercept, Trained, Training};
use crate::backend::solve_error;
use crate::error::{Error, Kind, Result};

/// Traits and fixed effects of some individuals of a cohort, to be trained on for any kernel and λ.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    fixed: &'a FixedEffects,
    rows: &'a [u32],
    /// Values of each trait.
    y: Vec<Vec<f64>>,
    /// Fixed columns that are independent among these individuals, and their places.
    columns: Vec<Vec<f64>>,
    kept: Vec<usize>,
}

impl<'a> Problem<'a> {
    /// Traits `y` (values of all individuals of the cohort) on the individuals `rows`.
    ///
    /// # Errors
    /// `Degenerate` for too few individuals.
    pub fn new(y: &[&[f64]], rows: &'a [u32], fixed: &'a FixedEffects) -> Result<Self> {
        let of = |y: &&[f64]| rows.iter().map(|&i| y[i as usize]).collect();
        let (kept, columns) = fixed.independent(rows);
        if rows.len() <= kept.len() {
            return Err(Error::degenerate(format!(
                "{} training individuals cannot determine {} fixed effects and a kernel model; add \
                 individuals or leave out covariates",
                rows.len(),
                kept.len()
            )));
        }
        Ok(Problem {
            fixed,
            rows,
            y: y.iter().map(of).collect(),
            columns,
            kept,
        })
    }

    /// Number of traits.
    pub fn traits(&self) -> usize {
        self.y.len()
    }

    /// The same with trait `t` alone.
    pub fn only(&self, t: usize) -> Self {
        Problem {
            y: vec![self.y[t].clone()],
            ..self.clone()
        }
    }

    /// Runs `attempt` on all traits at once and, if their systems cannot be solved, on each alone,
    /// with its place: one trait without a solution leaves the others theirs, with the same bits.
    ///
    /// # Errors
    /// Other failures than systems that cannot be solved (`Degenerate`), which are in the results.
    pub fn each<T>(
        &self,
        mut attempt: impl FnMut(&Problem<'a>, Option<usize>) -> Result<Vec<T>>,
    ) -> Result<Vec<Result<T>>> {
        match attempt(self, None) {
            Ok(all) => return Ok(all.into_iter().map(Ok).collect()),
            Err(e) if e.kind() != Kind::Degenerate => return Err(e),
            Err(_) => {}
        }
        let alone = |t| match attempt(&self.only(t), Some(t)) {
            Ok(mut one) => Ok(Ok(one.remove(0))),
            Err(e) if e.kind() == Kind::Degenerate => Ok(Err(e)),
            Err(e) => Err(e),
        };
        (0..self.traits()).map(alone).collect()
    }

    /// Those of [`guesses`](Self::guesses) that concern trait `t`.
    pub fn guesses_of(&self, guesses: &[Vec<f64>], t: usize) -> Vec<Vec<f64>> {
        let common = guesses.len() - self.y.len();
        [&guesses[..common], &guesses[common + t..][..1]].concat()
    }

    fn values(&self) -> Vec<&[f64]> {
        self.y.iter().map(Vec::as_slice).collect()
    }

    fn model(&self) -> Fixed<'_> {
        match self.fixed.intercept {
            Intercept::Mean => Fixed::Mean,
            Intercept::Gls => Fixed::Gls(&self.columns),
        }
    }

    /// Words for the system with this λ.
    fn name(&self, ridge: f64) -> String {
        format!("{} individuals, λ = {ridge}", self.rows.len())
    }

    /// First guesses of [`train`](Self::train) for each of `ridges`, by the factor of `solver`.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn guesses<B: Backend, E: Engine>(
        &self,
        solver: &mut Solver<'_, B, E>,
        ridges: &[f64],
    ) -> Result<Vec<Vec<Vec<f64>>>> {
        let what = self.name(solver.ridge());
        let named = |e| solve_error(&what, e);
        let right = gls::right_sides(&self.values(), self.model()).map_err(named)?;
        let right: Vec<&[f64]> = right.iter().map(Vec::as_slice).collect();
        solver.guesses(&right, ridges).map_err(named)
    }

    /// Trains with the solver's kernel, which must be of these individuals, and λ.
    ///
    /// # Errors
    /// `Degenerate` for a system that cannot be solved; device failures.
    pub fn train<B: Backend, E: Engine>(
        &self,
        solver: &mut Solver<'_, B, E>,
        guesses: Option<&[Vec<f64>]>,
    ) -> Result<Training> {
        let what = self.name(solver.ridge());
        let fits = gls::fit_from(solver, &self.values(), self.model(), guesses);
        Ok(self.training(fits.map_err(|e| solve_error(&what, e))?))
    }

    /// As [`train`](Self::train), with the residuals y_i − ŷ₋ᵢ of each trait when individual i is
    /// left out; NaN where that takes training without it. The solver's factor must be of FP64,
    /// without deflation.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_leaving<B: Backend, E: Engine>(
        &self,
        solver: &mut Solver<'_, B, E>,
    ) -> Result<(Training, Vec<Vec<f64>>)> {
        let what = self.name(solver.ridge());
        let (y, model) = (self.values(), self.model());
        let fits = gls::fit(solver, &y, model).map_err(|e| solve_error(&what, e))?;
        let residuals = leave::residuals(solver, &y, model, &fits);
        let mut residuals = residuals.map_err(|e| solve_error(&what, e))?;
        for i in self.fixed.pillars(self.rows) {
            residuals.iter_mut().for_each(|of| of[i] = f64::NAN);
        }
        Ok((self.training(fits), residuals))
    }

    /// As [`train`](Self::train), with the residuals of each trait in each of the `folds` of rows
    /// when that fold is left out; NaN where that takes training without it. The solver's factor must
    /// be of FP64, without deflation.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn train_folds<B: Backend, E: Engine>(
        &self,
        solver: &mut Solver<'_, B, E>,
        folds: &[Range<usize>],
    ) -> Result<(Training, Vec<Vec<f64>>)> {
        let what = self.name(solver.ridge());
        let (y, model) = (self.values(), self.model());
        let fits = gls::fit(solver, &y, model).map_err(|e| solve_error(&what, e))?;
        let residuals = leave::folds(solver, &y, model, &fits, folds);
        let residuals = residuals.map_err(|e| solve_error(&what, e))?;
        Ok((self.training(fits), residuals))
    }

    fn training(&self, fits: gls::Fits) -> Training {
        let spread = |effects: Vec<f64>| {
            let mut all = vec![0.0; self.fixed.columns.len()];
            for (&c, b) in self.kept.iter().zip(effects) {
                all[c] = b;
            }
            all
        };
        let traits = fits.traits.into_iter().map(|fit| Trained {
            weights: fit.weights,
            effects: spread(fit.effects),
            variance: fit.variance,
            certificate: fit.certificate,
        });
        Training {
            traits: traits.collect(),
            w: fits.w,
            information: fits.information,
            kept: self.kept.clone(),
        }
    }
}
