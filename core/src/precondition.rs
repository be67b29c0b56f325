//! The factor as a preconditioner: A⁻¹ ≈ R̂⁻¹(I − F (I + FᵀG)⁻¹ Gᵀ) with G = R̂⁻¹F (Woodbury).
//!
//! What was deflated is taken out of the right-hand side, in F64, before the triangles are solved:
//! of the leading directions, which are large, a share of about λ/(λ + ‖F‖²) is left, and nothing
//! cancels afterwards. A factor without F64 tiles is then solved in F32 where the backend can: that
//! rounds no worse than its own sums in F32 did, and a preconditioner needs no more.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::{Backend, Trans};
use crate::columns::Columns;
use crate::deflate::Deflation;
use crate::dense;
use crate::engine::Engine;
use crate::factor::Cholesky;
use crate::precision::{Precision, exponent};
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
    /// F, one F64 tile per block of rows.
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

    /// Gives the memory of all tiles back, see [`Backend::recycle`].
    pub fn recycle<B: Backend<Tile = T>>(self, backend: &B) {
        self.cholesky.recycle(backend);
        let (f, g) = self.woodbury.map_or_else(Default::default, |w| (w.f, w.g));
        f.into_iter().chain(g).for_each(|t| backend.recycle(t));
    }

    /// Applies the approximate inverse to all columns.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn apply<B, E>(&self, backend: &B, engine: &E, b: &Columns) -> Result<Columns, B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let blocks = self.cholesky.blocks();
        let single = !self.cholesky.is_double() && backend.takes_panels(Precision::F32);
        // Powers of two, so that F32 holds columns of any size.
        let size = |c: usize| match dense::norm_max(b.column(c)) {
            size if size.is_normal() => exponent(size),
            _ => 0,
        };
        let scales: Vec<i32> = match single {
            true => (0..b.cols()).map(size).collect(),
            false => vec![0; b.cols()],
        };
        let scaled = b.clone().scaled(&scales, -1);
        let mut x = scaled.upload(backend, blocks)?;
        if let Some(woodbury) = &self.woodbury {
            woodbury.reduce(backend, engine, &mut x, b.cols())?;
        }
        if single {
            engine.for_each(&mut x, |_, x| {
                *x = backend.convert(x, Precision::F32, 0)?;
                Ok(())
            })?;
        }
        self.cholesky.solve(backend, engine, &mut x)?;
        Ok(Columns::download(backend, blocks, &x)?.scaled(&scales, 1))
    }
}

impl<T: Send + Sync> Woodbury<T> {
    /// X ← X − F (I + FᵀG)⁻¹ GᵀX for `t` columns.
    fn reduce<B, E>(&self, backend: &B, engine: &E, x: &mut [T], t: usize) -> Result<(), B::Error>
    where
        B: Backend<Tile = T>,
        E: Engine,
    {
        let k = self.columns.len();
        let mut inner = products(backend, &self.g, x, (k, t))?.to_f64();
        for column in inner.chunks_exact_mut(k) {
            dense::solve_lower(&self.s, k, column);
            dense::solve_lower_transposed(&self.s, k, column);
        }
        let inner = Tile::from_f64(k, t, &inner, Precision::F64, 0);
        let inner = backend.upload(inner.as_ref())?;
        engine.for_each(x, |i, x| {
            backend.apply(-1.0, (&self.f[i], Trans::No), &inner, x)
        })
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
