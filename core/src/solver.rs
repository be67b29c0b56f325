//! From a kernel and λ to certified solutions: plan, factor, refine, and what to do when the
//! factor breaks down or does not converge.
//!
//! The ladder, each step reported: the plan as made; a larger diagonal in the preconditioner
//! (refinement repairs what that costs); every tile one format wider, twice; FP64. A column climbs
//! only as far as it needs, so its bits do not depend on the other columns.

mod ladder;
mod prepare;

use alloc::vec::Vec;

use crate::backend::Backend;
use crate::certificate::{Solved, Stop};
use crate::engine::Engine;
use crate::factor::FactorError;
use crate::policy::promoted;
use crate::precision::Precision;
use crate::precondition::Preconditioner;
use crate::refine::{Limits, Refiner};
use crate::sym::SymTiles;
use crate::system::System;

pub use ladder::{Outcome, SolveError, Step};
pub use prepare::{DEFAULT_RANK, Prepared, SolveOptions};

/// Conjugate gradient steps on one step of the ladder.
const ITERATIONS: u32 = 150;

/// A larger diagonal is tried if it is at most this many λ: beyond, conjugate gradients would
/// need more steps than [`ITERATIONS`] (½√32·ln(2/2⁻⁵³) ≈ 106).
const SHIFT_LIMIT: f64 = 32.0;

/// Conjugate gradient steps with the factor of another λ, from a guess as good as that factor:
/// what is left are its rounding errors, a few digits.
const SHARED_ITERATIONS: u32 = 24;

impl SolveOptions {
    fn limits(&self) -> Limits {
        Limits {
            tolerance: self.tolerance,
            iterations: if self.refine { ITERATIONS } else { 0 },
        }
    }
}

/// A preconditioner, or how its factorisation broke down.
type Rung<T> = (Step, Outcome, Option<Preconditioner<T>>);

/// Solves systems with one K and one λ.
pub struct Solver<'a, B: Backend, E> {
    system: System<'a, B, E>,
    prepared: &'a Prepared<B::Tile>,
    ridge: f64,
    options: SolveOptions,
    /// A factor of K + λ₀I, tried before the ladder.
    shared: Option<&'a Preconditioner<B::Tile>>,
    /// The rungs tried so far, bottom first.
    rungs: Vec<Rung<B::Tile>>,
    plan: SymTiles<Precision>,
}

impl<'a, B: Backend, E: Engine> Solver<'a, B, E> {
    /// A solver for K + `ridge`·I. Nothing is factored yet.
    ///
    /// # Panics
    /// If `ridge` is not positive and finite.
    pub fn new(
        system: System<'a, B, E>,
        prepared: &'a Prepared<B::Tile>,
        ridge: f64,
        options: SolveOptions,
    ) -> Self {
        assert!(ridge > 0.0 && ridge.is_finite(), "λ = {ridge}");
        let norms = prepared.norms.as_ref();
        let supports = |p| system.backend.supports(p);
        let formats = system.backend.formats();
        let plan = options
            .policy
            .plan(system.blocks(), norms, ridge, formats, supports);
        Solver {
            system,
            prepared,
            ridge,
            options,
            shared: None,
            rungs: Vec::new(),
            plan,
        }
    }

    /// The precision plan.
    pub fn plan(&self) -> &SymTiles<Precision> {
        &self.plan
    }

    /// λ.
    pub fn ridge(&self) -> f64 {
        self.ridge
    }

