//! The work of a cross-validation: one job per training set, kernel and γ.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;

use epitile_core::backend::Backend;
use epitile_core::columns::{Columns, WIDTH};
use epitile_core::engine::{Engine, InOrder};
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::shifts::{self, Shared};
use epitile_core::solver::{Prepared, SolveOptions, Solver};
use epitile_core::system::{System, default_edge};

use super::leave::is_cheaper;
use super::{CvData, CvOptions, Scheme};
use crate::backend::device_error;
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::settings::Bandwidth;
use crate::similarity::Similarity;
use crate::training::{Problem, Trained};

/// Up to this many individuals whole jobs run in parallel, each on one thread; beyond, the tiles
/// of one job do, since several factors at a time would cost too much memory. Either way the same
/// bits.
const PARALLEL_JOBS: usize = 4096;

/// Traits with the same individuals.
pub(super) struct Group {
    /// Indices of the traits.
    pub(super) traits: Vec<usize>,
    /// Individuals that have them, all covariates, and a fold.
    pub(super) members: Vec<u32>,
}

impl Group {
    /// Members of fold `fold`.
    pub(super) fn test(&self, data: CvData<'_>, fold: u32) -> Vec<u32> {
        let of = &data.folds.of;
        self.members
            .iter()
            .copied()
            .filter(|&i| of[i as usize] == Some(fold))
            .collect()
    }
}

/// Why a trait cannot be validated on these folds, if it cannot: words that follow its name.
pub fn obstacle(data: CvData<'_>, of: &Trait, scheme: Scheme) -> Option<String> {
    let fold = |i: u32| data.folds.of[i as usize];
    let mut members = of.observed();
    members.retain(|&i| data.complete[i as usize] && fold(i).is_some());
    if let Some(why) = data.fixed.obstacle(&of.values, &members) {
        return Some(why);
    }
    if scheme == Scheme::LeaveOneOut {
        let why = data.fixed.shortage_without_one(&members)?;
        return Some(format!("{why}, without one individual"));
    }
    let folds: BTreeSet<u32> = members.iter().filter_map(|&i| fold(i)).collect();
    if folds.len() < 2 {
        return Some(format!(
            "has values in {} of the folds, expected at least 2",
            folds.len()
        ));
    }
    let shortage = |a: u32, b: u32| {
        let stays = |i: &u32| fold(*i) != Some(a) && fold(*i) != Some(b);
        let train: Vec<u32> = members.iter().copied().filter(stays).collect();
        let why = data.fixed.shortage(&train).filter(|_| !train.is_empty())?;
        let name = |k: u32| &data.folds.names[k as usize];
        Some(match a == b {
            true => format!("{why}, without fold {}", name(a)),
            false => format!("{why}, without folds {} and {}", name(a), name(b)),
        })
    };
    let pairs = folds
        .iter()
        .flat_map(|&a| folds.range(a..).map(move |&b| (a, b)));
    pairs
        .filter(|(a, b)| scheme == Scheme::Nested || a == b)
        .find_map(|(a, b)| shortage(a, b))
}

/// Gathers traits by the individuals that have them.
pub(super) fn groups(data: CvData<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (t, of) in data.traits.iter().enumerate() {
        let mut members = of.observed();
        members.retain(|&i| data.complete[i as usize] && data.folds.of[i as usize].is_some());
        match groups.iter_mut().find(|g| g.members == members) {
            Some(group) => group.traits.push(t),
            None => groups.push(Group {
                traits: vec![t],
                members,
            }),
        }
    }
    groups
}

/// One training set with one kernel and γ, for all λ.
pub(super) struct Job {
    /// Group of traits.
    pub(super) group: usize,
    /// Folds left out: one, or two for nested selection.
    pub(super) folds: Vec<u32>,
    /// Kernel and γ, as an index.
    pub(super) bandwidth: usize,
    /// Training individuals; all members of the group where each is left out alone.
    pub(super) train: Vec<u32>,
    /// Individuals of the folds left out, ascending; by fold where each is left out in turn.
    pub(super) tested: Vec<u32>,
    /// The fold of each of them.
    tested_folds: Vec<u32>,
    /// Whether each of the folds is left out in turn, in closed form.
    pub(super) in_turn: bool,
}

