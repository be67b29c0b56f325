//! Fitting one setting on all individuals that have the trait.

mod assemble;

use std::path::PathBuf;
use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::{System, default_edge};
use epitile_core::tile::Tile;

use crate::backend::device_error;
use crate::cohort::Cohort;
use crate::covariates::{Design, Recipe};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::io::bim::duplicated_ids;
use crate::io::text::first_few;
use crate::model::{Model, SavedFactor, TraitMeta, TraitModel};
use crate::phenotypes::Trait;
use crate::plan::TilePlan;
use crate::run::RunLog;
use crate::settings::{Bandwidth, Gammas, bandwidths};
use crate::similarity::{Extras, Inside, Similarity};
use crate::training::{FixedEffects, Problem, Trained};
use assemble::assemble;

/// What to fit, and how.
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// Prefix of the training files, for the model to point to.
    pub bfile: PathBuf,
    /// Kernel.
    pub kernel: Kernel,
    /// γ, or c of γ = c / median; exactly one number for a kernel with bandwidth.
    pub gamma: Gammas,
    /// λ.
    pub lambda: f64,
    /// How the system is solved.
    pub solve: SolveOptions,
    /// Rows of a tile; `None` for the rule on sizes.
    pub tile: Option<usize>,
    /// Whether the model holds the training genotypes.
    pub embed: bool,
    /// Whether it holds the factor.
    pub save_factor: bool,
}

/// What is fitted.
#[derive(Clone, Copy, Debug)]
pub struct FitData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// How the covariates were made.
    pub recipe: Option<&'a Recipe>,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
    /// Covariates inside the kernel, with their making.
    pub inside: Option<(&'a Design, &'a Inside)>,
    /// How often each SNP counts in the kernel, if not once.
    pub weights: Option<&'a [f64]>,
}

/// Fits every trait and returns the model. A trait whose system cannot be solved is told and left
/// out.
///
/// # Errors
/// `Usage` for more than one setting and for weights where the kernel takes none, `Inconsistent` for repeated SNP IDs, `Degenerate` if no trait
/// has a solution; failures of the device.
pub fn fit<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    cohort: Cohort,
    data: FitData<'_>,
    options: &FitOptions,
    log: &RunLog,
) -> Result<Model> {
    let repeated = duplicated_ids(&cohort.snps);
    if !repeated.is_empty() {
        let names: Vec<&str> = repeated.iter().map(|(id, _)| id.as_str()).collect();
        return Err(Error::inconsistent(format!(
            "{} SNP IDs occur more than once ({}): predictions match SNPs by ID; make them unique, \
             for example with plink2 --set-all-var-ids, or leave them out with --exclude",
            names.len(),
            first_few(&names)
        )));
    }
    let Cohort {
        samples,
        snps,
        genotypes,
        ..
    } = cohort;
    let genotypes = Arc::new(genotypes);
    let extras = Extras {
        inside: data.inside.map(|(_, inside)| inside.clone()),
        weights: data.weights.map(<[f64]>::to_vec),
    };
    let similarity = log.timed("build", || {
        Similarity::new(backend, engine, &genotypes, &[options.kernel], extras)
    })?;
    let bandwidth = match *bandwidths(&[options.kernel], &options.gamma, &similarity)? {
        [one] => one,
        ref several => {
            return Err(Error::usage(format!(
                "fit takes one γ: found {}, expected 1; choose one with cv",
                several.len()
            )));
        }
    };
    if let Some(text) = similarity.degeneracy(options.kernel, bandwidth.gamma) {
        log.warn(text);
    }
    let mut fitted = log.timed("associate", || {
        let context = Context {
            similarity: &similarity,
            engine,
            data,
            options,
            bandwidth,
        };
        context.fit_all(log)
    })?;
    if let Ok(plans) = serde_json::to_value(&fitted.plans) {
        log.set("plans", plans);
    }
    if fitted.traits.iter().all(Option::is_none)
        && let Some((_, why)) = fitted.failures.pop()
    {
        return Err(why);
    }
    for (t, why) in &fitted.failures {
        log.warn(format!(
            "trait {}: {why}; the model goes without this trait",
            data.traits[*t].name
        ));
    }
    Ok(assemble(
        &similarity,
        (samples, snps),
        &genotypes,
        data,
        options,
        bandwidth,
        fitted,
    ))
}

