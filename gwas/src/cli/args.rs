//! Groups of flags that several commands share.

use std::path::PathBuf;

use clap::Args;
use epitile::backend::{BackendChoice, MOST_THREADS};
use epitile::cohort::CohortOptions;
use epitile::error::{Error, Result};
use epitile::io::bim::Snp;
use epitile::io::weights;
use epitile::null::component::Component;
use epitile::run::RunLog;
use epitile::settings::{Gammas, default_ridges, ridge_of_heritability};
use epitile_core::kernel::Kernel;
use epitile_core::policy::Policy;
use epitile_core::solver::SolveOptions;

/// Which individuals and SNPs. Filters apply in this order: keep, remove, chr, extract, exclude,
/// mind, geno, maf, mac.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Genotypes")]
pub(crate) struct Genotypes {
    /// Prefix of .bed, .bim and .fam
    #[arg(long, value_name = "PREFIX")]
    pub(crate) bfile: PathBuf,
    /// Keep only these individuals (lines of FID IID)
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Leave out these individuals
    #[arg(long, value_name = "FILE")]
    remove: Option<PathBuf>,
    /// Chromosomes, such as 1-22,X
    #[arg(long, value_name = "LIST")]
    chr: Option<String>,
    /// Use only these SNPs (IDs, one a line)
    #[arg(long, value_name = "FILE")]
    extract: Option<PathBuf>,
    /// Leave out these SNPs
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    /// Leave out individuals with more missing calls than this fraction
    #[arg(long, value_name = "FRACTION")]
    mind: Option<f64>,
    /// Leave out SNPs with more missing calls than this fraction
    #[arg(long, value_name = "FRACTION")]
    geno: Option<f64>,
    /// Leave out SNPs whose rarer allele is rarer than this
    #[arg(long, value_name = "FREQUENCY")]
    maf: Option<f64>,
    /// Leave out SNPs with fewer copies of the rarer allele
    #[arg(long, value_name = "COUNT")]
    mac: Option<u32>,
    /// Autosomes of the species (22: human, 19: mouse, 12: rice …)
    #[arg(long, value_name = "N", default_value_t = 22)]
    chr_set: u32,
}

impl Genotypes {
    /// As the library takes them.
    pub(crate) fn options(&self) -> CohortOptions {
        CohortOptions {
            bfile: self.bfile.clone(),
            keep: self.keep.clone(),
            remove: self.remove.clone(),
            chr: self.chr.clone(),
            extract: self.extract.clone(),
            exclude: self.exclude.clone(),
            mind: self.mind,
            geno: self.geno,
            maf: self.maf,
            mac: self.mac,
            chr_set: self.chr_set,
        }
    }
}

/// Traits and covariates.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traits and covariates")]
pub(crate) struct Traits {
    /// Table FID IID TRAIT…; missing is NA (also nan, . and, with a warning, -9)
    #[arg(long, value_name = "FILE")]
    pub(crate) pheno: PathBuf,
    /// Traits to use; all if absent
    #[arg(long, value_name = "NAMES")]
    pub(crate) pheno_name: Option<String>,
    /// Binary traits are coded 1 = control, 2 = case
    #[arg(long = "1", visible_alias = "binary-12")]
    pub(crate) binary_12: bool,
    /// Whether the command takes binary traits for binary.
    #[arg(skip)]
    pub(crate) logistic: bool,
    /// Table FID IID COVARIATE…
    #[arg(long, value_name = "FILE")]
    pub(crate) covar: Option<PathBuf>,
    /// Covariates to use, such as PC1-PC10,sex; all if absent
    #[arg(long, value_name = "NAMES", requires = "covar")]
    pub(crate) covar_name: Option<String>,
    /// Covariates that are categories
    #[arg(long, value_name = "NAMES", requires = "covar")]
    pub(crate) cat_covar: Option<String>,
    /// Covariates inside the kernel's distance (gaussian, laplacian), instead of linear ones
    #[arg(long, value_name = "NAMES", requires = "covar")]
    pub(crate) kernel_covar: Option<String>,
    /// What their squared differences (of standardised values) are multiplied by
    #[arg(
        long,
        value_name = "W",
        default_value_t = 1.0,
        requires = "kernel_covar"
    )]
    pub(crate) kernel_covar_weight: f64,
    /// Intercept and covariates by generalised least squares, or the plain training mean
    #[arg(long, value_name = "HOW", default_value = "gls", value_parser = ["gls", "mean"])]
    pub(crate) intercept: String,
}

/// How often each SNP counts in the kernel.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kernel")]
pub(crate) struct Weights {
    /// How often each SNP counts in the kernel: lines of ID WEIGHT, 0 or more, one for every SNP
    /// (not with laplacian, ibs and dominance)
    #[arg(long, value_name = "FILE")]
    snp_weights: Option<PathBuf>,
}

impl Weights {
    /// The weights of these SNPs, if they have any.
    pub(crate) fn read(&self, snps: &[Snp], log: &RunLog) -> Result<Option<Vec<f64>>> {
        let Some(path) = &self.snp_weights else {
            return Ok(None);
        };
        let found = weights::read(path, snps)?;
        let mut several = found.values.clone();
        several.sort_by(f64::total_cmp);
        several.dedup();
        log.say(format!(
            "weights of {} SNPs: {} values from {} to {}; {} SNPs of {} are not among them",
            found.values.len(),
            several.len(),
            several.first().copied().unwrap_or(f64::NAN),
            several.last().copied().unwrap_or(f64::NAN),
            found.unknown,
            path.display()
        ));
        Ok(Some(found.values))
    }
}

