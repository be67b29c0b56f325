//! Cross-validation of linear and kernel ridge regression over a grid of settings.
//!
//! The pair statistic is computed once for all folds, γ and traits. Traits with the same
//! individuals share factorisations; no number depends on which other traits are in the run.
//! Leaving out single individuals takes one factor per setting, not one per individual; leaving out
//! folds too, where that is cheaper.

mod groups;
mod jobs;
mod leave;
mod list;
mod scores;
mod tables;

use std::collections::BTreeMap;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::SolveOptions;

use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::folds::Folds;
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::settings::{Bandwidth, Gammas, Setting, bandwidths};
use crate::similarity::Similarity;
use crate::training::FixedEffects;

pub use groups::obstacle;
pub use scores::{NestedScore, Score, Summary, best_settings, pearson, summaries};
pub use tables::write;

/// Who is left out of training at a time, to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A fold.
    Folds,
    /// A fold, and each two folds, so that settings are also chosen inside each training set.
    Nested,
    /// One individual, in closed form; the folds are [`Folds::one_by_one`].
    LeaveOneOut,
}

/// What to compare, and how.
#[derive(Clone, Debug)]
pub struct CvOptions {
    /// Kernels, in the order of the tables.
    pub kernels: Vec<Kernel>,
    /// Bandwidths of those that take one.
    pub gammas: Gammas,
    /// Ridges λ.
    pub lambdas: Vec<f64>,
    /// How systems are to be solved; see [`solve()`](Self::solve()).
    pub solve: SolveOptions,
    /// Rows of a tile; `None` for the rule on sizes.
    pub tile: Option<usize>,
    /// Who is left out.
    pub scheme: Scheme,
}

impl CvOptions {
    /// How systems are solved under the scheme: leaving out one individual takes the diagonal of
    /// an inverse, which no refinement repairs, so its factors are in FP64 whatever the policy.
    pub fn solve(&self) -> SolveOptions {
        match self.scheme {
            Scheme::LeaveOneOut => SolveOptions {
                policy: Policy::Uniform(Precision::F64),
                rank: None,
                ..self.solve
            },
            Scheme::Folds | Scheme::Nested => self.solve,
        }
    }
}

/// What is validated: traits, fixed effects and folds over the individuals of one cohort.
#[derive(Clone, Copy, Debug)]
pub struct CvData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
    /// Folds.
    pub folds: &'a Folds,
}

/// Results of one trait.
#[derive(Clone, Debug)]
pub struct TraitResult {
    /// Its name.
    pub name: String,
    /// Scores by setting and fold; `None` for a fold without individuals that have the trait.
    pub scores: Vec<Vec<Option<Score>>>,
    /// Out-of-fold predictions by setting and individual; NaN for those left out.
    pub predictions: Vec<Vec<f64>>,
    /// Squared errors by setting and individual left out alone; empty for folds.
    pub squares: Vec<Vec<f64>>,
    /// Scores of the settings chosen without the fold, by kernel and fold, if asked for.
    pub nested: Vec<NestedScore>,
}

/// Results of a cross-validation.
#[derive(Clone, Debug)]
pub struct CvResult {
    /// The settings, in the order of every table.
    pub settings: Vec<Setting>,
    /// One per trait.
    pub traits: Vec<TraitResult>,
    /// Evidence for all solutions together.
    pub evidence: Evidence,
    /// Sets of traits × kernels × γ whose folds were left out in closed form, from one factor for
    /// each λ, because that takes fewer operations.
    pub in_turn: usize,
}

