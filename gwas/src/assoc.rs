//! Association of every SNP with every trait, beside the rest of the genome: y = Xb + xβ + f + e,
//! f ~ N(0, σ²_f K).
//!
//! K is Gower-centred over the trait's samples and diagonal after one rotation, which traits with
//! the same samples share; of several kernels it is the sum that a trait's null model found. SNPs
//! are streamed from the `.bed`, block by block, through the
//! rotations of all traits.
//!
//! A chromosome is tested after the other. Its lines are kept beside the output until all are
//! there: an interrupted run goes on with the next chromosome.
//!
//! | module | question it answers |
//! |---|---|
//! | [`binary`] | binary traits: logistic models |
//! | [`block`] | some SNPs of the file, decoded for a trait's samples |
//! | [`clump`] | which SNPs stand for their neighbourhood? |
//! | [`condition`](mod@condition) | SNPs as covariates |
//! | [`effect`] | score, Wald and likelihood-ratio tests |
//! | [`fast`] | the score test without xᵀPx of every SNP |
//! | [`finish`] | whole tables and lead SNPs, from those of chromosomes |
//! | [`identity`] | is a result one of these inputs and settings? |
//! | [`kernels`] | K, of all chromosomes or of all but one |
//! | [`linkage`] | r² of two SNPs |
//! | [`mixture`] | the null model of several kernels |
//! | [`models`] | the models of all traits, for a kernel without a chromosome |
//! | [`nullfit`], [`nulls`], [`numbers`] | the numbers of a null model; files of them; those a run was given |
//! | [`oof`] | what do the other folds predict of a trait? |
//! | [`ordinary`] | tests without a kernel |
//! | `outcome` | all files of a run |
//! | [`partial`] | what is finished of a run? |
//! | [`refit`] | the likelihood with a SNP in the model, for a block of SNPs |
//! | [`rotation`] | the null model of each trait, rotated |
//! | [`scan`] | the streaming itself |
//! | [`ssf`] | lines of the GWAS Catalog |
//! | `sums` | sums over kernel SNPs of all pairs |
//! | [`table`] | lines as REGENIE writes them |
//! | [`tally`], [`threshold`] | from which p on is a SNP associated? |

pub mod binary;
pub mod block;
pub mod clump;
pub mod condition;
pub mod effect;
pub mod fast;
pub mod finish;
pub mod identity;
pub mod kernels;
pub mod linkage;
pub mod mixture;
pub mod models;
pub mod nullfit;
pub mod nulls;
pub mod numbers;
pub mod oof;
pub mod ordinary;
mod outcome;
pub mod partial;
pub mod refit;
pub mod rotation;
pub mod scan;
pub mod ssf;
mod sums;
pub mod table;
pub mod tally;
pub mod threshold;

use std::path::{Path, PathBuf};

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use crate::cohort::{Choice, Cohort};
use crate::error::{Error, Result};
use crate::null::component::Component;
use crate::phenotypes::Trait;
use crate::run::{Progress, RunLog};
use crate::training::FixedEffects;

use clump::Clump;
use effect::Form;
use fast::Fast;
use finish::Writing;
use identity::Inputs;
use kernels::{Moments, Source};
use models::Models;
use nulls::Given;
use numbers::Numbers;
use oof::OutOfFold;
use outcome::Outcome;
use partial::{Finished, Part, Partial, parts};
use scan::{Group, Scan};
use tally::Count;
use threshold::Rule;

/// What a SNP is tested beside.
#[derive(Clone, Debug)]
pub enum Method {
    /// The covariates alone.
    Ordinary,
    /// The covariates alone, by logistic models of binary traits.
    Logistic(binary::Form),
    /// The rest of the genome too, by these kernels; for predictions out of fold by the first, for
    /// binary traits by the only one.
    Kernel(Vec<Component>, Beside),
}

