//! The diagonal of A⁻¹, or a block on it, from the factor of A: what leaving one individual or a
//! fold out needs.
//!
//! V = L⁻¹ is computed by blocks of columns, each on its own, and only the sums are kept:
//! (A⁻¹)_ij = Σ_k V_ki V_kj. Refinement does not repair this number, so it is as accurate as the
//! factor: with L Lᵀ = A + E the relative error is at most ‖E‖₂/λ in first order, and for an FP64
//! factor ‖E‖₂ ≤ (N + 1)·2⁻⁵³·tr(A) (Higham, Accuracy and Stability of Numerical Algorithms,
//! Theorem 10.3).

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::{Backend, Solve, Trans};
use crate::engine::Engine;
use crate::factor::Cholesky;
use crate::precision::Precision;
use crate::tile::Tile;

impl<T: Send + Sync> Cholesky<T> {
    /// The diagonal of (L Lᵀ)⁻¹, in FP64. N³/3 operations; an N × edge panel per thread.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn inverse_diagonal<B, E>(&self, backend: &B, engine: &E) -> Result<Vec<f64>, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let mut parts = vec![Vec::new(); self.blocks().count()];
        engine.for_each(&mut parts, |c, part| {
            *part = self.inverse_squares(backend, c)?;
            Ok(())
        })?;
        Ok(parts.concat())
    }

    /// Lower triangle of the block of (L Lᵀ)⁻¹ that belongs to `rows`, in F64; what stands above the
    /// diagonal is unspecified. With b rows from row s on b(N − s)² + b²(N − s) operations, and
    /// 8b(N − s) bytes.
    ///
    /// # Errors
    /// If the backend fails.
    ///
    /// # Panics
    /// If the rows are none, or past the last.
    pub fn inverse_block<B>(&self, backend: &B, rows: Range<usize>) -> Result<T, B::Error>
    where
        B: Backend<Tile = T>,
    {
        assert!(!rows.is_empty() && rows.end <= self.blocks().rows, "rows");
        let zeros = Tile::zeros(rows.len(), rows.len(), Precision::F64);
        let mut block = backend.upload(zeros.as_ref())?;
        self.inverse_rows(backend, rows, |u| backend.syrk(1.0, u, &mut block))?;
        Ok(block)
    }

    /// Sums of squares of the columns of V that belong to block `c`, from the diagonal down.
    fn inverse_squares<B>(&self, backend: &B, c: usize) -> Result<Vec<f64>, B::Error>
    where
        B: Backend<Tile = T>,
    {
        let rows = self.blocks().range(c);
        let width = rows.len();
        let mut sums = vec![0.0; width];
        self.inverse_rows(backend, rows, |u| {
            for column in backend.download(u)?.to_f64().chunks_exact(width) {
                for (sum, v) in sums.iter_mut().zip(column) {
                    *sum += v * v;
                }
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// Calls `each` with the tiles of U = Vᵀ in these rows, from the diagonal on. U is what is held:
    /// its products have the shape of those of the factorisation.
    fn inverse_rows<B>(
        &self,
        backend: &B,
        rows: Range<usize>,
        mut each: impl FnMut(&T) -> Result<(), B::Error>,
    ) -> Result<(), B::Error>
    where
        B: Backend<Tile = T>,
    {
        let blocks = self.blocks();
        let first = rows.start / blocks.edge;
        let mut done: Vec<T> = Vec::with_capacity(blocks.count() - first);
        for i in first..blocks.count() {
            let cols = blocks.range(i);
            let mut start = vec![0.0; rows.len() * cols.len()];
            for (c, column) in cols.clone().zip(start.chunks_exact_mut(rows.len())) {
                if rows.contains(&c) {
                    column[c - rows.start] = 1.0;
                }
            }
            let start = Tile::from_f64(rows.len(), cols.len(), &start, Precision::F64, 0);
            let mut u = backend.upload(start.as_ref())?;
            for (j, before) in (first..i).zip(&done) {
                // U(·,i) ← U(·,i) − U(·,j) L(i,j)ᵀ
                let l = self.tile((i, j));
                backend.gemm(-1.0, (before, Trans::No), (l, Trans::Yes), &mut u)?;
            }
            // U(·,i) ← U(·,i) L(i,i)⁻ᵀ
            backend.trsm(Solve::RightTransposed, self.tile((i, i)), &mut u)?;
            each(&u)?;
            done.push(u);
        }
        Ok(())
    }
}
