//! The factor as a preconditioner: A⁻¹ ≈ R̂⁻¹ − G (I + FᵀG)⁻¹ FᵀR̂⁻¹ with G = R̂⁻¹F (Woodbury).

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::columns::{Columns, WIDTH};
use crate::deflate::Deflation;
use crate::dense;
use crate::engine::Engine;
use crate::factor::Cholesky;

/// An approximate inverse of A, symmetric and positive definite up to FP64 rounding.
#[derive(Debug)]
pub struct Preconditioner<T> {
    cholesky: Cholesky<T>,
    woodbury: Option<Woodbury>,
}

#[derive(Debug)]
struct Woodbury {
    /// F, column by column.
    f: Vec<Vec<f64>>,
    /// G = R̂⁻¹F.
    g: Vec<Vec<f64>>,
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
        let f = deflation.columns.clone();
        let mut g = Vec::with_capacity(f.len());
        for chunk in f.chunks(WIDTH) {
            let rows = cholesky.blocks().rows;
            let panel = Columns::from_slices(rows, chunk.iter().map(Vec::as_slice));
            let solved = cholesky.solve(backend, engine, &panel)?;
            g.extend((0..chunk.len()).map(|c| solved.column(c).to_vec()));
        }
        let k = f.len();
        let mut s = vec![0.0; k * k];
        for (c, g) in g.iter().enumerate() {
            for (r, f) in f.iter().enumerate() {
                s[c * k + r] = dense::dot(f, g) + if r == c { 1.0 } else { 0.0 };
            }
        }
        Ok(match dense::cholesky(&mut s, k, 0.0) {
            Ok(()) => Some(Preconditioner {
                cholesky,
                woodbury: Some(Woodbury { f, g, s }),
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
        self.woodbury.as_ref().map_or(&[], |w| &w.f)
    }

    /// Applies the approximate inverse to all columns.
    pub fn apply<B, E>(&self, backend: &B, engine: &E, b: &Columns) -> Result<Columns, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let mut x = self.cholesky.solve(backend, engine, b)?;
        if let Some(Woodbury { f, g, s }) = &self.woodbury {
            for c in 0..WIDTH {
                let column = x.column_mut(c);
                let mut t: Vec<f64> = f.iter().map(|f| dense::dot(f, column)).collect();
                dense::solve_lower(s, f.len(), &mut t);
                dense::solve_lower_transposed(s, f.len(), &mut t);
                for (g, t) in g.iter().zip(&t) {
                    dense::axpy(-t, g, column);
                }
            }
        }
        Ok(x)
    }
}
