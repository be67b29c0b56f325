//! `epitile explain`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use epitile::align::align;
use epitile::backend::Job;
use epitile::error::{Error, Result};
use epitile::explain::{ExplainOptions, Explained, explain, write};
use epitile::io::fileset::{Fileset, with_suffix};
use epitile::io::output::{OutputSet, file_name_part};
use epitile::model::Model;
use epitile::run::RunLog;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;

use super::args::{Machine, Output};
use super::memory;
use super::program::Run;

/// Flags of `epitile explain`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Attributes a model's predictions to SNPs: it tests nothing, and none of its \
figures is a p-value. Models of linear, linear:std, linear:2pq and gaussian kernels.

PREFIX.explain.tsv: CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ; MEAN and RMS, the mean and the root \
mean square over the individuals of --bfile of the derivative of the prediction by the dosage of \
ALLELE1; NULL_SD and NULL_RMS, the standard deviation of MEAN and the mean of RMS in models of \
traits drawn from the fitted model; Z = MEAN/NULL_SD.
PREFIX.weights.tsv: ID effect_allele effect_weight of the additive part; PREFIX.additive.sscore: \
what it gives for each individual; PREFIX.explain.json: its constant. Of a linear kernel this is \
the prediction without covariates, of a gaussian one the plane with the mean derivatives. Without \
missing calls, constant + SCORE1_SUM of
  plink2 --bfile cohort --score PREFIX.weights.tsv 1 2 3 header no-mean-imputation cols=+scoresums
With several traits there are files PREFIX_TRAIT.… of each. Weights of SNPs disclose less than a \
model with genotypes, but not nothing.

Example:
  epitile explain --model height.epitile --bfile cohort --out height"
)]
pub(crate) struct Args {
    /// Model file written by fit
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Prefix of .bed, .bim and .fam of the individuals to explain, such as the training ones
    #[arg(long, value_name = "PREFIX")]
    bfile: PathBuf,
    /// Prefix of the training genotypes, if they moved since fit
    #[arg(long, value_name = "PREFIX")]
    train_bfile: Option<PathBuf>,
    /// Least fraction of the model's SNPs that must be usable
    #[arg(long, value_name = "FRACTION", default_value_t = 0.9)]
    min_overlap: f64,
    /// Traits drawn from the fitted model; 0 for none
    #[arg(long, value_name = "N", default_value_t = 50)]
    draws: usize,
    /// Seed of the draws
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
        if !(0.0..=1.0).contains(&self.min_overlap) {
            return Err(Error::usage(format!(
                "--min-overlap {}: expected a fraction between 0 and 1",
                self.min_overlap
            )));
        }
        let (model, files, genotypes) = log.timed("read", || self.read(log))?;
        let plan = memory::Plan::explain(&model, &genotypes, self.draws, &self.machine)?;
        let room = memory::check(&plan, &self.machine, log)?;
        let options = ExplainOptions {
            draws: self.draws,
            seed: self.seed,
        };
        let explained = room.run(Explaining {
            model: &model,
            genotypes: &genotypes,
            options,
            log,
        })?;
        log.timed("write", || {
            let mut set = OutputSet::new();
            for one in &explained {
                let suffix = format!("_{}", file_name_part(&one.name));
                let prefix = match explained.len() {
                    1 => self.output.out.clone(),
                    _ => with_suffix(&self.output.out, &suffix),
                };
                write(&prefix, &model, one, (&files.samples, &genotypes), &mut set)?;
            }
            set.commit()
        })?;
        for one in &explained {
            log.say(format!(
                "{}: weights of {} SNPs; constant of the additive part {}",
                one.name,
                one.mean.len(),
                one.constant
            ));
        }
        log.note("derivatives attribute predictions to SNPs: they are not p-values");
        Ok(())
    }
}

impl Args {
    fn read(&self, log: &RunLog) -> Result<(Model, Fileset, Genotypes)> {
        let mut model = Model::load(&self.model)?;
        let files = Fileset::read(&self.bfile)?;
        let rows: Vec<u32> = (0..files.samples.len() as u32).collect();
        let (genotypes, alignment) = align(&files, &rows, &model.meta.snps, &model.meta.segments)?;
        for line in alignment.describe() {
            log.note(line);
        }
        alignment.require(self.min_overlap)?;
        model.fetch_genotypes(self.train_bfile.as_deref())?;
        log.say(format!(
            "model: {} traits, kernel {}, {} individuals, {} SNPs; explained by {} individuals",
            model.traits.len(),
            model.meta.kernel,
            model.meta.samples.len(),
            model.meta.snps.len(),
            genotypes.samples()
        ));
        if model.meta.fixed.len() > 1 {
            log.note(format!(
                "the additive part has the intercept and no covariates ({})",
                model.meta.fixed[1..].join(", ")
            ));
        }
        Ok((model, files, genotypes))
    }
}

struct Explaining<'a> {
    model: &'a Model,
    genotypes: &'a Genotypes,
    options: ExplainOptions,
    log: &'a RunLog,
}

impl Job for Explaining<'_> {
    type Output = Vec<Explained>;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Vec<Explained>> {
        explain(
            backend,
            engine,
            self.model,
            self.genotypes,
            self.options,
            self.log,
        )
    }
}
