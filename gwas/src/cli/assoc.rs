//! `epitile assoc`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use epitile::assoc::effect::Form;
use epitile::assoc::kernels::Moments;
use epitile::assoc::oof::OutOfFold;
use epitile::assoc::{AssocData, AssocOptions, Beside, Method, assoc};
use epitile::backend::Job;
use epitile::cohort::{Choice, Cohort, CohortOptions};
use epitile::error::{Error, Result};
use epitile::folds::Folds;
use epitile::io::fam::Sample;
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::settings::ridge_of_heritability;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::args::{Genotypes, Machine, Output, Traits, components};
use super::program::Run;
use super::{inputs, memory};

/// Flags of `epitile assoc`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX_TRAIT.regenie for each trait (CHROM GENPOS ID ALLELE0 ALLELE1 \
A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA), PREFIX.log and PREFIX.run.json (null models). ALLELE1, \
column 5 of the .bim, is the effect allele; CHISQ is the statistic of the test, F or χ²; LOG10P \
does not underflow; N counts calls. EXTRA has MAC, MISS and the test's form, or why there is none: \
MONOMORPHIC, ALL_MISSING, COLLINEAR.

Tests: score, F at the null model's full-likelihood λ (GEMMA's p_score); wald, F at its restricted \
λ (FaST-LMM's); wald-refit, λ fitted again for every SNP (GEMMA's p_wald); lrt, χ² of the \
likelihood ratio (GEMMA's p_lrt). --kernel none is ordinary least squares on the individuals who \
have the call (plink2 --glm); with a kernel missing calls are the mean of the trait's individuals. \
oof is no mixed model but two steps: each fold is predicted by kernel ridge regression of the \
others, and what is left of the trait is tested by least squares.

The kernel is made of autosomes, filtered by --kernel-chr, --kernel-extract and --kernel-maf alone; \
--chr, --extract, --exclude, --geno, --maf and --mac choose the SNPs to be tested. Dosages are used \
as stored: males 0/2 on X, which is tested beside the full autosomal kernel.

Example:
  epitile assoc --bfile cohort --pheno traits.txt --covar covar.txt --covar-name sex,age \\
      --kernel linear --test wald --out height"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernel of the null model: linear, linear:std, linear:2pq, gaussian, grm^2, dominance or
    /// none
    #[arg(long, value_name = "NAME", default_value = "linear")]
    kernel: String,
    /// Bandwidth γ = c / median distance of gaussian, of the chromosomes in the kernel
    #[arg(long, value_name = "C", default_value_t = 1.0)]
    gamma_scale: f64,
    /// Chromosomes of the kernel [default: all autosomes]
    #[arg(long, value_name = "LIST")]
    kernel_chr: Option<String>,
    /// Only these SNPs are in the kernel
    #[arg(long, value_name = "FILE")]
    kernel_extract: Option<PathBuf>,
    /// SNPs whose rarer allele is rarer than this are not in the kernel
    #[arg(long, value_name = "FREQUENCY")]
    kernel_maf: Option<f64>,
    /// Whose SNP means and deviations the kernel takes: all individuals left by the filters
    /// (GEMMA), or those with the trait (FaST-LMM)
    #[arg(long, value_name = "WHO", default_value = "all")]
    moments: Moments,
    /// Leave a SNP's chromosome out of the kernel (the default)
    #[arg(long, overrides_with = "no_loco")]
    loco: bool,
    /// Keep all chromosomes in the kernel
    #[arg(long)]
    no_loco: bool,
    /// Test: score, wald, wald-refit, lrt or oof
    #[arg(long, value_name = "TEST", default_value = "score")]
    test: String,
    /// Ridge λ of oof, added to the kernel's diagonal
    #[arg(long, value_name = "L", conflicts_with = "h2")]
    lambda: Option<f64>,
    /// Heritability h² of oof, for λ = (1 − h²)/h² [default: 0.5]
    #[arg(long, value_name = "H")]
    h2: Option<f64>,
    /// Folds of oof: their number, or a file FID IID fold
    #[arg(long, value_name = "K|FILE", default_value = "10")]
    folds: PathBuf,
    /// Seed of random folds
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let tested = log.timed("read", || Choice::new(&self.genotypes.options(), None))?;
        for filter in &tested.filters {
            log.say(format!("tested: {filter}"));
        }
        log.report(&tested.notes, &[]);
        let snps: usize = tested.groups.iter().map(Vec::len).sum();
        log.say(format!(
            "{} individuals and {snps} SNPs to test; A1, column 5 of the .bim, is the effect allele",
            tested.samples.len()
        ));
        let individuals = tested.individuals();
        let options = self.options(&individuals, log)?;
        let cohort = match options.method {
            Method::Ordinary => None,
            _ => Some(self.kernel_cohort(&tested, log)?),
        };
        let mut tables = inputs::tables(&self.traits, &individuals, log)?;
        if let Method::Kernel(_, Beside::OutOfFold(how)) = &options.method {
            let folds = how.folds.of.iter();
            for (complete, fold) in tables.complete.iter_mut().zip(folds) {
                *complete &= fold.is_some();
            }
        }
        // One more effect is that of the SNP.
        let reason = inputs::obstacle(&tables.fixed, &tables.complete, 1);
        let traits = inputs::keep_trainable(tables.traits, reason, log)?;
        let data = AssocData {
            traits: &traits,
            fixed: &tables.fixed,
            complete: &tables.complete,
        };
        let job = Testing {
            tested,
            cohort,
            data,
            options: &options,
            prefix: &self.output.out,
            log,
        };
        let written = match &job.cohort {
            None => {
                let (backend, threads) = (self.machine.backend, self.machine.threads);
                epitile::backend::dispatch(backend, threads, (None, Some(log)), job)?
            }
            Some(cohort) => {
                let kernels: Vec<_> = match &options.method {
                    Method::Kernel(component, _) => component.kernel().into_iter().collect(),
                    Method::Ordinary => Vec::new(),
                };
                // Sums of all chromosomes and of all but one; K, its eigenvectors and what finding
                // them takes; eigenvectors of every set of samples.
                let mut sets: Vec<Vec<u32>> = traits.iter().map(Trait::observed).collect();
                sets.sort_unstable();
                sets.dedup();
                let matrices = 6 + sets.len();
                let plan =
                    memory::Plan::dense(&cohort.genotypes, &kernels, &self.machine, matrices);
                memory::check(&plan, &self.machine, log)?.run(job)?
            }
        };
        for path in written {
            log.say(format!("written: {}", path.display()));
        }
        Ok(())
    }
}

