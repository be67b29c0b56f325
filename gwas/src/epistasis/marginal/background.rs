//! What all SNPs of a set of samples share: the additive kernel and its products.

use epitile_core::backend::{Backend, Trans};
use epitile_core::columns::Columns;
use epitile_core::dense::{axpy, dot};
use epitile_core::precision::Precision;
use epitile_core::sym::Blocks;
use epitile_core::tile::Tile;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::backend::device_error;
use crate::dense::{Eigen, for_each_column, inner};
use crate::error::{Error, Result};

/// Draws from the null model by which the variance of an estimate is found. Its relative error is
/// √(2/(D·B)) with D the effective number of eigenvalues, Σ²/Σ of squares: 5 % for D = 100.
pub(super) const PROBES: usize = 8;

/// A draw from N(0, K), or from N(0, I), without the fixed effects, and K times it.
pub(super) struct Drawn {
    pub(super) v: Vec<f64>,
    pub(super) kv: Vec<f64>,
}

/// The additive kernel K of some samples and what every SNP needs of it.
pub(super) struct Background<'a, B: Backend> {
    backend: &'a B,
    kernel: B::Tile,
    /// K∘K.
    squared: B::Tile,
    pub(super) matrix: Mat<f64>,
    pub(super) eigen: Eigen,
    /// Orthonormal fixed effects, and K times them.
    pub(super) q: Vec<Vec<f64>>,
    pub(super) kq: Vec<Vec<f64>>,
    pub(super) diagonal: Vec<f64>,
    /// tr K.
    pub(super) trace: f64,
    /// tr K².
    pub(super) square: f64,
    /// K_k = αK − βxxᵀ for the SNP x: it is left out of the kernel.
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) genetic: Vec<Drawn>,
    pub(super) noise: Vec<Drawn>,
}

/// `v` without its part in the orthonormal `q`.
pub(super) fn without(mut v: Vec<f64>, q: &[Vec<f64>]) -> Vec<f64> {
    for q in q {
        axpy(-dot(q, &v), q, &mut v);
    }
    v
}

impl<'a, B: Backend> Background<'a, B> {
    /// With the additive kernel `matrix`, a mean of `held` SNPs of which each SNP tested is one if
    /// `leave_out`. 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate` if the kernel has no eigenvalues; failures of the device.
    pub(super) fn new(
        backend: &'a B,
        matrix: Mat<f64>,
        q: &[Vec<f64>],
        (held, leave_out): (usize, bool),
        seed: u64,
    ) -> Result<Self> {
        let n = matrix.nrows();
        let upload = |m: &Mat<f64>| {
            let values: Vec<f64> = (0..n).flat_map(|j| m.col_as_slice(j)).copied().collect();
            let tile = Tile::from_f64(n, n, &values, Precision::F64, 0);
            backend.upload(tile.as_ref()).map_err(device_error)
        };
        let kernel = upload(&matrix)?;
        let mut squares = matrix.clone();
        for_each_column(&mut squares, |_, column| {
            column.iter_mut().for_each(|v| *v *= *v);
        });
        let squared = upload(&squares)?;
        let eigen = Eigen::new(&matrix).ok_or_else(|| {
            Error::degenerate("the additive kernel has no eigenvalues: it is not finite")
        })?;
        let diagonal: Vec<f64> = (0..n).map(|i| matrix[(i, i)]).collect();
        let held = held as f64;
        let (alpha, beta) = match leave_out {
            true => (held / (held - 1.0), 1.0 / (held - 1.0)),
            false => (1.0, 0.0),
        };
        let mut background = Background {
            backend,
            kernel,
            squared,
            trace: diagonal.iter().sum(),
            square: inner(&matrix, &matrix),
            diagonal,
            matrix,
            eigen,
            q: q.to_vec(),
            kq: Vec::new(),
            alpha,
            beta,
            genetic: Vec::new(),
            noise: Vec::new(),
        };
        background.kq = background.times(q)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |_| -> f64 { StandardNormal.sample(&mut rng) };
        let (mut genetic, mut noise) = (Vec::new(), Vec::new());
        for _ in 0..PROBES {
            let z: Vec<f64> = (0..n).map(&mut normal).collect();
            let mut f = vec![0.0; n];
            for (j, (z, d)) in z.iter().zip(&background.eigen.values).enumerate() {
                let u = background.eigen.vectors.col_as_slice(j);
                axpy(z * d.sqrt(), u, &mut f);
            }
            genetic.push(without(f, q));
            noise.push(without((0..n).map(&mut normal).collect(), q));
        }
        let drawn = |all: Vec<Vec<f64>>| -> Result<Vec<Drawn>> {
            let kv = background.times(&all)?;
            let both = all.into_iter().zip(kv);
            Ok(both.map(|(v, kv)| Drawn { v, kv }).collect())
        };
        (background.genetic, background.noise) = (drawn(genetic)?, drawn(noise)?);
        Ok(background)
    }

    /// Samples.
    pub(super) fn samples(&self) -> usize {
        self.diagonal.len()
    }

    /// K times each of `columns`. 2·N² operations a column.
    ///
    /// # Errors
    /// Failures of the device.
    pub(super) fn times(&self, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        self.product(&self.kernel, columns)
    }

    /// K∘K times each of `columns`.
    ///
    /// # Errors
    /// Failures of the device.
    pub(super) fn squared_times(&self, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        self.product(&self.squared, columns)
    }

    fn product(&self, a: &B::Tile, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let n = self.samples();
        let whole = Blocks::new(n, n);
        let zeros = Tile::zeros(n, columns.len(), Precision::F64);
        let x = Columns::from_slices(n, columns.iter().map(Vec::as_slice));
        let result = x.upload(self.backend, whole).and_then(|x| {
            let mut y = [self.backend.upload(zeros.as_ref())?];
            self.backend.apply(1.0, (a, Trans::No), &x[0], &mut y[0])?;
            Columns::download(self.backend, whole, &y)
        });
        let y = result.map_err(device_error)?;
        Ok((0..y.cols()).map(|c| y.column(c).to_vec()).collect())
    }
}
