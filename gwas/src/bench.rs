//! An HPL-MxP-style benchmark on simulated genotypes: Build, Prepare (deflation and plan), Factor,
//! Solve with refinement, Predict, each timed apart, on a Gaussian kernel that is neither constant
//! nor the identity.
//!
//! | file | question it answers |
//! |---|---|
//! | `count.rs` | how many operations and bytes in which format? |
//! | `record.rs` | what is told? |
//! | `chart.rs` | what does it look like? |

pub mod chart;
pub mod count;
pub mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use epitile_core::backend::Backend;
use epitile_core::columns::{Columns, WIDTH};
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::gls::{self, Fixed};
use epitile_core::kernel::Kernel;
use epitile_core::precision::Precision;
use epitile_core::solver::{SolveOptions, Solver, Step};
use epitile_core::system::{System, default_edge};
use epitile_cpu::Ceiling;

use crate::backend::{BackendChoice, Job, ceilings, device_error, dispatch, solve_error};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::run::{RunLog, peak_rss_bytes};
use crate::similarity::{Cross, Similarity};
use crate::spill::Spill;

use count::{Shares, shares, used};
pub use record::BenchRecord;
use record::{BackwardErrors, FactorRecord, PHASES, PhaseTimes, Scaling};

/// Individuals predicted.
const PREDICTED: usize = 1024;

/// The scaled backward error that HPL-MxP accepts.
pub const ACCEPTED: f64 = 16.0;

/// Nine in ten off-diagonal values of the kernel must be between this and one less it.
const MARGIN: f64 = 0.01;

/// What is timed.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Where.
    pub backend: BackendChoice,
    /// Numbers of threads, one after the other.
    pub threads: Vec<usize>,
    /// λ.
    pub lambda: f64,
    /// How the system is solved.
    pub solve: SolveOptions,
    /// Rows of a tile; `None` for the rule on sizes.
    pub tile: Option<usize>,
    /// Timed runs, after one that is not.
    pub runs: usize,
}

/// Runs the benchmark, with what does not fit in memory in `spill`; see [`check`] for whether its result is valid.
///
/// # Errors
/// `Degenerate` if the kernel is nearly constant or nearly the identity; those of solving; device.
pub fn bench(
    genotypes: &Arc<Genotypes>,
    traits: &[Vec<f64>],
    options: &BenchOptions,
    spill: Option<&Spill>,
    log: &RunLog,
) -> Result<BenchRecord> {
    let runs = (options.runs as u64 + 1) * options.threads.len() as u64;
    let progress = log.progress(runs, "runs");
    let mut measured = Vec::with_capacity(options.threads.len());
    for &threads in &options.threads {
        let job = Timing {
            genotypes,
            traits,
            options,
            tick: &|| progress.inc(1),
        };
        measured.push(dispatch(options.backend, threads, spill, job)?);
    }
    drop(progress);
    // Measuring the ceilings takes memory of its own.
    let peak_rss_bytes = peak_rss_bytes();
    let mut scaling = Vec::with_capacity(measured.len());
    for (&threads, measured) in options.threads.iter().zip(&measured) {
        let ceilings = log.timed("ceilings", || ceilings(options.backend, threads))?;
        scaling.push(measured.times(threads, &ceilings));
    }
    let last = measured
        .pop()
        .ok_or_else(|| Error::usage("bench needs at least one number of threads"))?;
    let sizes = last.sizes;
    let unit = sizes.samples as f64 * Precision::F64.unit_roundoff();
    let e = last.evidence;
    Ok(BenchRecord {
        machine: machine(),
        samples: sizes.samples,
        snps: sizes.snps,
        traits: sizes.traits,
        predicted: sizes.predicted,
        tile: last.tile,
        kernel: Kernel::Gaussian.to_string(),
        gamma: last.gamma,
        lambda: options.lambda,
        kernel_quantiles: last.quantiles,
        genotype_bytes: (sizes.samples * genotypes.words() * 16) as u64,
        factor: FactorRecord {
            policy: options.solve.policy.to_string(),
            deflation: last.rank,
            step: last.step.to_string(),
            formats: last.shares,
            fallbacks: e.fallbacks,
        },
        iterations: e.most_iterations,
        passes: last.most_passes,
        backward_error: BackwardErrors {
            before: e.backward_error_before,
            after: e.backward_error_after,
            scaled_before: e.backward_error_before / unit,
            scaled: e.backward_error_scaled,
        },
        scaling,
        peak_rss_bytes,
    })
}

