//! Timing the phases on simulated genotypes: Build, Factor, Solve (with refinement), Predict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use epitile_core::backend::Backend;
use epitile_core::columns::{Columns, WIDTH};
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::gls::{self, Fixed};
use epitile_core::kernel::Kernel;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::{System, default_edge};
use serde::Serialize;

use crate::backend::{device_error, solve_error};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::run::{RunLog, peak_rss_bytes};
use crate::similarity::{Cross, Similarity};

/// Individuals predicted.
const PREDICTED: usize = 1024;

/// What is timed.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// λ.
    pub lambda: f64,
    /// How the system is solved.
    pub solve: SolveOptions,
    /// Rows of a tile; `None` for the rule on sizes.
    pub tile: Option<usize>,
    /// Timed runs, after one that is not.
    pub runs: usize,
    /// Threads, for the record.
    pub threads: usize,
}

/// Times of one phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PhaseTimes {
    /// Of every run.
    pub seconds: Vec<f64>,
    /// Their median.
    pub median_s: f64,
    /// N²M 2-bit operations over the median, in 10¹² per second (Build and Predict).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tops: Option<f64>,
    /// Floating-point operations over the median, in 10⁹ per second (Factor: N³/3; Solve: 2N² for
    /// each pass of each trait).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflops: Option<f64>,
}

/// Backward errors, the largest over traits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackwardErrors {
    /// Of the factor's own solution.
    pub before: f64,
    /// Of the refined one.
    pub after: f64,
    /// The latter over N·2⁻⁵³.
    pub scaled: f64,
}

/// The record of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // The keys are documented by the command.
pub struct BenchResult {
    pub samples: usize,
    pub snps: usize,
    pub traits: usize,
    pub threads: usize,
    pub tile: usize,
    pub precision: String,
    pub kernel: String,
    pub gamma: f64,
    pub lambda: f64,
    pub phases: BTreeMap<&'static str, PhaseTimes>,
    pub iterations: u32,
    pub backward_error: BackwardErrors,
    pub tiles: BTreeMap<String, u64>,
    pub bytes: BTreeMap<String, u64>,
    pub fallbacks: BTreeMap<String, u64>,
    pub peak_rss_bytes: Option<u64>,
    pub machine: String,
}

/// Runs the benchmark.
///
/// # Errors
/// `Degenerate` if the scaled backward error exceeds 16, the HPL-MxP bound; those of solving.
pub fn bench<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    genotypes: &Arc<Genotypes>,
    traits: &[Vec<f64>],
    options: &BenchOptions,
    log: &RunLog,
) -> Result<BenchResult> {
    let n = genotypes.samples();
    let index: Vec<u32> = (0..n as u32).collect();
    let edge = options.tile.unwrap_or(default_edge(n));
    let mut seconds: [Vec<f64>; 4] = Default::default();
    let mut evidence = Evidence::default();
    let mut passes = 0;
    let mut gamma = f64::NAN;
    let kernel = Kernel::Gaussian;
    let progress = log.progress(options.runs as u64 + 1, "runs");
    for run in 0..=options.runs {
        let start = Instant::now();
        let similarity = Similarity::new(backend, genotypes, &[kernel], None)?;
        backend.synchronize().map_err(device_error)?;
        let build = start.elapsed().as_secs_f64();
        gamma = similarity.gamma(kernel, 1.0)?;
        let map = similarity.map(kernel, gamma);
        let pairs = similarity.pairs(kernel);
        let system = System {
            backend,
            engine,
            pairs,
            map: &map,
            index: &index,
            edge,
        };

        let start = Instant::now();
        let prepared = system.prepare(&options.solve).map_err(device_error)?;
        let mut solver = Solver::new(system, &prepared, options.lambda, options.solve);
        solver.factorise().map_err(|e| solve_error("bench", e))?;
        let factor = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let y: Vec<&[f64]> = traits.iter().map(Vec::as_slice).collect();
        let fits = gls::fit(&mut solver, &y, Fixed::Mean).map_err(|e| solve_error("bench", e))?;
        let solve = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let new: Vec<u32> = index.iter().copied().take(PREDICTED).collect();
        let new = Arc::new(genotypes.select(&new));
        let moments = similarity.moments();
        let cross = Cross::new(backend, moments, (kernel, gamma), (&new, genotypes), None)?;
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
        let predict = start.elapsed().as_secs_f64();

        progress.inc(1);
        if run == 0 {
            continue;
        }
        for (all, one) in seconds.iter_mut().zip([build, factor, solve, predict]) {
            all.push(one);
        }
        evidence = Evidence::default();
        evidence.add(&solver, fits.traits.iter().map(|t| &t.certificate));
        passes = fits
            .traits
            .iter()
            .map(|t| u64::from(t.certificate.passes))
            .sum();
    }
    let scaled = evidence.backward_error_scaled;
    if options.solve.refine && scaled > 16.0 {
        return Err(Error::degenerate(format!(
            "the scaled backward error is {scaled:.2}, HPL-MxP accepts 16: the result is not valid"
        )));
    }
    let (nf, mf) = (n as f64, genotypes.snps() as f64);
    let rows = PREDICTED.min(n) as f64;
    let [build, factor, solve, predict] = seconds;
    let phases = BTreeMap::from([
        ("build", phase(build, Some(nf * nf * mf / 1e12), None)),
        (
            "factor",
            phase(factor, None, Some(nf * nf * nf / 3.0 / 1e9)),
        ),
        (
            "solve",
            phase(solve, None, Some(2.0 * nf * nf * passes as f64 / 1e9)),
        ),
        (
            "predict",
            phase(predict, Some(2.0 * rows * nf * mf / 1e12), None),
        ),
    ]);
    Ok(BenchResult {
        samples: n,
        snps: genotypes.snps(),
        traits: traits.len(),
        threads: options.threads,
        tile: edge,
        precision: options.solve.policy.to_string(),
        kernel: kernel.to_string(),
        gamma,
        lambda: options.lambda,
        phases,
        iterations: evidence.most_iterations,
        backward_error: BackwardErrors {
            before: evidence.backward_error_before,
            after: evidence.backward_error_after,
            scaled,
        },
        tiles: evidence.tiles,
        bytes: evidence.bytes,
        fallbacks: evidence.fallbacks,
        peak_rss_bytes: peak_rss_bytes(),
        machine: machine(),
    })
}

fn phase(seconds: Vec<f64>, tera: Option<f64>, giga: Option<f64>) -> PhaseTimes {
    let mut sorted = seconds.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median_s = match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    };
    PhaseTimes {
        seconds,
        median_s,
        tops: tera.map(|t| t / median_s),
        gflops: giga.map(|g| g / median_s),
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
