//! Hyper-parameters: kernels, bandwidths γ and ridges λ, given or chosen.

use std::fmt;

use epitile_core::backend::Backend;
use epitile_core::kernel::Kernel;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::similarity::Similarity;

/// Scales c of γ = c / median when none are given.
pub const GAMMA_SCALES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Heritabilities h² whose λ = (1 − h²)/h² are tried when no λ is given.
pub const HERITABILITIES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// Bandwidths.
#[derive(Clone, Debug, PartialEq)]
pub enum Gammas {
    /// γ itself.
    Values(Vec<f64>),
    /// c of γ = c / median of the distance.
    Scales(Vec<f64>),
}

impl Default for Gammas {
    fn default() -> Self {
        Gammas::Scales(GAMMA_SCALES.to_vec())
    }
}

/// λ for heritability h²: residual over kernel variance.
///
/// # Errors
/// `Usage` unless 0 < h² < 1.
pub fn ridge_of_heritability(h2: f64) -> Result<f64> {
    match h2 {
        h2 if h2 > 0.0 && h2 < 1.0 => Ok((1.0 - h2) / h2),
        _ => Err(Error::usage(format!(
            "heritability {h2}: expected a number between 0 and 1"
        ))),
    }
}

/// The λ tried when none is given.
pub fn default_ridges() -> Vec<f64> {
    HERITABILITIES.iter().map(|h2| (1.0 - h2) / h2).collect()
}

/// A kernel with its bandwidth resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// The kernel.
    pub kernel: Kernel,
    /// γ; NaN for a kernel without.
    pub gamma: f64,
    /// c, where γ came from the median; else NaN.
    pub scale: f64,
}

/// Every kernel with every γ it takes, in order.
///
/// # Errors
/// `Degenerate` if a median is zero.
pub fn bandwidths<B: Backend>(
    kernels: &[Kernel],
    gammas: &Gammas,
    similarity: &Similarity<'_, B>,
) -> Result<Vec<Bandwidth>> {
    let mut all = Vec::new();
    for &kernel in kernels {
        if !kernel.has_gamma() {
            all.push(Bandwidth {
                kernel,
                gamma: f64::NAN,
                scale: f64::NAN,
            });
            continue;
        }
        match gammas {
            Gammas::Values(values) => all.extend(values.iter().map(|&gamma| Bandwidth {
                kernel,
                gamma,
                scale: f64::NAN,
            })),
            Gammas::Scales(scales) => {
                for &scale in scales {
                    all.push(Bandwidth {
                        kernel,
                        gamma: similarity.gamma(kernel, scale)?,
                        scale,
                    });
                }
            }
        }
    }
    Ok(all)
}

/// A model to be trained: kernel, γ and λ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Kernel and γ.
    pub bandwidth: Bandwidth,
    /// λ.
    pub lambda: f64,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bandwidth.kernel)?;
        if self.bandwidth.kernel.has_gamma() {
            write!(f, " γ={:.6e}", self.bandwidth.gamma)?;
        }
        write!(f, " λ={}", self.lambda)
    }
}

/// Number formats of the factor and the backward error asked for, as run records keep them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Precision policy.
    pub policy: String,
    /// Backward error at which refinement stops.
    pub tolerance: f64,
    /// Whether refinement is on.
    pub refined: bool,
}
