//! How much memory a run needs, told and checked before it is allocated; what does not fit goes
//! to a scratch file, if there may be one.

use epitile::backend::{Job, dispatch};
use epitile::cv::{CvOptions, Scheme};
use epitile::error::{Error, Result};
use epitile::model::Model;
use epitile::predict::CHUNK;
use epitile::run::RunLog;
use epitile::spill::{Contents, Spill, is_memory};
use epitile_core::columns::WIDTH;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PAIR_EDGE, PairKind};
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::DEFAULT_RANK;
use epitile_core::system::default_edge;

use super::args::{Computation, Machine};

/// The program itself, its libraries and what they allocate.
const PROGRAM: u64 = 16 << 20;
/// An individual or SNP with its IDs and alleles, read and written.
const NAMES: u64 = 400;
/// Tiles in F64 that a thread works on, operands converted and packed among them.
const TILES: u64 = 6;
/// Copies of the planes that pair statistics are counted from: one for distances, for products
/// one for each round of weights, of which thousands of SNPs take so many.
const COPIES: [u64; 2] = [1, 3];
/// Vectors that a column is refined with, and those of a panel on its way through the backend.
const VECTORS: u64 = 6 + 4;

/// Bytes by what they are for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    genotypes: u64,
    pairs: u64,
    factors: u64,
    /// Right-hand sides, and tiles at work.
    work: u64,
    /// The least of a scratch file that must be held in memory.
    window: u64,
    /// Factors held at the same time.
    at_once: usize,
    /// Pair statistics.
    kinds: usize,
}

impl Plan {
    /// Of a cross-validation of `columns` traits.
    pub(crate) fn cv(
        calls: &Genotypes,
        options: &CvOptions,
        machine: &Machine,
        columns: usize,
    ) -> Self {
        // Small systems are factored several at a time, one by each thread.
        let at_once = match calls.samples() {
            ..=4096 => machine.threads(),
            _ => 1,
        };
        let setting = (options.solve().policy, options.tile);
        let plan = Plan::with(
            calls,
            &options.kernels,
            setting,
            machine,
            (columns, at_once),
        );
        // Columns of tiles of an inverse, one by each thread.
        let n = calls.samples();
        let edge = options.tile.unwrap_or(default_edge(n)).min(n);
        let panels = match options.scheme {
            Scheme::LeaveOneOut => 8 * n * edge * machine.threads(),
            Scheme::Folds | Scheme::Nested => 0,
        };
        Plan {
            work: plan.work + panels as u64,
            ..plan
        }
    }

    /// Of one factorisation with these kernels, and `columns` right-hand sides.
    pub(crate) fn of(
        calls: &Genotypes,
        kernels: &[Kernel],
        computation: &Computation,
        columns: usize,
    ) -> Self {
        let setting = (computation.precision, computation.tile);
        Plan::with(calls, kernels, setting, &computation.machine, (columns, 1))
    }

    /// Of a kernel that is written, not factored.
    pub(crate) fn matrix(calls: &Genotypes, kernel: Kernel, computation: &Computation) -> Self {
        Plan {
            factors: 0,
            ..Plan::of(calls, &[kernel], computation, 0)
        }
    }

    /// Of whole FP64 matrices, `matrices` at a time, made from these kernels.
    pub(crate) fn dense(
        calls: &Genotypes,
        kernels: &[Kernel],
        machine: &Machine,
        matrices: usize,
    ) -> Self {
        let plan = Plan::with(
            calls,
            kernels,
            (Policy::Uniform(Precision::F64), None),
            machine,
            (0, 1),
        );
        let n = calls.samples() as u64;
        Plan {
            factors: 0,
            // They are not tiles that a scratch file could take.
            work: plan.work + 8 * n * n * matrices as u64,
            ..plan
        }
    }

    /// Of the prediction of `new` individuals, 2,048 at a time, from `model`; `intervals` solve
    /// with the training individuals.
    pub(crate) fn predict(
        model: &Model,
        new: &Genotypes,
        intervals: bool,
        machine: &Machine,
    ) -> Result<Self> {
        let Some(training) = &model.genotypes else {
            return Err(Error::inconsistent("the model has no training genotypes"));
        };
        let setting = (model.policy()?, model.meta.tile);
        let columns = model.traits.len() + model.meta.fixed.len();
        let plan = Plan::with(training, &[model.kernel()?], setting, machine, (columns, 1));
        // The pairs of a chunk with the training individuals, at most 8 bytes each.
        let rows = new.samples().min(CHUNK).next_multiple_of(PAIR_EDGE);
        let cross = 8 * (rows * training.samples().next_multiple_of(PAIR_EDGE)) as u64;
        let mut groups: Vec<&[u32]> = model.traits.iter().map(|t| &t.rows[..]).collect();
        groups.sort_unstable();
        groups.dedup();
        let saved = model.factors.iter().flat_map(|f| &f.tiles);
        let saved: usize = saved.map(|tile| tile.bytes().len()).sum();
        let all = u64::from(intervals);
        Ok(Plan {
            genotypes: plan.genotypes + planes(new),
            pairs: cross + all * plan.pairs,
            factors: all * groups.len() as u64 * plan.factors,
            work: plan.work + saved as u64,
            ..plan
        })
    }