/// Whether the result of a benchmark is valid.
///
/// # Errors
/// `Degenerate` if the scaled backward error exceeds [`ACCEPTED`], refined or not.
pub fn check(record: &BenchRecord) -> Result<()> {
    let scaled = record.backward_error.scaled;
    match scaled <= ACCEPTED {
        true => Ok(()),
        false => Err(Error::degenerate(format!(
            "the backward error is {scaled:.3e} × N·2⁻⁵³, the benchmark accepts {ACCEPTED}: its \
             times are not those of a valid solution; refine (without --no-refine), or lower \
             --tolerance"
        ))),
    }
}

/// Sizes of the problem.
#[derive(Clone, Copy)]
struct Sizes {
    samples: usize,
    snps: usize,
    traits: usize,
    predicted: usize,
}

/// What all runs with one number of threads gave; all but times is of the last one.
struct Measured {
    sizes: Sizes,
    tile: usize,
    gamma: f64,
    quantiles: [f64; 7],
    rank: usize,
    step: Step,
    shares: Shares,
    evidence: Evidence,
    /// Over all traits.
    passes: u64,
    most_passes: u32,
    seconds: [Vec<f64>; PHASES.len()],
}

struct Timing<'a> {
    genotypes: &'a Arc<Genotypes>,
    traits: &'a [Vec<f64>],
    options: &'a BenchOptions,
    tick: &'a (dyn Fn() + Sync),
}

impl Job for Timing<'_> {
    type Output = Measured;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Measured> {
        let mut all: [Vec<f64>; PHASES.len()] = Default::default();
        let mut last = self.once(backend, engine)?;
        (self.tick)();
        for _ in 0..self.options.runs {
            last = self.once(backend, engine)?;
            for (all, one) in all.iter_mut().zip(&last.seconds) {
                all.extend(one);
            }
            (self.tick)();
        }
        Ok(Measured {
            seconds: all,
            ..last
        })
    }
}

impl Timing<'_> {
    /// All phases, once.
    fn once<B: Backend, E: Engine>(&self, backend: &B, engine: &E) -> Result<Measured> {
        let (genotypes, options) = (self.genotypes, self.options);
        let n = genotypes.samples();
        let kernel = Kernel::Gaussian;
        let index: Vec<u32> = (0..n as u32).collect();
        let mut watch = Watch::start();

        let similarity = Similarity::new(backend, engine, genotypes, &[kernel], None)?;
        backend.synchronize().map_err(device_error)?;
        let build = watch.lap();

        let gamma = similarity.gamma(kernel, 1.0)?;
        let quantiles = quantiles(&similarity, gamma)?;
        let map = similarity.map(kernel, gamma);
        let system = System {
            backend,
            engine,
            pairs: similarity.pairs(kernel),
            map: &map,
            index: &index,
            edge: options.tile.unwrap_or(default_edge(n)),
        };
        let prepared = system.prepare(&options.solve).map_err(device_error)?;
        let mut solver = Solver::new(system, &prepared, options.lambda, options.solve);
        let prepare = watch.lap();

        solver.factorise().map_err(|e| solve_error("bench", e))?;
        backend.synchronize().map_err(device_error)?;
        let factor = watch.lap();

        let y: Vec<&[f64]> = self.traits.iter().map(Vec::as_slice).collect();
        let fits = gls::fit(&mut solver, &y, Fixed::Mean).map_err(|e| solve_error("bench", e))?;
        let solve = watch.lap();

        let new: Vec<u32> = index.iter().copied().take(PREDICTED).collect();
        let new = Arc::new(genotypes.select(&new));
        let moments = similarity.moments();
        let cross = Cross::new(
            backend,
            engine,
            moments,
            (kernel, gamma),
            (&new, genotypes),
            None,
        )?;
        let rows: Vec<u32> = (0..new.samples() as u32).collect();
        let rectangle = System {
            pairs: &cross.pairs,
            map: &cross.map,
            ..system
        };
        for chunk in fits.traits.chunks(WIDTH) {
            let panel = Columns::from_slices(n, chunk.iter().map(|t| &t.weights[..]));
            rectangle.cross(&rows, &panel).map_err(device_error)?;
        }
        let predict = watch.lap();

        let mut evidence = Evidence::default();
        evidence.add(&solver, fits.traits.iter().map(|t| &t.certificate));
        let passes = fits.traits.iter().map(|t| t.certificate.passes);
        let step = solver.steps().last().map_or(Step::Plan, |(step, _)| step);
        Ok(Measured {
            sizes: Sizes {
                samples: n,
                snps: genotypes.snps(),
                traits: y.len(),
                predicted: new.samples(),
            },
            tile: system.edge,
            gamma,
            quantiles,
            rank: prepared.rank(),
            step,
            shares: shares(system.blocks(), &used(solver.plan(), step)),
            evidence,
            passes: passes.clone().map(u64::from).sum(),
            most_passes: passes.max().unwrap_or(0),
            seconds: [build, prepare, factor, solve, predict].map(|s| vec![s]),
        })
    }
}

