//! Kernels of the null model of some samples, from their genotypes.

use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Counts;
use epitile_core::kernel::Kernel;
use faer::Mat;

use super::Samples;
use super::background::Further;
use crate::dense::{combine, product};
use crate::error::{Error, Result};
use crate::null::matrix::{kernel_matrix, normalise};
use crate::run::RunLog;
use crate::settings::{Bandwidth, bandwidths};
use crate::similarity::{Extras, Similarity};

impl<B: Backend, E: Engine> Samples<'_, B, E> {
    /// The additive kernel of all SNPs, and the further ones.
    pub(super) fn kernels(&self, log: &RunLog) -> Result<(Mat<f64>, Vec<Further>)> {
        let all = [&[Kernel::Standardised], &self.options.further[..]].concat();
        let similarity = Similarity::new(
            self.backend,
            self.engine,
            &self.calls,
            &all,
            Extras::default(),
        )?;
        let settings = bandwidths(&all, &self.options.gamma, &similarity)?;
        if settings.len() != all.len() {
            return Err(Error::usage(
                "epistasis takes one γ: found several, expected one; run it once for each",
            ));
        }
        let rows: Vec<u32> = (0..self.calls.samples() as u32).collect();
        let matrix = |s: &Bandwidth| {
            if let Some(text) = similarity.degeneracy(s.kernel, s.gamma) {
                log.warn(text);
            }
            let map = similarity.map(s.kernel, s.gamma);
            let pairs = similarity.pairs(s.kernel);
            kernel_matrix(self.backend, self.engine, pairs, &map, &rows)
        };
        let further = |s: &Bandwidth| -> Result<Further> {
            let (name, mut matrix) = (s.kernel.to_string(), matrix(s)?);
            normalise(&mut matrix, &name)?;
            Ok(Further { name, matrix })
        };
        let further = settings[1..].iter().map(further);
        let further = further.collect::<Result<_>>()?;
        Ok((matrix(&settings[0])?, further))
    }

    /// The additive kernel without the SNPs `out`, and how many it has.
    pub(super) fn without_segment(
        &self,
        kernel: &Mat<f64>,
        out: Range<usize>,
        held: usize,
    ) -> Result<(Mat<f64>, usize)> {
        let n = self.calls.samples();
        let varies = |m: &usize| !self.calls.counts()[*m].is_monomorphic();
        let out: Vec<usize> = out.filter(varies).collect();
        let left = held - out.len();
        if left == 0 {
            return Err(Error::degenerate(
                "one chromosome has all SNPs that vary: nothing is left beside it",
            ));
        }
        let mut sum = combine(&[(held as f64 / left as f64, kernel)], 0.0, n);
        for part in out.chunks(512) {
            let columns: Vec<Vec<f64>> = part.iter().map(|&m| self.dosages(m)).collect();
            let z = Mat::from_fn(n, part.len(), |i, j| columns[j][i]);
            let products = product(z.as_ref(), z.transpose());
            sum = combine(&[(1.0, &sum), (-1.0 / left as f64, &products)], 0.0, n);
        }
        Ok((sum, left))
    }

    /// Standardised dosages of SNP `m`; 0 for missing calls.
    pub(super) fn dosages(&self, m: usize) -> Vec<f64> {
        let c: &Counts = &self.calls.counts()[m];
        let (mean, sd) = (c.mean(), c.variance().sqrt());
        let value = |x: Option<u8>| x.map_or(0.0, |x| (f64::from(x) - mean) / sd);
        (0..self.calls.samples())
            .map(|i| value(self.calls.dosage(i, m)))
            .collect()
    }
}
