//! Standard errors of predictions.
//!
//! For a new individual with kernel row k and fixed effects x: Var(f̂ + xᵀb̂ − f − xᵀb) =
//! σ̂²_f (k** − kᵀA⁻¹k + dᵀ(XᵀA⁻¹X)⁻¹d) with d = x − XᵀA⁻¹k (Rasmussen and Williams, Gaussian
//! Processes for Machine Learning, eq. 2.42); a new observation adds λσ̂²_f. The systems are solved
//! with certificates like those of the weights, not read off a low-precision factor.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::{cholesky, dot, solve_lower};
use epitile_core::engine::Engine;
use epitile_core::factor::Cholesky;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::precondition::Preconditioner;
use epitile_core::solver::{Prepared, SolveOptions, Solver};
use epitile_core::sym::Blocks;
use epitile_core::system::{System, default_edge};

use super::{NewData, Predicted};
use crate::backend::{device_error, solve_error};
use crate::error::{Error, Result};
use crate::model::{Model, SavedFactor};
use crate::similarity::Cross;
use crate::training::Intercept;

/// Columns of XᵀA⁻¹X and its parts, for one set of training individuals.
struct Group<T> {
    /// Traits of the model with these individuals.
    traits: Vec<usize>,
    rows: Vec<u32>,
    prepared: Prepared<T>,
    factor: Option<Preconditioner<T>>,
    /// A⁻¹X.
    w: Vec<Vec<f64>>,
    /// Cholesky factor of XᵀA⁻¹X.
    information: Vec<f64>,
    /// Fixed columns in X.
    kept: Vec<usize>,
}

/// Everything to solve with the training individuals' systems.
pub(super) struct Solvers<'a, B: Backend, E> {
    backend: &'a B,
    engine: &'a E,
    model: &'a Model,
    statistic: PairStatistic,
    /// Pair statistic of the training individuals with themselves.
    training: Cross<B>,
    groups: Vec<Group<B::Tile>>,
    options: SolveOptions,
}

impl<'a, B: Backend, E: Engine> Solvers<'a, B, E> {
    pub(super) fn new(
        backend: &'a B,
        engine: &'a E,
        model: &'a Model,
        genotypes: &Arc<Genotypes>,
    ) -> Result<Self> {
        let kernel = model.kernel()?;
        let gamma = model.meta.gamma.unwrap_or(f64::NAN);
        let inside = model.inside.as_ref().map(|i| (i, i));
        let training = Cross::symmetric(
            backend,
            engine,
            &model.moments,
            (kernel, gamma),
            genotypes,
            inside,
        )?;
        let options = SolveOptions {
            policy: model.policy()?,
            tolerance: model.meta.tolerance,
            ..SolveOptions::default()
        };
        let statistic = model.moments.statistic(kernel);
        let groups = Vec::new();
        let mut solvers = Solvers {
            backend,
            engine,
            model,
            statistic,
            training,
            groups,
            options,
        };
        for t in 0..model.traits.len() {
            if solvers.groups.iter().all(|g| !g.traits.contains(&t)) {
                let group = solvers.group(t)?;
                solvers.groups.push(group);
            }
        }
        Ok(solvers)
    }

    fn system<'s>(&'s self, rows: &'s [u32], edge: usize) -> System<'s, B, E> {
        let Cross { pairs, map } = &self.training;
        System {
            backend: self.backend,
            engine: self.engine,
            pairs,
            map,
            index: rows,
            edge,
        }
    }

    fn edge(&self, rows: &[u32]) -> usize {
        let edge = default_edge(rows.len(), self.backend.largest_edge());
        self.model.meta.tile.unwrap_or(edge)
    }

    /// Solves for A⁻¹X once.
    fn group(&self, first: usize) -> Result<Group<B::Tile>> {
        let rows = self.model.traits[first].rows.clone();
        let same = |&t: &usize| self.model.traits[t].rows == rows;
        let traits: Vec<usize> = (first..self.model.traits.len()).filter(same).collect();
        let saved = self
            .model
            .factors
            .iter()
            .find(|f| f.traits.contains(&first));
        let system = self.system(&rows, saved.map_or(self.edge(&rows), |f| f.edge));
        // A saved factor needs no plan: only ‖A‖ is missing.
        let prepare = match saved {
            Some(_) => SolveOptions {
                policy: Policy::Uniform(Precision::F64),
                rank: Some(0),
                ..self.options
            },
            None => self.options,
        };
        let prepared = system.prepare(&prepare).map_err(device_error)?;
        let factor = saved
            .map(|f| self.restore(&system, f))
            .transpose()?
            .flatten();
        let (kept, x) = match self.model.meta.intercept {
            Intercept::Mean => (Vec::new(), Vec::new()),
            Intercept::Gls => self.columns(first),
        };
        let mut group = Group {
            traits,
            rows,
            prepared,
            factor,
            w: Vec::new(),
            information: Vec::new(),
            kept,
        };
        let columns: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
        group.w = self.solve(&mut group, &columns)?;
        let c = group.w.len();
        let products = group
            .w
            .iter()
            .flat_map(|w| x.iter().map(move |x| dot(x, w)));
        group.information = products.collect();
        cholesky(&mut group.information, c, 0.0).map_err(|_| {
            Error::degenerate("the fixed effects of the model cannot be told apart")
        })?;
        Ok(group)
    }

