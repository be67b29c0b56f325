//! The work of a cross-validation, job by job.

use std::sync::Mutex;

use epitile_core::backend::Backend;
use epitile_core::columns::{Columns, WIDTH};
use epitile_core::engine::{Engine, InOrder};
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::shifts::{self, Shared};
use epitile_core::solver::{Prepared, SolveOptions, Solver};
use epitile_core::system::{System, default_edge};

use super::groups::Group;
use super::list::Job;
use super::{CvData, CvOptions, Scheme};
use crate::backend::device_error;
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::run::RunLog;
use crate::settings::Bandwidth;
use crate::similarity::Similarity;
use crate::training::{Problem, Trained};

/// Up to this many individuals whole jobs run in parallel, each on one thread; beyond, the tiles
/// of one job do, since several factors at a time would cost too much memory. Either way the same
/// bits.
const PARALLEL_JOBS: usize = 4096;

/// What a job gives.
pub(super) struct Output {
    /// Predictions by λ, trait of the group, and tested individual; NaN where there is no solution.
    pub(super) predictions: Vec<Vec<Vec<f64>>>,
    /// λ and trait of the group without a solution, and why.
    pub(super) failures: Vec<(usize, usize, Error)>,
    pub(super) evidence: Evidence,
}

/// What all jobs share.
pub(super) struct Context<'a, 'b, B: Backend, E> {
    pub(super) similarity: &'a Similarity<'b, B>,
    pub(super) engine: &'a E,
    pub(super) data: CvData<'a>,
    pub(super) groups: &'a [Group],
    pub(super) options: &'a CvOptions,
    pub(super) bandwidths: &'a [Bandwidth],
}

impl<B: Backend, E: Engine> Context<'_, '_, B, E> {
    /// Runs all jobs; `collect` sees them in an unspecified order, one at a time.
    pub(super) fn run(
        &self,
        mut jobs: Vec<Job>,
        log: &RunLog,
        collect: impl FnMut(&Job, Output) + Send,
    ) -> Result<()> {
        let progress = log.progress(jobs.len() as u64, "training sets × kernels");
        let collect = Mutex::new(collect);
        let finish = |job: &Job, output: Output| {
            // A poisoned lock means another job panicked, which is about to end the run anyway.
            let mut collect = collect.lock().unwrap_or_else(|e| e.into_inner());
            (*collect)(job, output);
            progress.inc(1);
        };
        let largest = jobs.iter().map(|j| j.train.len()).max().unwrap_or(0);
        // Those that leave folds out in turn are few, and the folds of one are run in parallel.
        if largest <= PARALLEL_JOBS && !jobs.iter().any(|j| j.in_turn) {
            return self.engine.for_each(&mut jobs, |_, job| {
                finish(job, self.job(job, &InOrder)?);
                Ok(())
            });
        }
        for job in &jobs {
            finish(job, self.job(job, self.engine)?);
        }
        Ok(())
    }

    fn job<F: Engine>(&self, job: &Job, engine: &F) -> Result<Output> {
        let group = &self.groups[job.group];
        match job.in_turn || self.options.scheme == Scheme::LeaveOneOut {
            true => self.in_turn((&job.train, &job.parts()), group, job.bandwidth, engine),
            false => self.held_out((&job.train, &job.tested), group, job.bandwidth, engine),
        }
    }

