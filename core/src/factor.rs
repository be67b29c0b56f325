//! The left-looking mixed-precision tile Cholesky factorisation.
//!
//! L_ik = (R_ik − Σ_{j<k} L_ij L_kjᵀ) L_kk⁻ᵀ, the sum in the accumulator's precision and in the
//! order of j, each tile rounded once: for a given backend the bits depend on nothing else, so any
//! engine and any number of threads gives the same factor.

use alloc::vec::Vec;
use core::fmt;

use crate::backend::{Backend, BackendError, ErrorKind, Solve, Trans};
use crate::deflate::Deflation;
use crate::engine::Engine;
use crate::precision::Precision;
use crate::sym::{Blocks, SymTiles};
use crate::system::System;
use crate::task::{Task, cholesky};

/// A Cholesky factor L in tiles of planned precisions.
#[derive(Debug)]
pub struct Cholesky<T> {
    blocks: Blocks,
    tiles: SymTiles<Option<T>>,
    /// Whether a tile is F64.
    double: bool,
}

/// Why a factorisation ended early.
#[derive(Clone, Debug, PartialEq)]
pub enum FactorError<E> {
    /// The matrix, as rounded, is not positive definite.
    NotPositiveDefinite {
        /// Diagonal tile.
        tile: usize,
        /// Row within the tile.
        pivot: usize,
    },
    /// The backend failed.
    Backend(E),
}

impl<E: fmt::Display> fmt::Display for FactorError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FactorError::NotPositiveDefinite { tile, pivot } => {
                write!(
                    f,
                    "not positive definite: diagonal tile {tile}, row {pivot}"
                )
            }
            FactorError::Backend(e) => e.fmt(f),
        }
    }
}

impl<E: BackendError> core::error::Error for FactorError<E> {}

impl<B: Backend, E: Engine> System<'_, B, E> {
    /// Factors R + λI, R the deflated kernel, with tiles stored as `plan` says. N³/3 operations.
    ///
    /// # Errors
    /// If a pivot is not positive, or the backend fails.
    ///
    /// # Panics
    /// If the plan is not of this system's order in tiles, or a diagonal tile is planned in
    /// another format than F32 or F64.
    pub fn factor(
        &self,
        ridge: f64,
        plan: &SymTiles<Precision>,
        deflation: Option<&Deflation<B::Tile>>,
    ) -> Result<Cholesky<B::Tile>, FactorError<B::Error>> {
        let order = self.blocks().count();
        assert_eq!(plan.order(), order, "order of the plan");
        let mut tiles = SymTiles::from_fn(order, |_, _| None);
        self.engine.run(
            &mut tiles,
            cholesky(order),
            |task, reads, out: &mut Option<B::Tile>| {
                self.execute(task, (ridge, plan, deflation), reads, out)
                    .map_err(|error| match error.kind() {
                        ErrorKind::NotPositiveDefinite { pivot } => {
                            FactorError::NotPositiveDefinite {
                                tile: task.write().0,
                                pivot,
                            }
                        }
                        _ => FactorError::Backend(error),
                    })
            },
        )?;
        Ok(Cholesky {
            blocks: self.blocks(),
            tiles,
            double: plan.as_slice().contains(&Precision::F64),
        })
    }

    fn execute(
        &self,
        task: Task,
        (ridge, plan, deflation): (f64, &SymTiles<Precision>, Option<&Deflation<B::Tile>>),
        reads: &[&Option<B::Tile>],
        out: &mut Option<B::Tile>,
    ) -> Result<(), B::Error> {
        let backend = self.backend;
        let tile = |t: &Option<B::Tile>| -> bool { t.is_some() };
        debug_assert!(reads.iter().all(|t| tile(t)), "operands are finished");
        let reads: Vec<&B::Tile> = reads.iter().filter_map(|t| t.as_ref()).collect();
        match task {
            Task::Update { i, k, from, .. } => {
                let accumulator = plan[(i, k)].accumulator();
                let mut sum = match out.take() {
                    Some(sum) if from > 0 => sum,
                    _ => self.deflated_tile((i, k), accumulator, deflation)?,
                };
                if i == k {
                    assert_eq!(accumulator, plan[(i, k)], "diagonal tiles are F32 or F64");
                    if from == 0 {
                        backend.shift(&mut sum, ridge)?;
                    }
                    for l in reads {
                        // A(k,k) ← A(k,k) − L(k,j) L(k,j)ᵀ
                        backend.syrk(-1.0, l, &mut sum)?;
                    }
                } else {
                    for pair in reads.chunks_exact(2) {
                        // A(i,k) ← A(i,k) − L(i,j) L(k,j)ᵀ
                        backend.gemm(
                            -1.0,
                            (pair[0], Trans::No),
                            (pair[1], Trans::Yes),
                            &mut sum,
                        )?;
                    }
                }
                *out = Some(sum);
            }
            Task::Potrf { .. } => {
                if let Some(mut a) = out.take() {
                    backend.potrf(&mut a)?;
                    *out = Some(backend.settle(a)?);
                }
            }
            Task::Trsm { i, k } => {
                if let Some(mut a) = out.take() {
                    backend.trsm(Solve::RightTransposed, reads[0], &mut a)?;
                    let precision = plan[(i, k)];
                    if precision != precision.accumulator() {
                        let rounded = backend.demote(&a, precision)?;
                        backend.recycle(core::mem::replace(&mut a, rounded));
                    }
                    *out = Some(backend.settle(a)?);
                }
            }
        }
        Ok(())
    }
}

