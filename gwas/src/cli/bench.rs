//! `epitile bench`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as ClapArgs;
use epitile::backend::Job;
use epitile::bench::{BenchOptions, BenchResult, bench};
use epitile::error::{Error, Result};
use epitile::io::output::{AtomicFile, check_writable};
use epitile::run::RunLog;
use epitile::simulate::{SimulateOptions, simulate};
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;

use super::args::Computation;
use super::memory;
use super::program::Run;
use super::screen::show;

/// Flags of `epitile bench`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Times Build, Factor, Solve (with refinement) and Predict (1,024 individuals) \
of a Gaussian kernel (γ = 1/median d²) on simulated genotypes, after one run that is not counted. \
Fails if the scaled backward error exceeds 16, the HPL-MxP bound.

Example:
  epitile bench --samples 8192 --snps 40960 --traits 16 --runs 5 --precision f32 --json b.json"
)]
pub(crate) struct Args {
    /// Individuals
    #[arg(long, value_name = "N", default_value_t = 2048)]
    samples: usize,
    /// SNPs
    #[arg(long, value_name = "M", default_value_t = 10_240)]
    snps: usize,
    /// Traits
    #[arg(long, value_name = "T", default_value_t = 8)]
    traits: usize,
    /// Timed runs
    #[arg(long, value_name = "R", default_value_t = 5)]
    runs: usize,
    /// Ridge λ
    #[arg(long, value_name = "L", default_value_t = 0.1)]
    lambda: f64,
    /// Seed of the simulation
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Also write the record as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    computation: Computation,
}

impl Run for Args {
    fn prefix(&self) -> Option<&Path> {
        None
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        if self.runs == 0 || self.samples < 2 || self.traits == 0 {
            return Err(Error::usage(
                "bench needs at least one run, one trait and two individuals",
            ));
        }
        if !(self.lambda > 0.0 && self.lambda.is_finite()) {
            return Err(Error::usage(format!(
                "--lambda {}: expected a number above zero",
                self.lambda
            )));
        }
        if let Some(json) = &self.json {
            check_writable(json)?;
        }
        let options = SimulateOptions {
            samples: self.samples,
            snps: self.snps,
            traits: self.traits,
            causal: 100.min(self.snps),
            pairs: 0,
            additive: 0.5,
            epistatic: 0.0,
            seed: self.seed,
            ..SimulateOptions::default()
        };
        let simulation = log.timed("simulate", || simulate(&options))?;
        let traits: Vec<Vec<f64>> = simulation.traits.iter().map(|t| t.values()).collect();
        let options = BenchOptions {
            lambda: self.lambda,
            solve: self.computation.solve()?,
            tile: self.computation.tile,
            runs: self.runs,
            threads: self.computation.machine.threads(),
        };
        let calls = Arc::new(simulation.cohort.genotypes);
        let plan = memory::Plan::of(&calls, &[Kernel::Gaussian], &self.computation, self.traits);
        let room = memory::check(&plan, &self.computation.machine, log)?;
        let job = Timing {
            calls: &calls,
            traits: &traits,
            options: &options,
            log,
        };
        let result = room.run(job)?;
        show(|out| print(&result, out))?;
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&result)
                .map_err(|e| Error::inconsistent(format!("the record cannot be written: {e}")))?;
            let mut file = AtomicFile::create(path)?;
            file.put(text + "\n")?;
            file.commit()?;
        }
        Ok(())
    }
}

struct Timing<'a> {
    calls: &'a Arc<Genotypes>,
    traits: &'a [Vec<f64>],
    options: &'a BenchOptions,
    log: &'a RunLog,
}

impl Job for Timing<'_> {
    type Output = BenchResult;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<BenchResult> {
        bench(
            backend,
            engine,
            self.calls,
            self.traits,
            self.options,
            self.log,
        )
    }
}

fn print(result: &BenchResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} individuals, {} SNPs, {} traits, {} threads, tile {}, {}; {}",
        result.samples,
        result.snps,
        result.traits,
        result.threads,
        result.tile,
        result.precision,
        result.machine
    )?;
    writeln!(
        out,
        "{:<8} {:>10} {:>10} {:>10}  rate",
        "phase", "min s", "median s", "max s"
    )?;
    for name in ["build", "factor", "solve", "predict"] {
        let phase = &result.phases[name];
        let least = phase.seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = phase.seconds.iter().copied().fold(0.0, f64::max);
        let rate = match (phase.tops, phase.gflops) {
            (Some(t), _) => format!("{t:.3} Tera-ops/s"),
            (_, Some(g)) => format!("{g:.1} Gflop/s"),
            _ => String::new(),
        };
        writeln!(
            out,
            "{name:<8} {least:>10.4} {:>10.4} {most:>10.4}  {rate}",
            phase.median_s
        )?;
    }
    let e = &result.backward_error;
    writeln!(
        out,
        "backward error {:.2e} → {:.2e} (scaled {:.3}, HPL-MxP accepts 16) in {} iterations; tiles {:?}",
        e.before, e.after, e.scaled, result.iterations, result.tiles
    )
}
