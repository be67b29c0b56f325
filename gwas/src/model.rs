//! Model files: everything a prediction needs, in one safetensors file with JSON metadata.
//!
//! A dual model predicts by comparing new individuals with the training individuals, so it holds
//! their genotypes or points to them; either way it is as confidential as they are.

mod read;
mod source;
mod write;

pub use source::digest;

use std::path::PathBuf;
use std::sync::Arc;

use epitile_core::certificate::Certificate;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::Kernel;
use epitile_core::policy::Policy;
use epitile_core::tile::Tile;
use serde::{Deserialize, Serialize};

use crate::covariates::Recipe;
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::io::bim::Snp;
use crate::io::fam::SampleId;
use crate::similarity::{Inside, Moments};
use crate::training::Intercept;

/// Version of the file format.
pub const FORMAT: u32 = 1;

/// The JSON metadata of a model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// What is in the file, for people who find it.
    pub notice: String,
    /// Kernel.
    pub kernel: String,
    /// γ, for kernels with a bandwidth.
    pub gamma: Option<f64>,
    /// c of γ = c / median, if γ was chosen so.
    pub gamma_scale: Option<f64>,
    /// Mean over individuals of ‖x̂ − μ‖², the scale of `linear`.
    pub mean_diagonal: f64,
    /// λ.
    pub lambda: f64,
    /// How the mean was taken out.
    pub intercept: Intercept,
    /// Precision policy of the factor.
    pub precision: String,
    /// Backward error at which refinement stopped.
    pub tolerance: f64,
    /// Rows of a tile, where given.
    pub tile: Option<usize>,
    /// Names of the fixed effects, the intercept first.
    pub fixed: Vec<String>,
    /// How covariates become fixed effects.
    pub recipe: Option<Recipe>,
    /// Covariates inside the kernel and their weight.
    pub inside: Option<(Recipe, f64)>,
    /// Whether SNPs have weights in the kernel, which the tensor `snp_weights` holds then.
    #[serde(default)]
    pub weighted: bool,
    /// Traits.
    pub traits: Vec<TraitMeta>,
    /// Training individuals of any trait.
    pub samples: Vec<SampleId>,
    /// SNPs, in the order of the genotypes; dosages count `a1`.
    pub snps: Vec<Snp>,
    /// Chromosome segments of the genotypes: name and number of SNPs.
    pub segments: Vec<(String, usize)>,
    /// Quantiles of the distance (minimum, 5, 25, 50, 75, 95 %, maximum), for distance kernels.
    pub distances: Option<[f64; 7]>,
    /// Where the training genotypes are.
    pub genotypes: Source,
    /// Evidence for all traits together.
    pub evidence: Evidence,
    /// Factors saved, one per group of traits.
    pub factors: Vec<FactorMeta>,
}

/// A trait in the metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraitMeta {
    /// Its name.
    pub name: String,
    /// Training individuals.
    pub samples: usize,
    /// One effect per fixed column.
    pub effects: Vec<f64>,
    /// σ̂²_f.
    pub variance: f64,
    /// The certificate.
    pub certificate: CertificateMeta,
}

/// A certificate in the metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // As in epitile_core::certificate::Certificate.
pub struct CertificateMeta {
    pub backward_error_before: f64,
    pub backward_error: f64,
    pub backward_error_scaled: f64,
    pub iterations: u32,
    pub passes: u32,
    pub stop: String,
    pub certified: bool,
    pub residual_norm: f64,
    pub weight_error_bound: f64,
    pub prediction_error_bound: f64,
}

impl From<&Certificate> for CertificateMeta {
    fn from(c: &Certificate) -> Self {
        CertificateMeta {
            backward_error_before: c.before,
            backward_error: c.after,
            backward_error_scaled: c.scaled(),
            iterations: c.iterations,
            passes: c.passes,
            stop: c.stop.to_string(),
            certified: c.is_certified(),
            residual_norm: c.residual,
            weight_error_bound: c.weight_bound,
            prediction_error_bound: c.prediction_bound,
        }
    }
}

/// Where the training genotypes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Prefix of the training files, as given.
    pub bfile: PathBuf,
    /// Whether the model file holds them.
    pub embedded: bool,
    /// SHA-256 of their bit planes, in hexadecimal.
    pub sha256: String,
}

/// A saved factor in the metadata; its tiles' bytes follow each other in one tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorMeta {
    /// Traits it belongs to.
    pub traits: Vec<usize>,
    /// Rows of a tile.
    pub edge: usize,
    /// Precision and scale exponent of the tiles of the lower triangle, by rows.
    pub tiles: Vec<(String, i32)>,
    /// Rank of the deflation.
    pub rank: usize,
}

/// A trait's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TraitModel {
    /// Name, effects, evidence.
    pub meta: TraitMeta,
    /// Its training individuals, as places among the model's.
    pub rows: Vec<u32>,
    /// Their dual weights α.
    pub weights: Vec<f64>,
}

/// A saved factor.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedFactor {
    /// Traits it belongs to.
    pub traits: Vec<usize>,
    /// Rows of a tile.
    pub edge: usize,
    /// Tiles of the lower triangle, by rows.
    pub tiles: Vec<Tile>,
    /// Columns of the deflation.
    pub deflation: Vec<Vec<f64>>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Metadata.
    pub meta: Meta,
    /// SNP means and scales.
    pub moments: Moments,
    /// Traits.
    pub traits: Vec<TraitModel>,
    /// Fixed-effect columns of the training individuals.
    pub fixed: Vec<Vec<f64>>,
    /// Covariates inside the kernel, of the training individuals.
    pub inside: Option<Inside>,
    /// Training genotypes, if embedded (or fetched by [`fetch_genotypes`](Self::fetch_genotypes)).
    pub genotypes: Option<Arc<Genotypes>>,
    /// Factors, if saved.
    pub factors: Vec<SavedFactor>,
}

impl Model {
    /// The kernel.
    ///
    /// # Errors
    /// `Malformed` if this version does not know it.
    pub fn kernel(&self) -> Result<Kernel> {
        self.meta.kernel.parse().map_err(|_| {
            Error::inconsistent(format!(
                "the model has kernel '{}', which this version does not know; update epitile",
                self.meta.kernel
            ))
        })
    }

    /// The precision policy of the factor.
    ///
    /// # Errors
    /// `Inconsistent` if this version does not know it.
    pub fn policy(&self) -> Result<Policy> {
        self.meta.precision.parse().map_err(|_| {
            Error::inconsistent(format!(
                "the model's precision policy '{}' is not one of this version; update epitile",
                self.meta.precision
            ))
        })
    }

    /// Bytes of the counts per SNP: dosage 0, 1, 2, missing.
    fn counts_flat(counts: &[Counts]) -> Vec<u32> {
        let each = |c: &Counts| [c.dosage[0], c.dosage[1], c.dosage[2], c.missing];
        counts.iter().flat_map(each).collect()
    }
}
