//! Null models of traits with the same samples, rotated into the eigenvectors of K.

use std::fmt;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::AssocData;
use super::effect::Form;
use super::mixture::{Mixture, combined};
use super::nullfit::NullFit;
use super::refit;
use super::scan::Group;
use crate::dense::Eigen;
use crate::error::{Error, Result};
use crate::null::projected::Projected;
use crate::null::reml::PARTS;
use crate::null::spectral::{Guess, Likelihood, Profile, Sums};

/// The null models of a group of traits.
pub struct Rotation {
    /// Eigenvalues and eigenvectors of K.
    pub eigen: Eigen,
    /// Uᵀ X.
    pub x: Vec<Vec<f64>>,
    /// One per trait of the group.
    pub traits: Vec<NullModel>,
    /// Names of the kernels, and their mean diagonals before they were scaled.
    kernels: Vec<(String, f64)>,
}

/// A trait without any SNP.
pub struct NullModel {
    name: String,
    /// Uᵀ y, y without what least squares explain.
    pub y: Vec<f64>,
    /// Sums of y and X at the ρ of refits' grids; none where nothing is refitted.
    pub grid: Vec<Sums>,
    /// Variances.
    pub fit: NullFit,
    /// Where restricted likelihoods with a SNP may be searched from.
    pub guess_reml: Option<Guess>,
    /// The same of full likelihoods.
    pub guess_ml: Option<Guess>,
    /// P at the restricted ρ.
    pub at_reml: Projected,
    /// P at the full likelihood's ρ.
    pub at_ml: Projected,
}

/// A null model as reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Null {
    #[serde(rename = "trait")]
    name: String,
    kernel: String,
    samples: usize,
    /// σ²_f/(σ²_f + σ²_e), kernels scaled to mean diagonal 1.
    share: f64,
    share_se: Option<f64>,
    /// Of each kernel, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shares: Vec<(String, f64)>,
    variance: f64,
    residual: f64,
    log_likelihood: f64,
    /// `None` if no variance is the kernel's.
    lambda: Option<f64>,
    lambda_ml: Option<f64>,
    log_likelihood_ml: f64,
    /// Of one kernel, before it was scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mean_diagonal: Option<f64>,
}

impl fmt::Display for Null {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, kernel of {}: {} individuals, share of variance {:.4}",
            self.name, self.kernel, self.samples, self.share
        )?;
        if let Some(se) = self.share_se {
            write!(f, " (SE {se:.4})")?;
        }
        for (kernel, share) in &self.shares {
            write!(f, ", {kernel} {share:.4}")?;
        }
        let lambda = self.lambda.unwrap_or(f64::INFINITY);
        write!(f, ", λ {lambda:.5}, ln L {:.3}", self.log_likelihood)
    }
}

/// No maximum for a trait.
fn no_maximum(name: &str) -> Error {
    Error::degenerate(format!(
        "phenotype {name}: its null model has no maximum; check for covariates that nearly depend \
         on each other"
    ))
}

fn no_eigenvalues(names: &str) -> Error {
    Error::degenerate(format!(
        "the eigenvalues of the kernel cannot be found for {names}"
    ))
}

impl Rotation {
    /// Of one centred kernel, with its name and the mean diagonal it had. Traits whose fit is not
    /// `known` are fitted. About 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate` if it has no eigenvalues, or a trait no likelihood.
    pub fn new(
        (k, kernel): (&Mat<f64>, (String, f64)),
        group: &Group,
        data: &AssocData<'_>,
        known: &[Option<NullFit>],
    ) -> Result<Self> {
        let names = || {
            let names = group.traits.iter().map(|&t| &*data.traits[t].name);
            names.collect::<Vec<_>>().join(", ")
        };
        let eigen = Eigen::new(k).ok_or_else(|| no_eigenvalues(&names()))?;
        let x: Vec<Vec<f64>> = group.x.iter().map(|x| eigen.rotate(x)).collect();
        let mut traits = Vec::with_capacity(group.traits.len());
        let ys = group.residuals(data).into_iter();
        for ((&t, y), known) in group.traits.iter().zip(ys).zip(known) {
            let name = &data.traits[t].name;
            let null = NullModel::new(name, &eigen.values, &x, eigen.rotate(&y), known.as_ref());
            traits.push(null.ok_or_else(|| no_maximum(name))?);
        }
        Ok(Rotation {
            eigen,
            x,
            traits,
            kernels: vec![kernel],
        })
    }

