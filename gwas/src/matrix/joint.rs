//! Pairs of individuals at the SNPs at which both have calls: exact integers from bit planes.

use std::ops::Range;

use epitile_core::genotypes::Genotypes;

use crate::error::{Error, Result};
use crate::io::fam::Sample;

/// The individuals of a cohort.
pub(super) struct Joint<'a> {
    genotypes: &'a Genotypes,
    samples: &'a [Sample],
}

impl<'a> Joint<'a> {
    /// `samples` with their calls.
    pub(super) fn new(genotypes: &'a Genotypes, samples: &'a [Sample]) -> Self {
        Joint { genotypes, samples }
    }

    /// M_ij for every i of `individuals` and every j, row by row.
    ///
    /// # Errors
    /// `Degenerate` if two individuals have none in common.
    pub(super) fn calls(&self, individuals: Range<usize>) -> Result<Vec<u32>> {
        let n = self.samples.len();
        let counts = self.each(individuals.clone(), calls);
        match counts.iter().position(|&count| count == 0) {
            None => Ok(counts),
            Some(at) => Err(self.no_calls(individuals.start + at / n, at % n)),
        }
    }

    /// Σ|x−y| over them.
    pub(super) fn distances(&self, individuals: Range<usize>) -> Vec<u64> {
        self.each(individuals, distance)
    }

    fn each<T>(
        &self,
        individuals: Range<usize>,
        of: impl Fn(&Genotypes, usize, usize) -> T,
    ) -> Vec<T> {
        let all = 0..self.samples.len();
        individuals
            .flat_map(|i| all.clone().map(move |j| (i, j)))
            .map(|(i, j)| of(self.genotypes, i, j))
            .collect()
    }

    fn no_calls(&self, i: usize, j: usize) -> Error {
        let name = |i: usize| format!("{} {}", self.samples[i].fid, self.samples[i].iid);
        let empty = [i, j]
            .into_iter()
            .find(|&i| calls(self.genotypes, i, i) == 0);
        let who = match empty {
            Some(i) => format!("individual {} has no calls at all", name(i)),
            None => format!(
                "individuals {} and {} have no SNP at which both have a call",
                name(i),
                name(j)
            ),
        };
        Error::degenerate(format!(
            "--missing pairwise: {who}; leave out individuals with few calls (--mind), or use \
             --missing mean"
        ))
    }
}

/// SNPs at which `i` and `j` have calls.
fn calls(g: &Genotypes, i: usize, j: usize) -> u32 {
    let gone: u32 = match (g.missing(i), g.missing(j)) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| (a | b).count_ones()).sum(),
        _ => 0,
    };
    // A cohort has fewer than 2³² SNPs.
    g.snps() as u32 - gone
}

/// Σ|x−y| over them: the planes x ≥ 1 and x = 2 each differ by one.
fn distance(g: &Genotypes, i: usize, j: usize) -> u64 {
    let differ = |some: (u64, u64), two: (u64, u64), kept: u64| {
        u64::from(((some.0 ^ some.1) & kept).count_ones())
            + u64::from(((two.0 ^ two.1) & kept).count_ones())
    };
    let some = g.some(i).iter().copied().zip(g.some(j).iter().copied());
    let two = g.two(i).iter().copied().zip(g.two(j).iter().copied());
    match (g.missing(i), g.missing(j)) {
        (Some(a), Some(b)) => {
            let kept = a.iter().zip(b).map(|(a, b)| !(a | b));
            let planes = some.zip(two).zip(kept);
            planes.map(|((s, t), kept)| differ(s, t, kept)).sum()
        }
        _ => some.zip(two).map(|(s, t)| differ(s, t, u64::MAX)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use epitile_core::genotypes::GenotypeBuilder;

    use super::*;

    fn genotypes(gaps: bool) -> Genotypes {
        let mut builder = GenotypeBuilder::new(5);
        for (segment, snps) in [("1", 70), ("2", 3), ("3", 600)] {
            builder.segment(segment);
            for m in 0..snps {
                builder.push((0..5).map(|i| match (i * 7 + m * 5 + i * m) % 11 {
                    0 if gaps => None,
                    rest => Some((rest % 3) as u8),
                }));
            }
        }
        builder.finish()
    }

    #[test]
    fn sums_are_those_of_a_loop_over_dosages() {
        for gaps in [false, true] {
            let g = genotypes(gaps);
            assert_eq!(g.has_missing(), gaps);
            for (i, j) in (0..5).flat_map(|i| (0..5).map(move |j| (i, j))) {
                let both = (0..g.snps()).filter_map(|m| g.dosage(i, m).zip(g.dosage(j, m)));
                let differences: Vec<u64> = both.map(|(x, y)| x.abs_diff(y).into()).collect();
                assert_eq!(calls(&g, i, j) as usize, differences.len());
                assert_eq!(distance(&g, i, j), differences.iter().sum::<u64>());
            }
        }
    }

    #[test]
    fn pairs_without_common_calls_are_refused_by_name() {
        let mut builder = GenotypeBuilder::new(3);
        builder.segment("1");
        builder.push([Some(1), None, None]);
        builder.push([None, Some(1), None]);
        let (g, samples) = (
            builder.finish(),
            ["a", "b", "c"].map(|i| Sample::new("f", i)),
        );
        let joint = Joint::new(&g, &samples);
        for (row, part) in [
            (0, "individuals f a and f b have no SNP"),
            (2, "individual f c has no calls at all"),
        ] {
            let error = joint.calls(row..row + 1).unwrap_err();
            assert_eq!(error.exit_code(), 13);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