impl<T> Cholesky<T> {
    /// A factor from its finished tiles, some of which are F64 or not; `None` if their number does
    /// not fit the blocks.
    pub fn from_tiles(blocks: Blocks, tiles: Vec<T>, double: bool) -> Option<Self> {
        let tiles = SymTiles::from_vec(blocks.count(), tiles.into_iter().map(Some).collect())?;
        Some(Cholesky {
            blocks,
            tiles,
            double,
        })
    }

    /// Whether a tile is F64: then right-hand sides should be, too.
    pub fn is_double(&self) -> bool {
        self.double
    }

    /// How the rows are cut.
    pub fn blocks(&self) -> Blocks {
        self.blocks
    }

    /// Finished tiles with their places, in row order.
    pub fn iter(&self) -> impl Iterator<Item = ((usize, usize), &T)> {
        self.tiles
            .iter()
            .filter_map(|(at, t)| t.as_ref().map(|t| (at, t)))
    }

    pub(crate) fn tile(&self, at: (usize, usize)) -> &T {
        self.tiles[at]
            .as_ref()
            .expect("a finished factor holds every tile")
    }

    /// Solves L Lᵀ X = B on all columns at once, given and returned as one tile per block of rows,
    /// in F64 or, where the backend takes it, F32. 2·N² operations a column.
    ///
    /// # Errors
    /// If the backend fails.
    ///
    /// # Panics
    /// If there is not one tile per block.
    pub fn solve<B, E>(&self, backend: &B, engine: &E, x: &mut [T]) -> Result<(), B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
        T: Send + Sync,
    {
        let count = self.blocks.count();
        assert_eq!(x.len(), count, "blocks of the right-hand sides");
        let Some(last) = count.checked_sub(1) else {
            return Ok(());
        };
        // Whoever finishes the next block solves its triangle, while others are still at the rest.
        backend.trsm(Solve::Left, self.tile((0, 0)), &mut x[0])?;
        for k in 0..last {
            // B(i) ← B(i) − L(i,k) Y(k), i > k;  Y(k+1) ← L(k+1,k+1)⁻¹ B(k+1)
            let (head, below) = x.split_at_mut(k + 1);
            let y = &head[k];
            engine.for_each(below, |i, b| {
                let at = k + 1 + i;
                backend.apply(-1.0, (self.tile((at, k)), Trans::No), y, b)?;
                match i {
                    0 => backend.trsm(Solve::Left, self.tile((at, at)), b),
                    _ => Ok(()),
                }
            })?;
        }
        backend.trsm(Solve::LeftTransposed, self.tile((last, last)), &mut x[last])?;
        for k in (1..=last).rev() {
            // Y(j) ← Y(j) − L(k,j)ᵀ X(k), j < k;  X(k−1) ← L(k−1,k−1)⁻ᵀ Y(k−1)
            let (above, tail) = x.split_at_mut(k);
            let solved = &tail[0];
            let mut rows: Vec<(usize, &mut T)> = above.iter_mut().enumerate().rev().collect();
            engine.for_each(&mut rows, |i, (j, b)| {
                let j = *j;
                backend.apply(-1.0, (self.tile((k, j)), Trans::Yes), solved, b)?;
                match i {
                    0 => backend.trsm(Solve::LeftTransposed, self.tile((j, j)), b),
                    _ => Ok(()),
                }
            })?;
        }
        Ok(())
    }
}
