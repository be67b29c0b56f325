//! The fitted model whose mixed derivatives nominate: Gaussian kernel ridge regression of the
//! nominating individuals.
//!
//! ```text
//! f(x) = Σ_i α_i exp(−γ‖x − x_i‖²),   (K + λI) α = y − X b̂
//! ```
//!
//! λ is that of restricted maximum likelihood; where it puts no variance on the kernel α is the
//! residual of least squares. α is known up to a factor: scores are compared with each other only.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use faer::{Mat, MatRef};

use crate::dense::{Eigen, product, transposed_product};
use crate::error::{Error, Result};
use crate::null::contrast::Contrasts;
use crate::null::matrix::{kernel_matrix, normalise};
use crate::null::projected::Projected;
use crate::null::reml::PARTS;
use crate::null::spectral::{Likelihood, Profile};
use crate::settings::{Gammas, bandwidths};
use crate::similarity::{Extras, Similarity};

/// What all traits of the same individuals share.
pub(super) struct Model {
    pub(super) gamma: f64,
    /// K.
    pub(super) kernel: Mat<f64>,
    /// K 1.
    pub(super) sums: Vec<f64>,
    /// One per trait.
    pub(super) traits: Vec<Weights>,
}

/// The model of a trait.
pub(super) struct Weights {
    /// α, up to a factor.
    pub(super) alpha: Vec<f64>,
    /// K α.
    pub(super) fitted: Vec<f64>,
    /// λ; infinite where the kernel has no variance.
    pub(super) lambda: f64,
}

impl Weights {
    fn new(kernel: &Mat<f64>, alpha: Vec<f64>, lambda: f64) -> Weights {
        Weights {
            // K is symmetric.
            fitted: transposed_product(kernel, &alpha),
            alpha,
            lambda,
        }
    }
}

impl Model {
    /// With the kernel and the weights given.
    pub(super) fn with(gamma: f64, kernel: Mat<f64>, traits: Vec<(Vec<f64>, f64)>) -> Model {
        let ones = vec![1.0; kernel.nrows()];
        let traits = traits.into_iter();
        Model {
            gamma,
            sums: transposed_product(&kernel, &ones),
            traits: traits
                .map(|(alpha, lambda)| Weights::new(&kernel, alpha, lambda))
                .collect(),
            kernel,
        }
    }

    /// Of the individuals of `calls`, with fixed effects `x` and traits `y`. About 10·N³
    /// operations.
    ///
    /// # Errors
    /// `Degenerate` for a kernel without variance, or a trait whose likelihood has no maximum;
    /// failures of the device.
    pub(super) fn new<B: Backend, E: Engine>(
        (backend, engine): (&B, &E),
        calls: &Arc<Genotypes>,
        gamma: &Gammas,
        x: &[Vec<f64>],
        y: &[Vec<f64>],
    ) -> Result<Model> {
        let of = &[Kernel::Gaussian];
        let similarity = Similarity::new(backend, engine, calls, of, Extras::default())?;
        let settings = bandwidths(of, gamma, &similarity)?;
        let [setting] = settings[..] else {
            return Err(Error::usage(
                "epistasis takes one γ: found several, expected one; run it once for each",
            ));
        };
        let map = similarity.map(setting.kernel, setting.gamma);
        let rows: Vec<u32> = (0..calls.samples() as u32).collect();
        let pairs = similarity.pairs(setting.kernel);
        let kernel = kernel_matrix(backend, engine, pairs, &map, &rows)?;
        let mut centred = kernel.clone();
        // With an intercept the centred kernel has the same α.
        let scale = normalise(&mut centred, "gaussian")?;
        let eigen = Eigen::new(&centred).ok_or_else(|| {
            Error::degenerate("the eigenvalues of kernel gaussian cannot be found")
        })?;
        drop(centred);
        let rotated: Vec<Vec<f64>> = x.iter().map(|x| eigen.rotate(x)).collect();
        let contrasts = Contrasts::new(x);
        let weights = |y: &Vec<f64>| {
            let y = eigen.rotate(&contrasts.residual(y));
            let (alpha, ratio) = fit(&eigen.values, &y, &rotated).ok_or_else(|| {
                Error::degenerate(
                    "the kernel model has no likelihood; check for covariates that nearly depend \
                     on each other",
                )
            })?;
            let alpha = MatRef::from_column_major_slice(&alpha, alpha.len(), 1);
            let alpha = product(eigen.vectors.as_ref(), alpha);
            // ρK/s + I is (K + λI)·ρ/s with λ = s/ρ.
            Ok((alpha.col_as_slice(0).to_vec(), scale / ratio))
        };
        let traits: Vec<_> = y.iter().map(weights).collect::<Result<_>>()?;
        Ok(Model::with(setting.gamma, kernel, traits))
    }
}

/// Rotated α at the restricted ρ, and ρ.
fn fit(values: &[f64], y: &[f64], x: &[Vec<f64>]) -> Option<(Vec<f64>, f64)> {
    let best = Profile::new(values, y, x).maximise(Likelihood::Reml, PARTS)?;
    let at = Projected::new(values, y, x, best.ratio)?;
    Some((at.py().to_vec(), best.ratio))
}