/// Validates every setting on every trait and fold.
///
/// # Errors
/// `Inconsistent` if fewer than two folds have individuals with a trait; `Degenerate` if no trait
/// has a solution in any setting (one that lacks some is told and goes without them); failures of
/// the device.
pub fn cross_validate<B: Backend, E: Engine>(
    similarity: &Similarity<'_, B>,
    engine: &E,
    data: CvData<'_>,
    options: &CvOptions,
    log: &RunLog,
) -> Result<CvResult> {
    let bandwidths = bandwidths(&options.kernels, &options.gammas, similarity)?;
    for b in &bandwidths {
        if let Some(text) = similarity.degeneracy(b.kernel, b.gamma) {
            log.warn(text);
        }
    }
    let settings = settings(&bandwidths, &options.lambdas);
    let groups = groups::groups(data);
    let by_fold = options.scheme != Scheme::LeaveOneOut;
    for g in groups.iter().filter(|_| by_fold) {
        let folds = (0..data.folds.count() as u32)
            .filter(|&k| !g.test(data, k).is_empty())
            .count();
        if folds < 2 {
            return Err(Error::inconsistent(format!(
                "trait {}: found individuals in {folds} folds, expected at least 2; use other \
                 folds or leave the trait out",
                data.traits[g.traits[0]].name
            )));
        }
    }
    let mut results: Vec<TraitResult> = data
        .traits
        .iter()
        .map(|t| TraitResult {
            name: t.name.clone(),
            scores: vec![vec![None; data.folds.count()]; settings.len()],
            predictions: vec![vec![f64::NAN; t.values.len()]; settings.len()],
            squares: vec![Vec::new(); if by_fold { 0 } else { settings.len() }],
            nested: Vec::new(),
        })
        .collect();
    let mut inner = scores::Inner::new(data.traits.len(), settings.len(), data.folds.count());
    let mut evidence = Evidence::default();
    let jobs = list::list(data, &groups, &bandwidths, options);
    let in_turn = jobs.iter().filter(|job| job.in_turn).count();
    let context = jobs::Context {
        similarity,
        engine,
        data,
        groups: &groups,
        options,
        bandwidths: &bandwidths,
    };
    let mut failed: BTreeMap<(usize, usize), String> = BTreeMap::new();
    context.run(jobs, log, |job, output| {
        for (l, t, why) in &output.failures {
            let place = (
                groups[job.group].traits[*t],
                job.bandwidth * options.lambdas.len() + l,
            );
            let (why, known) = (why.to_string(), failed.entry(place).or_default());
            // Of several the first by letters: jobs end in any order.
            if known.is_empty() || why < *known {
                *known = why;
            }
        }
        for (l, traits) in output.predictions.iter().enumerate() {
            let s = job.bandwidth * options.lambdas.len() + l;
            for (&t, predicted) in groups[job.group].traits.iter().zip(traits) {
                let values = &data.traits[t].values;
                if !by_fold {
                    let (score, squares) = Score::one_by_one(values, predicted, &job.tested);
                    results[t].scores[s][0] = Some(score);
                    results[t].squares[s] = squares;
                }
                for &fold in job.folds.iter().filter(|_| by_fold) {
                    let train = job.training(fold);
                    let score = Score::of(values, predicted, &train, &job.test(fold));
                    match job.folds.len() == 1 || job.in_turn {
                        true => results[t].scores[s][fold as usize] = score,
                        false => inner.add(t, s, &job.folds, fold, score),
                    }
                }
                if job.folds.len() == 1 || job.in_turn {
                    for (&i, &p) in job.tested.iter().zip(predicted) {
                        results[t].predictions[s][i as usize] = p;
                    }
                }
            }
        }
        evidence.merge(&output.evidence);
    })?;
    if let (Some(why), true) = (
        failed.values().next(),
        failed.len() == results.len() * settings.len(),
    ) {
        return Err(Error::degenerate(why.clone()));
    }
    for (&(t, s), why) in &failed {
        let (of, setting) = (&mut results[t], settings[s]);
        log.warn(format!(
            "trait {}, {setting}: {why}; the trait goes without this setting",
            of.name
        ));
        of.scores[s].fill(None);
        of.predictions[s].fill(f64::NAN);
        of.squares.get_mut(s).into_iter().for_each(Vec::clear);
        inner.forget(t, s);
    }
    if options.scheme == Scheme::Nested {
        for (t, result) in results.iter_mut().enumerate() {
            result.nested = inner.choose(t, &settings, &options.kernels, &result.scores);
        }
    }
    Ok(CvResult {
        settings,
        traits: results,
        evidence,
        in_turn,
    })
}

fn settings(bandwidths: &[Bandwidth], lambdas: &[f64]) -> Vec<Setting> {
    let each = |&bandwidth: &Bandwidth| {
        lambdas
            .iter()
            .map(move |&lambda| Setting { bandwidth, lambda })
    };
    bandwidths.iter().flat_map(each).collect()
}
