//! `epitile bench`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgMatches, Args as ClapArgs, Command, FromArgMatches};
use epitile::backend::MOST_THREADS;
use epitile::bench::record::{BenchRecord, PHASES, Scaling};
use epitile::bench::{ACCEPTED, BenchOptions, bench, chart, check};
use epitile::error::{Error, Result};
use epitile::io::output::{AtomicFile, OutputSet, check_writable};
use epitile::run::RunLog;
use epitile::simulate::{SimulateOptions, simulate};
use epitile_core::kernel::Kernel;

use super::args::Computation;
use super::memory;
use super::program::Run;
use super::screen::show;

/// Flags of `epitile bench`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Times Build, Prepare (deflation and plan), Factor, Solve (with refinement) and \
Predict (1,024 individuals) of a Gaussian kernel (γ = 1/median d²) on simulated genotypes, after one \
run that is not counted. Rates are N²M 2-bit operations for Build, 2·1,024·N·M for Predict, \
multiplications and additions for Factor and Solve; \"of peak\" is what they are of this machine's \
ceilings, which are measured last. Fails if the backward error exceeds 16·N·2⁻⁵³, the HPL-MxP bound.

Example:
  epitile bench --samples 8192 --snps 40960 --traits 16 --precision adaptive --threads 1,2 \\
      --json bench.json --chart bench.svg"
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
    /// Also draw times, and speed-up over --threads, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    scaled: Scaled,
}

/// The flags of a computation, of which `--threads` takes a list.
#[derive(Debug, Clone)]
struct Scaled {
    threads: Vec<usize>,
    computation: Computation,
}