/// What all groups share.
struct Context<'a, 'b, B: Backend, E> {
    similarity: &'a Similarity<'b, B>,
    engine: &'a E,
    data: FitData<'a>,
    options: &'a FitOptions,
    bandwidth: Bandwidth,
}

/// Solutions by trait, with rows as places in the cohort.
#[derive(Default)]
struct Fitted {
    traits: Vec<Option<TraitModel>>,
    factors: Vec<SavedFactor>,
    evidence: Evidence,
    plans: Vec<TilePlan>,
    /// Traits without a solution, and why.
    failures: Vec<(usize, Error)>,
}

impl<B: Backend, E: Engine> Context<'_, '_, B, E> {
    fn fit_all(&self, log: &RunLog) -> Result<Fitted> {
        let traits = self.data.traits;
        let members = |t: &Trait| {
            let mut rows = t.observed();
            rows.retain(|&i| self.data.complete[i as usize]);
            rows
        };
        let rows: Vec<Vec<u32>> = traits.iter().map(members).collect();
        let mut fitted = Fitted {
            traits: traits.iter().map(|_| None).collect(),
            ..Fitted::default()
        };
        let progress = log.progress(traits.len() as u64, "traits");
        for t in 0..traits.len() {
            if rows[..t].contains(&rows[t]) {
                continue;
            }
            let group: Vec<usize> = (t..traits.len()).filter(|&u| rows[u] == rows[t]).collect();
            self.fit_group(&group, &rows[t], &mut fitted)?;
            progress.inc(group.len() as u64);
        }
        Ok(fitted)
    }

    fn fit_group(&self, group: &[usize], rows: &[u32], fitted: &mut Fitted) -> Result<()> {
        if rows.is_empty() {
            return Err(Error::degenerate(format!(
                "trait {}: no individual has the trait and all covariates",
                self.data.traits[group[0]].name
            )));
        }
        let Bandwidth { kernel, gamma, .. } = self.bandwidth;
        let map = self.similarity.map(kernel, gamma);
        let backend = self.similarity.backend();
        let edge = default_edge(rows.len(), backend.largest_edge());
        let system = System {
            backend,
            engine: self.engine,
            pairs: self.similarity.pairs(kernel),
            map: &map,
            index: rows,
            edge: self.options.tile.unwrap_or(edge),
        };
        let prepared = system.prepare(&self.options.solve).map_err(device_error)?;
        let mut solver = Solver::new(system, &prepared, self.options.lambda, self.options.solve);
        let y: Vec<&[f64]> = group
            .iter()
            .map(|&t| &self.data.traits[t].values[..])
            .collect();
        let problem = Problem::new(&y, rows, self.data.fixed)?;
        let trained: Vec<Result<Trained>> =
            problem.each(|part, _| Ok(part.train(&mut solver, None)?.traits))?;
        let solved = trained.iter().flatten();
        fitted.evidence.add(&solver, solved.map(|t| &t.certificate));
        let mut solved = Vec::new();
        for (&t, trained) in group.iter().zip(trained) {
            let trained = match trained {
                Ok(trained) => trained,
                Err(why) => {
                    fitted.failures.push((t, why));
                    continue;
                }
            };
            solved.push(t);
            let meta = TraitMeta {
                name: self.data.traits[t].name.clone(),
                samples: rows.len(),
                effects: trained.effects,
                variance: trained.variance,
                certificate: (&trained.certificate).into(),
            };
            let rows = rows.to_vec();
            fitted.traits[t] = Some(TraitModel {
                meta,
                rows,
                weights: trained.weights,
            });
        }
        let names = solved.iter().map(|&t| self.data.traits[t].name.clone());
        let plan = TilePlan::of(&solver, &prepared, names.collect());
        fitted.plans.extend(plan);
        if self.options.save_factor
            && !solved.is_empty()
            && let Some(factor) = solver.factor()
        {
            let tiles = factor
                .cholesky()
                .iter()
                .map(|(_, tile)| backend.download(tile));
            fitted.factors.push(SavedFactor {
                traits: solved,
                edge: system.edge,
                tiles: tiles
                    .collect::<Result<Vec<Tile>, _>>()
                    .map_err(device_error)?,
                deflation: factor.deflation().to_vec(),
            });
        }
        Ok(())
    }
}
