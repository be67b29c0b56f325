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
                let mut failures = Vec::new();
                for (l, &lambda) in self.options.lambdas.iter().enumerate() {
                    let mut solver = Solver::new(system, prepared, lambda, solve);
                    let traits = problem.each(|part, _| {
                        let (training, residuals) = part.train_leaving(&mut solver)?;
                        Ok(training.traits.into_iter().zip(residuals).collect())
                    })?;
                    let solved = traits.iter().flatten();
                    evidence.add(&solver, solved.map(|(t, _)| &t.certificate));
                    let mut of_ridge = Vec::new();
                    for (t, (y, solved)) in y.iter().zip(traits).enumerate() {
                        of_ridge.push(match solved {
                            Ok((_, residuals)) => {
                                let pairs = all.iter().zip(residuals);
                                pairs.map(|(&i, r)| y[i as usize] - r).collect()
                            }
                            Err(why) => {
                                failures.push((l, t, why));
                                vec![f64::NAN; all.len()]
                            }
                        });
                    }
                    predictions.push(of_ridge);
                }
                Ok(Output {
                    predictions,
                    failures,
                    evidence,
                })
            })?;
        // NaN throughout means no solution at all.
        let is_open = |values: &Vec<f64>, at: usize| {
            values[at].is_nan() && !values.iter().all(|v| v.is_nan())
        };
        for (at, i) in all.iter().enumerate() {
            let mut values = output.predictions.iter().flatten();
            if !values.any(|values| is_open(values, at)) {
                continue;
            }
            let others = without(all, at);
            let alone = self.held_out((&others, &[*i]), group, bandwidth, engine)?;
            output.evidence.merge(&alone.evidence);
            output.failures.extend(alone.failures);
            let all = output.predictions.iter_mut().flatten();
            for (values, alone) in all.zip(alone.predictions.iter().flatten()) {
                if is_open(values, at) {
                    values[at] = alone[0];
                }
            }
        }
        Ok(output)
    }
}
