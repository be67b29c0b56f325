//! Pair statistics of kernel SNPs as whole matrices, and kernels of them.

use std::ops::Range;
use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic};
use faer::Mat;

use crate::backend::device_error;
use crate::dense::for_each_column;
use crate::error::{Error, Result};
use crate::null::component::{Component, dominance};
use crate::null::matrix::kernel_matrix;

/// SNPs that vary.
fn varying(counts: &[Counts]) -> usize {
    counts.iter().filter(|c| !c.is_monomorphic()).count()
}

/// A pair statistic of all pairs: products as they are, distances with a minus.
pub(super) struct Sums {
    values: Mat<f64>,
    /// SNPs that vary.
    pub(super) varying: usize,
}

impl Sums {
    pub(super) fn new<B: Backend, E: Engine>(
        backend: &B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernel: Component,
    ) -> Result<Self> {
        match kernel {
            Component::Kernel(kernel) => Self::of_pairs(backend, engine, genotypes, kernel),
            Component::Dominance => Ok(Self::dominance(genotypes, 0..genotypes.snps())),
        }
    }

    pub(super) fn dominance(genotypes: &Genotypes, snps: Range<usize>) -> Self {
        let all: Vec<u32> = (0..genotypes.samples() as u32).collect();
        Sums {
            varying: varying(&genotypes.counts()[snps.clone()]),
            values: dominance(genotypes, &all, snps),
        }
    }

    pub(super) fn of_pairs<B: Backend, E: Engine>(
        backend: &B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernel: Kernel,
    ) -> Result<Self> {
        let kind = kernel.pair_kind();
        let n = genotypes.samples();
        let statistic = PairStatistic::new(kind, genotypes.counts());
        let panel = backend.panel(genotypes.clone()).map_err(device_error)?;
        let pairs = backend
            .pairs(&statistic, &panel, None)
            .map_err(device_error)?;
        // A linear kernel of norms 0 is −d/2s.
        let (kernel, scale, norms) = match kind {
            PairKind::Product(_) => (Kernel::Standardised, 1.0, Vec::new()),
            PairKind::Squared | PairKind::Absolute => (Kernel::Linear, 0.5, vec![0.0; n]),
        };
        let map = KernelMap {
            kernel,
            gamma: 0.0,
            scale,
            rows: norms.clone(),
            cols: norms,
            covariates: None,
        };
        let all: Vec<u32> = (0..n as u32).collect();
        Ok(Sums {
            values: kernel_matrix(backend, engine, &pairs, &map, &all)?,
            varying: varying(genotypes.counts()),
        })
    }

    pub(super) fn without(&self, part: &Sums) -> Sums {
        let mut values = self.values.clone();
        for_each_column(&mut values, |j, column| {
            for (v, own) in column.iter_mut().zip(part.values.col_as_slice(j)) {
                *v -= own;
            }
        });
        Sums {
            values,
            varying: self.varying - part.varying,
        }
    }

    /// The kernel over `rows`, up to a factor that centring and scaling take away.
    pub(super) fn kernel(&self, of: Component, scale: f64, rows: &[u32]) -> Result<Mat<f64>> {
        let gamma = match of.kernel().is_some_and(Kernel::has_gamma) {
            true => scale / self.median()?,
            false => 0.0,
        };
        let varying = self.varying.max(1) as f64;
        let value = |v: f64| match of.kernel() {
            Some(Kernel::Gaussian) => epitile_core::exp::exp(gamma * v),
            Some(Kernel::GrmSquared) => (v / varying) * (v / varying),
            // Centring turns −d²/2 into the products of centred dosages.
            _ => v,
        };
        let mut k = Mat::zeros(rows.len(), rows.len());
        for_each_column(&mut k, |j, column| {
            let from = self.values.col_as_slice(rows[j] as usize);
            for (v, &i) in column.iter_mut().zip(rows) {
                *v = value(from[i as usize]);
            }
        });
        Ok(k)
    }

    /// Median distance over all pairs: the mean of the two middle ones.
    fn median(&self) -> Result<f64> {
        let n = self.values.ncols();
        let mut d = Vec::with_capacity(n * n.saturating_sub(1) / 2);
        for j in 0..n {
            d.extend(self.values.col_as_slice(j)[j + 1..].iter().map(|v| -v));
        }
        let middle = d.len() / 2;
        let zero = "the median distance is zero: at least half of all pairs of individuals have \
                    the same genotypes, or there are fewer than two individuals";
        if d.is_empty() {
            return Err(Error::degenerate(zero));
        }
        let even = d.len() % 2 == 0;
        let (below, &mut upper, _) = d.select_nth_unstable_by(middle, f64::total_cmp);
        let lower = match even {
            true => below.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            false => upper,
        };
        match 0.5 * (lower + upper) {
            median if median > 0.0 => Ok(median),
            _ => Err(Error::degenerate(zero)),
        }
    }
}
