//! `epitile assoc`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use epitile::assoc::effect::Form;
use epitile::assoc::kernels::Moments;
use epitile::assoc::{AssocData, AssocOptions, assoc};
use epitile::backend::Job;
use epitile::cohort::{Choice, Cohort, CohortOptions};
use epitile::error::{Error, Result};
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::args::{Genotypes, Machine, Output, Traits, kernels};
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
have the call (plink2 --glm); with a kernel missing calls are the mean of the trait's individuals.

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
    /// Kernel of the null model: linear, linear:std, linear:2pq, gaussian, grm^2 or
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
    /// Test: score, wald, wald-refit or lrt
    #[arg(long, value_name = "TEST", default_value = "score")]
    test: Form,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn prefix(&self) -> Option<&Path> {
        Some(&self.output.out)
    }

    fn quiet(&self) -> bool {
        self.output.quiet
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let options = self.options()?;
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
        let cohort = match options.kernel {
            None => None,
            Some(_) => Some(self.kernel_cohort(&tested, log)?),
        };
        let tables = inputs::tables(&self.traits, &tested.individuals(), log)?;
        let reason = |of: &Trait| {
            let mut rows = of.observed();
            rows.retain(|&i| tables.complete[i as usize]);
            // One more effect is that of the SNP.
            let effects = tables.fixed.independent(&rows).0.len() + 1;
            tables.fixed.obstacle(&of.values, &rows).or_else(|| {
                (rows.len() <= effects).then(|| {
                    format!(
                        "has {} individuals, too few for {effects} effects",
                        rows.len()
                    )
                })
            })
        };
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
                epitile::backend::dispatch(self.machine.backend, self.machine.threads, None, job)?
            }
            Some(cohort) => {
                let kernels: Vec<_> = options.kernel.into_iter().collect();
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
    fn options(&self) -> Result<AssocOptions> {
        let kernel = match self.kernel.as_str() {
            "none" => None,
            name => kernels(&[name.to_owned()])?.first().copied(),
        };
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
        Ok(AssocOptions {
            kernel,
            gamma_scale: self.gamma_scale,
            moments: self.moments,
            loco: !self.no_loco,
            form: self.test,
        })
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
