//! Null models of traits with the same samples, rotated into the eigenvectors of K.

use std::fmt;

use faer::Mat;
use serde::Serialize;

use super::AssocData;
use super::refit;
use super::scan::Group;
use crate::dense::Eigen;
use crate::error::{Error, Result};
use crate::null::projected::Projected;
use crate::null::reml::PARTS;
use crate::null::spectral::{Guess, Likelihood, Optimum, Profile, Sums};

/// The null models of a group of traits.
pub struct Rotation {
    /// Eigenvalues and eigenvectors of K.
    pub eigen: Eigen,
    /// Uᵀ X.
    pub x: Vec<Vec<f64>>,
    /// One per trait of the group.
    pub traits: Vec<NullModel>,
    scale: f64,
}

/// A trait without any SNP.
pub struct NullModel {
    name: String,
    /// Uᵀ y, y without what least squares explain.
    pub y: Vec<f64>,
    /// Sums of y and X at the ρ of refits' grids.
    pub grid: Vec<Sums>,
    /// By restricted likelihood.
    pub reml: Optimum,
    /// By full likelihood.
    pub ml: Optimum,
    /// Where restricted likelihoods with a SNP may be searched from.
    pub guess_reml: Option<Guess>,
    /// The same of full likelihoods.
    pub guess_ml: Option<Guess>,
    /// P at the restricted ρ.
    pub at_reml: Projected,
    /// P at the full likelihood's ρ.
    pub at_ml: Projected,
    /// Standard error of the share of variance.
    share_error: Option<f64>,
}

/// A null model as reported.
#[derive(Clone, Debug, Serialize)]
pub struct Null {
    #[serde(rename = "trait")]
    name: String,
    kernel: String,
    samples: usize,
    /// σ²_f/(σ²_f + σ²_e), the kernel scaled to mean diagonal 1.
    share: f64,
    share_se: Option<f64>,
    variance: f64,
    residual: f64,
    log_likelihood: f64,
    lambda: f64,
    lambda_ml: f64,
    log_likelihood_ml: f64,
    mean_diagonal: f64,
}

impl fmt::Display for Null {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let se = self
            .share_se
            .map_or(String::new(), |se| format!(" (SE {se:.4})"));
        write!(
            f,
            "{}, kernel of {}: {} individuals, share of variance {:.4}{se}, λ {:.5}, \
             ln L {:.3}",
            self.name, self.kernel, self.samples, self.share, self.lambda, self.log_likelihood
        )
    }
}

impl Rotation {
    /// Of the centred kernel `k`, which had mean diagonal `scale`. About 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate` if it has no eigenvalues, or a trait no likelihood.
    pub fn new(k: &Mat<f64>, scale: f64, group: &Group, data: &AssocData<'_>) -> Result<Self> {
        let names = || {
            let names = group.traits.iter().map(|&t| &*data.traits[t].name);
            names.collect::<Vec<_>>().join(", ")
        };
        let eigen = Eigen::new(k).ok_or_else(|| {
            Error::degenerate(format!(
                "the eigenvalues of the kernel cannot be found for {}",
                names()
            ))
        })?;
        let x: Vec<Vec<f64>> = group.x.iter().map(|x| eigen.rotate(x)).collect();
        let mut traits = Vec::with_capacity(group.traits.len());
        for (&t, y) in group.traits.iter().zip(group.residuals(data)) {
            let name = &data.traits[t].name;
            let null = NullModel::new(name.clone(), &eigen.values, &x, eigen.rotate(&y));
            traits.push(null.ok_or_else(|| {
                Error::degenerate(format!(
                    "phenotype {name}: its null model has no maximum; check for covariates that \
                     nearly depend on each other"
                ))
            })?);
        }
        Ok(Rotation {
            eigen,
            x,
            traits,
            scale,
        })
    }

    /// Every null model, K being called `kernel`.
    pub fn describe(&self, kernel: String) -> impl Iterator<Item = Null> {
        let samples = self.eigen.values.len();
        self.traits.iter().map(move |t| Null {
            name: t.name.clone(),
            kernel: kernel.clone(),
            samples,
            share: t.reml.ratio / (1.0 + t.reml.ratio),
            share_se: t.share_error,
            variance: t.reml.ratio * t.reml.residual,
            residual: t.reml.residual,
            log_likelihood: t.reml.log_likelihood,
            lambda: 1.0 / t.reml.ratio,
            lambda_ml: 1.0 / t.ml.ratio,
            log_likelihood_ml: t.ml.log_likelihood,
            mean_diagonal: self.scale,
        })
    }
}

impl NullModel {
    fn new(name: String, values: &[f64], x: &[Vec<f64>], y: Vec<f64>) -> Option<Self> {
        let profile = Profile::new(values, &y, x);
        let reml = profile.maximise(Likelihood::Reml, PARTS)?;
        let ml = profile.maximise(Likelihood::Ml, PARTS)?;
        // ρ/(1 + ρ) has the slope 1/(1 + ρ)².
        let error = profile.error(reml.ratio);
        Some(NullModel {
            name,
            at_reml: Projected::new(values, &y, x, reml.ratio)?,
            at_ml: Projected::new(values, &y, x, ml.ratio)?,
            share_error: error.map(|e| e / (1.0 + reml.ratio).powi(2)),
            grid: profile.grid(refit::PARTS),
            guess_reml: profile.guess(Likelihood::Reml, &reml),
            guess_ml: profile.guess(Likelihood::Ml, &ml),
            reml,
            ml,
            y,
        })
    }
}
