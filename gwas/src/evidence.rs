//! Evidence of many solutions, gathered for logs and run records.

use std::collections::BTreeMap;

use epitile_core::backend::Backend;
use epitile_core::certificate::Certificate;
use epitile_core::engine::Engine;
use epitile_core::precision::Precision;
use epitile_core::solver::{Outcome, Solver, Step};
use serde::{Deserialize, Serialize};

/// What can be said of a set of solutions together. Merging is order-independent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Solutions.
    pub solutions: u64,
    /// Solutions that are certified: within the tolerance or stagnated below the HPL-MxP bound.
    pub certified: u64,
    /// Largest backward error of the factors' own solutions.
    pub backward_error_before: f64,
    /// Largest backward error of the solutions given.
    pub backward_error_after: f64,
    /// The same over N·2⁻⁵³.
    pub backward_error_scaled: f64,
    /// Most conjugate gradient steps for one solution.
    pub most_iterations: u32,
    /// Conjugate gradient steps in all.
    pub iterations: u64,
    /// Largest ‖r‖₂/λ, the bound on the weights' error.
    pub weight_bound: f64,
    /// Largest ‖r‖₂/√λ.
    pub prediction_bound: f64,
    /// Tiles of the factors used, by precision.
    pub tiles: BTreeMap<String, u64>,
    /// Their bytes.
    pub bytes: BTreeMap<String, u64>,
    /// Fallback steps taken: how often each happened.
    pub fallbacks: BTreeMap<String, u64>,
}

impl Evidence {
    /// Adds the solutions of one solver.
    pub fn add<'c, B: Backend, E: Engine>(
        &mut self,
        solver: &Solver<'_, B, E>,
        certificates: impl Iterator<Item = &'c Certificate>,
    ) {
        for c in certificates {
            self.solutions += 1;
            self.certified += u64::from(c.is_certified());
            self.backward_error_before = self.backward_error_before.max(c.before);
            self.backward_error_after = self.backward_error_after.max(c.after);
            self.backward_error_scaled = self.backward_error_scaled.max(c.scaled());
            self.most_iterations = self.most_iterations.max(c.iterations);
            self.iterations += u64::from(c.iterations);
            self.weight_bound = self.weight_bound.max(c.weight_bound);
            self.prediction_bound = self.prediction_bound.max(c.prediction_bound);
        }
        for (place, (step, outcome)) in solver.steps().enumerate() {
            match outcome {
                Outcome::Factored { tiles, bytes } => {
                    for (p, (&tiles, &bytes)) in Precision::ALL.iter().zip(tiles.iter().zip(bytes))
                    {
                        if tiles > 0 {
                            *self.tiles.entry(p.to_string()).or_default() += tiles as u64;
                            *self.bytes.entry(p.to_string()).or_default() += bytes as u64;
                        }
                    }
                }
                Outcome::Breakdown { .. } => {
                    let key = format!("breakdown of {}", name(step));
                    *self.fallbacks.entry(key).or_default() += 1;
                }
            }
            if place > 0 {
                *self
                    .fallbacks
                    .entry(format!("step to {}", name(step)))
                    .or_default() += 1;
            }
        }
    }

    /// Joins other evidence.
    pub fn merge(&mut self, other: &Evidence) {
        self.solutions += other.solutions;
        self.certified += other.certified;
        let largest = |a: &mut f64, b: f64| *a = a.max(b);
        largest(&mut self.backward_error_before, other.backward_error_before);
        largest(&mut self.backward_error_after, other.backward_error_after);
        largest(&mut self.backward_error_scaled, other.backward_error_scaled);
        largest(&mut self.weight_bound, other.weight_bound);
        largest(&mut self.prediction_bound, other.prediction_bound);
        self.most_iterations = self.most_iterations.max(other.most_iterations);
        self.iterations += other.iterations;
        for (mine, theirs) in [
            (&mut self.tiles, &other.tiles),
            (&mut self.bytes, &other.bytes),
            (&mut self.fallbacks, &other.fallbacks),
        ] {
            for (k, v) in theirs {
                *mine.entry(k.clone()).or_default() += v;
            }
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let tiles: Vec<String> = self.tiles.iter().map(|(p, n)| format!("{n} {p}")).collect();
        let mut text = format!(
            "certificate: {} of {} solutions certified; backward error {:.1e} before refinement, \
             {:.1e} after ({:.2} × N·2⁻⁵³; HPL-MxP accepts 16); at most {} iterations; weights \
             within {:.1e}; factor tiles: {}",
            self.certified,
            self.solutions,
            self.backward_error_before,
            self.backward_error_after,
            self.backward_error_scaled,
            self.most_iterations,
            self.weight_bound,
            tiles.join(", ")
        );
        for (what, times) in &self.fallbacks {
            text += &format!("; {what}: {times} times");
        }
        text
    }
}

/// Name of a step without its numbers.
fn name(step: Step) -> String {
    match step {
        Step::Shift { .. } => "larger diagonal".into(),
        other => other.to_string(),
    }
}
