//! The record of a benchmark, as JSON has it.

use std::collections::BTreeMap;

use epitile_core::precision::Precision;
use epitile_cpu::Ceiling;
use serde::Serialize;

use super::count::Share;

/// The phases in order.
pub const PHASES: [&str; 6] = ["load", "build", "prepare", "factor", "solve", "predict"];

/// Times of one phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PhaseTimes {
    /// Of every run.
    pub seconds: Vec<f64>,
    /// The shortest.
    pub min_s: f64,
    /// Their median.
    pub median_s: f64,
    /// The longest.
    pub max_s: f64,
    /// Operations; zero where none are counted.
    pub operations: f64,
    /// 10⁹ operations per second of the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// What is left of the median if all operations ran at the ceilings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
}

impl PhaseTimes {
    /// Statistics of the times of `operations`, which would take `ideal` seconds at the ceilings.
    pub(super) fn new(seconds: Vec<f64>, operations: f64, ideal: Option<f64>) -> Self {
        let mut sorted = seconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median_s = match sorted.len() % 2 {
            0 => (at(middle.wrapping_sub(1)) + at(middle)) / 2.0,
            _ => at(middle),
        };
        let counted = operations > 0.0;
        PhaseTimes {
            seconds,
            min_s: at(0),
            median_s,
            max_s: at(sorted.len().wrapping_sub(1)),
            operations,
            rate: counted.then_some(operations / median_s / 1e9),
            fraction: ideal.filter(|_| counted).map(|ideal| ideal / median_s),
        }
    }
}

/// A measured ceiling: see [`Ceiling`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CeilingRecord {
    /// What is done.
    pub work: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// 10⁹ a second by one thread.
    pub one: f64,
    /// The same by all.
    pub all: f64,
}

impl From<&Ceiling> for CeilingRecord {
    fn from(c: &Ceiling) -> Self {
        CeilingRecord {
            work: c.work,
            isa: c.isa,
            one: c.one,
            all: c.all,
        }
    }
}

/// One number of threads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scaling {
    /// Threads.
    pub threads: usize,
    /// Times by phase, named as in [`PHASES`].
    pub phases: BTreeMap<&'static str, PhaseTimes>,
    /// What the machine does at most with these threads, measured after the runs.
    pub ceilings: Vec<CeilingRecord>,
}

/// Backward errors, the largest over traits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackwardErrors {
    /// Of the factor's own solution.
    pub before: f64,
    /// Of the refined one.
    pub after: f64,
    /// The first over N·2⁻⁵³.
    pub scaled_before: f64,
    /// The second over N·2⁻⁵³; more than 16 is no valid result.
    pub scaled: f64,
}

/// The factor that was used, counted from its plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorRecord {
    /// The policy with its constant τ or ε.
    pub policy: String,
    /// Rank of the deflation.
    pub deflation: usize,
    /// Step of the ladder: `plan` if it held at once.
    pub step: String,
    /// Tiles, bytes and operations by format.
    #[serde(serialize_with = "by_name")]
    pub formats: BTreeMap<Precision, Share>,
    /// Breakdowns and steps to other plans, and how often each happened.
    pub fallbacks: BTreeMap<String, u64>,
}

fn by_name<S: serde::Serializer>(
    formats: &BTreeMap<Precision, Share>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(formats.iter().map(|(p, share)| (p.to_string(), share)))
}

/// The record of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchRecord {
    /// Processor, cores and system.
    pub machine: String,
    /// N.
    pub samples: usize,
    /// M.
    pub snps: usize,
    /// Right-hand sides.
    pub traits: usize,
    /// Individuals predicted.
    pub predicted: usize,
    /// Rows of a tile.
    pub tile: usize,
    /// Kernel.
    pub kernel: String,
    /// γ = 1 / median distance.
    pub gamma: f64,
    /// λ.
    pub lambda: f64,
    /// Off-diagonal kernel values: minimum, 5, 25, 50, 75, 95 %, maximum.
    pub kernel_quantiles: [f64; 7],
    /// Bytes of the genotypes' bit planes.
    pub genotype_bytes: u64,
    /// The factor.
    pub factor: FactorRecord,
    /// Most conjugate gradient steps of a trait.
    pub iterations: u32,
    /// Passes over the kernel, each with up to 8 traits: the most of a trait.
    pub passes: u32,
    /// Backward errors.
    pub backward_error: BackwardErrors,
    /// Times, one entry per number of threads.
    pub scaling: Vec<Scaling>,
    /// Most memory that the process ever held, the simulation included.
    pub peak_rss_bytes: Option<u64>,
}
