//! The system A = K + λI over chosen individuals, as backend operations on tiles.

use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::{Backend, Trans};
use crate::columns::Columns;
use crate::deflate::Deflation;
use crate::dense::{axpy, dot, norm_max};
use crate::engine::Engine;
use crate::kernel::KernelMap;
use crate::precision::Precision;
use crate::sym::{Blocks, SymTiles};
use crate::tile::{Elements, Tile};

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

    /// The same with tiles of [`Backend::pass_edge`], and how many of them are as wide as one of this
    /// system's.
    fn fine(&self) -> (Self, usize) {
        let parts = self.edge.div_ceil(self.backend.pass_edge());
        let even = self.edge.is_multiple_of(parts);
        let parts = if even { parts } else { 1 };
        let edge = self.edge / parts;
        (System { edge, ..*self }, parts)
    }

    /// K X in FP64: N²/2 kernel evaluations and 2·N² operations a column.
    ///
    /// # Panics
    /// If X has not N rows.
    pub fn multiply(&self, x: &Columns) -> Result<Columns, B::Error> {
        self.fine().0.product(x)
    }

    /// [`multiply`](Self::multiply) with the tiles of this system.
    fn product(&self, x: &Columns) -> Result<Columns, B::Error> {
        assert_eq!(x.rows(), self.order(), "rows of a panel");
        let (backend, blocks, cols) = (self.backend, self.blocks(), x.cols());
        let x = x.upload(backend, blocks)?;
        let zeros = |i: usize| {
            let zero = Tile::zeros(blocks.range(i).len(), cols, Precision::F64);
            backend.upload(zero.as_ref())
        };
        let mut parts = self.lower(zeros, |(i, j), k, yi, yj| {
            // Y(i) ← Y(i) + K(j,i)ᵀ X(j);  Y(j) ← Y(j) + K(j,i) X(i), j < i
            backend.apply(1.0, (k, Trans::Yes), &x[j], yi)?;
            match yj {
                Some(yj) => backend.apply(1.0, (k, Trans::No), &x[i], yj),
                None => Ok(()),
            }
        })?;
        let mut sums = alloc::vec![Vec::new(); parts.len()];
        let mut both: Vec<_> = parts.iter_mut().zip(&mut sums).collect();
        self.engine.for_each(&mut both, |_, (parts, sum)| {
            for part in parts.iter() {
                let part = backend.download(part)?;
                let Elements::F64(part) = part.as_ref().elements() else {
                    unreachable!("sums are F64");
                };
                if sum.is_empty() {
                    sum.extend_from_slice(part);
                } else {
                    axpy(1.0, part, sum);
                }
            }
            Ok(())
        })?;
        Ok(Columns::from_blocks(blocks, &sums))
    }

    /// Runs `work` on the place (i, j) and K(j, i) of every lower tile, with what it accumulates
    /// for block i and, off the diagonal, for block j.
    ///
    /// Tiles are taken in squares of several, each with accumulators of its own, so what a block's
    /// accumulators hold, and their order, depends on sizes alone. They start as `zero` of their
    /// block. Memory: one accumulator per block and strip of squares.
    fn lower<T: Send>(
        &self,
        zero: impl Fn(usize) -> Result<T, B::Error> + Sync,
        work: impl Fn((usize, usize), &B::Tile, &mut T, Option<&mut T>) -> Result<(), B::Error> + Sync,
    ) -> Result<Vec<Vec<T>>, B::Error> {
        let count = self.blocks().count();
        // Enough squares for many threads to share; not so many that adding up takes long.
        let strips = (count / 4).clamp(8, 16);
        let strips = Blocks::new(count, count.div_ceil(strips).max(1));
        let mut squares =
            SymTiles::from_fn(strips.count(), |i, j| ((i, j), Vec::new(), Vec::new()));
        let all = |blocks: Range<usize>| blocks.map(&zero).collect::<Result<Vec<T>, _>>();
        self.engine
            .for_each(squares.as_mut_slice(), |_, (at, left, right)| {
                let (rows, cols) = (strips.range(at.0), strips.range(at.1));
                *left = all(rows.clone())?;
                if at.0 != at.1 {
                    *right = all(cols.clone())?;
                }
                for i in rows.clone() {
                    for j in cols.clone().take_while(|&j| j <= i) {
                        // Stored statistics run along the larger index: the upper tile is read
                        // without turning them.
                        let k = self.tile(j, i, Precision::F64)?;
                        let (before, own) = left.split_at_mut(i - rows.start);
                        let other = match at.0 == at.1 {
                            true => before.get_mut(j - cols.start),
                            false => right.get_mut(j - cols.start),
                        };
                        work((i, j), &k, &mut own[0], other)?;
                        self.backend.recycle(k);
                    }
                }
                Ok(())
            })?;
        let mut of_block: Vec<Vec<T>> = (0..count).map(|_| Vec::new()).collect();
        for ((i, j), left, right) in squares.into_vec() {
            for (block, part) in strips.range(i).zip(left).chain(strips.range(j).zip(right)) {
                of_block[block].push(part);
            }
        }
        Ok(of_block)
    }

    /// K(rows, individuals of the system) X in FP64, for any rows of the pair statistic (which
    /// need not be symmetric).
    ///
    /// # Panics
    /// If X has not N rows.
    pub fn cross(&self, rows: &[u32], x: &Columns) -> Result<Columns, B::Error> {
        assert_eq!(x.rows(), self.order(), "rows of a panel");
        let out = Blocks::new(rows.len(), self.edge);
        let cols = x.cols();
        let x = x.upload(self.backend, self.blocks())?;
        let mut tiles: Vec<Option<B::Tile>> = (0..out.count()).map(|_| None).collect();
        self.engine.for_each(&mut tiles, |i, slot| {
            let rows = &rows[out.range(i)];
            let zero = Tile::zeros(rows.len(), cols, Precision::F64);
            let mut sum = self.backend.upload(zero.as_ref())?;
            for (j, x) in x.iter().enumerate() {
                let (map, pairs, f64) = (self.map, self.pairs, Precision::F64);
                let k = self
                    .backend
                    .kernel_tile(map, pairs, rows, self.rows(j), f64)?;
                // Y(i) ← Y(i) + K(i,j) X(j)
                self.backend.apply(1.0, (&k, Trans::No), x, &mut sum)?;
                self.backend.recycle(k);
            }
            *slot = Some(sum);
            Ok(())
        })?;
        let tiles: Vec<B::Tile> = tiles.into_iter().flatten().collect();
        Columns::download(self.backend, out, &tiles)
    }

    /// ‖K‖_∞, the largest sum of magnitudes in a row, and ‖R(i, j)‖_F of every lower tile, R
    /// deflated: ‖K‖² − 2·tr(Fᵢᵀ K Fⱼ) + tr(FᵢᵀFᵢ FⱼᵀFⱼ), which is good to 10⁻⁸ of ‖K(i, j)‖_F,
    /// what rounding a tile to F32 does. One pass, N²/2 kernel evaluations.
    pub fn norms(
        &self,
        deflation: Option<&Deflation<B::Tile>>,
    ) -> Result<(f64, SymTiles<f64>), B::Error> {
        let (fine, per) = self.fine();
        let (backend, blocks) = (self.backend, fine.blocks());
        let deflation = deflation.map(|d| fine.deflation(d.columns.clone()));
        let deflation = deflation.transpose()?;
        // Row sums of K, and squared norms of the tiles of R with their places.
        let zero = |i: usize| Ok((alloc::vec![0.0; blocks.range(i).len()], Vec::new()));
        let parts = fine.lower(zero, |(i, j), k, (rows_i, squares), other| {
            let norm = backend.norm(k)?;
            axpy(1.0, &norm.cols, rows_i);
            if let Some((rows_j, _)) = other {
                axpy(1.0, &norm.rows, rows_j);
            }
            let mut square = norm.frobenius * norm.frobenius;
            if let Some(d) = &deflation {
                square += fine.deflated((i, j), k, d)?;
            }
            squares.push(((i / per, j / per), i != j, square.max(0.0)));
            Ok(())
        })?;
        let mut norms = SymTiles::from_fn(self.blocks().count(), |_, _| 0.0);
        let mut largest = alloc::vec![0.0; blocks.count()];
        for (block, parts) in parts.into_iter().enumerate() {
            let mut sums = alloc::vec![0.0; blocks.range(block).len()];
            for (rows, of_tiles) in parts {
                axpy(1.0, &rows, &mut sums);
                for (at, beside, square) in of_tiles {
                    // A part beside the diagonal stands for its mirror image too.
                    let twice = if beside && at.0 == at.1 { 2.0 } else { 1.0 };
                    norms[at] += twice * square;
                }
            }
            largest[block] = norm_max(&sums);
        }
        let norms = norms.map(|_, square| num_traits::Float::sqrt(*square));
        Ok((norm_max(&largest), norms))
    }

    /// What the deflation adds to the squared norm of K(j, i).
    fn deflated(
        &self,
        (i, j): (usize, usize),
        k: &B::Tile,
        deflation: &Deflation<B::Tile>,
    ) -> Result<f64, B::Error> {
        let (rows_i, rows_j) = (self.blocks().range(i), self.blocks().range(j));
        let rank = deflation.columns.len();
        let zero = Tile::zeros(rows_j.len(), rank, Precision::F64);
        let mut product = self.backend.upload(zero.as_ref())?;
        let f = &deflation.tiles[i];
        self.backend.apply(1.0, (k, Trans::No), f, &mut product)?;
        let product = self.backend.download(&product)?;
        let Elements::F64(product) = product.as_ref().elements() else {
            unreachable!("right-hand sides are F64");
        };
        let mut sum = 0.0;
        for (product, left) in product.chunks_exact(rows_j.len()).zip(&deflation.columns) {
            sum -= 2.0 * dot(&left[rows_j.clone()], product);
        }
        for a in &deflation.columns {
            for b in &deflation.columns {
                let gram = |rows: &Range<usize>| dot(&a[rows.clone()], &b[rows.clone()]);
                sum += gram(&rows_i) * gram(&rows_j);
            }
        }
        Ok(sum)
    }
}

/// [`Backend::largest_edge`] of processors.
pub const LARGEST_EDGE: usize = 512;

/// Tile edge for systems of order `n`, a rule on sizes: sixteen tiles a side, in multiples of 64,
/// from 96 to `largest`, which is the backend's.
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
pub fn default_edge(n: usize, largest: usize) -> usize {
    (n / 16).next_multiple_of(64).clamp(96, largest)
}
