//! `epitile predict`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use epitile::align::align;
use epitile::backend::Job;
use epitile::error::{Error, Result};
use epitile::io::fileset::{Fileset, with_suffix};
use epitile::model::Model;
use epitile::predict::{NewData, Predicted, designs, predict, write};
use epitile::run::RunLog;
use epitile::training::FixedEffects;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::args::{Machine, Output};
use super::inputs::values;
use super::memory;
use super::program::Run;

/// Flags of `epitile predict`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.sscore: #FID IID and per trait T_PRED; with --interval also \
T_SE (of the expected value) and T_SE_NEW (of a new observation).

SNPs are matched by ID. Swapped alleles are flipped; the other strand is complemented; A/T and C/G \
SNPs are taken as written; other positions are noted; of SNPs with one ID the one at the model's \
position with its alleles is taken; SNPs that are absent or have other alleles are imputed with the \
model's means. Each case is counted and named in the log.

Example:
  epitile predict --model height.epitile --bfile new --covar new_covar.txt --out new"
)]
pub(crate) struct Args {
    /// Model file written by fit
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Prefix of .bed, .bim and .fam of the new individuals
    #[arg(long, value_name = "PREFIX")]
    bfile: PathBuf,
    /// Covariates of the new individuals, if the model has any
    #[arg(long, value_name = "FILE")]
    covar: Option<PathBuf>,
    /// Prefix of the training genotypes, if they moved since fit
    #[arg(long, value_name = "PREFIX")]
    train_bfile: Option<PathBuf>,
    /// Least fraction of the model's SNPs that must be usable
    #[arg(long, value_name = "FRACTION", default_value_t = 0.9)]
    min_overlap: f64,
    /// Also give standard errors
    #[arg(long)]
    interval: bool,
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
        self.predict(log).map(|_| ())
    }
}

impl Args {
    /// Predicts, writes the table and returns the predictions.
    pub(crate) fn predict(&self, log: &RunLog) -> Result<Vec<Predicted>> {
        if !(0.0..=1.0).contains(&self.min_overlap) {
            return Err(Error::usage(format!(
                "--min-overlap {}: expected a fraction between 0 and 1",
                self.min_overlap
            )));
        }
        let (model, files, new) = log.timed("read", || self.read(log))?;
        let plan = memory::Plan::predict(&model, &new.genotypes, self.interval, &self.machine)?;
        let room = memory::check(&plan, &self.machine, log)?;
        let job = Prediction {
            model: &model,
            new: &new,
            intervals: self.interval,
            log,
        };
        let predicted = log.timed("predict", || room.run(job))?;
        log.timed("write", || {
            let path = with_suffix(&self.output.out, ".sscore");
            write(&path, &files.samples, &model, &predicted)?.commit()
        })?;
        let lost = new.complete.iter().filter(|c| !**c).count();
        if lost > 0 {
            log.warn(format!(
                "{lost} individuals lack covariates: their predictions are NA"
            ));
        }
        log.say(format!(
            "{} individuals predicted for {} traits",
            files.samples.len() - lost,
            model.traits.len()
        ));
        Ok(predicted)
    }

    fn read(&self, log: &RunLog) -> Result<(Model, Fileset, NewData)> {
        let mut model = Model::load(&self.model)?;
        log.say(format!(
            "model: {} traits, kernel {}, λ = {}, {} individuals, {} SNPs",
            model.traits.len(),
            model.meta.kernel,
            model.meta.lambda,
            model.meta.samples.len(),
            model.meta.snps.len()
        ));
        let files = Fileset::read(&self.bfile)?;
        let rows: Vec<u32> = (0..files.samples.len() as u32).collect();
        let (genotypes, alignment) = align(&files, &rows, &model.meta.snps, &model.meta.segments)?;
        for line in alignment.describe() {
            log.note(line);
        }
        alignment.require(self.min_overlap)?;
        model.fetch_genotypes(self.train_bfile.as_deref())?;
        let (design, inside) = designs(&model, self.covar.as_deref(), &files.samples)?;
        log.report(&design.notes, &design.warnings);
        let complete = (0..files.samples.len())
            .map(|i| design.complete[i] && inside.as_ref().is_none_or(|(d, _)| d.complete[i]))
            .collect();
        let fixed = FixedEffects::new(model.meta.intercept, &design, files.samples.len())?;
        let inside = inside.map(|(design, weight)| values(&design, weight));
        Ok((
            model,
            files,
            NewData {
                genotypes,
                fixed,
                complete,
                inside,
            },
        ))
    }
}

struct Prediction<'a> {
    model: &'a Model,
    new: &'a NewData,
    intervals: bool,
    log: &'a RunLog,
}

impl Job for Prediction<'_> {
    type Output = Vec<Predicted>;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Vec<Predicted>> {
        predict(
            backend,
            engine,
            self.model,
            self.new,
            self.intervals,
            self.log,
        )
    }
}
