//! Training on some individuals of a cohort: fixed effects, solution, certificates. Both `cv` and
//! `fit` train through this module, so that equal data give equal bits.

use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::certificate::Certificate;
use epitile_core::dense;
use epitile_core::engine::Engine;
use epitile_core::gls::{self, Fixed};
use epitile_core::leave;
use epitile_core::solver::Solver;
use serde::{Deserialize, Serialize};

use crate::backend::solve_error;
use crate::covariates::Design;
use crate::error::{Error, Kind, Result};

/// Magnitudes of a trait's largest value: sums of squares, also of residuals near rounding, stay
/// in the range of FP64.
const RANGE: std::ops::Range<f64> = 1e-100..1e100;

/// How the mean is taken out of a trait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intercept {
    /// Intercept and covariates by generalised least squares.
    #[default]
    Gls,
    /// The training mean is subtracted; no covariates.
    Mean,
}

/// The fixed-effect columns of all individuals of a cohort.
#[derive(Clone, Debug)]
pub struct FixedEffects {
    intercept: Intercept,
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl FixedEffects {
    /// Intercept and covariates for `samples` individuals.
    ///
    /// # Errors
    /// `Usage` for covariates together with a plain mean.
    pub fn new(intercept: Intercept, design: &Design, samples: usize) -> Result<Self> {
        let mut names = vec!["intercept".to_string()];
        let mut columns = vec![vec![1.0; samples]];
        if intercept == Intercept::Mean && !design.columns.is_empty() {
            return Err(Error::usage(
                "--intercept mean takes no covariates: found --covar, expected none; use \
                 --intercept gls",
            ));
        }
        for (c, column) in design.columns.iter().enumerate() {
            names.push(column.name.clone());
            columns.push(design.column(c).to_vec());
        }
        Ok(FixedEffects {
            intercept,
            names,
            columns,
        })
    }

    /// Names of the columns, the intercept first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How the mean is taken out.
    pub fn intercept(&self) -> Intercept {
        self.intercept
    }

    /// The fixed part of the prediction for individual `i`.
    pub fn at(&self, effects: &[f64], i: usize) -> f64 {
        effects
            .iter()
            .zip(&self.columns)
            .fold(0.0, |sum, (b, x)| sum + b * x[i])
    }

    /// Value of column `c` for individual `i`.
    pub fn value(&self, c: usize, i: usize) -> f64 {
        self.columns[c][i]
    }

    /// Why a trait with these values cannot be trained on the individuals `rows`, if it cannot:
    /// words that follow its name.
    pub fn obstacle(&self, values: &[f64], rows: &[u32]) -> Option<String> {
        let mut of = rows.iter().map(|&i| values[i as usize]);
        let Some(first) = of.next() else {
            return Some("has no value in any individual with all covariates".into());
        };
        if of.all(|y| y == first) {
            return Some(format!("is {first} in all individuals that can be used"));
        }
        let value = |&i: &u32| values[i as usize].abs();
        let largest = rows.iter().map(value).fold(0.0, f64::max);
        if !RANGE.contains(&largest) {
            return Some(format!(
                "has values up to {largest:e}, whose squares leave the range of numbers; rescale it"
            ));
        }
        self.shortage(rows)
    }

    /// Why the individuals `rows` are too few to train on, if they are.
    pub fn shortage(&self, rows: &[u32]) -> Option<String> {
        if rows.len() > self.columns.len() {
            return None;
        }
        let (n, effects) = (rows.len(), self.independent(rows).0.len());
        (n <= effects).then(|| {
            format!(
                "has {n} individuals to train on, too few for {effects} fixed effects and a kernel"
            )
        })
    }

    /// Why some of the individuals `rows` cannot be left out, one at a time, if so.
    pub fn shortage_without_one(&self, rows: &[u32]) -> Option<String> {
        if rows.len() > self.columns.len() + 1 {
            return None;
        }
        (0..rows.len()).find_map(|i| self.shortage(&without(rows, i)))
    }

    /// Places in `rows` of the individuals without whom fewer columns are independent.
    fn pillars(&self, rows: &[u32]) -> Vec<usize> {
        let (kept, mut basis) = self.independent(rows);
        dense::orthonormalise(&mut basis);
        // Their leverage is 1. Leverages sum to the number of columns, so few are above ½.
        let leverage = |i: usize| basis.iter().map(|q| q[i] * q[i]).sum::<f64>();
        (0..rows.len())
            .filter(|&i| leverage(i) > 0.5)
            .filter(|&i| self.independent(&without(rows, i)).0 != kept)
            .collect()
    }

    /// The columns that are independent among `rows`: their places, and their values there.
    pub fn independent(&self, rows: &[u32]) -> (Vec<usize>, Vec<Vec<f64>>) {
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut kept, mut chosen) = (Vec::new(), Vec::new());
        for (c, column) in self.columns.iter().enumerate() {
            let column: Vec<f64> = rows.iter().map(|&i| column[i as usize]).collect();
            let mut grown = basis.clone();
            grown.push(column.clone());
            dense::orthonormalise(&mut grown);
            if grown.len() > basis.len() {
                basis = grown;
                kept.push(c);
                chosen.push(column);
            }
        }
        (kept, chosen)
    }
}

/// `rows` without the one at place `i`.
pub(crate) fn without(rows: &[u32], i: usize) -> Vec<u32> {
    [&rows[..i], &rows[i + 1..]].concat()
}

/// One trained trait.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Dual weights α, one per training individual.
    pub weights: Vec<f64>,
    /// One effect per fixed column; 0 for one that depends on others among these individuals.
    pub effects: Vec<f64>,
    /// σ̂²_f.
    pub variance: f64,
    /// Evidence.
    pub certificate: Certificate,
}

/// Traits trained on the same individuals, and what intervals need.
#[derive(Clone, Debug)]
pub struct Training {
    /// One per trait.
    pub traits: Vec<Trained>,
    /// Fixed columns used.
    pub kept: Vec<usize>,
    /// A⁻¹X for those.
    pub w: Vec<Vec<f64>>,
    /// Cholesky factor of XᵀA⁻¹X.
    pub information: Vec<f64>,
}

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
