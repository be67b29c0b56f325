//! What is left out in closed form: every individual alone, or every fold, from one factor per
//! setting.

use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::shifts;
use epitile_core::solver::Solver;

use super::groups::Group;
use super::jobs::{Context, Output};
use super::{CvOptions, Scheme};
use crate::error::Result;
use crate::evidence::Evidence;
use crate::training::Problem;

impl<B: Backend, E: Engine> Context<'_, '_, B, E> {
    /// Predicts each of the `parts` of the individuals `all` by all others: folds, or individuals
    /// one by one.
    ///
    /// Parts on which a fixed effect hangs are left out in earnest.
    pub(super) fn in_turn<F: Engine>(
        &self,
        (all, parts): (&[u32], &[Range<usize>]),
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
                        let (training, residuals) = match self.options.scheme {
                            Scheme::LeaveOneOut => part.train_leaving(&mut solver)?,
                            _ => part.train_folds(&mut solver, parts)?,
                        };
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
        for part in parts {
            let mut values = output.predictions.iter().flatten();
            if !values.any(|values| is_open(values, part.start)) {
                continue;
            }
            let others = [&all[..part.start], &all[part.end..]].concat();
            let alone = self.held_out((&others, &all[part.clone()]), group, bandwidth, engine)?;
            output.evidence.merge(&alone.evidence);
            output.failures.extend(alone.failures);
            let all = output.predictions.iter_mut().flatten();
            for (values, alone) in all.zip(alone.predictions.iter().flatten()) {
                if is_open(values, part.start) {
                    values[part.clone()].copy_from_slice(alone);
                }
            }
        }
        Ok(output)
    }
}

/// Whether folds of these sizes are left out in closed form: from FP64 factors only, which need no
/// refinement to be as good, and where it takes fewer operations than a factor without each fold,
/// some of which serve several λ. A rule on sizes: kernels and γ are those of the whole cohort
/// whoever is left out, so both ways compute the same numbers.
pub(super) fn is_cheaper(options: &CvOptions, folds: &[usize]) -> bool {
    let solve = options.solve();
    let double = solve.policy == Policy::Uniform(Precision::F64);
    if options.scheme != Scheme::Folds || !double || !solve.refine || solve.rank.unwrap_or(0) > 0 {
        return false;
    }
    let members: usize = folds.iter().sum();
    let without = |size: &usize| shifts::operations(members - size, &options.lambdas);
    let separate: f64 = folds.iter().map(without).sum();
    let cube = |n: usize| (n as f64).powi(3);
    let mut left = members;
    let mut once = cube(members) / 3.0;
    for &size in folds {
        // The block of the inverse, and its factor.
        let (b, rows) = (size as f64, left as f64);
        once += b * rows * rows + b * b * rows + cube(size) / 3.0;
        left -= size;
    }
    once * (options.lambdas.len() as f64) < separate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Gammas;
    use epitile_core::solver::SolveOptions;

    #[test]
    fn many_folds_share_a_factor_and_few_do_not() {
        let options = |scheme, lambdas: &[f64]| CvOptions {
            kernels: Vec::new(),
            gammas: Gammas::default(),
            lambdas: lambdas.to_vec(),
            solve: SolveOptions::default(),
            tile: None,
            scheme,
        };
        let one = options(Scheme::Folds, &[1.0]);
        assert!(is_cheaper(&one, &[400; 10]));
        // 4000³·(1/3 + 0.44 + 0.12 + 0.01) operations against 5·3200³/3.
        assert!(!is_cheaper(&one, &[800; 5]) && !is_cheaper(&one, &[2000; 2]));
        assert!(!is_cheaper(&options(Scheme::Nested, &[1.0]), &[400; 10]));
        // Close together, λ share the factors without a fold.
        let close: Vec<f64> = (0..40).map(|l| 1.0 + 0.01 * f64::from(l)).collect();
        assert!(!is_cheaper(&options(Scheme::Folds, &close), &[4000; 5]));
    }
}
