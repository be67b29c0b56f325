//! `epitile cv`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use epitile::backend::Job;
use epitile::cohort::Cohort;
use epitile::cv::{
    CvData, CvOptions, CvResult, Scheme, cross_validate, obstacle, summaries, write,
};
use epitile::error::{Error, Result};
use epitile::folds::Folds;
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile::similarity::{Extras, Similarity};
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes as Calls;

use super::args::{Computation, Genotypes, Output, Settings, Traits, Weights, kernels};
use super::inputs;
use super::program::Run;
use crate::cli::memory;

/// Flags of `epitile cv`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.cv.tsv (every fold), PREFIX.cv_summary.tsv (every setting; \
DIFF_MSPE is against the best linear setting, paired by fold; BEST was chosen on these folds, so \
it flatters: --nested gives an unbiased score in PREFIX.cv_nested.tsv), PREFIX.cv_predictions.tsv, \
PREFIX.log and PREFIX.run.json.

With --loo every individual is predicted by the model of all others, exactly, from one \
factorisation per setting. FOLD is LOO and the tables have one row per setting: MSPE, PEARSON and \
R2 are of all individuals together; SE_MSPE, DIFF_MSPE, SE_DIFF and FOLDS_WON take each \
individual as a fold; SE_PEARSON is NA. Relatives stay in the training set: with families, \
--folds with --by-family is the harder test.

Example:
  epitile cv --bfile wheat --pheno wheat.pheno.txt --pheno-name env1,env2 --folds folds10.txt \\
      --kernel linear,gaussian --gamma-scale 0.25,0.5,1,2,4 --lambda 0.01,0.1,1,10 --out cv"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernels to compare: linear, linear:std, linear:2pq, gaussian, laplacian, ibs, poly:D, grm^2
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "linear,gaussian"
    )]
    kernel: Vec<String>,
    #[command(flatten)]
    weighting: Weights,
    #[command(flatten)]
    settings: Settings,
    /// Number of folds, or a file FID IID fold
    #[arg(long, value_name = "K|FILE", default_value = "10")]
    folds: PathBuf,
    /// Keep families (equal FID) in one fold
    #[arg(long)]
    by_family: bool,
    /// Seed of random folds
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Also choose settings inside each training set, for an unbiased score
    #[arg(long)]
    nested: bool,
    /// Leave out one individual at a time instead of folds, in closed form from FP64 factors
    #[arg(long, conflicts_with_all = ["folds", "by_family", "seed", "nested"])]
    loo: bool,
    #[command(flatten)]
    computation: Computation,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        self.validate(log).map(|_| ())
    }
}

impl Args {
    /// Runs the validation, writes its tables and returns its result.
    pub(crate) fn validate(&self, log: &RunLog) -> Result<CvResult> {
        let options = CvOptions {
            kernels: kernels(&self.kernel)?,
            gammas: self.settings.gammas(Gammas::default())?,
            lambdas: self.settings.lambdas_or_grid()?,
            solve: self.computation.solve()?,
            tile: self.computation.tile,
            scheme: match (self.loo, self.nested) {
                (true, _) => Scheme::LeaveOneOut,
                (false, true) => Scheme::Nested,
                (false, false) => Scheme::Folds,
            },
        };
        let inputs = inputs::read(&self.genotypes, &self.traits, log)?;
        let folds = self.folds(&inputs.cohort)?;
        log.report(&folds.notes, &[]);
        if self.nested && folds.count() < 3 {
            return Err(Error::usage(format!(
                "--nested chooses among the other folds: found {} folds, expected at least 3",
                folds.count()
            )));
        }
        let Cohort {
            samples,
            snps,
            genotypes,
            ..
        } = inputs.cohort;
        let weights = self.weighting.read(&snps, log)?;
        let calls = Arc::new(genotypes);
        let columns = inputs.traits.len();
        let shape = memory::Shape::from(&*calls).with(weights.as_deref());
        let plan = memory::Plan::cv(shape, &options, &self.computation.machine, columns);
        let room = memory::check(&plan, &self.computation.machine, log)?;
        let data = CvData {
            traits: &[],
            fixed: &inputs.fixed,
            complete: &inputs.complete,
            folds: &folds,
        };
        let reason = |of: &Trait| obstacle(data, of, options.scheme);
        let traits = inputs::keep_trainable(inputs.traits, reason, log)?;
        let data = CvData {
            traits: &traits,
            ..data
        };
        let extras = Extras {
            inside: inputs.inside.as_ref().map(|(_, inside)| inside.clone()),
            weights,
        };
        let job = Validation {
            calls,
            data,
            extras,
            options: &options,
            log,
        };
        let result = room.run(job)?;
        log.timed("write", || {
            write(&self.output.out, &samples, data, &options, &result)
        })?;
        report(&options, &result, log);
        Ok(result)
    }

