//! Tasks: an algorithm as a plain sequence of tile operations, with what each reads and writes.

use alloc::vec::Vec;

/// Place of a tile in a packed lower triangle.
pub type Place = (usize, usize);

/// A tile operation of the left-looking Cholesky factorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A(i,k) ← R(i,k) − Σ_{j<k} L(i,j) L(k,j)ᵀ: builds the tile and subtracts.
    Update {
        /// Block row.
        i: usize,
        /// Block column.
        k: usize,
    },
    /// L(k,k) ← chol(A(k,k)).
    Potrf {
        /// Block row and column.
        k: usize,
    },
    /// L(i,k) ← A(i,k) L(k,k)⁻ᵀ, rounded to its planned precision.
    Trsm {
        /// Block row.
        i: usize,
        /// Block column.
        k: usize,
    },
}

/// One task of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// What to do.
    pub op: Op,
    /// Larger runs first among tasks that are ready.
    pub priority: u64,
}

impl Task {
    /// The tile this task changes.
    pub fn write(&self) -> Place {
        match self.op {
            Op::Update { i, k } | Op::Trsm { i, k } => (i, k),
            Op::Potrf { k } => (k, k),
        }
    }

    /// The tiles this task only reads, in the order its execution expects them.
    pub fn reads(&self) -> Vec<Place> {
        match self.op {
            Op::Update { i, k } if i == k => (0..k).map(|j| (k, j)).collect(),
            Op::Update { i, k } => (0..k).flat_map(|j| [(i, j), (k, j)]).collect(),
            Op::Potrf { .. } => Vec::new(),
            Op::Trsm { k, .. } => [(k, k)].into(),
        }
    }
}

/// Columns of tiles that are finished together, row by row.
///
/// A row of L is read once for all of them, so that a factor that lies in a file streams by
/// `order / PANEL` times instead of `order` times, with `PANEL` rows of tiles read again and again.
const PANEL: usize = 8;

/// Tasks of the left-looking Cholesky factorisation of `order × order` tiles: panels of columns,
/// in a panel row by row.
///
/// The critical path runs down the diagonal, so the triangle on top of a panel comes before what
/// is left of the panel before it; otherwise the order of the stream holds.
pub fn cholesky(order: usize) -> impl Iterator<Item = Task> {
    (0..order).step_by(PANEL).flat_map(move |first| {
        let end = (first + PANEL).min(order);
        let urgent = 2 * (order - first).div_ceil(PANEL) as u64;
        (first..order).flat_map(move |i| {
            let priority = if i < end { urgent + 3 } else { urgent };
            (first..end.min(i + 1)).flat_map(move |k| {
                let last = match i == k {
                    true => Op::Potrf { k },
                    false => Op::Trsm { i, k },
                };
                [Op::Update { i, k }, last].map(|op| Task { op, priority })
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sym::SymTiles;

    #[test]
    fn every_tile_is_finished_once_and_only_finished_tiles_are_read() {
        for order in (0..7).chain([8, 9, 17]) {
            let mut finished = SymTiles::from_fn(order, |_, _| false);
            for task in cholesky(order) {
                assert!(task.reads().into_iter().all(|at| finished[at]), "{task:?}");
                assert!(!finished[task.write()], "{task:?}");
                finished[task.write()] |= !matches!(task.op, Op::Update { .. });
            }
            assert!(finished.as_slice().iter().all(|&f| f));
        }
    }
}