/// In which way it is tested beside a kernel.
#[derive(Clone, Debug)]
pub enum Beside {
    /// The kernel is that of a random effect.
    Mixed(Form),
    /// The same, in a logistic model of a binary trait.
    Logistic(binary::Form),
    /// The kernel predicts each fold from the others, before the test.
    OutOfFold(OutOfFold),
}

impl Method {
    /// The test's form, as tables name it.
    fn form(&self) -> String {
        match self {
            Method::Ordinary => "ols".into(),
            Method::Logistic(form) => form.to_string(),
            Method::Kernel(_, Beside::Mixed(form)) => form.to_string(),
            Method::Kernel(_, Beside::Logistic(form)) => form.to_string(),
            Method::Kernel(_, Beside::OutOfFold(_)) => "oof".into(),
        }
    }

    /// Whether traits are binary.
    pub fn is_binary(&self) -> bool {
        matches!(
            self,
            Method::Logistic(_) | Method::Kernel(_, Beside::Logistic(_))
        )
    }
}

/// How to test.
#[derive(Clone, Debug)]
pub struct AssocOptions {
    /// What a SNP is tested beside.
    pub method: Method,
    /// c of γ = c / median, for a kernel with bandwidth.
    pub gamma_scale: f64,
    /// Whose SNP means and deviations the kernel takes.
    pub moments: Moments,
    /// Whether a SNP's chromosome is left out of the kernel.
    pub loco: bool,
    /// The score test without xᵀPx of every SNP.
    pub fast: Option<Fast>,
    /// What thresholds need beside the tests.
    pub count: Count,
    /// Which SNPs count as associated.
    pub threshold: Rule,
    /// Which of them stand for others.
    pub clump: Clump,
    /// How tables are written.
    pub writing: Writing,
    /// Prefix of null models to be taken.
    pub null_in: Option<PathBuf>,
    /// Prefix under which null models are kept.
    pub null_out: Option<PathBuf>,
}

impl AssocOptions {
    /// The defaults of the command line: chromosomes are left out, every SNP is tested exactly.
    pub fn new(method: Method) -> Self {
        AssocOptions {
            method,
            gamma_scale: 1.0,
            moments: Moments::All,
            loco: true,
            fast: None,
            count: Count::default(),
            threshold: Rule::Usual,
            clump: Clump::default(),
            writing: Writing::default(),
            null_in: None,
            null_out: None,
        }
    }
}

/// Of whom and what.
#[derive(Clone, Copy, Debug)]
pub struct AssocData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
}