    /// Of several centred kernels, with their names and the mean diagonals they had: one rotation
    /// for each trait, of the sum that `form` takes. About 9·N³ operations a trait, and as many a
    /// kernel and N³ a step for what is not `known`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// If `form` refits variances.
    pub fn of_several(
        (ks, kernels): (&[Mat<f64>], &[(String, f64)]),
        group: &Group,
        data: &AssocData<'_>,
        (known, form): (&[Option<NullFit>], Form),
    ) -> Result<Vec<Self>> {
        assert!(!form.refits(), "one kernel for tests that refit");
        let mut mixture = None;
        let mut rotations = Vec::with_capacity(group.traits.len());
        let ys = group.residuals(data).into_iter();
        for ((&t, y), known) in group.traits.iter().zip(ys).zip(known) {
            let name = &data.traits[t].name;
            let fit = match known {
                Some(fit) => fit.clone(),
                None => {
                    if mixture.is_none() {
                        mixture = Mixture::new(ks, &group.x);
                    }
                    let mixture = mixture.as_ref().ok_or_else(|| no_eigenvalues(name))?;
                    mixture.fit(&y).ok_or_else(|| no_maximum(name))?
                }
            };
            let (weights, ratio) = match form {
                Form::Score => (&fit.ml_weights, fit.ml.ratio),
                _ => (&fit.reml_weights, fit.reml.ratio),
            };
            let eigen = Eigen::new(&combined(ks, weights)).ok_or_else(|| no_eigenvalues(name))?;
            let x: Vec<Vec<f64>> = group.x.iter().map(|x| eigen.rotate(x)).collect();
            let y = eigen.rotate(&y);
            let at = Projected::new(&eigen.values, &y, &x, ratio);
            let at = at.ok_or_else(|| no_maximum(name))?;
            let null = NullModel {
                name: name.clone(),
                grid: Vec::new(),
                guess_reml: None,
                guess_ml: None,
                y,
                fit,
                at_reml: at.clone(),
                at_ml: at,
            };
            rotations.push(Rotation {
                eigen,
                x,
                traits: vec![null],
                kernels: kernels.to_vec(),
            });
        }
        Ok(rotations)
    }

    /// Every null model, K being called `kernel`.
    pub fn describe(&self, kernel: String) -> impl Iterator<Item = Null> {
        let samples = self.eigen.values.len();
        let finite = |lambda: f64| lambda.is_finite().then_some(lambda);
        let shares = |fit: &NullFit| {
            let several = self.kernels.len() > 1;
            let all = self.kernels.iter().zip(&fit.reml_weights);
            let all = all.map(|((name, _), w)| (name.clone(), w * fit.share()));
            all.filter(|_| several).collect()
        };
        self.traits.iter().map(move |t| Null {
            name: t.name.clone(),
            kernel: kernel.clone(),
            samples,
            share: t.fit.share(),
            share_se: t.fit.share_error,
            shares: shares(&t.fit),
            variance: t.fit.reml.ratio * t.fit.reml.residual,
            residual: t.fit.reml.residual,
            log_likelihood: t.fit.reml.log_likelihood,
            lambda: finite(1.0 / t.fit.reml.ratio),
            lambda_ml: finite(1.0 / t.fit.ml.ratio),
            log_likelihood_ml: t.fit.ml.log_likelihood,
            mean_diagonal: match &self.kernels[..] {
                [(_, mean)] => Some(*mean),
                _ => None,
            },
        })
    }
}

impl NullModel {
    fn new(
        name: &str,
        values: &[f64],
        x: &[Vec<f64>],
        y: Vec<f64>,
        known: Option<&NullFit>,
    ) -> Option<Self> {
        let profile = Profile::new(values, &y, x);
        let fit = match known {
            Some(fit) => fit.clone(),
            None => {
                let reml = profile.maximise(Likelihood::Reml, PARTS)?;
                let ml = profile.maximise(Likelihood::Ml, PARTS)?;
                // ρ/(1 + ρ) has the slope 1/(1 + ρ)².
                let error = profile.error(reml.ratio);
                NullFit {
                    reml,
                    ml,
                    reml_weights: vec![1.0],
                    ml_weights: vec![1.0],
                    share_error: error.map(|e| e / (1.0 + reml.ratio).powi(2)),
                }
            }
        };
        Some(NullModel {
            name: name.to_owned(),
            at_reml: Projected::new(values, &y, x, fit.reml.ratio)?,
            at_ml: Projected::new(values, &y, x, fit.ml.ratio)?,
            grid: profile.grid(refit::PARTS),
            guess_reml: profile.guess(Likelihood::Reml, &fit.reml),
            guess_ml: profile.guess(Likelihood::Ml, &fit.ml),
            fit,
            y,
        })
    }
}
