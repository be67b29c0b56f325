//! The system A = K + λI over chosen individuals, as backend operations on tiles.

use alloc::vec::Vec;

use crate::backend::{Backend, Trans};
use crate::columns::{Columns, WIDTH};
use crate::deflate::Deflation;
use crate::engine::Engine;
use crate::kernel::KernelMap;
use crate::precision::Precision;
use crate::sym::{Blocks, SymTiles};
use crate::tile::Tile;

/// A kernel matrix over some of the individuals of a symmetric pair statistic, never stored
/// whole: its tiles are evaluated when they are needed.
pub struct System<'a, B: Backend, E> {
    /// Where tiles are computed.
    pub backend: &'a B,
    /// What runs independent work.
    pub engine: &'a E,
    /// Pair statistic of all individuals.
    pub pairs: &'a B::Pairs,
    /// The kernel function.
    pub map: &'a KernelMap,
    /// The individuals of the system, in order.
    pub index: &'a [u32],
    /// Rows of a tile.
    pub edge: usize,
}

impl<B: Backend, E> Clone for System<'_, B, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend, E> Copy for System<'_, B, E> {}

impl<B: Backend, E: Engine> System<'_, B, E> {
    /// Individuals of the system, N.
    pub fn order(&self) -> usize {
        self.index.len()
    }

    /// How the rows are cut into tiles.
    pub fn blocks(&self) -> Blocks {
        Blocks::new(self.order(), self.edge)
    }

    /// Individuals of block `i`.
    fn rows(&self, i: usize) -> &[u32] {
        &self.index[self.blocks().range(i)]
    }

    /// K(i, j), rounded to `precision` (F64 or F32).
    pub fn tile(&self, i: usize, j: usize, precision: Precision) -> Result<B::Tile, B::Error> {
        self.backend
            .kernel_tile(self.map, self.pairs, self.rows(i), self.rows(j), precision)
    }

    /// R(i, j) = K(i, j) − F_i F_jᵀ in `precision`; K(i, j) without a deflation.
    pub fn deflated_tile(
        &self,
        (i, j): (usize, usize),
        precision: Precision,
        deflation: Option<&Deflation<B::Tile>>,
    ) -> Result<B::Tile, B::Error> {
        let mut tile = self.tile(i, j, precision)?;
        if let Some(d) = deflation {
            let (left, right) = ((&d.tiles[i], Trans::No), (&d.tiles[j], Trans::Yes));
            self.backend.gemm(-1.0, left, right, &mut tile)?;
        }
        Ok(tile)
    }

    /// K X in FP64. N² kernel evaluations and 2·8·N² operations.
    pub fn multiply(&self, x: &Columns) -> Result<Columns, B::Error> {
        self.cross(self.index, x)
    }

    /// K(rows, individuals of the system) X in FP64, for any rows of the pair statistic (which
    /// need not be symmetric).
    pub fn cross(&self, rows: &[u32], x: &Columns) -> Result<Columns, B::Error> {
        assert_eq!(x.rows(), self.order(), "rows of a panel");
        let out = Blocks::new(rows.len(), self.edge);
        let x = x.upload(self.backend, self.blocks())?;
        let mut tiles: Vec<Option<B::Tile>> = (0..out.count()).map(|_| None).collect();
        self.engine.for_each(&mut tiles, |i, slot| {
            let rows = &rows[out.range(i)];
            let zero = Tile::zeros(rows.len(), WIDTH, Precision::F64);
            let mut sum = self.backend.upload(zero.as_ref())?;
            for (j, x) in x.iter().enumerate() {
                let (map, pairs, f64) = (self.map, self.pairs, Precision::F64);
                let k = self
                    .backend
                    .kernel_tile(map, pairs, rows, self.rows(j), f64)?;
                // Y(i) ← Y(i) + K(i,j) X(j)
                self.backend
                    .gemm(1.0, (&k, Trans::No), (x, Trans::No), &mut sum)?;
            }
            *slot = Some(sum);
            Ok(())
        })?;
        let tiles: Vec<B::Tile> = tiles.into_iter().flatten().collect();
        Columns::download(self.backend, out, &tiles)
    }

    /// ‖K‖_∞, the largest sum of magnitudes in a row.
    pub fn infinity_norm(&self) -> Result<f64, B::Error> {
        let count = self.blocks().count();
        let mut largest = alloc::vec![0.0; count];
        self.engine.for_each(&mut largest, |i, largest| {
            let mut sums = alloc::vec![0.0; self.blocks().range(i).len()];
            for j in 0..count {
                let norm = self.backend.norm(&self.tile(i, j, Precision::F64)?)?;
                crate::dense::axpy(1.0, &norm.rows, &mut sums);
            }
            *largest = crate::dense::norm_max(&sums);
            Ok(())
        })?;
        Ok(crate::dense::norm_max(&largest))
    }

    /// ‖R(i, j)‖_F of every lower tile, R deflated; FP32 values, FP64 sums.
    pub fn tile_norms(
        &self,
        deflation: Option<&Deflation<B::Tile>>,
    ) -> Result<SymTiles<f64>, B::Error> {
        let mut norms = SymTiles::from_fn(self.blocks().count(), |i, j| ((i, j), 0.0));
        self.engine
            .for_each(norms.as_mut_slice(), |_, (at, norm)| {
                let tile = self.deflated_tile(*at, Precision::F32, deflation)?;
                *norm = self.backend.norm(&tile)?.frobenius;
                Ok(())
            })?;
        Ok(norms.map(|_, &(_, norm)| norm))
    }
}

/// Tile edge for systems of order `n`, a rule on sizes: sixteen tiles a side, in multiples of 64,
/// from 96 to 512.
///
/// Sixteen leave room for parallel work and let precisions follow the structure. Below 96 the
/// work on a tile is too little for what it costs to start. Three FP32 tiles of edge 256 are
/// 768 KiB, what a second-level cache holds; at 512 they are 3 MiB and come from the third, but the
/// packed rows that a product goes through again and again (576 KiB) still stay in the second, and
/// every number is used twice as often: beyond that little is left to gain. Factors of order 8,192
/// on one core of a Zen 5 with 1 MiB of second-level cache, other work running, in seconds:
///
/// | edge | 96 | 128 | 192 | 256 | 384 | 512 | 1,024 |
/// |---|---|---|---|---|---|---|---|
/// | FP32 | 1.46 | 1.31 | 1.19 | 1.09 | 1.11 | 0.97 | 0.89 |
/// | FP8 off the diagonal | 0.73 | 0.62 | 0.56 | 0.52 | 0.57 | 0.51 | 0.55 |
pub fn default_edge(n: usize) -> usize {
    (n / 16).next_multiple_of(64).clamp(96, 512)
}