    fn with(
        calls: &Genotypes,
        kernels: &[Kernel],
        (policy, tile): (Policy, Option<usize>),
        machine: &Machine,
        (columns, at_once): (usize, usize),
    ) -> Self {
        let threads = machine.threads() as u64;
        let (n, snps) = (calls.samples() as u64, calls.snps() as u64);
        let edge = tile.unwrap_or(default_edge(calls.samples())) as u64;
        let (edge, block) = (edge.min(n), PAIR_EDGE as u64);
        let blocks = n.div_ceil(block);
        let blocks = blocks * (blocks + 1) / 2 * block * block;
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
        let number = match policy {
            Policy::Uniform(p) => p.bytes().max(1) as u64,
            Policy::Banded { .. } => Precision::F64.bytes() as u64,
            Policy::Adaptive { .. } | Policy::Norm { .. } => Precision::F32.bytes() as u64,
        };
        let rank = if policy.is_low() {
            DEFAULT_RANK as u64
        } else {
            0
        };
        // A column of accumulators, and what each thread works on.
        let tiles = n * edge * number.max(4) + threads * TILES * edge * edge * 8;
        // The engine's graph has an edge for every tile that is read: with small tiles, many.
        let order = n.div_ceil(edge.max(1));
        let graph = (order.saturating_pow(3) / 3).min(1 << 50) * 8;
        let panels = columns.max(1).next_multiple_of(WIDTH) as u64;
        let vectors = n * 8 * (VECTORS * panels + 4 * (columns as u64 + rank));
        let products = kinds.iter().any(|k| matches!(k, PairKind::Product(_)));
        let counting = COPIES[usize::from(products)] * planes(calls);
        let solving = tiles + graph + vectors * at_once as u64;
        Plan {
            genotypes: planes(calls) + NAMES * (n + snps),
            pairs: kinds.iter().map(|k| blocks * width(k)).sum(),
            factors: n * (n + edge) / 2 * number * at_once as u64,
            work: PROGRAM + solving.max(counting),
            window: threads * TILES * edge.max(block).pow(2) * 8,
            at_once,
            kinds: kinds.len(),
        }
    }

    /// What must be in memory in any case.
    fn fixed(&self) -> u64 {
        self.genotypes + self.work
    }

    fn total(&self) -> u64 {
        self.fixed() + self.pairs + self.factors
    }

    /// What goes to a scratch file so that `limit` is kept; `None` if even that does not suffice.
    ///
    /// The factor is read more often than the pair statistics, and stays if it can.
    fn contents(&self, limit: u64) -> Option<Contents> {
        let room = limit.checked_sub(self.fixed())?;
        [
            (self.pairs, 0),
            (0, self.factors),
            (self.pairs, self.factors),
        ]
        .into_iter()
        .find_map(|(pairs, factors)| {
            let stays = self.pairs - pairs + self.factors - factors;
            let window = room.checked_sub(stays)?;
            (window >= self.window).then_some(Contents {
                pairs,
                factors,
                window,
            })
        })
    }
}

/// Bytes of bit planes.
fn planes(calls: &Genotypes) -> u64 {
    let planes = if calls.has_missing() { 3 } else { 2 };
    (calls.samples() * calls.words() * 8 * planes) as u64
}

/// A machine on which a run fits.
pub(crate) struct Room<'a> {
    machine: &'a Machine,
    spill: Option<Spill>,
    log: &'a RunLog,
}