    /// Calls `f` with the system of the individuals `train` and what does not depend on λ.
    pub(super) fn with_system<F: Engine, T>(
        &self,
        train: &[u32],
        bandwidth: usize,
        (engine, solve): (&F, &SolveOptions),
        f: impl FnOnce(System<'_, B, F>, &Prepared<B::Tile>) -> Result<T>,
    ) -> Result<T> {
        let Bandwidth { kernel, gamma, .. } = self.bandwidths[bandwidth];
        let map = self.similarity.map(kernel, gamma);
        let backend = self.similarity.backend();
        let edge = default_edge(train.len(), backend.largest_edge());
        let system = System {
            backend,
            engine,
            pairs: self.similarity.pairs(kernel),
            map: &map,
            index: train,
            edge: self.options.tile.unwrap_or(edge),
        };
        let prepared = system.prepare(solve).map_err(device_error)?;
        f(system, &prepared)
    }

    /// Values of the traits of `group`, of all individuals of the cohort.
    pub(super) fn values(&self, group: &Group) -> Vec<&[f64]> {
        let traits = &self.data.traits;
        let values = |&t: &usize| traits[t].values.as_slice();
        group.traits.iter().map(values).collect()
    }

    /// Trains on some individuals and predicts others.
    pub(super) fn held_out<F: Engine>(
        &self,
        (train, tested): (&[u32], &[u32]),
        group: &Group,
        bandwidth: usize,
        engine: &F,
    ) -> Result<Output> {
        let y = self.values(group);
        let solve = self.options.solve();
        let problem = Problem::new(&y, train, self.data.fixed)?;
        self.with_system(train, bandwidth, (engine, &solve), |system, prepared| {
            let mut evidence = Evidence::default();
            let lambdas = &self.options.lambdas;
            let mut trained: Vec<Vec<Result<Trained>>> =
                lambdas.iter().map(|_| Vec::new()).collect();
            let mut keep =
                |l: usize, solver: &mut Solver<'_, B, F>, guesses: Option<&[Vec<f64>]>| {
                    trained[l] = problem.each(|part, place| {
                        let own = guesses.zip(place).map(|(g, t)| problem.guesses_of(g, t));
                        let training = part.train(solver, own.as_deref().or(guesses))?;
                        Ok(training.traits)
                    })?;
                    let solved = trained[l].iter().flatten();
                    evidence.add(solver, solved.map(|t| &t.certificate));
                    Ok::<(), Error>(())
                };
            for shared in self.shared(train.len()) {
                let mut centre = Solver::new(system, prepared, lambdas[shared.centre], solve);
                keep(shared.centre, &mut centre, None)?;
                let others: Vec<f64> = shared.others.iter().map(|&l| lambdas[l]).collect();
                // A λ₀ too small to be factored helps no other.
                let guesses = match (others.is_empty(), centre.factor()) {
                    (false, Some(_)) => Some(problem.guesses(&mut centre, &others)?),
                    _ => None,
                };
                for (place, &l) in shared.others.iter().enumerate() {
                    let mut solver = Solver::new(system, prepared, lambdas[l], solve);
                    if let (Some(_), Some(factor)) = (&guesses, centre.factor()) {
                        solver.share(factor);
                    }
                    keep(l, &mut solver, guesses.as_ref().map(|g| &g[place][..]))?;
                }
            }
            // All λ and traits share passes over the rectangle of the kernel.
            let solved = trained.iter().flatten().flatten();
            let weights: Vec<&[f64]> = solved.map(|t| &t.weights[..]).collect();
            let mut random = Vec::new();
            for chunk in weights.chunks(WIDTH) {
                let panel = Columns::from_slices(train.len(), chunk.iter().copied());
                let product = system.cross(tested, &panel).map_err(device_error)?;
                random.extend((0..chunk.len()).map(|c| product.column(c).to_vec()));
            }
            let mut random = random.into_iter();
            let mut failures = Vec::new();
            let mut predictions = Vec::new();
            for (l, traits) in trained.into_iter().enumerate() {
                let mut of_ridge = Vec::new();
                for (t, trained) in traits.into_iter().enumerate() {
                    let mut values = vec![f64::NAN; tested.len()];
                    match trained {
                        Err(why) => failures.push((l, t, why)),
                        Ok(trained) => {
                            values = random.next().unwrap_or(values);
                            for (&i, v) in tested.iter().zip(&mut values) {
                                *v += self.data.fixed.at(&trained.effects, i as usize);
                            }
                        }
                    }
                    of_ridge.push(values);
                }
                predictions.push(of_ridge);
            }
            Ok(Output {
                predictions,
                failures,
                evidence,
            })
        })
    }

    /// Which λ share a factor. Only one in FP64 is worth sharing: from a narrower one, refinement
    /// would take as many steps for each λ as the process does for all.
    fn shared(&self, individuals: usize) -> Vec<Shared> {
        let solve = self.options.solve();
        let lambdas = &self.options.lambdas;
        if solve.refine && solve.policy == Policy::Uniform(Precision::F64) {
            return shifts::plan(individuals, lambdas);
        }
        let alone = |centre| Shared {
            centre,
            others: Vec::new(),
        };
        (0..lambdas.len()).map(alone).collect()
    }
}
