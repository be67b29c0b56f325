//! An HPL-MxP-style benchmark on simulated genotypes: Build, Prepare (deflation and plan), Factor,
//! Solve with refinement, Predict, each timed apart, on a Gaussian kernel that is neither constant
//! nor the identity.
//!
//! | file | question it answers |
//! |---|---|
//! | `count.rs` | how many operations and bytes in which format? |
//! | `record.rs` | what is told? |
//! | `timing.rs` | how long does each phase take? |
//! | `chart.rs` | what does it look like? |

pub mod chart;
pub mod count;
pub mod record;
mod timing;

use std::sync::Arc;

use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_core::precision::Precision;
use epitile_core::solver::SolveOptions;

use crate::backend::{BackendChoice, ceilings, dispatch};
use crate::error::{Error, Result};
use crate::run::{RunLog, peak_rss_bytes};
use crate::spill::Spill;

pub use record::BenchRecord;
use record::{BackwardErrors, FactorRecord};
use timing::Timing;

/// The scaled backward error that HPL-MxP accepts.
pub const ACCEPTED: f64 = 16.0;

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

/// Runs the benchmark, with what does not fit in memory in `spill`; see [`check`] for
/// whether its result is valid.
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
        measured.push(dispatch(options.backend, threads, (spill, Some(log)), job)?);
    }
    drop(progress);
    // Measuring the ceilings takes memory of its own.
    let peak_rss_bytes = peak_rss_bytes();
    let mut scaling = Vec::with_capacity(measured.len());
    for (&threads, measured) in options.threads.iter().zip(&measured) {
        let ceilings = log.timed("ceilings", || {
            ceilings(options.backend, threads, genotypes.samples())
        })?;
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