impl Job {
    /// Individuals of `fold` with their places in `tested`.
    pub(super) fn test(&self, fold: u32) -> Vec<(usize, u32)> {
        let of_fold = |&(at, _): &(usize, u32)| self.tested_folds[at] == fold;
        self.tested
            .iter()
            .copied()
            .enumerate()
            .filter(of_fold)
            .collect()
    }

    /// Individuals that predict `fold`.
    pub(super) fn training(&self, fold: u32) -> Vec<u32> {
        if !self.in_turn {
            return self.train.clone();
        }
        let others = self.tested.iter().zip(&self.tested_folds);
        let mut others: Vec<u32> = others.filter(|o| *o.1 != fold).map(|o| *o.0).collect();
        others.sort_unstable();
        others
    }

    /// What is left out in turn, as places in `tested`.
    fn parts(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let parts = self.tested_folds.chunk_by(|a, b| self.in_turn && a == b);
        let part = |of: &[u32]| {
            start += of.len();
            start - of.len()..start
        };
        parts.map(part).collect()
    }
}

/// Everything to be trained, largest training sets first within the order of the tables.
pub(super) fn list(
    data: CvData<'_>,
    groups: &[Group],
    bandwidths: &[Bandwidth],
    options: &CvOptions,
) -> Vec<Job> {
    let (count, scheme) = (data.folds.count() as u32, options.scheme);
    let mut left_out: Vec<Vec<u32>> = (0..count).map(|k| vec![k]).collect();
    if scheme == Scheme::Nested {
        left_out.extend((0..count).flat_map(|a| (a + 1..count).map(move |b| vec![a, b])));
    }
    let mut jobs = Vec::new();
    for (group, g) in groups.iter().enumerate() {
        let members: Vec<(u32, Vec<u32>)> = (0..count).map(|k| (k, g.test(data, k))).collect();
        let sizes: Vec<usize> = members
            .iter()
            .map(|m| m.1.len())
            .filter(|&n| n > 0)
            .collect();
        if is_cheaper(options, &sizes) {
            let each = members
                .iter()
                .flat_map(|(k, of)| of.iter().map(|&i| (i, *k)));
            let (tested, tested_folds): (Vec<u32>, Vec<u32>) = each.unzip();
            jobs.extend((0..bandwidths.len()).map(|bandwidth| {
                Job {
                    group,
                    folds: members
                        .iter()
                        .filter(|m| !m.1.is_empty())
                        .map(|m| m.0)
                        .collect(),
                    bandwidth,
                    train: tested.clone(),
                    tested: tested.clone(),
                    tested_folds: tested_folds.clone(),
                    in_turn: true,
                }
            }));
            continue;
        }
        for folds in &left_out {
            let is_out = |i: u32| data.folds.of[i as usize].is_some_and(|k| folds.contains(&k));
            let (tested, train): (Vec<u32>, Vec<u32>) = g.members.iter().partition(|&&i| is_out(i));
            let tested_folds: Vec<u32> = tested
                .iter()
                .filter_map(|&i| data.folds.of[i as usize])
                .collect();
            let train = match scheme {
                Scheme::LeaveOneOut => tested.clone(),
                _ => train,
            };
            if folds.iter().any(|k| !tested_folds.contains(k)) || train.is_empty() {
                continue;
            }
            for bandwidth in 0..bandwidths.len() {
                jobs.push(Job {
                    group,
                    folds: folds.clone(),
                    bandwidth,
                    train: train.clone(),
                    tested: tested.clone(),
                    tested_folds: tested_folds.clone(),
                    in_turn: false,
                });
            }
        }
    }
    jobs
}

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
        let system = System {
            backend: self.similarity.backend(),
            engine,
            pairs: self.similarity.pairs(kernel),
            map: &map,
            index: train,
            edge: self.options.tile.unwrap_or(default_edge(train.len())),
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
