//! `epitile kernel`.

use std::path::Path;

use clap::Args as ClapArgs;
use epitile::backend::Job;
use epitile::cohort::Cohort;
use epitile::error::{Error, Result};
use epitile::matrix::{Format, MatrixOptions, Missing, write_matrix};
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::args::{Computation, Genotypes, Output, Settings, Weights, kernels};
use super::memory;
use super::program::Run;

/// Flags of `epitile kernel`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.grm.bin, PREFIX.grm.N.bin, PREFIX.grm.id (--format grm, GCTA) and \
PREFIX.npy (--format npy, N × N, float64).

linear:2pq with --missing mean is plink2 --make-rel meanimpute, with --missing pairwise \
plink2 --make-rel; ibs with --missing pairwise (its default) is 1 − plink1.9 --distance 1-ibs \
flat-missing. PLINK's figures are of the autosomes: --chr 1-22.

Example:
  epitile kernel --bfile cohort --chr 1-22 --kernel linear:2pq --out grm"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    /// Kernel: linear, linear:std, linear:2pq, gaussian, laplacian, ibs, poly:D or grm^2
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    kernel: Vec<String>,
    /// What stands for missing calls: mean (imputed) or pairwise (SNPs at which both are called)
    #[arg(long, value_name = "RULE")]
    missing: Option<Missing>,
    /// Files to write: grm, npy, or both
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "grm,npy"
    )]
    format: Vec<Format>,
    #[command(flatten)]
    weighting: Weights,
    #[command(flatten)]
    settings: Settings,
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
        let kernel = match *kernels(&self.kernel)? {
            [one] => one,
            ref other => {
                return Err(Error::usage(format!(
                    "--kernel: found {} kernels, expected one",
                    other.len()
                )));
            }
        };
        let gamma = self.settings.gammas(Gammas::Scales(vec![1.0]))?;
        let mut options = MatrixOptions {
            kernel,
            gamma,
            missing: self.missing,
            formats: self.format.clone(),
            weights: None,
        };
        options.check()?;
        let cohort = log.timed("read", || Cohort::load(&self.genotypes.options()))?;
        log.cohort(&cohort);
        options.weights = self.weighting.read(&cohort.snps, log)?;
        let shape = memory::Shape::from(&cohort.genotypes).with(options.weights.as_deref());
        let plan = memory::Plan::matrix(shape, kernel, &self.computation);
        let room = memory::check(&plan, &self.computation.machine, log)?;
        let job = Writing {
            cohort,
            options: &options,
            prefix: &self.output.out,
            log,
        };
        room.run(job)
    }
}

struct Writing<'a> {
    cohort: Cohort,
    options: &'a MatrixOptions,
    prefix: &'a Path,
    log: &'a RunLog,
}

impl Job for Writing<'_> {
    type Output = ();

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<()> {
        let Writing {
            cohort,
            options,
            prefix,
            log,
        } = self;
        write_matrix(cohort, backend, engine, options, prefix, log)?;
        Ok(())
    }
}