    /// The matrix.
    pub fn system(&self) -> &System<'a, B, E> {
        &self.system
    }

    /// The steps of the ladder taken so far and how they went.
    pub fn steps(&self) -> impl Iterator<Item = (Step, &Outcome)> {
        self.rungs.iter().map(|(step, outcome, _)| (*step, outcome))
    }

    /// The first factor that exists, if any solution was asked for.
    pub fn factor(&self) -> Option<&Preconditioner<B::Tile>> {
        self.rungs.iter().find_map(|(_, _, p)| p.as_ref())
    }

    /// The same, for keeps.
    pub fn into_factor(mut self) -> Option<Preconditioner<B::Tile>> {
        let at = self.rungs.iter().position(|(_, _, p)| p.is_some())?;
        self.rungs[at].2.take()
    }

    /// Uses a factor of A made earlier (by an equal solver) as the ladder's first rung.
    pub fn adopt(&mut self, factor: Preconditioner<B::Tile>) {
        let outcome = Outcome::Factored {
            tiles: [0; 8],
            bytes: [0; 8],
        };
        self.rungs.insert(0, (Step::Plan, outcome, Some(factor)));
    }

    /// Uses a factor of K + λ₀I before the ladder: a column with a good first guess needs no factor
    /// of its own λ then.
    pub fn share(&mut self, factor: &'a Preconditioner<B::Tile>) {
        self.shared = Some(factor);
    }

    /// First guesses for right-hand sides `b` at each of `ridges` by the factor that this solver
    /// has for its own λ: by λ and column. See [`crate::shifts`].
    ///
    /// # Errors
    /// As [`factorise`](Self::factorise).
    pub fn guesses(
        &mut self,
        b: &[&[f64]],
        ridges: &[f64],
    ) -> Result<Vec<Vec<Vec<f64>>>, SolveError<B::Error>> {
        self.factorise()?;
        let factor = self.factor().expect("it has just been made");
        let machine = (self.system.backend, self.system.engine);
        let of = (self.ridge, self.prepared.norm);
        factor
            .solve_shifted(machine, b, of, ridges, self.options.tolerance)
            .map_err(SolveError::Backend)
    }

    /// Climbs to the first rung that holds: afterwards [`factor`](Self::factor) is there. Solving
    /// does this by itself; benchmarks time it apart.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn factorise(&mut self) -> Result<(), SolveError<B::Error>> {
        let mut level = 0;
        while self.factor().is_none() {
            self.climb(level)?;
            level += 1;
        }
        Ok(())
    }

    /// Solves for any number of right-hand sides, each with its certificate.
    ///
    /// # Errors
    /// See [`SolveError`].
    pub fn solve(
        &mut self,
        b: &[&[f64]],
        start: Option<&[Vec<f64>]>,
    ) -> Result<Vec<Solved>, SolveError<B::Error>> {
        let mut solved: Vec<Option<Solved>> = b.iter().map(|_| None).collect();
        if let Some(shared) = self.shared {
            let limits = Limits {
                iterations: SHARED_ITERATIONS,
                ..self.options.limits()
            };
            let results = self.refiner(shared).solve(b, start, limits);
            let results = results.map_err(SolveError::Backend)?;
            for (slot, result) in solved.iter_mut().zip(results) {
                *slot = Some(result).filter(|(_, c)| c.stop != Stop::Limit);
            }
        }
        let mut level = 0;
        while solved.iter().any(Option::is_none) {
            self.climb(level)?;
            let Some(usable) = self.rungs[level].2.as_ref() else {
                level += 1;
                continue;
            };
            let pending: Vec<usize> = (0..b.len()).filter(|&c| solved[c].is_none()).collect();
            let columns: Vec<&[f64]> = pending.iter().map(|&c| b[c]).collect();
            let guesses: Option<Vec<Vec<f64>>> =
                start.map(|s| pending.iter().map(|&c| s[c].clone()).collect());
            let results = self
                .refiner(usable)
                .solve(&columns, guesses.as_deref(), self.options.limits())
                .map_err(SolveError::Backend)?;
            for (c, (x, mut certificate)) in pending.into_iter().zip(results) {
                certificate.level = level as u32;
                if certificate.stop != Stop::Limit {
                    solved[c] = Some((x, certificate));
                } else if self.rungs[level].0 == Step::Double {
                    return Err(SolveError::NotConverged {
                        backward_error: certificate.after,
                    });
                }
            }
            level += 1;
        }
        Ok(solved.into_iter().flatten().collect())
    }

    fn refiner<'s>(&'s self, preconditioner: &'s Preconditioner<B::Tile>) -> Refiner<'s, B, E> {
        Refiner {
            system: self.system,
            ridge: self.ridge,
            norm: self.prepared.norm + self.ridge,
            preconditioner,
        }
    }

    /// Makes the rungs of the ladder up to `level`.
    fn climb(&mut self, level: usize) -> Result<(), SolveError<B::Error>> {
        while self.rungs.len() <= level {
            let step = self.next_step()?;
            let rung = self.attempt(step)?;
            self.rungs.push(rung);
        }
        Ok(())
    }

    /// The step after the last one taken.
    fn next_step(&self) -> Result<Step, SolveError<B::Error>> {
        let Some((last, outcome, _)) = self.rungs.last() else {
            return Ok(if self.is_double(&self.plan) {
                Step::Double
            } else {
                Step::Plan
            });
        };
        let formats = match last {
            Step::Plan => {
                let value = self.noise()?;
                if value <= SHIFT_LIMIT * self.ridge && matches!(outcome, Outcome::Breakdown { .. })
                {
                    return Ok(Step::Shift { value });
                }
                1
            }
            Step::Shift { .. } => 1,
            Step::Promote { formats } => formats + 1,
            Step::Double => {
                let Outcome::Breakdown { tile, pivot } = *outcome else {
                    return Err(SolveError::NotConverged {
                        backward_error: f64::INFINITY,
                    });
                };
                return Err(SolveError::NotPositiveDefinite { tile, pivot });
            }
        };
        let plan = self.promoted(formats);
        Ok(if self.is_double(&plan) {
            Step::Double
        } else {
            Step::Promote { formats }
        })
    }

    fn is_double(&self, plan: &SymTiles<Precision>) -> bool {
        plan.as_slice().iter().all(|&p| p == Precision::F64)
    }

    fn promoted(&self, formats: u32) -> SymTiles<Precision> {
        (0..formats).fold(self.plan.clone(), |plan, _| promoted(&plan))
    }

    /// Bound (Frobenius) of what rounding to the plan does to the matrix: √Σ (u_p‖R_ij‖_F)².
    fn noise(&self) -> Result<f64, SolveError<B::Error>> {
        let computed;
        let norms = match &self.prepared.norms {
            Some(norms) => norms,
            None => {
                let deflation = self.prepared.deflation.as_ref();
                computed = self.system.norms(deflation).map_err(SolveError::Backend)?;
                &computed.1
            }
        };
        let square = |((i, j), p): ((usize, usize), &Precision)| {
            let error = p.unit_roundoff() * norms[(i, j)];
            if i == j {
                error * error
            } else {
                2.0 * error * error
            }
        };
        Ok(num_traits::Float::sqrt(
            self.plan.iter().map(square).sum::<f64>(),
        ))
    }

    fn attempt(&self, step: Step) -> Result<Rung<B::Tile>, SolveError<B::Error>> {
        let deflation = self.prepared.deflation.as_ref();
        let (plan, shift, deflation) = match step {
            Step::Plan => (self.plan.clone(), 0.0, deflation),
            Step::Shift { value } => (self.plan.clone(), value, deflation),
            Step::Promote { formats } => (self.promoted(formats), 0.0, deflation),
            Step::Double => (self.plan.map(|_, _| Precision::F64), 0.0, None),
        };
        let factored = self.system.factor(self.ridge + shift, &plan, deflation);
        let cholesky = match factored {
            Ok(cholesky) => cholesky,
            Err(FactorError::NotPositiveDefinite { tile, pivot }) => {
                return Ok((step, Outcome::Breakdown { tile, pivot }, None));
            }
            Err(FactorError::Backend(e)) => return Err(SolveError::Backend(e)),
        };
        let (backend, engine) = (self.system.backend, self.system.engine);
        let preconditioner = Preconditioner::new(backend, engine, cholesky, deflation)
            .map_err(SolveError::Backend)?;
        let outcome = match &preconditioner {
            Some(_) => self.account(&plan),
            None => Outcome::Breakdown {
                tile: plan.order(),
                pivot: 0,
            },
        };
        Ok((step, outcome, preconditioner))
    }

    fn account(&self, plan: &SymTiles<Precision>) -> Outcome {
        let (mut tiles, mut bytes) = ([0; 8], [0; 8]);
        let blocks = self.system.blocks();
        for ((i, j), p) in plan.iter() {
            let at = Precision::ALL.iter().position(|q| q == p).unwrap_or(0);
            tiles[at] += 1;
            bytes[at] += blocks.range(i).len() * blocks.range(j).len() * p.bytes();
        }
        Outcome::Factored { tiles, bytes }
    }
}

/// The next factor is made in the memory of this one's tiles, where the backend keeps it.
impl<B: Backend, E> Drop for Solver<'_, B, E> {
    fn drop(&mut self) {
        let made = self.rungs.drain(..).filter_map(|(_, _, factor)| factor);
        made.for_each(|factor| factor.recycle(self.system.backend));
    }
}
