//! The diagonal of A⁻¹ from the factor of A: what leaving one individual out needs.
//!
//! V = L⁻¹ is computed by columns of tiles, each on its own, and only its squares are kept:
//! (A⁻¹)_ii = Σ_k V_ki². Refinement does not repair this number, so it is as accurate as the
//! factor: with L Lᵀ = A + E the relative error is at most ‖E‖₂/λ in first order, and for an FP64
//! factor ‖E‖₂ ≤ (N + 1)·2⁻⁵³·tr(A) (Higham, Accuracy and Stability of Numerical Algorithms,
//! Theorem 10.3).

use alloc::vec;
use alloc::vec::Vec;

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

    /// Sums of squares of the columns of V that belong to block `c`, from the diagonal down.
    ///
    /// U = Vᵀ is what is held: its products have the shape of those of the factorisation.
    fn inverse_squares<B>(&self, backend: &B, c: usize) -> Result<Vec<f64>, B::Error>
    where
        B: Backend<Tile = T>,
    {
        let blocks = self.blocks();
        let width = blocks.range(c).len();
        let mut sums = vec![0.0; width];
        let mut row: Vec<T> = Vec::with_capacity(blocks.count() - c);
        for i in c..blocks.count() {
            let start = Tile::zeros(width, blocks.range(i).len(), Precision::F64);
            let mut u = backend.upload(start.as_ref())?;
            if i == c {
                backend.shift(&mut u, 1.0)?;
            }
            for (j, before) in (c..i).zip(&row) {
                // U(c,i) ← U(c,i) − U(c,j) L(i,j)ᵀ
                let l = self.tile((i, j));
                backend.gemm(-1.0, (before, Trans::No), (l, Trans::Yes), &mut u)?;
            }
            // U(c,i) ← U(c,i) L(i,i)⁻ᵀ
            backend.trsm(Solve::RightTransposed, self.tile((i, i)), &mut u)?;
            for column in backend.download(&u)?.to_f64().chunks_exact(width) {
                for (sum, v) in sums.iter_mut().zip(column) {
                    *sum += v * v;
                }
            }
            row.push(u);
        }
        Ok(sums)
    }
}
