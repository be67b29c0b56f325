//! One factor for many ridges.
//!
//! With M = L Lᵀ = K + λ₀I and δ = λ − λ₀, M⁻¹(K + λI) = I + δM⁻¹: the Lanczos process of M⁻¹ in
//! the inner product of M, started at M⁻¹b, serves every λ at once. In its basis I + δM⁻¹ is
//! tridiagonal, I + δT, definite for every λ > 0, and the factor of that matrix updates x by one
//! direction a step (Saad, Iterative Methods for Sparse Linear Systems, algorithm 6.17; Frommer and
//! Maass, SIAM J. Sci. Comput. 20 (1999), for the shifts). A step applies the factor once, the
//! kernel never: what comes out is as good as the factor, and a first guess for refinement, whose
//! residuals are those of the true kernel.
//!
//! The spectrum of I + δM⁻¹ lies between 1 and λ/λ₀, so with ρ = max(λ/λ₀, λ₀/λ) at most
//! ½√ρ·ln(2/2⁻⁵³) steps are needed. [`plan`] weighs them against factors.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::columns::{Columns, WIDTH};
use crate::dense::{axpy, dot, norm_max};
use crate::engine::Engine;
use crate::precondition::Preconditioner;

/// ln(2/2⁻⁵³).
const DIGITS: f64 = 54.0 * core::f64::consts::LN_2;

/// What a step costs, over N² operations of a factorisation: the triangular solves of 16 right-hand
/// sides are 4·16·N²/2 operations, and panels run at half the speed of tile products. Fixed, so
/// that no trait's numbers depend on how many others there are.
const STEP: f64 = 64.0;

/// Ridges that share a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Place of λ₀ among the ridges.
    pub centre: usize,
    /// Places of the others.
    pub others: Vec<usize>,
}

/// Steps that suffice for a ratio `rho` ≥ 1 of ridges.
fn steps(rho: f64) -> f64 {
    0.5 * num_traits::Float::sqrt(rho) * DIGITS
}

/// Which ridges share a factor of order `n`: the division of their sorted list with the least
/// operations, N³/3 for each factor and 64·N² for each step.
pub fn plan(n: usize, ridges: &[f64]) -> Vec<Shared> {
    divide(n, ridges).0
}

/// Operations of that division.
pub fn operations(n: usize, ridges: &[f64]) -> f64 {
    divide(n, ridges).1 * n as f64 * n as f64
}

/// The division, and its operations over N².
fn divide(n: usize, ridges: &[f64]) -> (Vec<Shared>, f64) {
    let mut order: Vec<usize> = (0..ridges.len()).collect();
    order.sort_by(|&a, &b| ridges[a].total_cmp(&ridges[b]));
    let factor = n as f64 / 3.0;
    // Least cost of the first j ridges, and where the last group of that division starts.
    let mut best = vec![(0.0, 0)];
    for j in 1..=order.len() {
        let mut least = (f64::INFINITY, 0);
        for i in (0..j).rev() {
            let group = match j - i {
                1 => factor,
                _ => factor + STEP * steps(centre(&order[i..j], ridges).1),
            };
            let cost = best[i].0 + group;
            if cost < least.0 {
                least = (cost, i);
            }
        }
        best.push(least);
    }
    let mut groups = Vec::new();
    let mut end = order.len();
    while end > 0 {
        let start = best[end].1;
        let members = &order[start..end];
        let centre = centre(members, ridges).0;
        let others = members.iter().copied().filter(|&l| l != centre);
        groups.push(Shared {
            centre,
            others: others.collect(),
        });
        end = start;
    }
    (groups, best[order.len()].0)
}

/// The member of a sorted group from which all others are at most a factor ρ away, and the least ρ.
fn centre(members: &[usize], ridges: &[f64]) -> (usize, f64) {
    let (least, most) = (ridges[members[0]], ridges[members[members.len() - 1]]);
    let ratio = |l: usize| (most / ridges[l]).max(ridges[l] / least);
    let rated = members.iter().map(|&l| (l, ratio(l)));
    rated
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .expect("a group has members")
}

/// The Lanczos process for one right-hand side.
struct Process {
    /// Right-hand side's largest magnitude.
    size: f64,
    /// The next basis vector in M's image, not yet normalised; then normalised.
    q: Vec<f64>,
    /// The one before.
    before: Vec<f64>,
    ridges: Vec<Ridge>,
}

/// The solution for one λ.
struct Ridge {
    /// λ − λ₀.
    shift: f64,
    /// ‖K + λI‖_∞.
    norm: f64,
    x: Vec<f64>,
    direction: Vec<f64>,
    /// Last pivot of the factor of I + δT, and last entry of its solution.
    pivot: f64,
    last: f64,
    open: bool,
}