    fn restore(
        &self,
        system: &System<'_, B, E>,
        saved: &SavedFactor,
    ) -> Result<Option<Preconditioner<B::Tile>>> {
        let upload = |t: &epitile_core::tile::Tile| {
            let tile = self.backend.upload(t.as_ref())?;
            self.backend.settle(tile)
        };
        let tiles = saved
            .tiles
            .iter()
            .map(upload)
            .collect::<Result<Vec<_>, _>>();
        let blocks = Blocks::new(system.order(), saved.edge);
        let double = saved.tiles.iter().any(|t| t.precision() == Precision::F64);
        let tiles = tiles.map_err(device_error)?;
        let Some(factor) = Cholesky::from_tiles(blocks, tiles, double) else {
            return Ok(None);
        };
        let deflation = match saved.deflation.is_empty() {
            true => None,
            false => Some(
                system
                    .deflation(saved.deflation.clone())
                    .map_err(device_error)?,
            ),
        };
        Preconditioner::new(self.backend, self.engine, factor, deflation.as_ref())
            .map_err(device_error)
    }

    /// The fixed columns with an effect in trait `t`, for its individuals.
    fn columns(&self, t: usize) -> (Vec<usize>, Vec<Vec<f64>>) {
        let of = &self.model.traits[t];
        // A column that depended on others among these individuals has effect 0 in every trait.
        let used = |&c: &usize| c == 0 || of.meta.effects[c] != 0.0;
        let kept: Vec<usize> = (0..self.model.fixed.len()).filter(used).collect();
        let pick = |&c: &usize| {
            of.rows
                .iter()
                .map(|&i| self.model.fixed[c][i as usize])
                .collect()
        };
        let columns = kept.iter().map(pick).collect();
        (kept, columns)
    }

    fn solve(&self, group: &mut Group<B::Tile>, b: &[&[f64]]) -> Result<Vec<Vec<f64>>> {
        let saved = group.factor.is_some();
        let edge = group
            .factor
            .as_ref()
            .map_or(self.edge(&group.rows), |f| f.cholesky().blocks().edge);
        let options = match saved {
            true => SolveOptions {
                policy: Policy::Uniform(Precision::F64),
                ..self.options
            },
            false => self.options,
        };
        let system = self.system(&group.rows, edge);
        let mut solver = Solver::new(system, &group.prepared, self.model.meta.lambda, options);
        if let Some(factor) = group.factor.take() {
            solver.adopt(factor);
        }
        let solved = solver
            .solve(b, None)
            .map_err(|e| solve_error("prediction intervals", e))?;
        group.factor = solver.into_factor();
        Ok(solved.into_iter().map(|(x, _)| x).collect())
    }

    /// Fills in the standard errors of the new individuals `chunk`.
    pub(super) fn errors(
        &mut self,
        new: &NewData,
        chunk: &[u32],
        genotypes: &Genotypes,
        cross: &Cross<B>,
        predicted: &mut [Predicted],
    ) -> Result<()> {
        let own = self.own_kernel(genotypes, &cross.map);
        let mut groups = std::mem::take(&mut self.groups);
        for group in &mut groups {
            let rows: Vec<u32> = (0..chunk.len() as u32).collect();
            for part in rows.chunks(64) {
                // Kernel rows of these individuals, one after the other.
                let (map, f64) = (&cross.map, Precision::F64);
                let k = self
                    .backend
                    .kernel_tile(map, &cross.pairs, part, &group.rows, f64)
                    .and_then(|tile| self.backend.download(&tile))
                    .map_err(device_error)?
                    .to_f64();
                let row = |r: usize| k.iter().skip(r).step_by(part.len()).copied().collect();
                let k: Vec<Vec<f64>> = (0..part.len()).map(row).collect();
                let right: Vec<&[f64]> = k.iter().map(Vec::as_slice).collect();
                let v = self.solve(group, &right)?;
                for ((&r, k), v) in part.iter().zip(&k).zip(&v) {
                    let i = chunk[r as usize] as usize;
                    if !new.complete[i] {
                        continue;
                    }
                    let mut d: Vec<f64> = group
                        .kept
                        .iter()
                        .zip(&group.w)
                        .map(|(&c, w)| new.fixed.value(c, i) - dot(w, k))
                        .collect();
                    solve_lower(&group.information, d.len(), &mut d);
                    let spread = (own[r as usize] - dot(k, v) + dot(&d, &d)).max(0.0);
                    for &t in &group.traits {
                        let variance = self.model.traits[t].meta.variance;
                        if let Some(e) = &mut predicted[t].errors {
                            e.expected[i] = (variance * spread).sqrt();
                            e.observed[i] = (variance * (spread + self.model.meta.lambda)).sqrt();
                        }
                    }
                }
            }
        }
        self.groups = groups;
        Ok(())
    }

    /// k(x, x) of every new individual.
    fn own_kernel(&self, genotypes: &Genotypes, map: &KernelMap) -> Vec<f64> {
        let own = KernelMap {
            cols: map.rows.clone(),
            covariates: None,
            ..map.clone()
        };
        (0..genotypes.samples())
            .map(|i| {
                let raw = self.statistic.pair(genotypes, i, genotypes, i);
                own.value(raw, self.statistic.unit(), i, i)
            })
            .collect()
    }
}
