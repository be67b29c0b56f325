//! How much memory a run needs, told and checked before it is allocated.

use epitile::backend::MOST_THREADS;
use epitile::cv::{CvOptions, Scheme};
use epitile::error::{Error, Result};
use epitile::run::RunLog;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::PairKind;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::system::default_edge;

use super::args::Computation;

/// Bytes by what they are for.
pub(crate) struct Plan {
    genotypes: u64,
    pairs: u64,
    factors: u64,
    /// Factors held at the same time.
    at_once: usize,
    /// Pair statistics.
    kinds: usize,
}

impl Plan {
    /// Of a cross-validation on `threads` threads (0: one per core).
    pub(crate) fn cv(calls: &Genotypes, options: &CvOptions, threads: usize) -> Self {
        // Small systems are factored several at a time, one by each thread.
        let n = calls.samples() as u64;
        let at_once = if n <= 4096 { hands(threads) } else { 1 };
        let one = Plan::of(calls, &options.kernels, options.solve().policy);
        // Columns of tiles of an inverse, one by each thread.
        let edge = options.tile.unwrap_or(default_edge(calls.samples())) as u64;
        let panels = match options.scheme {
            Scheme::LeaveOneOut => 8 * n * edge.min(n) * hands(threads) as u64,
            Scheme::Folds | Scheme::Nested => 0,
        };
        Plan {
            factors: one.factors * at_once as u64 + panels,
            at_once,
            ..one
        }
    }

    /// Of one factorisation with these kernels.
    pub(crate) fn of(calls: &Genotypes, kernels: &[Kernel], policy: Policy) -> Self {
        let n = calls.samples() as u64;
        let planes = if calls.has_missing() { 3 } else { 2 };
        let pairs = n * (n + 256) / 2;
        let mut kinds: Vec<PairKind> = Vec::new();
        for k in kernels {
            if !kinds.contains(&k.pair_kind()) {
                kinds.push(k.pair_kind());
            }
        }
        let width = |kind: &PairKind| match kind {
            PairKind::Product(_) => 8,
            _ if calls.has_missing() => 8,
            _ => 4,
        };
        let tile = match policy {
            Policy::Uniform(p) => p.bytes().max(1) as u64,
            Policy::Banded { .. } => Precision::F64.bytes() as u64,
            Policy::Adaptive { .. } | Policy::Norm { .. } => Precision::F32.bytes() as u64,
        };
        Plan {
            genotypes: n * calls.words() as u64 * 8 * planes,
            pairs: kinds.iter().map(|k| pairs * width(k)).sum(),
            factors: pairs * tile,
            at_once: 1,
            kinds: kinds.len(),
        }
    }

    /// Of a kernel that is written, not factored.
    pub(crate) fn matrix(calls: &Genotypes, kernel: Kernel) -> Self {
        Plan {
            factors: 0,
            ..Plan::of(calls, &[kernel], Policy::Uniform(Precision::F64))
        }
    }

    fn total(&self) -> u64 {
        self.genotypes + self.pairs + self.factors
    }
}

/// Threads, 0 standing for one per core.
fn hands(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, |t| t.get()),
        given => given.min(MOST_THREADS),
    }
}

/// Tells the estimate and refuses what cannot fit.
pub(crate) fn check(plan: &Plan, computation: &Computation, log: &RunLog) -> Result<()> {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    log.say(format!(
        "memory estimate: {} MiB (genotypes {}, pair statistics {}, factors {})",
        mib(plan.total()),
        mib(plan.genotypes),
        mib(plan.pairs),
        mib(plan.factors)
    ));
    log.set("memory_estimate_bytes", plan.total().into());
    let (limit, whose) = match (computation.memory, available()) {
        (Some(given), _) => (given.saturating_mul(1 << 20), "--memory allows"),
        (None, Some(free)) => (free, "this machine has available"),
        (None, None) => return Ok(()),
    };
    if plan.total() <= limit {
        return Ok(());
    }
    let share = (limit as f64 / plan.total() as f64).sqrt();
    let remedies = [
        (plan.at_once > 1, "fewer --threads (a factor each), "),
        (
            plan.factors > 0,
            "--precision f32 or adaptive (smaller factors), ",
        ),
        (plan.kinds > 1, "one kernel at a time, "),
    ];
    let remedies: String = remedies.iter().filter(|r| r.0).map(|r| r.1).collect();
    Err(Error::memory(format!(
        "the run needs about {} MiB, {whose} {} MiB; what would fit: {remedies}or about {:.0} % \
         of the individuals",
        mib(plan.total()),
        mib(limit),
        (100.0 * share).floor()
    )))
}

/// Memory that can be had without swapping, where the system tells.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
