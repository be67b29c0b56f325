//! One run after the other, phase by phase.

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
use epitile_core::solver::{Solver, Step};
use epitile_core::system::{System, default_edge};
use epitile_cpu::Ceiling;

use super::BenchOptions;
use super::count::{Shares, shares, used};
use super::record::{PHASES, PhaseTimes, Scaling};
use crate::backend::{Job, device_error, solve_error};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::similarity::{Cross, Similarity};

/// Individuals predicted.
const PREDICTED: usize = 1024;

/// Nine in ten off-diagonal values of the kernel must be between this and one less it.
const MARGIN: f64 = 0.01;

/// Sizes of the problem.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) samples: usize,
    pub(super) snps: usize,
    pub(super) traits: usize,
    pub(super) predicted: usize,
}

/// What all runs with one number of threads gave; all but times is of the last one.
pub(super) struct Measured {
    pub(super) sizes: Sizes,
    pub(super) tile: usize,
    pub(super) gamma: f64,
    pub(super) quantiles: [f64; 7],
    pub(super) rank: usize,
    pub(super) step: Step,
    pub(super) shares: Shares,
    pub(super) evidence: Evidence,
    /// Over all traits.
    pub(super) passes: u64,
    pub(super) most_passes: u32,
    pub(super) seconds: [Vec<f64>; PHASES.len()],
}

impl Measured {
    /// Rates of the phases, and what they are of the ceilings.
    pub(super) fn times(&self, threads: usize, ceilings: &[Ceiling]) -> Scaling {
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
            _ => most(&["f8", "bf16", "f16", "f32"]),
        };
        let at = |operations: f64, rate: Option<f64>| rate.map(|r| operations / (r * 1e9));
        let factored = |p: &Precision| self.shares[p].operations.total();
        let factor: f64 = self.shares.keys().map(factored).sum();
        let shares = self.shares.keys().map(|p| at(factored(p), arithmetic(*p)));
        // The kernel and the factor, applied to every trait.
        let solve = 2.0 * n * n * (self.passes + self.evidence.iterations) as f64;
        let (build, predict) = (n * n * m, 2.0 * s.predicted as f64 * n * m);
        let costs = [
            (0.0, None),
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

pub(super) struct Timing<'a> {
    pub(super) genotypes: &'a Arc<Genotypes>,
    pub(super) traits: &'a [Vec<f64>],
    pub(super) options: &'a BenchOptions,
    pub(super) tick: &'a (dyn Fn() + Sync),
}

impl Job for Timing<'_> {
    type Output = Measured;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Measured> {
        let mut all: [Vec<f64>; PHASES.len()] = Default::default();
        let mut counted = |of: &Measured| {
            for (all, one) in all.iter_mut().zip(&of.seconds) {
                all.extend(one);
            }
        };
        let mut last = self.once(backend, engine)?;
        (self.tick)();
        let mut left = self.options.runs;
        if self.options.cold {
            counted(&last);
            left = left.saturating_sub(1);
        }
        for _ in 0..left {
            last = self.once(backend, engine)?;
            counted(&last);
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

        let panel = backend.panel(genotypes.clone()).map_err(device_error)?;
        backend.synchronize().map_err(device_error)?;
        let load = watch.lap();

        let mut similarity =
            Similarity::of_panel(backend, engine, (genotypes, &panel), &[kernel], None)?;
        backend.synchronize().map_err(device_error)?;
        let build = watch.lap();

        similarity.count_distances(engine, n)?;
        let gamma = similarity.gamma(kernel, 1.0)?;
        let quantiles = quantiles(&similarity, gamma)?;
        let map = similarity.map(kernel, gamma);
        let system = System {
            backend,
            engine,
            pairs: similarity.pairs(kernel),
            map: &map,
            index: &index,
            edge: options
                .tile
                .unwrap_or(default_edge(n, backend.largest_edge())),
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
            seconds: [load, build, prepare, factor, solve, predict].map(|s| vec![s]),
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
