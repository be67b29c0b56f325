//! The factor as a preconditioner: A⁻¹ ≈ R̂⁻¹ − G (I + FᵀG)⁻¹ FᵀR̂⁻¹ with G = R̂⁻¹F (Woodbury).

use alloc::vec::Vec;

use crate::backend::{Backend, Trans};
use crate::columns::Columns;
use crate::deflate::Deflation;
use crate::dense;
use crate::engine::Engine;
use crate::factor::Cholesky;
use crate::precision::Precision;
use crate::tile::Tile;

/// An approximate inverse of A, symmetric and positive definite up to FP64 rounding.
#[derive(Debug)]
pub struct Preconditioner<T> {
    cholesky: Cholesky<T>,
    woodbury: Option<Woodbury<T>>,
}

#[derive(Debug)]
struct Woodbury<T> {
    /// F, column by column.
    columns: Vec<Vec<f64>>,
    /// F, one tile per block of rows.
    f: Vec<T>,
    /// G = R̂⁻¹F likewise.
    g: Vec<T>,
    /// Cholesky factor of I + FᵀG.
    s: Vec<f64>,
}

impl<T: Send + Sync> Preconditioner<T> {
    /// Joins the factor of the deflated matrix with what was taken away.
    ///
    /// `None` if I + FᵀG is not definite: the factor is then too inaccurate to be of use.
    pub fn new<B, E>(
        backend: &B,
        engine: &E,
        cholesky: Cholesky<T>,
        deflation: Option<&Deflation<T>>,
    ) -> Result<Option<Self>, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let Some(deflation) = deflation else {
            return Ok(Some(Preconditioner {
                cholesky,
                woodbury: None,
            }));
        };
        let (blocks, f) = (cholesky.blocks(), &deflation.columns);
        let panel = Columns::from_slices(blocks.rows, f.iter().map(Vec::as_slice));
        let mut g = panel.upload(backend, blocks)?;
        cholesky.solve(backend, engine, &mut g)?;
        let f = panel.upload(backend, blocks)?;
        let k = panel.cols();
        let mut s = products(backend, &f, &g, (k, k))?.to_f64();
        (0..k).for_each(|i| s[i * k + i] += 1.0);
        Ok(match dense::cholesky(&mut s, k, 0.0) {
            Ok(()) => Some(Preconditioner {
                cholesky,
                woodbury: Some(Woodbury {
                    columns: deflation.columns.clone(),
                    f,
                    g,
                    s,
                }),
            }),
            Err(_) => None,
        })
    }

    /// The factor of the deflated matrix.
    pub fn cholesky(&self) -> &Cholesky<T> {
        &self.cholesky
    }

    /// Columns of the deflation; none if A itself was factored.
    pub fn deflation(&self) -> &[Vec<f64>] {
        self.woodbury.as_ref().map_or(&[], |w| &w.columns)
    }

    /// Applies the approximate inverse to all columns.
    pub fn apply<B, E>(&self, backend: &B, engine: &E, b: &Columns) -> Result<Columns, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let blocks = self.cholesky.blocks();
        let mut x = b.upload(backend, blocks)?;
        self.cholesky.solve(backend, engine, &mut x)?;
        if let Some(Woodbury { f, g, s, columns }) = &self.woodbury {
            let (k, t) = (columns.len(), b.cols());
            let mut inner = products(backend, f, &x, (k, t))?.to_f64();
            for column in inner.chunks_exact_mut(k) {
                dense::solve_lower(s, k, column);
                dense::solve_lower_transposed(s, k, column);
            }
            let inner = Tile::from_f64(k, t, &inner, Precision::F64, 0);
            let inner = backend.upload(inner.as_ref())?;
            // X(i) ← X(i) − G(i) (I + FᵀG)⁻¹ FᵀX
            engine.for_each(&mut x, |i, x| {
                backend.apply(-1.0, (&g[i], Trans::No), &inner, x)
            })?;
        }
        Columns::download(backend, blocks, &x)
    }
}

/// FᵀX, k × t, from their tiles.
fn products<B: Backend>(
    backend: &B,
    f: &[B::Tile],
    x: &[B::Tile],
    (k, t): (usize, usize),
) -> Result<Tile, B::Error> {
    let mut sum = backend.upload(Tile::zeros(k, t, Precision::F64).as_ref())?;
    for (f, x) in f.iter().zip(x) {
        backend.apply(1.0, (f, Trans::Yes), x, &mut sum)?;
    }
    backend.download(&sum)
}
