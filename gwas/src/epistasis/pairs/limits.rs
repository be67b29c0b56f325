//! Which pairs are left out: SNPs that are neighbours, or that are correlated.

use epitile_core::genotypes::Genotypes;
use serde::Serialize;

use crate::cohort::Cohort;

/// What pairs may be nominated.
pub(super) struct Limits<'a> {
    /// SNPs of which pairs are made, ascending.
    pub(super) snps: &'a [usize],
    /// Chromosome (as a segment) and position of each.
    places: Vec<(usize, i64)>,
    /// Base pairs on one chromosome within which a pair is left out.
    distance: u64,
    /// r² above which it is.
    r2: f64,
}

/// How many pairs there are, and how many are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// All pairs of SNPs that vary among the nominating and among the confirming individuals.
    pub pairs: u64,
    /// Too near to each other.
    pub near: u64,
    /// Of the rest, too correlated.
    pub correlated: u64,
}

impl Left {
    /// Pairs that could be nominated.
    pub fn open(&self) -> u64 {
        self.pairs - self.near - self.correlated
    }

    pub(super) fn add(&mut self, other: &Left) {
        self.pairs += other.pairs;
        self.near += other.near;
        self.correlated += other.correlated;
    }
}

impl<'a> Limits<'a> {
    pub(super) fn new(
        cohort: &Cohort,
        snps: &'a [usize],
        (kilobases, r2): (f64, f64),
    ) -> Limits<'a> {
        let place = |&m: &usize| (segment(&cohort.genotypes, m), cohort.snps[m].position);
        Limits {
            snps,
            places: snps.iter().map(place).collect(),
            distance: base_pairs(kilobases),
            r2,
        }
    }

    /// Whether a pair may be nominated, by its places in the list and its r²: r² if so, else NaN.
    pub(super) fn judge(&self, [a, b]: [usize; 2], r2: f64, left: &mut Left) -> f64 {
        left.pairs += 1;
        let ((one, at), (other, to)) = (self.places[a], self.places[b]);
        if one == other && at.abs_diff(to) <= self.distance {
            left.near += 1;
            return f64::NAN;
        }
        // What is no number must not pass either.
        match r2 <= self.r2 {
            true => r2,
            false => {
                left.correlated += 1;
                f64::NAN
            }
        }
    }
}

/// The segment that SNP `m` is in.
pub(super) fn segment(of: &Genotypes, m: usize) -> usize {
    of.segments().partition_point(|s| s.snps.end <= m)
}

/// Whole base pairs of so many thousand.
pub(super) fn base_pairs(kilobases: f64) -> u64 {
    // Conversions saturate.
    (kilobases * 1000.0) as u64
}
