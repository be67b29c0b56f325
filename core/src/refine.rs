//! Refinement: conjugate gradients on the true kernel, preconditioned by the factor.
//!
//! Each column iterates with its own α and β and stops on its own; columns only share passes over
//! the kernel. A column's sequence of operations therefore depends on nothing but its own data.
//! Residuals that decide are true ones, b − Aα in FP64 from the exact pair statistics.
//!
//! β is that of Polak and Ribière, zᵀ(r₊ − r)/ρ: it keeps directions conjugate where the factor is
//! applied in a narrower precision (Notay, Flexible conjugate gradients, SIAM J. Sci. Comput. 22
//! (2000)). A step that should be the last, from how much the one before it gained, is taken with the
//! α of that one, so that its pass over the kernel gives the true residual instead of a new α: near
//! the end preconditioned matrices are so close to I that all α are.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::certificate::{Certificate, Solved, Stop, UNIT};
use crate::columns::{Columns, WIDTH};
use crate::dense::{axpy, dot, norm_max, norm2};
use crate::engine::Engine;
use crate::precondition::Preconditioner;
use crate::system::System;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Backward error η at which a column is done.
    pub tolerance: f64,
    /// Iterations after which a column has failed to converge; 0 applies the factor once and
    /// only measures.
    pub iterations: u32,
}

/// A + λI, its norm, and an approximate inverse.
pub struct Refiner<'a, B: Backend, E> {
    /// The kernel matrix.
    pub system: System<'a, B, E>,
    /// λ.
    pub ridge: f64,
    /// ‖K + λI‖_∞.
    pub norm: f64,
    /// The approximate inverse.
    pub preconditioner: &'a Preconditioner<B::Tile>,
}

/// What the next pass over the kernel does for a column.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// One step along the search direction.
    Step,
    /// One step as long as the last, then the true residual.
    Last,
    /// The true residual of the iterate.
    Residual,
    /// Nothing: it is done.
    Rest,
}

/// A step is taken for the last if twice the gain of the one before would do: steps along further
/// directions gain more, a borrowed α a little less.
const MARGIN: f64 = 2.0;

/// State of one column. Vectors: right-hand side b, iterate x, residual r, direction p, q = Ap.
struct Column {
    b: Vec<f64>,
    x: Vec<f64>,
    r: Vec<f64>,
    p: Vec<f64>,
    q: Vec<f64>,
    /// rᵀM⁻¹r of the last step.
    rho: f64,
    /// Length of the last step.
    alpha: f64,
    /// ‖r‖_∞ after it.
    size: f64,
    /// Whether the next direction starts afresh.
    restart: bool,
    next: Next,
    /// Best true residual so far, with its iterate.
    best: Option<(f64, Vec<f64>, Vec<f64>)>,
    before: Option<f64>,
    iterations: u32,
    passes: u32,
    stop: Stop,
}

impl<B: Backend, E: Engine> Refiner<'_, B, E> {
    /// Solves (K + λI) X = B for any number of columns, each with its certificate.
    ///
    /// `start` gives first guesses. A column whose certificate says [`Stop::Limit`] has not
    /// reached the tolerance and not stagnated within the iterations allowed.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn solve(
        &self,
        b: &[&[f64]],
        start: Option<&[Vec<f64>]>,
        limits: Limits,
    ) -> Result<Vec<Solved>, B::Error> {
        let mut solved: Vec<Option<Solved>> = b.iter().map(|_| None).collect();
        let mut waiting = 0..b.len();
        let mut columns: Vec<(usize, Column)> = Vec::new();
        loop {
            // A column that is done makes room for one that waits.
            let free = WIDTH - columns.len();
            let first = |c: usize| Column::new(b[c], start.map(|s| s[c].clone()));
            columns.extend(waiting.by_ref().take(free).map(|c| (c, first(c))));
            if columns.is_empty() {
                return Ok(solved.into_iter().flatten().collect());
            }
            self.precondition(&mut columns)?;
            self.pass(&mut columns, limits)?;
            let done = columns.extract_if(.., |(_, column)| column.next == Next::Rest);
            for (c, column) in done {
                solved[c] = Some(self.certify(column));
            }
        }
    }

    /// New directions p ← M⁻¹r + βp for the columns that step: one application of the factor.
    fn precondition(&self, columns: &mut [(usize, Column)]) -> Result<(), B::Error> {
        let stepping = columns.iter_mut().map(|(_, column)| column);
        let turns = |c: &&mut Column| matches!(c.next, Next::Step | Next::Last);
        let mut stepping: Vec<&mut Column> = stepping.filter(turns).collect();
        if stepping.is_empty() {
            return Ok(());
        }
        let residuals = stepping.iter().map(|c| c.r.as_slice());
        let panel = Columns::from_slices(self.system.order(), residuals);
        let (backend, engine) = (self.system.backend, self.system.engine);
        let z = self.preconditioner.apply(backend, engine, &panel)?;
        engine.for_each(&mut stepping, |c, column| {
            column.turn(z.column(c));
            Ok(())
        })
    }

    /// One multiplication by the kernel, and what it says to each column.
    fn pass(&self, columns: &mut [(usize, Column)], limits: Limits) -> Result<(), B::Error> {
        let operands = columns.iter().map(|(_, c)| match c.next {
            Next::Residual | Next::Last => c.x.as_slice(),
            Next::Step | Next::Rest => c.p.as_slice(),
        });
        let panel = Columns::from_slices(self.system.order(), operands);
        let product = self.system.multiply(&panel)?;
        self.system.engine.for_each(columns, |c, (_, column)| {
            // q ← K p + λ p
            let mut q = product.column(c).to_vec();
            axpy(self.ridge, panel.column(c), &mut q);
            match column.next {
                Next::Residual | Next::Last => column.check(&q, self.norm, limits),
                Next::Step | Next::Rest => column.step(q, self.norm, limits),
            }
            Ok(())
        })
    }

    fn certify(&self, c: Column) -> Solved {
        let (after, x, r) = c.best.unwrap_or((f64::INFINITY, c.x, c.r));
        let residual = norm2(&r);
        let certificate = Certificate {
            before: c.before.unwrap_or(after),
            after,
            iterations: c.iterations,
            passes: c.passes,
            stop: c.stop,
            order: self.system.order(),
            residual,
            weight_bound: residual / self.ridge,
            prediction_bound: residual / num_traits::Float::sqrt(self.ridge),
            level: 0,
        };
        (x, certificate)
    }
}

