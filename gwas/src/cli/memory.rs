//! How much memory a run needs, told and checked before it is allocated; what does not fit goes
//! to a scratch file, if there may be one.

mod gpu;
mod room;
mod shape;

use epitile::backend::BackendChoice;
use epitile::cv::{CvOptions, Scheme};
use epitile::error::{Error, Result};
use epitile::model::Model;
use epitile::predict::CHUNK;
use epitile::spill::Contents;
use epitile_core::columns::WIDTH;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PAIR_EDGE, PairKind};
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::DEFAULT_RANK;
use epitile_core::system::default_edge;
use epitile_cuda::memory::Sizes;

use super::args::{Computation, Machine};
pub(crate) use room::check;
pub(crate) use shape::Shape;

/// The program itself, its libraries and what they allocate.
const PROGRAM: u64 = 16 << 20;
/// An individual or SNP with its IDs and alleles, read and written.
const NAMES: u64 = 400;
/// Tiles in F64 that a thread works on, operands converted and packed among them.
const TILES: u64 = 6;
/// Copies of the planes that pair statistics are counted from: one for distances; where SNPs
/// have weights, as in products, one for each round of weights, of which thousands of SNPs take so many.
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
    /// The same run on a GPU.
    gpu: Sizes,
    /// Whether the policy chooses the formats by itself.
    chooses: bool,
}

impl Plan {
    /// Of a cross-validation of `columns` traits.
    pub(crate) fn cv(
        calls: impl Into<Shape>,
        options: &CvOptions,
        machine: &Machine,
        columns: usize,
    ) -> Self {
        let calls = calls.into();
        // Small systems are factored several at a time, one by each thread.
        let at_once = match calls.samples {
            ..=4096 => machine.threads(),
            _ => 1,
        };
        let setting = (options.solve().policy, options.tile);
        // Rows of an inverse, those of all folds as much as a factor.
        let folds = options.scheme == Scheme::Folds;
        let at_once = match folds && setting.0 == Policy::Uniform(Precision::F64) {
            true => at_once.max(2),
            false => at_once,
        };
        let plan = Plan::with(
            calls,
            &options.kernels,
            setting,
            machine,
            (columns, at_once),
        );
        // Columns of tiles of an inverse, one by each thread.
        let n = calls.samples;
        let largest = machine.backend.largest_edge();
        let edge = options.tile.unwrap_or(default_edge(n, largest)).min(n);
        let panels = match (options.scheme, machine.backend) {
            (Scheme::LeaveOneOut, BackendChoice::Cpu) => 8 * n * edge * machine.threads(),
            _ => 0,
        };
        Plan {
            work: plan.work + panels as u64,
            ..plan
        }
    }

    /// Of one factorisation with these kernels, and `columns` right-hand sides.
    pub(crate) fn of(
        calls: impl Into<Shape>,
        kernels: &[Kernel],
        computation: &Computation,
        columns: usize,
    ) -> Self {
        let setting = (computation.precision, computation.tile);
        let machine = &computation.machine;
        Plan::with(calls.into(), kernels, setting, machine, (columns, 1))
    }

    /// Of a kernel that is written, not factored.
    pub(crate) fn matrix(
        calls: impl Into<Shape>,
        kernel: Kernel,
        computation: &Computation,
    ) -> Self {
        Plan::of(calls, &[kernel], computation, 0).without_factor()
    }

    fn without_factor(mut self) -> Self {
        (self.factors, self.gpu.factors) = (0, 0);
        self
    }

