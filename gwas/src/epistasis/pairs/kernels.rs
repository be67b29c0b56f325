//! The additive kernel of the confirming individuals without two chromosomes.

use epitile_core::genotypes::{Counts, Genotypes};
use faer::Mat;

use super::dosages::standardised;
use crate::dense::{combine, product};
use crate::error::Result;
use crate::null::matrix::normalise;

/// SNPs decoded at a time.
const SNPS: usize = 512;

/// Products ZZᵀ of standardised dosages, by chromosome.
pub(super) struct Chromosomes<'a> {
    calls: &'a Genotypes,
    all: Mat<f64>,
    /// The one asked for last.
    last: Option<(usize, Mat<f64>)>,
}

impl<'a> Chromosomes<'a> {
    /// Of the individuals of `calls`. 2·N²·M operations.
    pub(super) fn new(calls: &'a Genotypes) -> Self {
        let n = calls.samples();
        let mut all = Mat::zeros(n, n);
        for segment in 0..calls.segments().len() {
            all = combine(&[(1.0, &all), (1.0, &sum(calls, segment))], 0.0, n);
        }
        Chromosomes {
            calls,
            all,
            last: None,
        }
    }

    /// Gower-centred, of mean diagonal 1, without the segments `out`; 4·N² operations for each of
    /// their SNPs, half of it where the first is that of the call before.
    ///
    /// # Errors
    /// `Degenerate` if no SNP that varies is left.
    pub(super) fn without(&mut self, out: [usize; 2]) -> Result<Mat<f64>> {
        let n = self.calls.samples();
        let [first, second] = out;
        let known = self.last.take().filter(|(s, _)| *s == first);
        let (_, of_first) = self
            .last
            .insert(known.unwrap_or_else(|| (first, sum(self.calls, first))));
        let mut k = combine(&[(1.0, &self.all), (-1.0, of_first)], 0.0, n);
        if second != first {
            k = combine(&[(1.0, &k), (-1.0, &sum(self.calls, second))], 0.0, n);
        }
        let left = self.calls.segments().iter().enumerate();
        let left = left.filter(|(s, _)| !out.contains(s));
        let mut left = left.flat_map(|(_, s)| &self.calls.counts()[s.snps.clone()]);
        if left.all(Counts::is_monomorphic) {
            // What differences of sums leave is rounding.
            k = Mat::zeros(n, n);
        }
        normalise(&mut k, "linear:std of the other chromosomes")?;
        Ok(k)
    }
}

/// ZZᵀ of a segment, block after block.
fn sum(calls: &Genotypes, segment: usize) -> Mat<f64> {
    let n = calls.samples();
    let snps: Vec<usize> = calls.segments()[segment].snps.clone().collect();
    let mut sum = Mat::zeros(n, n);
    for some in snps.chunks(SNPS) {
        let z = standardised(calls, some);
        let part = product(z.as_ref(), z.transpose());
        sum = combine(&[(1.0, &sum), (1.0, &part)], 0.0, n);
    }
    sum
}