impl ClapArgs for Scaled {
    fn augment_args(command: Command) -> Command {
        Computation::augment_args(command).mut_arg("threads", |arg| {
            arg.value_name("N,…")
                .value_delimiter(',')
                .help("Threads, or several numbers of them for strong scaling [default: all cores]")
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Scaled::augment_args(command)
    }
}

impl FromArgMatches for Scaled {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let threads = matches.get_many("threads").unwrap_or_default();
        Ok(Scaled {
            threads: threads.copied().collect(),
            computation: Computation::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Scaled::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Scaled {
    /// Numbers of threads, each given once.
    fn threads(&self) -> Result<Vec<usize>> {
        match self.threads[..] {
            [] | [0] => {
                let cores = std::thread::available_parallelism();
                return Ok(vec![cores.map_or(1, |n| n.get())]);
            }
            _ => {}
        }
        let mut seen = Vec::new();
        for &threads in &self.threads {
            let fault = match threads {
                0 => "0 stands for all cores only by itself".to_owned(),
                n if seen.contains(&n) => format!("{n} is there twice"),
                n if n > MOST_THREADS => format!("expected at most {MOST_THREADS}"),
                _ => {
                    seen.push(threads);
                    continue;
                }
            };
            return Err(Error::usage(format!("--threads {threads}: {fault}")));
        }
        Ok(seen)
    }
}

impl Run for Args {
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
        let computation = &self.scaled.computation;
        let options = BenchOptions {
            backend: computation.machine.backend,
            threads: self.scaled.threads()?,
            lambda: self.lambda,
            solve: computation.solve()?,
            tile: computation.tile,
            runs: self.runs,
        };
        for file in [&self.json, &self.chart].into_iter().flatten() {
            check_writable(file)?;
        }
        let simulated = SimulateOptions {
            samples: self.samples,
            snps: self.snps,
            chromosomes: 22.min(self.snps),
            traits: self.traits,
            causal: 100.min(self.snps),
            pairs: 0,
            additive: 0.5,
            epistatic: 0.0,
            seed: self.seed,
            ..SimulateOptions::default()
        };
        let mut computation = computation.clone();
        computation.machine.threads = options.threads.iter().copied().max().unwrap_or(0);
        let kernels = [Kernel::Gaussian];
        // Before the genotypes are there, that a run which cannot fit ends at once.
        let shape = memory::Shape {
            samples: self.samples,
            snps: self.snps,
            words: padded_words(self.snps, simulated.chromosomes),
            missing: false,
        };
        let plan = memory::Plan::of(shape, &kernels, &computation, self.traits);
        let room = memory::check(&plan, &computation.machine, log)?;
        let simulation = log.timed("simulate", || simulate(&simulated))?;
        let traits: Vec<Vec<f64>> = simulation.traits.iter().map(|t| t.values()).collect();
        let calls = Arc::new(simulation.cohort.genotypes);
        let record = bench(&calls, &traits, &options, room.spill(), log)?;
        room.tell();
        show(|out| print(&record, out))?;
        check(&record)?;
        self.write(&record)
    }
}

/// Words of a row of a plane, at most: chromosomes start at multiples of 512 bits.
fn padded_words(snps: usize, chromosomes: usize) -> usize {
    snps.div_ceil(64) + 8 * chromosomes
}

impl Args {
    fn write(&self, record: &BenchRecord) -> Result<()> {
        let mut files = OutputSet::new();
        let mut add = |path: &Option<PathBuf>, text: &dyn Fn() -> Result<String>| match path {
            None => Ok(()),
            Some(path) => {
                let mut file = AtomicFile::create(path)?;
                file.put(text()?)?;
                files.add(file)
            }
        };
        add(&self.json, &|| {
            let text = serde_json::to_string_pretty(record);
            let unwritable = |e| Error::inconsistent(format!("the record cannot be written: {e}"));
            Ok(text.map_err(unwritable)? + "\n")
        })?;
        add(&self.chart, &|| chart::chart(record))?;
        files.commit().map(|_| ())
    }
}

fn print(r: &BenchRecord, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} individuals, {} SNPs, {} traits, tile {}, λ {}; {}",
        r.samples, r.snps, r.traits, r.tile, r.lambda, r.machine
    )?;
    let q: Vec<String> = r
        .kernel_quantiles
        .iter()
        .map(|q| format!("{q:.4}"))
        .collect();
    writeln!(
        out,
        "kernel {}, γ {:.6e}; off the diagonal (minimum, 5, 25, 50, 75, 95 %, maximum): {}",
        r.kernel,
        r.gamma,
        q.join(" ")
    )?;
    for scaling in &r.scaling {
        times(r, scaling, out)?;
    }
    let f = &r.factor;
    writeln!(
        out,
        "\nfactor: {}, deflation of rank {}, step: {}",
        f.policy, f.deflation, f.step
    )?;
    writeln!(
        out,
        "{:<8} {:>8} {:>9} {:>12} {:>12} {:>12} {:>12}",
        "format", "tiles", "MiB", "gemm Gflop", "syrk Gflop", "trsm Gflop", "potrf Gflop"
    )?;
    for (p, s) in &f.formats {
        let o = &s.operations;
        writeln!(
            out,
            "{p:<8} {:>8} {:>9.1} {:>12.4} {:>12.4} {:>12.4} {:>12.4}",
            s.tiles,
            s.bytes as f64 / f64::from(1 << 20),
            o.gemm / 1e9,
            o.syrk / 1e9,
            o.trsm / 1e9,
            o.potrf / 1e9
        )?;
    }
    for (what, times) in &f.fallbacks {
        writeln!(out, "{what}: {times} times")?;
    }
    let e = &r.backward_error;
    writeln!(
        out,
        "backward error {:.2e} → {:.2e}; over N·2⁻⁵³ {:.3e} → {:.3} (accepted: {ACCEPTED}) in {} \
         iterations and {} passes",
        e.before, e.after, e.scaled_before, e.scaled, r.iterations, r.passes
    )
}

/// One table per number of threads.
fn times(r: &BenchRecord, scaling: &Scaling, out: &mut dyn Write) -> io::Result<()> {
    let s = if scaling.threads == 1 { "" } else { "s" };
    writeln!(out, "\n{} thread{s}", scaling.threads)?;
    writeln!(
        out,
        "{:<8} {:>10} {:>10} {:>10} {:>12} {:>8} {:>8}",
        "phase", "min s", "median s", "max s", "10⁹/s", "of peak", "speed-up"
    )?;
    for name in PHASES {
        let p = &scaling.phases[name];
        let first = r.scaling[0].phases[name].median_s;
        let rate = p.rate.map_or(String::new(), |rate| format!("{rate:.1}"));
        let share = p.fraction.map(|f| format!("{:.1} %", 100.0 * f));
        writeln!(
            out,
            "{name:<8} {:>10.4} {:>10.4} {:>10.4} {rate:>12} {:>8} {:>8.2}",
            p.min_s,
            p.median_s,
            p.max_s,
            share.unwrap_or_default(),
            first / p.median_s
        )?;
    }
    let ceilings = scaling.ceilings.iter();
    let ceilings: Vec<String> = ceilings
        .map(|c| format!("{} {} {:.0}", c.work, c.isa, c.all).replace("  ", " "))
        .collect();
    writeln!(out, "ceilings, 10⁹/s: {}", ceilings.join(", "))
}