/// Bandwidths and ridges.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    /// Bandwidths γ = c / median distance, as a list of c [default for cv: 0.25,0.5,1,2,4]
    #[arg(
        long,
        value_name = "C,…",
        value_delimiter = ',',
        conflicts_with = "gamma"
    )]
    pub(crate) gamma_scale: Vec<f64>,
    /// Bandwidths γ themselves
    #[arg(long, value_name = "G,…", value_delimiter = ',')]
    pub(crate) gamma: Vec<f64>,
    /// Ridges λ, added to the kernel's diagonal [default for cv: those of h² 0.1,0.25,0.5,0.75,0.9]
    #[arg(long, value_name = "L,…", value_delimiter = ',', conflicts_with = "h2")]
    pub(crate) lambda: Vec<f64>,
    /// Heritabilities h², for λ = (1 − h²)/h²
    #[arg(long, value_name = "H,…", value_delimiter = ',')]
    pub(crate) h2: Vec<f64>,
}

/// Refuses what is not a positive number.
fn positive(values: &[f64], flag: &str) -> Result<()> {
    match values.iter().find(|v| !(**v > 0.0 && v.is_finite())) {
        None => Ok(()),
        Some(v) => Err(Error::usage(format!(
            "{flag} {v}: found {v}, expected numbers above zero"
        ))),
    }
}

impl Settings {
    /// Bandwidths; `default` if none are given.
    pub(crate) fn gammas(&self, default: Gammas) -> Result<Gammas> {
        positive(&self.gamma_scale, "--gamma-scale")?;
        positive(&self.gamma, "--gamma")?;
        Ok(match (&self.gamma[..], &self.gamma_scale[..]) {
            ([], []) => default,
            ([], scales) => Gammas::Scales(scales.to_vec()),
            (values, _) => Gammas::Values(values.to_vec()),
        })
    }

    /// Ridges, if any are given.
    pub(crate) fn lambdas(&self) -> Result<Vec<f64>> {
        positive(&self.lambda, "--lambda")?;
        let of_h2 = self
            .h2
            .iter()
            .map(|&h2| ridge_of_heritability(h2))
            .collect::<Result<Vec<_>>>()?;
        Ok([self.lambda.as_slice(), &of_h2].concat())
    }

    /// Ridges, or those of the grid of heritabilities.
    pub(crate) fn lambdas_or_grid(&self) -> Result<Vec<f64>> {
        let given = self.lambdas()?;
        Ok(if given.is_empty() {
            default_ridges()
        } else {
            given
        })
    }
}

/// Machine and accuracy.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Computation")]
pub(crate) struct Computation {
    /// Number formats of the factor: f64, f32, adaptive, adaptive:TAU, norm:EPS, uniform:FORMAT,
    /// banded:WIDTH; results are refined to FP64 accuracy whatever the format
    #[arg(long, value_name = "POLICY", default_value = "f64")]
    pub(crate) precision: Policy,
    /// Stop after the factor (for study)
    #[arg(long)]
    pub(crate) no_refine: bool,
    /// Backward error at which refinement stops [default: 4·2⁻⁵³]
    #[arg(long, value_name = "ETA")]
    pub(crate) tolerance: Option<f64>,
    /// Rank of the deflation that lets tiles drop to 16 and 8 bits [default: by policy]
    #[arg(long, value_name = "K")]
    pub(crate) deflation: Option<usize>,
    /// Rows of a tile [default: by the number of individuals]
    #[arg(long, value_name = "ROWS")]
    pub(crate) tile: Option<usize>,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

/// Where to compute, and with what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Computation")]
pub(crate) struct Machine {
    /// Where to compute: cpu or cuda
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub(crate) backend: BackendChoice,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Memory that may be used, in MiB [default: what the machine has available]
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<u64>,
    /// Folder on a disk for a temporary file with what does not fit in memory (pair statistics,
    /// factors); the results are the same
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
}

impl Machine {
    /// Threads that will run.
    pub(crate) fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |t| t.get()),
            given => given.min(MOST_THREADS),
        }
    }
}

impl Computation {
    /// As the library takes it.
    pub(crate) fn solve(&self) -> Result<SolveOptions> {
        let default = SolveOptions::default();
        let tolerance = self.tolerance.unwrap_or(default.tolerance);
        if !(tolerance > 0.0 && tolerance < 1.0) {
            return Err(Error::usage(format!(
                "--tolerance {tolerance}: expected a backward error between 0 and 1"
            )));
        }
        if self.tile == Some(0) {
            return Err(Error::usage("--tile 0: expected at least one row"));
        }
        Ok(SolveOptions {
            policy: self.precision,
            rank: self.deflation,
            tolerance,
            refine: !self.no_refine,
        })
    }
}

/// A list of kernels, each once.
pub(crate) fn kernels(names: &[String]) -> Result<Vec<Kernel>> {
    let mut kernels = Vec::new();
    for name in names {
        let kernel: Kernel = name
            .parse()
            .map_err(|e| Error::usage(format!("--kernel {name}: {e}")))?;
        if !kernels.contains(&kernel) {
            kernels.push(kernel);
        }
    }
    Ok(kernels)
}

/// A list of kernels of variance components, each once.
pub(crate) fn components(names: &[String]) -> Result<Vec<Component>> {
    let mut components = Vec::new();
    for name in names {
        let component: Component = name
            .parse()
            .map_err(|e| Error::usage(format!("--kernel {name}: {e}")))?;
        if !components.contains(&component) {
            components.push(component);
        }
    }
    Ok(components)
}

/// Where the output goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Prefix of the output files
    #[arg(long, value_name = "PREFIX")]
    pub(crate) out: PathBuf,
    /// Only errors on the screen
    #[arg(long)]
    pub(crate) quiet: bool,
}