    /// Of whole FP64 matrices, `matrices` at a time, made from these kernels.
    pub(crate) fn dense(
        calls: impl Into<Shape>,
        kernels: &[Kernel],
        machine: &Machine,
        matrices: usize,
    ) -> Self {
        let calls = calls.into();
        let plan = Plan::with(
            calls,
            kernels,
            (Policy::Uniform(Precision::F64), None),
            machine,
            (0, 1),
        )
        .without_factor();
        let n = calls.samples as u64;
        Plan {
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
        let kernels = [model.kernel()?];
        let shape = Shape::from(&**training).with(model.moments.weights.as_deref());
        let plan = Plan::with(shape, &kernels, setting, machine, (columns, 1));
        // The pairs of a chunk with the training individuals, at most 8 bytes each.
        let rows = new.samples().min(CHUNK).next_multiple_of(PAIR_EDGE);
        let cross = 8 * (rows * training.samples().next_multiple_of(PAIR_EDGE)) as u64;
        let mut groups: Vec<&[u32]> = model.traits.iter().map(|t| &t.rows[..]).collect();
        groups.sort_unstable();
        groups.dedup();
        let saved = model.factors.iter().flat_map(|f| &f.tiles);
        let saved: usize = saved.map(|tile| tile.bytes().len()).sum();
        let all = u64::from(intervals);
        let mut gpu = plan.gpu;
        gpu.planes += Shape::from(new).planes() as usize;
        gpu.digits |= new.has_missing();
        gpu.factors = if intervals { groups.len() } else { 0 };
        gpu.pairs.retain(|_| intervals);
        gpu.pairs.push(cross as usize);
        Ok(Plan {
            gpu,
            genotypes: plan.genotypes + Shape::from(new).planes(),
            pairs: cross + all * plan.pairs,
            factors: all * groups.len() as u64 * plan.factors,
            work: plan.work + saved as u64,
            ..plan
        })
    }

    /// Of the explanation of `model` by `new` individuals, 2,048 at a time, with `draws` traits.
    pub(crate) fn explain(
        model: &Model,
        new: &Genotypes,
        draws: usize,
        machine: &Machine,
    ) -> Result<Self> {
        let plan = Plan::predict(model, new, false, machine)?;
        let n = model.meta.samples.len() as u64;
        let rows = new.samples().min(CHUNK) as u64;
        // Pairs and kernel of the training individuals, A and its factor; the kernel rows of a
        // chunk; columns of products, and what each gives.
        let threads = machine.threads() as u64;
        let columns = 8 * (draws as u64 + 1) * (threads + 1);
        let work = 5 * n * n + rows * n + 2 * columns * (n + rows);
        Ok(Plan {
            work: plan.work + 8 * work,
            ..plan
        })
    }

    fn with(
        calls: Shape,
        kernels: &[Kernel],
        (policy, tile): (Policy, Option<usize>),
        machine: &Machine,
        (columns, at_once): (usize, usize),
    ) -> Self {
        let threads = machine.threads() as u64;
        let (n, snps) = (calls.samples as u64, calls.snps as u64);
        let largest = machine.backend.largest_edge();
        let edge = tile.unwrap_or(default_edge(calls.samples, largest)) as u64;
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
            _ if calls.missing || calls.weighted => 8,
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
        // A column of accumulators, and what each thread works on; a GPU has them in its memory.
        let tiles = match machine.backend {
            BackendChoice::Cpu => n * edge * number.max(4) + threads * TILES * edge * edge * 8,
            BackendChoice::Cuda => 0,
        };
        // The engine's graph has an edge for every tile that is read: with small tiles, many.
        let order = n.div_ceil(edge.max(1));
        let graph = (order.saturating_pow(3) / 3).min(1 << 50) * 8;
        let panels = columns.max(1).next_multiple_of(WIDTH) as u64;
        let vectors = n * 8 * (VECTORS * panels + 4 * (columns as u64 + rank));
        let products = calls.weighted || kinds.iter().any(|k| matches!(k, PairKind::Product(_)));
        let counting = COPIES[usize::from(products)] * calls.planes();
        let solving = tiles + graph + vectors * at_once as u64;
        let gpu = Sizes {
            samples: calls.samples,
            planes: calls.planes() as usize,
            pairs: kinds.iter().map(|k| (blocks * width(k)) as usize).collect(),
            digits: products || calls.missing,
            edge: edge as usize,
            number: number as usize,
            factors: at_once,
            rank: rank as usize,
            threads: machine.threads(),
        };
        Plan {
            gpu,
            chooses: matches!(policy, Policy::Adaptive { .. } | Policy::Norm { .. }),
            genotypes: calls.planes() + NAMES * (n + snps),
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
