//! Training on some individuals of a cohort: fixed effects, solution, certificates. Both `cv` and
//! `fit` train through this module, so that equal data give equal bits.

mod problem;

use epitile_core::certificate::Certificate;
use epitile_core::dense;
use serde::{Deserialize, Serialize};

use crate::covariates::Design;
use crate::error::{Error, Result};

pub use problem::Problem;

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

    /// The same with one more column. Where it is NaN it is the mean of those of its other values
    /// that are asked for with it.
    #[must_use]
    pub fn with(mut self, name: String, column: Vec<f64>) -> Self {
        self.names.push(name);
        self.columns.push(column);
        self
    }

    /// Of every individual, whether a column is NaN.
    pub fn incomplete(&self) -> Vec<bool> {
        let samples = self.columns.first().map_or(0, Vec::len);
        let gone = |i: usize| self.columns.iter().any(|c| c[i].is_nan());
        (0..samples).map(gone).collect()
    }

    /// The same with NaN replaced by the mean of each column over the individuals `rows`.
    #[must_use]
    pub fn filled(&self, rows: &[u32]) -> Self {
        let mut all = self.clone();
        for column in &mut all.columns {
            if column.iter().any(|v| v.is_nan()) {
                let mean = mean(rows.iter().map(|&i| column[i as usize]));
                column
                    .iter_mut()
                    .filter(|v| v.is_nan())
                    .for_each(|v| *v = mean);
            }
        }
        all
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
            let mut column: Vec<f64> = rows.iter().map(|&i| column[i as usize]).collect();
            if column.iter().any(|v| v.is_nan()) {
                let mean = mean(column.iter().copied());
                column
                    .iter_mut()
                    .filter(|v| v.is_nan())
                    .for_each(|v| *v = mean);
            }
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

/// Mean of the values that are not NaN; 0 without any.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|v| !v.is_nan())
        .fold((0.0, 0), |(sum, count), v| (sum + v, count + 1));
    match count {
        0 => 0.0,
        count => sum / f64::from(count),
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
