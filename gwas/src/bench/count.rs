//! What a factorisation costs: operations and bytes by number format, counted from its plan.

use std::collections::BTreeMap;

use epitile_core::policy;
use epitile_core::precision::Precision;
use epitile_core::solver::Step;
use epitile_core::sym::{Blocks, SymTiles};
use epitile_core::task::{Task, cholesky};
use serde::Serialize;

/// Floating-point operations by kind: a multiplication and an addition each count as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Operations {
    /// Products of two tiles.
    pub gemm: f64,
    /// Products of a tile with itself, of which half is computed.
    pub syrk: f64,
    /// Triangular systems with a diagonal tile.
    pub trsm: f64,
    /// Factors of diagonal tiles.
    pub potrf: f64,
}

impl Operations {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.gemm + self.syrk + self.trsm + self.potrf
    }
}

/// Tiles, bytes and operations of one format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Share {
    /// Tiles of the factor stored in it.
    pub tiles: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Operations on operands of which it is the wider format.
    pub operations: Operations,
}

/// Shares of all formats that occur.
pub type Shares = BTreeMap<Precision, Share>;

/// Costs of a factor whose tiles are stored as `plan` says. N³/3 + N²/2 operations in all, and
/// lower-order ones of the tiles on the diagonal.
///
/// # Panics
/// If the plan is not of the order of the blocks.
pub fn shares(blocks: Blocks, plan: &SymTiles<Precision>) -> Shares {
    let edge = |i: usize| blocks.range(i).len() as f64;
    let mut shares = Shares::new();
    for ((i, j), &p) in plan.iter() {
        let share = shares.entry(p).or_default();
        share.tiles += 1;
        share.bytes += (blocks.range(i).len() * blocks.range(j).len() * p.bytes()) as u64;
    }
    for task in cholesky(blocks.count()) {
        let mut add = |p: Precision, to: fn(&mut Operations) -> &mut f64, count: f64| {
            *to(&mut shares.entry(p).or_default().operations) += count;
        };
        match task {
            Task::Update { i, k, from, to } if i == k => (from..to).for_each(|j| {
                let b = edge(k);
                add(plan[(k, j)], |o| &mut o.syrk, b * (b + 1.0) * edge(j));
            }),
            Task::Update { i, k, from, to } => (from..to).for_each(|j| {
                let wider = wider(plan[(i, j)], plan[(k, j)]);
                add(wider, |o| &mut o.gemm, 2.0 * edge(i) * edge(k) * edge(j));
            }),
            Task::Potrf { k } => {
                let b = edge(k);
                let count = b * (b + 1.0) * (2.0 * b + 1.0) / 6.0;
                add(plan[(k, k)], |o| &mut o.potrf, count);
            }
            Task::Trsm { i, k } => {
                let computed = wider(plan[(k, k)], plan[(i, k)].accumulator());
                add(computed, |o| &mut o.trsm, edge(i) * edge(k) * edge(k));
            }
        }
    }
    shares
}

/// The plan of the factor that a ladder ended with.
pub fn used(plan: &SymTiles<Precision>, step: Step) -> SymTiles<Precision> {
    match step {
        Step::Plan | Step::Shift { .. } => plan.clone(),
        Step::Promote { formats } => {
            (0..formats).fold(plan.clone(), |plan, _| policy::promoted(&plan))
        }
        Step::Double => plan.map(|_, _| Precision::F64),
    }
}

/// The format with the smaller roundoff.
fn wider(a: Precision, b: Precision) -> Precision {
    match a.unit_roundoff() <= b.unit_roundoff() {
        true => a,
        false => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_formats_add_up_to_those_of_a_whole_factorisation() {
        let formats = [Precision::F32, Precision::F16, Precision::F8E4M3];
        for (n, edge) in [(1, 4), (64, 16), (70, 16), (96, 96)] {
            let blocks = Blocks::new(n, edge);
            let plan = SymTiles::from_fn(blocks.count(), |i, j| match i == j {
                true => Precision::F32,
                false => formats[(i + j) % 3],
            });
            let shares = shares(blocks, &plan);
            let total: f64 = shares.values().map(|s| s.operations.total()).sum();
            // Σ_{k<N} (k² + k) + N = N(N+1)(2N+1)/6, the operations of the loop without tiles:
            // whole numbers below 2⁵³, so exact.
            let n = n as f64;
            assert_eq!(total, n * (n + 1.0) * (2.0 * n + 1.0) / 6.0, "{blocks:?}");
            let tiles: u64 = shares.values().map(|s| s.tiles).sum();
            assert_eq!(tiles as usize, plan.as_slice().len());
        }
    }

    #[test]
    fn a_narrow_operand_beside_a_wide_one_counts_as_wide() {
        let blocks = Blocks::new(30, 10);
        let plan = SymTiles::from_fn(3, |i, j| match (i, j) {
            (2, 0) => Precision::F8E4M3,
            (1, 0) => Precision::F16,
            _ => Precision::F32,
        });
        let shares = shares(blocks, &plan);
        assert_eq!(shares[&Precision::F16].operations.gemm, 2000.0);
        assert_eq!(shares[&Precision::F8E4M3].operations.gemm, 0.0);
        assert_eq!(shares[&Precision::F8E4M3].operations.syrk, 1100.0);
        assert_eq!(shares[&Precision::F8E4M3].bytes, 100);
        assert_eq!(shares[&Precision::F32].operations.trsm, 3000.0);
    }
}
