//! `epitile assoc`.

mod options;

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use epitile::assoc::binary::cases;
use epitile::assoc::condition::condition;
use epitile::assoc::kernels::Moments;
use epitile::assoc::{AssocData, AssocOptions, Beside, Method, assoc};
use epitile::backend::Job;
use epitile::cohort::{Choice, Cohort, CohortOptions};
use epitile::error::Result;
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::args::{Genotypes, Machine, Output, Traits};
use super::assoc_flow::{Loci, Sharing, Speed, Tables, check_order};
use super::program::Run;
use super::{inputs, memory};

/// Flags of `epitile assoc`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX_TRAIT.regenie for each trait (CHROM GENPOS ID ALLELE0 ALLELE1 \
A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA), PREFIX_TRAIT.loci.tsv (lead SNPs: the same columns and \
START END OTHERS SIGNIFICANT MEMBERS), PREFIX.log and PREFIX.run.json (null models, thresholds). \
ALLELE1, column 5 of the .bim, is the effect allele; CHISQ is the statistic of the test, F or χ²; \
LOG10P does not underflow; N counts calls. EXTRA has MAC, MISS, the test's form, or why there is \
none (MONOMORPHIC, ALL_MISSING, COLLINEAR; for binary traits also SEPARATED, NOT_CONVERGED, \
NO_NULL_MODEL), and FAST=1 for an approximate test.