impl Room<'_> {
    /// Runs the job there and tells what went through the scratch file.
    pub(crate) fn run<J: Job + Send>(&self, job: J) -> Result<J::Output>
    where
        J::Output: Send,
    {
        let Machine {
            backend, threads, ..
        } = *self.machine;
        let output = dispatch(backend, threads, self.spill(), job);
        self.tell();
        output
    }

    /// The scratch file, if there is one.
    pub(crate) fn spill(&self) -> Option<&Spill> {
        self.spill.as_ref()
    }

    /// Tells what went through it.
    pub(crate) fn tell(&self) {
        if let Some(spill) = &self.spill {
            let (written, read) = spill.traffic();
            self.log.say(format!(
                "scratch file: {} MiB written, {} MiB read",
                mib(written),
                mib(read)
            ));
            self.log.set("scratch_written_bytes", written.into());
            self.log.set("scratch_read_bytes", read.into());
        }
    }
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Tells the estimate, decides what goes to the scratch file, and refuses what cannot fit.
pub(crate) fn check<'a>(plan: &Plan, machine: &'a Machine, log: &'a RunLog) -> Result<Room<'a>> {
    log.say(format!(
        "memory estimate: {} MiB (genotypes {}, pair statistics {}, factors {}, right-hand sides \
         and tiles {})",
        mib(plan.total()),
        mib(plan.genotypes),
        mib(plan.pairs),
        mib(plan.factors),
        mib(plan.work)
    ));
    log.set("memory_estimate_bytes", plan.total().into());
    let room = |spill| Room {
        machine,
        spill,
        log,
    };
    let (limit, whose) = match (machine.memory, available()) {
        (Some(given), _) => (given.saturating_mul(1 << 20), "--memory allows"),
        (None, Some(free)) => (free, "this machine has available"),
        (None, None) => return Ok(room(None)),
    };
    if plan.total() <= limit {
        return Ok(room(None));
    }
    let contents = plan.contents(limit);
    let (Some(folder), Some(contents)) = (&machine.scratch, contents) else {
        return Err(refusal(plan, machine, (limit, whose), contents));
    };
    let spill = Spill::new(folder, contents)?;
    let named = [
        (contents.pairs, "pair statistics"),
        (contents.factors, "factors"),
    ]
    .iter()
    .filter(|part| part.0 > 0)
    .map(|part| format!("{} ({} MiB)", part.1, mib(part.0)))
    .collect::<Vec<_>>()
    .join(" and ");
    log.say(format!(
        "{whose} {} MiB: {named} go to a scratch file in {}, of which up to {} MiB are in memory \
         at a time",
        mib(limit),
        folder.display(),
        mib(contents.window)
    ));
    if is_memory(folder) {
        log.warn(format!(
            "{} is a folder in memory: a scratch file there saves none; use one on a disk",
            folder.display()
        ));
    }
    log.set("scratch_pairs_bytes", contents.pairs.into());
    log.set("scratch_factors_bytes", contents.factors.into());
    Ok(room(Some(spill)))
}

/// What a run that does not fit is told.
fn refusal(
    plan: &Plan,
    machine: &Machine,
    (limit, whose): (u64, &str),
    contents: Option<Contents>,
) -> Error {
    let (needed, squared, head) = match machine.scratch {
        None => (plan.total(), plan.pairs + plan.factors, "the run needs"),
        Some(_) => (
            plan.fixed() + plan.window,
            0,
            "even with --scratch the run needs",
        ),
    };
    let mut remedies = Vec::new();
    if plan.at_once > 1 {
        remedies.push("fewer --threads (a factor each)".to_owned());
    }
    if machine.scratch.is_some() {
        remedies.push("a smaller --tile".to_owned());
    } else {
        if plan.factors > 0 {
            remedies.push("--precision f32 or adaptive (smaller factors)".to_owned());
        }
        if plan.kinds > 1 {
            remedies.push("one kernel at a time".to_owned());
        }
        if let Some(Contents { pairs, factors, .. }) = contents {
            let file = mib(pairs + factors);
            remedies.push(format!("--scratch DIR with {file} MiB free on a disk"));
        }
    }
    let share = share(
        squared,
        needed - squared - PROGRAM,
        limit.saturating_sub(PROGRAM),
    );
    remedies.push(match (100.0 * share).floor() {
        0.0 => "more memory".to_owned(),
        percent => format!("about {percent:.0} % of the individuals"),
    });
    let last = remedies.pop().unwrap_or_default();
    let others = remedies.iter().map(|r| format!("{r}, "));
    Error::memory(format!(
        "{head} about {} MiB, {whose} {} MiB; what would fit: {}or {last}",
        mib(needed),
        mib(limit),
        others.collect::<String>(),
    ))
}

/// The share s of the individuals with s²·`squared` + s·`linear` = `room`, of bytes.
fn share(squared: u64, linear: u64, room: u64) -> f64 {
    let [a, b, c] = [squared, linear, room].map(|bytes| bytes as f64);
    // The root that does not cancel; also for a = 0.
    2.0 * c / (b + (b * b + 4.0 * a * c).sqrt())
}

/// Memory that can be had without swapping, where the system tells.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
