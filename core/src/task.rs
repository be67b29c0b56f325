//! Tasks: an algorithm as a plain sequence of tile operations, with what each reads and writes.

use alloc::vec::Vec;

/// Place of a tile in a packed lower triangle.
pub type Place = (usize, usize);

/// A tile operation of the left-looking Cholesky factorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A(i,k) ← A(i,k) − Σ_{from≤j<to} L(i,j) L(k,j)ᵀ; builds R(i,k) first if `from` is 0.
    Update {
        /// Block row.
        i: usize,
        /// Block column.
        k: usize,
        /// First j.
        from: usize,
        /// The j after the last.
        to: usize,
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

impl Task {
    /// The tile this task changes.
    pub fn write(self) -> Place {
        match self {
            Task::Update { i, k, .. } | Task::Trsm { i, k } => (i, k),
            Task::Potrf { k } => (k, k),
        }
    }

    /// The tiles this task only reads, in the order its execution expects them.
    pub fn reads(self) -> Vec<Place> {
        match self {
            Task::Update { i, k, from, to } if i == k => (from..to).map(|j| (k, j)).collect(),
            Task::Update { i, k, from, to } => (from..to).flat_map(|j| [(i, j), (k, j)]).collect(),
            Task::Potrf { .. } => Vec::new(),
            Task::Trsm { k, .. } => [(k, k)].into(),
        }
    }
}

/// Columns of tiles that are finished together, row by row.
///
/// A row of L is read once for all of them, so that a factor that lies in a file streams by
/// `order / PANEL` times instead of `order` times, with `PANEL` rows of tiles read again and again.
const PANEL: usize = 8;

/// Products that an update subtracts at a time.
///
/// What is not there yet holds up only the last few of a tile's products: the others are done
/// ahead, and threads do not wait for each other at the end of the matrix. In a simulation of 16
/// block rows on 2, 4 and 16 threads they wait for 0.6, 3 and 20 % of the time, with all products of
/// a tile in one task for 5, 19 and 64 %.
const PIECE: usize = 2;

/// Tasks of the left-looking Cholesky factorisation of `order × order` tiles: panels of columns,
/// in a panel row by row. An engine takes the first that is ready.
pub fn cholesky(order: usize) -> impl Iterator<Item = Task> {
    let tiles = (0..order).step_by(PANEL).flat_map(move |first| {
        let end = (first + PANEL).min(order);
        (first..order).flat_map(move |i| (first..end.min(i + 1)).map(move |k| (i, k)))
    });
    tiles.flat_map(|(i, k)| {
        // The first column has no products, and its tiles are built all the same.
        let pieces = (0..k.max(1)).step_by(PIECE);
        let updates = pieces.map(move |from| {
            let to = k.min(from + PIECE);
            Task::Update { i, k, from, to }
        });
        let last = match i == k {
            true => Task::Potrf { k },
            false => Task::Trsm { i, k },
        };
        updates.chain([last])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sym::SymTiles;

    #[test]
    fn every_tile_is_built_and_finished_once_and_only_finished_tiles_are_read() {
        for order in (0..7).chain([8, 9, 17]) {
            let mut finished = SymTiles::from_fn(order, |_, _| false);
            let mut subtracted = SymTiles::from_fn(order, |_, _| None);
            for task in cholesky(order) {
                assert!(task.reads().into_iter().all(|at| finished[at]), "{task:?}");
                assert!(!finished[task.write()], "{task:?}");
                if let Task::Update { i, k, from, to } = task {
                    let before = subtracted[(i, k)].replace(to);
                    assert_eq!(before.unwrap_or(0), from, "{task:?}");
                    assert_eq!(before.is_none(), from == 0, "{task:?}");
                } else {
                    let (_, k) = task.write();
                    assert_eq!(subtracted[task.write()], Some(k), "{task:?}");
                    finished[task.write()] = true;
                }
            }
            assert!(finished.as_slice().iter().all(|&f| f));
        }
    }
}