Tests: score, F at the null model's full-likelihood λ (GEMMA's p_score); wald, F at its restricted \
λ (FaST-LMM's); wald-refit, λ fitted again for every SNP (GEMMA's p_wald); lrt, χ² of the \
likelihood ratio (GEMMA's p_lrt). --kernel none is ordinary least squares on the individuals who \
have the call (plink2 --glm); with a kernel missing calls are the mean of the trait's individuals. \
oof is no mixed model but two steps: each fold is predicted by kernel ridge regression of the \
others, and what is left of the trait is tested by least squares.

With several kernels (--kernel linear:std,grm^2) the null model has a variance for each, and SNPs are \
tested by score or wald beside their sum; wald-refit and lrt, which fit the variances again for every \
SNP, and binary traits take one kernel.

Binary traits (--bt): a logistic mixed model, its variance by penalised quasi-likelihood. spa \
(default), the score test, by saddlepoint approximation where |z| > 2 (SE and CHISQ fit \
LOG10P); score, the same by the normal approximation, whose p-values are far too small where cases \
are few; firth, Firth's penalised regression with the random effect as offset, CHISQ the ratio of \
penalised likelihoods, all scaled to the score test's variance. --kernel none is logistic regression \
(plink2 --glm): wald (default), lrt, spa, score, firth (plink2 --glm firth, but for CHISQ and LOG10P, \
which are the likelihood ratio's), firth-fallback (wald, and firth where wald has no maximum). \
TESTFORM tells which it was. Tables have N_CASES N_CONTROLS A1FREQ_CASES A1FREQ_CONTROLS after EXTRA.

--condition takes the effects of some SNPs out as those of covariates; missing calls of these are the \
mean of the trait's individuals, without a kernel individuals who lack one are left out.

An interrupted run is taken up by the same command: chromosomes that were finished are kept in \
PREFIX.assoc.parts until all are done.

The kernel is made of autosomes, filtered by --kernel-chr, --kernel-extract and --kernel-maf alone; \
--chr, --extract, --exclude, --geno, --maf and --mac choose the SNPs to be tested. Dosages are used \
as stored: males 0/2 on X. X, and what is on no autosome, is tested beside the full autosomal kernel.

Example:
  epitile assoc --bfile cohort --pheno traits.txt --covar covar.txt --covar-name sex,age \\
      --kernel linear --test wald --out height"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernels of the null model: linear, linear:std, linear:2pq, gaussian, grm^2, dominance; or
    /// none
    #[arg(
        long,
        value_name = "NAME,…",
        default_value = "linear",
        value_delimiter = ','
    )]
    kernel: Vec<String>,
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
    /// Test: score, wald, wald-refit, lrt or oof; with --bt spa, score, firth, wald, lrt or
    /// firth-fallback [default: score; with --bt spa, with --bt --kernel none wald]
    #[arg(long, value_name = "TEST")]
    test: Option<String>,
    /// Traits are binary: 1 for cases, 0 for controls (with --1: 2 and 1)
    #[arg(long)]
    bt: bool,
    /// A binary trait of fewer cases, or fewer controls, is left out
    #[arg(long, value_name = "N", default_value_t = 10, requires = "bt")]
    min_cases: usize,
    /// SNPs whose effects are taken out first
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    condition: Vec<String>,
    #[command(flatten)]
    speed: Speed,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    loci: Loci,
    #[command(flatten)]
    tables: Tables,
    /// Ridge λ of oof, added to the kernel's diagonal
    #[arg(long, value_name = "L", conflicts_with = "h2")]
    lambda: Option<f64>,
    /// Heritability h² of oof, for λ = (1 − h²)/h² [default: 0.5]
    #[arg(long, value_name = "H")]
    h2: Option<f64>,
    /// Folds of oof: their number, or a file FID IID fold
    #[arg(long, value_name = "K|FILE", default_value = "10")]
    folds: PathBuf,
    /// Seed of random folds, of the SNPs for γ of --fast and of simulations
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
        let mut tested = log.timed("read", || Choice::new(&self.genotypes.options(), None))?;
        for filter in &tested.filters {
            log.say(format!("tested: {filter}"));
        }
        log.report(&tested.notes, &[]);
        let snps: usize = tested.groups.iter().map(Vec::len).sum();
        log.say(format!(
            "{} individuals and {snps} SNPs to test; A1, column 5 of the .bim, is the effect allele",
            tested.samples.len()
        ));
        inputs::sex_chromosomes(&tested, log);
        if self.tables.bgzip {
            check_order(&tested)?;
        }
        let individuals = tested.individuals();
        let options = self.options(&individuals, log)?;
        let cohort = match options.method {
            Method::Ordinary | Method::Logistic(_) => None,
            _ => Some(self.kernel_cohort(&tested, log)?),
        };
        let traits = Traits {
            logistic: self.bt,
            ..self.traits.clone()
        };
        let mut tables = inputs::tables(&traits, &individuals, log)?;
        if let Method::Kernel(_, Beside::OutOfFold(how)) = &options.method {
            let folds = how.folds.of.iter();
            for (complete, fold) in tables.complete.iter_mut().zip(folds) {
                *complete &= fold.is_some();
            }
        }
        tables.fixed = condition(tables.fixed, &self.condition, &mut tested)?;
        if let Method::Ordinary | Method::Logistic(_) = &options.method {
            // Complete cases.
            let gone = tables.fixed.incomplete();
            let both = tables.complete.iter_mut().zip(&gone);
            both.for_each(|(complete, gone)| *complete &= !gone);
        }
        // One more effect is that of the SNP.
        let reason = inputs::obstacle(&tables.fixed, &tables.complete, 1);
        let binary = |of: &Trait| {
            let known = (&tables.fixed, &tables.complete[..]);
            cases::obstacle(of, known, self.min_cases)
        };
        let reason = |of: &Trait| reason(of).or_else(|| self.bt.then(|| binary(of)).flatten());
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
                let components = match &options.method {
                    Method::Kernel(components, _) => &components[..],
                    Method::Ordinary | Method::Logistic(_) => &[],
                };
                let kernels: Vec<_> = components.iter().filter_map(|c| c.kernel()).collect();
                // Sums of all chromosomes and of all but one; K, its eigenvectors and what finding
                // them takes; eigenvectors of every set of samples.
                let mut sets: Vec<Vec<u32>> = traits.iter().map(Trait::observed).collect();
                sets.sort_unstable();
                sets.dedup();
                let single = components.len() == 1;
                let (models, several) = match single {
                    // P of every trait.
                    true if self.bt => (traits.len(), 0),
                    true => (sets.len(), 0),
                    // Eigenvectors of every trait; each kernel and its contrasts with theirs.
                    false => (traits.len(), 6 * components.len()),
                };
                // Draws of every trait.
                let draws = options.count.draws * traits.len();
                let matrices = 6 + models + several + draws.div_ceil(cohort.samples.len().max(1));
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