/// Quantiles of the kernel's off-diagonal values.
fn quantiles<B: Backend>(similarity: &Similarity<'_, B>, gamma: f64) -> Result<[f64; 7]> {
    let distances = similarity
        .distances(Kernel::Gaussian)
        .ok_or_else(|| Error::usage("bench needs at least two individuals"))?;
    let mut values = distances.quantiles.map(|d| (-gamma * d).exp());
    values.reverse();
    if values[1] < MARGIN || values[5] > 1.0 - MARGIN {
        return Err(Error::degenerate(format!(
            "the kernel is nearly constant or nearly the identity: from {:.4} to {:.4} are its 5 % \
             and 95 % quantiles, expected between {MARGIN} and {}; simulate other sizes",
            values[1],
            values[5],
            1.0 - MARGIN
        )));
    }
    Ok(values)
}

impl Measured {
    /// Rates of the phases, and what they are of the ceilings.
    fn times(&self, threads: usize, ceilings: &[Ceiling]) -> Scaling {
        let s = self.sizes;
        let (n, m) = (s.samples as f64, s.snps as f64);
        let most = |works: &[&str]| {
            let of = ceilings.iter().filter(|c| works.contains(&c.work));
            of.map(|c| c.all).reduce(f64::max)
        };
        // Formats in which products of operands of this format are exact.
        let arithmetic = |p: Precision| match p {
            Precision::F64 => most(&["f64"]),
            Precision::F32 => most(&["f32"]),
            Precision::F16 => most(&["f16", "f32"]),
            Precision::Bf16 => most(&["bf16", "f32"]),
            _ => most(&["bf16", "f16", "f32"]),
        };
        let at = |operations: f64, rate: Option<f64>| rate.map(|r| operations / (r * 1e9));
        let factored = |p: &Precision| self.shares[p].operations.total();
        let factor: f64 = self.shares.keys().map(factored).sum();
        let shares = self.shares.keys().map(|p| at(factored(p), arithmetic(*p)));
        // The kernel and the factor, applied to every trait.
        let solve = 2.0 * n * n * (self.passes + self.evidence.iterations) as f64;
        let (build, predict) = (n * n * m, 2.0 * s.predicted as f64 * n * m);
        let costs = [
            (build, at(build, most(&["pairs"]))),
            (0.0, None),
            (factor, shares.sum()),
            (solve, at(solve, most(&["f64"]))),
            (predict, at(predict, most(&["pairs"]))),
        ];
        let phases = PHASES.into_iter().zip(self.seconds.iter().zip(costs));
        Scaling {
            threads,
            phases: phases
                .map(|(name, (seconds, (operations, ideal)))| {
                    (name, PhaseTimes::new(seconds.clone(), operations, ideal))
                })
                .collect::<BTreeMap<_, _>>(),
            ceilings: ceilings.iter().map(Into::into).collect(),
        }
    }
}

/// Times between calls.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Watch(Instant::now())
    }

    /// Seconds since the last call.
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let last = std::mem::replace(&mut self.0, now);
        now.duration_since(last).as_secs_f64()
    }
}

/// Name of the processor and number of cores.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, name)| name);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}
