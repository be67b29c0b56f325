//! What all SNPs of a set of samples share: the kernels of the null and their products.

use epitile_core::backend::{Backend, Trans};
use epitile_core::columns::Columns;
use epitile_core::dense::{axpy, dot};
use epitile_core::precision::Precision;
use epitile_core::sym::Blocks;
use epitile_core::tile::Tile;
use faer::Mat;

use super::small::{Small, dependent};
use super::snp::projected;
use crate::backend::device_error;
use crate::dense::{for_each_column, inner};
use crate::error::{Error, Result};

/// A kernel E of the null beside the additive one, such as that of all pairs of SNPs: whole genome,
/// the SNP tested and its chromosome among it; centred, with mean diagonal 1.
pub(super) struct Further {
    pub(super) name: String,
    pub(super) matrix: Mat<f64>,
}

/// A trait, or a draw from its null model, without the fixed effects, and the kernels times it.
pub(super) struct Drawn {
    pub(super) v: Vec<f64>,
    pub(super) kv: Vec<f64>,
    /// Of every further kernel.
    pub(super) ev: Vec<Vec<f64>>,
}

/// A further kernel E of the null and what every SNP needs of it.
pub(super) struct Beside<'a, T> {
    pub(super) of: &'a Further,
    tile: T,
    /// K∘E.
    mixed: T,
    pub(super) trace: f64,
    /// tr KE.
    pub(super) with_kernel: f64,
    /// tr EF of every further kernel F.
    pub(super) with: Vec<f64>,
    /// E times the fixed effects.
    pub(super) eq: Vec<Vec<f64>>,
}

/// The additive kernel K of some samples and what every SNP needs of it.
pub(super) struct Background<'a, B: Backend> {
    backend: &'a B,
    kernel: B::Tile,
    /// K∘K.
    squared: B::Tile,
    pub(super) matrix: Mat<f64>,
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
    pub(super) further: Vec<Beside<'a, B::Tile>>,
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
    /// `leave_out`, and further kernels beside it.
    ///
    /// # Errors
    /// `Degenerate` if a further kernel is nearly a sum of the others; failures of the device.
    pub(super) fn new(
        backend: &'a B,
        matrix: Mat<f64>,
        q: &[Vec<f64>],
        (held, leave_out): (usize, bool),
        further: &'a [Further],
    ) -> Result<Self> {
        let n = matrix.nrows();
        let upload = |m: &Mat<f64>| {
            let values: Vec<f64> = (0..n).flat_map(|j| m.col_as_slice(j)).copied().collect();
            let tile = Tile::from_f64(n, n, &values, Precision::F64, 0);
            backend.upload(tile.as_ref()).map_err(device_error)
        };
        let kernel = upload(&matrix)?;
        let upload_times = |with: &Mat<f64>| {
            let mut entries = matrix.clone();
            for_each_column(&mut entries, |j, column| {
                let with = with.col_as_slice(j).iter();
                column.iter_mut().zip(with).for_each(|(v, w)| *v *= w);
            });
            upload(&entries)
        };
        let squared = upload_times(&matrix)?;
        let beside = |of: &'a Further| -> Result<Beside<'a, B::Tile>> {
            Ok(Beside {
                tile: upload(&of.matrix)?,
                mixed: upload_times(&of.matrix)?,
                trace: (0..n).map(|i| of.matrix[(i, i)]).sum(),
                with_kernel: inner(&matrix, &of.matrix),
                with: further
                    .iter()
                    .map(|with| inner(&of.matrix, &with.matrix))
                    .collect(),
                eq: Vec::new(),
                of,
            })
        };
        let further_kernels = further.iter().map(beside).collect::<Result<Vec<_>>>()?;
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
            q: q.to_vec(),
            kq: Vec::new(),
            alpha,
            beta,
            further: further_kernels,
        };
        background.kq = background.times(q)?;
        for k in 0..further.len() {
            background.further[k].eq = background.further_times(k, q)?;
        }
        background.check()?;
        Ok(background)
    }

    /// Whether a further kernel is a sum of the additive one, those before it and I, as far as the
    /// fixed effects leave them.
    fn check(&self) -> Result<()> {
        let whole = |i: usize, j: usize| match (i, j) {
            (0, 0) => self.square,
            (0, j) => self.further[j - 1].with_kernel,
            (i, j) => self.further[i - 1].with[j - 1],
        };
        let on: Vec<&[Vec<f64>]> = std::iter::once(&self.kq[..])
            .chain(self.further.iter().map(|e| &e.eq[..]))
            .collect();
        let traces: Vec<f64> = std::iter::once(self.trace)
            .chain(self.further.iter().map(|e| e.trace))
            .collect();
        let basis: Vec<&[f64]> = self.q.iter().map(|q| &q[..]).collect();
        for k in 1..on.len() {
            let s: Small = projected(&whole, &on[..=k], &traces, (&basis, self.samples()));
            if dependent(&s) {
                return Err(Error::degenerate(format!(
                    "kernel {} is nearly a sum of the null's other kernels: leave it out of --null",
                    self.further[k - 1].of.name
                )));
            }
        }
        Ok(())
    }

    /// Each of `columns`, which have no part in the fixed effects, with the kernels times it.
    ///
    /// # Errors
    /// Failures of the device.
    pub(super) fn drawn(&self, columns: Vec<Vec<f64>>) -> Result<Vec<Drawn>> {
        let kv = self.times(&columns)?;
        let further = 0..self.further.len();
        let mut ev: Vec<_> = further
            .map(|k| Ok(self.further_times(k, &columns)?.into_iter()))
            .collect::<Result<_>>()?;
        let both = columns.into_iter().zip(kv);
        Ok(both
            .map(|(v, kv)| Drawn {
                v,
                kv,
                ev: ev.iter_mut().filter_map(Iterator::next).collect(),
            })
            .collect())
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

    /// The further kernel E number `k` times each of `columns`.
    ///
    /// # Errors
    /// Failures of the device.
    pub(super) fn further_times(&self, k: usize, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        self.product(&self.further[k].tile, columns)
    }

    /// K∘E times each of `columns`.
    ///
    /// # Errors
    /// Failures of the device.
    pub(super) fn mixed_times(&self, k: usize, columns: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        self.product(&self.further[k].mixed, columns)
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
