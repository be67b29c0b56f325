//! What a null model was fitted to be: the numbers that jobs share.

use serde::{Deserialize, Serialize};

use crate::null::spectral::Optimum;

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
