//! Pairs that stand for others: where both SNPs of a pair are in linkage disequilibrium with those
//! of a better one, both pairs ask the same, and the places of nominated pairs go to others.
//!
//! r² is that of the dosages of the nominating individuals, and the order is that of their scores:
//! who confirms has no say in what is dropped, so the tests that are left need no other adjustment
//! than before.

use std::collections::BTreeMap;

use epitile_core::dense::dot;
use epitile_core::genotypes::Genotypes;

use super::dosages::standardised;
use super::limits::segment;
use super::top::Candidate;
use crate::cohort::Cohort;

/// So many candidates are kept for each pair that may be nominated.
pub(super) const POOL: usize = 20;

/// When SNPs are in linkage disequilibrium.
pub(super) struct Thinning<'a> {
    pub(super) cohort: &'a Cohort,
    /// Calls of the nominating individuals.
    pub(super) calls: &'a Genotypes,
    /// Base pairs on one chromosome within which they may be.
    pub(super) distance: u64,
    /// r² above which they are.
    pub(super) r2: f64,
}

impl Thinning<'_> {
    /// The `most` best of `all`, which are in their order, without those that a better one stands
    /// for; and how many were dropped before the last of these. A SNP is always in disequilibrium
    /// with itself.
    pub(super) fn keep(&self, all: &[Candidate], most: usize) -> (Vec<Candidate>, usize) {
        let (mut kept, mut dropped) = (Vec::<Candidate>::new(), 0);
        let mut known = BTreeMap::new();
        for candidate in all {
            if kept.len() == most {
                break;
            }
            let [a, b] = candidate.snps;
            let mut both = |[c, d]: [usize; 2]| {
                let near = self.near(a, c) && self.near(b, d);
                near && self.linked(a, c, &mut known) && self.linked(b, d, &mut known)
            };
            let stands = kept.iter().any(|of| {
                let [c, d] = of.snps;
                both([c, d]) || both([d, c])
            });
            match stands {
                true => dropped += 1,
                false => kept.push(*candidate),
            }
        }
        (kept, dropped)
    }

    fn near(&self, a: usize, b: usize) -> bool {
        let snps = &self.cohort.snps;
        segment(self.calls, a) == segment(self.calls, b)
            && snps[a].position.abs_diff(snps[b].position) <= self.distance
    }

    fn linked(&self, a: usize, b: usize, known: &mut BTreeMap<[usize; 2], bool>) -> bool {
        let pair = [a.min(b), a.max(b)];
        let of = |&[a, b]: &[usize; 2]| {
            let z = standardised(self.calls, &[a, b]);
            let r = dot(z.col_as_slice(0), z.col_as_slice(1)) / self.calls.samples() as f64;
            // Rounding may leave a little more than 1.
            (r * r).min(1.0) > self.r2
        };
        a == b || *known.entry(pair).or_insert_with_key(of)
    }
}