impl Args {
    fn options(&self, individuals: &[Sample], log: &RunLog) -> Result<AssocOptions> {
        if !(self.gamma_scale > 0.0 && self.gamma_scale.is_finite()) {
            return Err(Error::usage(format!(
                "--gamma-scale {}: expected a number above zero",
                self.gamma_scale
            )));
        }
        if self.traits.intercept == "mean" || self.traits.kernel_covar.is_some() {
            return Err(Error::usage(
                "assoc fits an intercept and linear covariates: found --intercept mean or \
                 --kernel-covar, expected neither",
            ));
        }
        let kernel = match self.kernel.as_str() {
            "none" => None,
            name => components(&[name.to_owned()])?.first().copied(),
        };
        let method = match (kernel, self.test.as_str()) {
            (Some(kernel), "oof") => {
                Method::Kernel(kernel, Beside::OutOfFold(self.folds(individuals, log)?))
            }
            (kernel, text) => {
                let form: Form = text
                    .parse()
                    .map_err(|e| Error::usage(format!("--test {text}: {e}")))?;
                match kernel {
                    None => Method::Ordinary,
                    Some(kernel) => Method::Kernel(kernel, Beside::Mixed(form)),
                }
            }
        };
        Ok(AssocOptions {
            method,
            gamma_scale: self.gamma_scale,
            moments: self.moments,
            loco: !self.no_loco,
        })
    }

    fn folds(&self, individuals: &[Sample], log: &RunLog) -> Result<OutOfFold> {
        let lambda = match (self.lambda, self.h2) {
            (Some(lambda), _) if !(lambda > 0.0 && lambda.is_finite()) => {
                return Err(Error::usage(format!(
                    "--lambda {lambda}: expected a number above zero"
                )));
            }
            (Some(lambda), _) => lambda,
            (None, h2) => ridge_of_heritability(h2.unwrap_or(0.5))?,
        };
        let folds = match self.folds.to_str().map(str::parse) {
            Some(Ok(k)) => Folds::random(individuals.len(), k, self.seed)?,
            _ => Folds::read(&self.folds, individuals)?,
        };
        log.report(&folds.notes, &[]);
        Ok(OutOfFold { lambda, folds })
    }

    /// The kernel's SNPs, of the individuals to be tested.
    fn kernel_cohort(&self, tested: &Choice, log: &RunLog) -> Result<Cohort> {
        let common = self.genotypes.options();
        let autosomes = format!("1-{}", tested.chromosomes.autosomes());
        let options = CohortOptions {
            chr: Some(self.kernel_chr.clone().unwrap_or(autosomes)),
            extract: self.kernel_extract.clone(),
            maf: self.kernel_maf,
            chr_set: common.chr_set,
            ..CohortOptions::new(common.bfile)
        };
        let cohort = log.timed("read kernel", || {
            Choice::new(&options, Some(&tested.samples))?.load()
        })?;
        for filter in &cohort.filters {
            log.say(format!("kernel: {filter}"));
        }
        log.say(format!("{} SNPs in the kernel", cohort.snps.len()));
        log.set("kernel_snps", cohort.snps.len().into());
        Ok(cohort)
    }
}

struct Testing<'a> {
    tested: Choice,
    cohort: Option<Cohort>,
    data: AssocData<'a>,
    options: &'a AssocOptions,
    prefix: &'a Path,
    log: &'a RunLog,
}

impl Job for Testing<'_> {
    type Output = Vec<PathBuf>;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Vec<PathBuf>> {
        assoc(
            (backend, engine),
            (self.tested, self.cohort),
            self.data,
            self.options,
            self.prefix,
            self.log,
        )
    }
}
