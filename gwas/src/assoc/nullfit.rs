//! What a null model was fitted to be: the numbers that jobs share.

use serde::{Deserialize, Serialize};

use super::effect::Untested;
use crate::null::spectral::Optimum;

/// A trait's null model beside a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fit {
    /// Of a quantitative trait.
    Mixed(NullFit),
    /// Of a binary trait.
    Logistic(LogisticFit),
}

/// A binary trait's null model beside K. All else of it follows from τ, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogisticFit {
    /// τ, the variance of the random effect on the scale of log-odds.
    Variance(f64),
    /// There is none.
    Failure(Untested),
}

/// A trait's null model beside the kernel K = Σ w_k K_k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullFit {
    /// By restricted likelihood.
    pub reml: Optimum,
    /// By full likelihood.
    pub ml: Optimum,
    /// w by restricted likelihood: the kernels' shares of Σσ²_k.
    pub reml_weights: Vec<f64>,
    /// w by full likelihood.
    pub ml_weights: Vec<f64>,
    /// Standard error of Σσ²_k/(Σσ²_k + σ²_e), by the curvature of the restricted likelihood.
    pub share_error: Option<f64>,
}

impl NullFit {
    /// Σσ²_k/(Σσ²_k + σ²_e).
    pub fn share(&self) -> f64 {
        self.reml.ratio / (1.0 + self.reml.ratio)
    }
}