/// Tests every SNP of `tested` for every trait and writes `PREFIX_TRAIT.regenie` (or another form)
/// and `PREFIX_TRAIT.loci.tsv` for each. The kernel is that of `cohort`, the same individuals. For
/// each set of samples and each chromosome left out about 10·N³ operations, and 2·N² for each SNP.
///
/// # Errors
/// `Inconsistent` if a chromosome is to be left out of a kernel of only one, or null models are
/// not of these inputs; `Degenerate` for a kernel without variance, and a fast test that would be
/// wrong; those of files; failures of the device.
pub fn assoc<B: Backend, E: Engine>(
    device: (&B, &E),
    (mut tested, cohort): (Choice, Option<Cohort>),
    data: AssocData<'_>,
    options: &AssocOptions,
    prefix: &Path,
    log: &RunLog,
) -> Result<Vec<PathBuf>> {
    let shared = Group::of(&data, &tested.samples);
    // Of several kernels each trait has a sum, and so a rotation, of its own.
    let groups = match &options.method {
        Method::Kernel(kernels, Beside::Mixed(_)) if kernels.len() > 1 => Group::single(&shared),
        _ => shared.clone(),
    };
    let given = options.null_in.as_deref().map(Given::read).transpose()?;
    let inputs: Vec<Inputs> = cohort.as_ref().map_or_else(Vec::new, |cohort| {
        identity::inputs(&data, &shared, cohort, options)
    });
    let sum = given.as_ref().map_or("", Given::checksum);
    let run = identity::run(&data, &groups, &tested, options, (&inputs, sum))?;
    let partial = Partial::new(prefix, run, data.traits.len(), options.method.is_binary());
    let all = parts(&tested, |name| match (&cohort, options.loco) {
        (Some(cohort), true) => kernels::segment(&cohort.genotypes, cohort.chromosomes, name),
        _ => None,
    });
    if let (Some(cohort), true) = (&cohort, options.loco)
        && cohort.genotypes.segments().len() < 2
    {
        return Err(Error::inconsistent(
            "--loco leaves a SNP's chromosome out of the kernel: found kernel SNPs on one \
             chromosome, expected several; use --no-loco, or see --kernel-chr",
        ));
    }
    let numbers = Numbers::new(&data, inputs, given);
    if let Some(cohort) = &cohort {
        let name =
            |part: &Part| kernels::name(&cohort.genotypes, cohort.chromosomes, part.left_out);
        numbers.check(all.iter().map(name))?;
    }
    let mut work = Work {
        scan: Scan::new(&tested, &data, &groups, (&options.method, options.count)),
        models: Models::new(&data, &shared, options, numbers),
        cohort,
        source: None,
        progress: log.progress(
            all.iter().map(|p| p.snps.len()).sum::<usize>() as u64,
            "SNPs",
        ),
        log,
    };
    let mut finished = Vec::with_capacity(all.len());
    for part in &all {
        finished.push(match partial.finished(part, &tested) {
            Some(known) => {
                log.say(format!(
                    "chromosome {} was finished by an earlier run: {} is taken",
                    part.chromosome,
                    partial.folder().display()
                ));
                work.progress.inc(part.snps.len() as u64);
                known
            }
            None => {
                let done = work.part(device, (part, &partial), &mut tested);
                done.map_err(|error| match finished.is_empty() {
                    true => error,
                    false => {
                        error.and("What is finished is kept: the same command goes on from there")
                    }
                })?
            }
        });
    }
    drop(work);
    let outcome = Outcome {
        parts: &all,
        finished: &finished,
        partial: &partial,
    };
    let files = log.timed("write", || {
        outcome.write(&mut tested, (&data, &groups), options, prefix, log)
    })?;
    let written = files.commit()?;
    partial.remove();
    Ok(written)
}

/// A run in progress.
struct Work<'a, B: Backend, E: Engine> {
    scan: Scan<'a>,
    models: Models<'a>,
    /// The kernel's individuals and SNPs, until they are needed.
    cohort: Option<Cohort>,
    source: Option<Source<'a, B, E>>,
    progress: Progress,
    log: &'a RunLog,
}

impl<'a, B: Backend, E: Engine> Work<'a, B, E> {
    /// Tests a chromosome and keeps what was found in `partial`.
    fn part(
        &mut self,
        device: (&'a B, &'a E),
        (part, partial): (&Part, &Partial),
        tested: &mut Choice,
    ) -> Result<Finished> {
        if let Some(cohort) = self.cohort.take() {
            let options = self.models.options();
            let Method::Kernel(kernels, _) = &options.method else {
                return Err(Error::usage("a kernel that no test asks for"));
            };
            let setting = (&kernels[..], options.gamma_scale);
            let made = || Source::new(device, cohort, setting, options.moments);
            self.source = Some(self.log.timed("build", made)?);
        }
        self.models
            .prepare(self.source.as_mut(), part.left_out, self.log)?;
        self.scan.begin(partial.begin(part)?);
        let (scan, progress) = (&mut self.scan, &self.progress);
        let numbers = self.log.timed("test", || {
            self.models.test(scan, &mut tested.bed, part, progress)
        })?;
        let (tables, tally) = self.scan.end();
        let finished = Finished {
            tally,
            nulls: self.models.describe().to_vec(),
            binary: self.models.describe_binary().to_vec(),
            models: numbers,
        };
        partial.end(part, tested, (tables, &finished))?;
        Ok(finished)
    }
}