impl Column {
    fn new(b: &[f64], start: Option<Vec<f64>>) -> Self {
        // b = 0 has the solution 0; from any other x, η would stay where it is as x shrinks.
        let start = start.filter(|_| b.iter().any(|&v| v != 0.0));
        let next = if start.is_some() {
            Next::Residual
        } else {
            Next::Step
        };
        Column {
            b: b.to_vec(),
            x: start.unwrap_or_else(|| vec![0.0; b.len()]),
            r: b.to_vec(),
            p: vec![0.0; b.len()],
            q: vec![0.0; b.len()],
            rho: 0.0,
            alpha: 0.0,
            size: norm_max(b),
            restart: true,
            next,
            best: None,
            before: None,
            iterations: 0,
            passes: 0,
            stop: Stop::Limit,
        }
    }

    /// η = ‖r‖_∞ / (‖A‖_∞ ‖x‖_∞ + ‖b‖_∞); 0 for b = 0.
    fn backward_error(&self, r: &[f64], norm: f64) -> f64 {
        let scale = norm * norm_max(&self.x) + norm_max(&self.b);
        if scale == 0.0 {
            0.0
        } else {
            norm_max(r) / scale
        }
    }

    /// p ← z + βp, and the last step along it.
    fn turn(&mut self, z: &[f64]) {
        let rho = dot(&self.r, z);
        if self.restart {
            self.p.copy_from_slice(z);
            self.restart = false;
        } else {
            // zᵀ(r₊ − r) = −α zᵀq
            let beta = -self.alpha * dot(z, &self.q) / self.rho;
            for (p, z) in self.p.iter_mut().zip(z) {
                *p = z + beta * *p;
            }
        }
        self.rho = rho;
        if self.next == Next::Last {
            self.iterations += 1;
            axpy(self.alpha, &self.p, &mut self.x);
        }
    }

    /// x ← x + αp, r ← r − αq with q = Ap.
    fn step(&mut self, q: Vec<f64>, norm: f64, limits: Limits) {
        self.passes += 1;
        if self.before.is_none() {
            // The first direction is M⁻¹b: the residual of the unrefined solution comes free.
            let mut r = self.b.clone();
            axpy(-1.0, &q, &mut r);
            let scale = norm * norm_max(&self.p) + norm_max(&self.b);
            let error = if scale == 0.0 {
                0.0
            } else {
                norm_max(&r) / scale
            };
            self.before = Some(error);
            if limits.iterations == 0 {
                self.x.copy_from_slice(&self.p);
                self.best = Some((error, self.x.clone(), r));
                self.stop = Stop::Unrefined;
                self.next = Next::Rest;
                return;
            }
        }
        let curvature = dot(&self.p, &q);
        self.iterations += 1;
        // b = 0, or a factor so poor that the direction is useless (NaN included).
        let useful = curvature > 0.0 && self.rho > 0.0;
        if !useful {
            self.next = Next::Residual;
            return;
        }
        self.alpha = self.rho / curvature;
        axpy(self.alpha, &self.p, &mut self.x);
        axpy(-self.alpha, &q, &mut self.r);
        self.q = q;
        let size = norm_max(&self.r);
        let gain = size / core::mem::replace(&mut self.size, size);
        // The recurrence is below half the tolerance, or no better than true residuals can be.
        let error = self.backward_error(&self.r, norm);
        if error <= limits.tolerance / 2.0 || self.iterations >= limits.iterations {
            self.next = Next::Residual;
        } else if error * gain * MARGIN <= limits.tolerance {
            self.next = Next::Last;
        }
    }

    /// Takes the true residual, with q = Ax, and decides.
    fn check(&mut self, q: &[f64], norm: f64, limits: Limits) {
        self.passes += 1;
        for (r, (b, q)) in self.r.iter_mut().zip(self.b.iter().zip(q)) {
            *r = b - q;
        }
        let error = self.backward_error(&self.r, norm);
        let previous = self.best.as_ref().map_or(f64::INFINITY, |b| b.0);
        self.before.get_or_insert(error);
        if error < previous {
            self.best = Some((error, self.x.clone(), self.r.clone()));
        }
        self.restart = true;
        self.size = norm_max(&self.r);
        let hpl = 16.0 * self.b.len() as f64 * UNIT;
        self.next = Next::Rest;
        if error <= limits.tolerance {
            self.stop = Stop::Tolerance;
        } else if self.iterations >= limits.iterations || error.is_nan() {
            self.stop = Stop::Limit;
        } else if error <= hpl && error > previous / 2.0 {
            self.stop = Stop::Stagnation;
        } else {
            self.next = Next::Step;
            if let (true, Some((_, x, r))) = (error >= previous, &self.best) {
                self.x.copy_from_slice(x);
                self.r.copy_from_slice(r);
            }
        }
    }
}
