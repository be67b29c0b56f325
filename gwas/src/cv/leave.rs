//! Every individual left out alone, in closed form: one factor per setting.

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::solver::Solver;

use super::jobs::{Context, Group, Output};
use crate::error::Result;
use crate::evidence::Evidence;
use crate::training::{Problem, without};

impl<B: Backend, E: Engine> Context<'_, '_, B, E> {
    /// Predicts each of the individuals `all` by all others.
    ///
    /// Individuals on whom a fixed effect hangs are left out in earnest.
    pub(super) fn one_by_one<F: Engine>(
        &self,
        all: &[u32],
        group: &Group,
        bandwidth: usize,
        engine: &F,
    ) -> Result<Output> {
        let y = self.values(group);
        let solve = self.options.solve();
        let mut output =
            self.with_system(all, bandwidth, (engine, &solve), |system, prepared| {
                let mut evidence = Evidence::default();
                let mut predictions = Vec::new();
                let problem = Problem::new(&y, all, self.data.fixed)?;
                for &lambda in &self.options.lambdas {
                    let mut solver = Solver::new(system, prepared, lambda, solve);
                    let (training, residuals) = problem.train_leaving(&mut solver)?;
                    evidence.add(&solver, training.traits.iter().map(|t| &t.certificate));
                    let predicted = |(y, residuals): (&&[f64], Vec<f64>)| {
                        let pairs = all.iter().zip(residuals);
                        pairs.map(|(&i, r)| y[i as usize] - r).collect()
                    };
                    predictions.push(y.iter().zip(residuals).map(predicted).collect());
                }
                Ok(Output {
                    predictions,
                    evidence,
                })
            })?;
        for (at, i) in all.iter().enumerate() {
            let is_open = |values: &Vec<f64>| values[at].is_nan();
            if !output.predictions.iter().flatten().any(is_open) {
                continue;
            }
            let others = without(all, at);
            let alone = self.held_out((&others, &[*i]), group, bandwidth, engine)?;
            output.evidence.merge(&alone.evidence);
            let all = output.predictions.iter_mut().flatten();
            for (values, alone) in all.zip(alone.predictions.iter().flatten()) {
                if values[at].is_nan() {
                    values[at] = alone[0];
                }
            }
        }
        Ok(output)
    }
}
