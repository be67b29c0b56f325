//! The lead SNPs near a pair: where one with an effect of its own stands beside a SNP of the pair,
//! the product of the pair's dosages may stand for that effect, not for an interaction.

use super::limits::segment;
use crate::cohort::Cohort;

/// Effects of SNPs of their own.
pub(super) struct Leads<'a> {
    pub(super) cohort: &'a Cohort,
    /// SNPs, ascending.
    pub(super) snps: &'a [usize],
    /// How much each has of an effect of its own.
    pub(super) slopes: &'a [f64],
    /// Base pairs within which a SNP is near.
    pub(super) distance: u64,
}

impl Leads<'_> {
    /// The SNP near `m` with the largest effect, unless that is `m` itself; among equals the
    /// first.
    fn near(&self, m: usize) -> Option<usize> {
        let genotypes = &self.cohort.genotypes;
        let chromosome = &genotypes.segments()[segment(genotypes, m)].snps;
        let position = |m: usize| self.cohort.snps[m].position;
        let start = self.snps.partition_point(|&s| s < chromosome.start);
        let own = self.snps.binary_search(&m).ok()?;
        let mut best = own;
        for (k, &s) in self.snps.iter().enumerate().skip(start) {
            if s >= chromosome.end {
                break;
            }
            let near = position(s).abs_diff(position(m)) <= self.distance;
            if near && self.slopes[k] > self.slopes[best] {
                best = k;
            }
        }
        (best != own).then(|| self.snps[best])
    }

    /// Those of both SNPs of a pair, without its SNPs.
    pub(super) fn of(&self, pair: [usize; 2]) -> Vec<usize> {
        let mut leads: Vec<usize> = pair.iter().filter_map(|&m| self.near(m)).collect();
        leads.retain(|m| !pair.contains(m));
        leads.dedup();
        leads
    }
}