    fn folds(&self, cohort: &Cohort) -> Result<Folds> {
        if self.loo {
            return Ok(Folds::one_by_one(cohort.samples.len()));
        }
        let count = self
            .folds
            .to_str()
            .and_then(|text| text.parse::<usize>().ok());
        match (count, self.by_family) {
            (Some(k), true) => Folds::families(&cohort.samples, k, self.seed),
            (Some(k), false) => Folds::random(cohort.samples.len(), k, self.seed),
            (None, false) => Folds::read(&self.folds, &cohort.samples),
            (None, true) => Err(Error::usage(
                "--by-family makes folds: found a file in --folds, expected their number",
            )),
        }
    }
}

struct Validation<'a> {
    calls: Arc<Calls>,
    data: CvData<'a>,
    extras: Extras,
    options: &'a CvOptions,
    log: &'a RunLog,
}

impl Job for Validation<'_> {
    type Output = CvResult;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<CvResult> {
        let Validation {
            calls,
            data,
            extras,
            options,
            log,
        } = self;
        let similarity = log.timed("build", || {
            Similarity::new(backend, engine, &calls, &options.kernels, extras)
        })?;
        super::fit::report_distances(&similarity, &options.kernels, log);
        log.timed("associate", || {
            cross_validate(&similarity, engine, data, options, log)
        })
    }
}

/// The best setting of each kernel, trait by trait.
fn report(options: &CvOptions, result: &CvResult, log: &RunLog) {
    let what = match options.scheme {
        Scheme::LeaveOneOut => "individuals",
        _ => "folds",
    };
    for of in &result.traits {
        let rows = summaries(&result.settings, &options.kernels, of);
        for (setting, row) in result
            .settings
            .iter()
            .zip(&rows)
            .filter(|(_, row)| row.best)
        {
            let versus = match row.folds_won {
                Some(won) if !setting.bandwidth.kernel.is_linear() => format!(
                    "; against linear {:+.4e} ± {:.1e}, {won} {what} won",
                    row.difference.0, row.difference.1
                ),
                _ => String::new(),
            };
            let spread = match row.pearson.1 {
                error if error.is_nan() => String::new(),
                error => format!(" ± {error:.4}"),
            };
            log.say(format!(
                "{}: best {setting}: MSPE {:.5e} ± {:.1e}, r {:.4}{spread}{versus}",
                of.name, row.mspe.0, row.mspe.1, row.pearson.0
            ));
        }
    }
    log.say(result.evidence.summary());
    if let Ok(value) = serde_json::to_value(&result.evidence) {
        log.set("certificate", value);
    }
    if result.in_turn > 0 {
        log.note("folds left out in closed form, from one factor per setting: fewer operations");
    }
    let closed = result.in_turn > 0 || options.scheme == Scheme::LeaveOneOut;
    log.set(
        "left_out",
        if closed { "closed form" } else { "refit" }.into(),
    );
    log.set("precision", options.solve().policy.to_string().into());
}