impl<T: Send + Sync> Preconditioner<T> {
    /// Solves (M + δI) x = b for every right-hand side and every δ = λ − `ridge`, λ in `ridges`,
    /// M⁻¹ this approximate inverse of K + `ridge`·I and `norm` = ‖K‖_∞. By λ and column.
    ///
    /// A solution is finished when the backward error of the recurrence is under an eighth of
    /// `tolerance` (a true residual above it would cost more than the steps), or after the steps
    /// that suffice.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn solve_shifted<B, E>(
        &self,
        (backend, engine): (&B, &E),
        b: &[&[f64]],
        (ridge, norm): (f64, f64),
        ridges: &[f64],
        tolerance: f64,
    ) -> Result<Vec<Vec<Vec<f64>>>, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let ratio = |l: &f64| (l / ridge).max(ridge / l);
        let widest = ridges.iter().map(ratio).fold(1.0, f64::max);
        // Rounding delays the process by a few steps.
        let limit = steps(widest) as usize + 8;
        let mut solved: Vec<Vec<Vec<f64>>> = ridges.iter().map(|_| Vec::new()).collect();
        for chunk in b.chunks(WIDTH) {
            let start = |b: &&[f64]| Process::new(b, (ridge, norm), ridges);
            let mut processes: Vec<Process> = chunk.iter().map(start).collect();
            for _ in 0..limit {
                if processes.iter().all(|p| !p.is_open()) {
                    break;
                }
                let rows = self.cholesky().blocks().rows;
                let panel = Columns::from_slices(rows, processes.iter().map(|p| &p.q[..]));
                let z = self.apply(backend, engine, &panel)?;
                for (c, process) in processes
                    .iter_mut()
                    .enumerate()
                    .filter(|(_, p)| p.is_open())
                {
                    process.step(z.column(c), tolerance);
                }
            }
            for process in processes {
                for (solved, ridge) in solved.iter_mut().zip(process.ridges) {
                    solved.push(ridge.x);
                }
            }
        }
        Ok(solved)
    }
}

impl Process {
    fn new(b: &[f64], (ridge, norm): (f64, f64), ridges: &[f64]) -> Self {
        let size = norm_max(b);
        let each = |l: &f64| Ridge {
            shift: l - ridge,
            norm: norm + l,
            x: vec![0.0; b.len()],
            direction: vec![0.0; b.len()],
            pivot: 1.0,
            last: 0.0,
            open: size != 0.0,
        };
        Process {
            size,
            q: b.to_vec(),
            before: vec![0.0; b.len()],
            ridges: ridges.iter().map(each).collect(),
        }
    }

    fn is_open(&self) -> bool {
        self.ridges.iter().any(|r| r.open)
    }

    /// One step, z = M⁻¹q with the q that is not yet normalised.
    fn step(&mut self, z: &[f64], tolerance: f64) {
        let square = dot(&self.q, z);
        if square.is_nan() || square <= 0.0 {
            // The space is exhausted, or the factor useless: refinement decides.
            self.ridges.iter_mut().for_each(|r| r.open = false);
            return;
        }
        let beta = num_traits::Float::sqrt(square);
        self.q.iter_mut().for_each(|q| *q /= beta);
        let v: Vec<f64> = z.iter().map(|z| z / beta).collect();
        let (alpha, length) = (dot(&v, &v), norm_max(&self.q));
        for ridge in &mut self.ridges {
            ridge.step(&v, (alpha, beta), (length, self.size), tolerance);
        }
        // q₊ = M(M⁻¹v) − αq − βq₋
        for ((before, q), v) in self.before.iter_mut().zip(&mut self.q).zip(&v) {
            let next = v - alpha * *q - beta * *before;
            *before = core::mem::replace(q, next);
        }
    }
}

impl Ridge {
    fn step(
        &mut self,
        v: &[f64],
        (alpha, beta): (f64, f64),
        (length, size): (f64, f64),
        tolerance: f64,
    ) {
        if !self.open {
            return;
        }
        let diagonal = 1.0 + self.shift * alpha;
        let coefficient;
        if self.last == 0.0 {
            self.pivot = diagonal;
            coefficient = 0.0;
            self.last = beta;
        } else {
            // The residual so far is −δβ(g/d)·q with the new q.
            let off = self.shift * beta;
            let residual = (off * self.last / self.pivot).abs() * length;
            let scale = self.norm * norm_max(&self.x) + size;
            if residual <= tolerance * scale / 8.0 {
                self.open = false;
                return;
            }
            coefficient = off / self.pivot;
            self.pivot = diagonal - coefficient * off;
            self.last *= -coefficient;
        }
        if self.pivot.is_nan() || self.pivot <= 0.0 || self.last == 0.0 {
            self.open = false;
            return;
        }
        for (p, v) in self.direction.iter_mut().zip(v) {
            *p = v - coefficient * *p;
        }
        axpy(self.last / self.pivot, &self.direction, &mut self.x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_systems_get_a_factor_for_each_ridge_and_large_ones_share() {
        let grid = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
        let alone = |n| plan(n, &grid).iter().all(|s| s.others.is_empty());
        assert!(alone(100) && alone(1024));
        assert_eq!(plan(1024, &grid).len(), 8);
        let shared = plan(1 << 20, &grid);
        assert_eq!(shared.len(), 1);
        assert!([3, 4].contains(&shared[0].centre));
        assert_eq!(shared[0].others.len(), 7);
    }

    #[test]
    fn every_ridge_is_in_one_group_whatever_their_order() {
        for ridges in [
            &[][..],
            &[1.0],
            &[2.0, 2.0, 2.0],
            &[100.0, 1e-3, 1.0, 0.5, 3.0],
        ] {
            for n in [1, 1000, 3000, 10_000, 100_000] {
                let groups = plan(n, ridges);
                let each = |s: &Shared| [&[s.centre], &s.others[..]].concat();
                let mut all: Vec<usize> = groups.iter().flat_map(each).collect();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..ridges.len()));
            }
        }
        // Far apart, each has its own: the steps between them would cost more.
        assert_eq!(plan(4096, &[1e-4, 1.0, 1e4]).len(), 3);
    }
}
