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
    fn inverse_squares<B>(&self, backend: &B, c: usize) -> Result<Vec<f64>, B::Error>
    where
        B: Backend<Tile = T>,
    {
        let blocks = self.blocks();
        let width = blocks.range(c).len();
        let mut sums = vec![0.0; width];
        let mut column: Vec<T> = Vec::with_capacity(blocks.count() - c);
        for i in c..blocks.count() {
            let start = Tile::zeros(blocks.range(i).len(), width, Precision::F64);
            let mut v = backend.upload(start.as_ref())?;
            if i == c {
                backend.shift(&mut v, 1.0)?;
            }
            for (j, above) in (c..i).zip(&column) {
                // V(i,c) ← V(i,c) − L(i,j) V(j,c)
                let l = self.tile((i, j));
                backend.gemm(-1.0, (l, Trans::No), (above, Trans::No), &mut v)?;
            }
            // V(i,c) ← L(i,i)⁻¹ V(i,c)
            backend.trsm(Solve::Left, self.tile((i, i)), &mut v)?;
            let values = backend.download(&v)?.to_f64();
            for (sum, column) in sums
                .iter_mut()
                .zip(values.chunks_exact(blocks.range(i).len()))
            {
                *sum = column.iter().fold(*sum, |sum, v| sum + v * v);
            }
            column.push(v);
        }
        Ok(sums)
    }
}
