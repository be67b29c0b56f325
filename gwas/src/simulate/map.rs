//! Where the SNPs lie, and their alleles.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::io::bim::Snp;

use super::options::SimulateOptions;
use super::random::{Stream, stream};

/// Bases per Morgan: 1 cM per Mb, about the human average.
pub(super) const BASES_PER_MORGAN: f64 = 1e8;

/// Allele pairs that a strand flip cannot confuse (no A/T, no C/G), as genotyping arrays prefer.
const ALLELES: [[&str; 2]; 4] = [["A", "C"], ["A", "G"], ["C", "T"], ["G", "T"]];

/// The SNPs of chromosome `c` (counted from 0), at distinct positions uniform over its length;
/// `first` SNPs are on the chromosomes before. A1 is the derived allele, common or rare.
pub(super) fn snps(options: &SimulateOptions, c: usize, first: usize) -> Vec<Snp> {
    let mut rng = stream(options.seed, Stream::Map, c);
    let positions = positions(options.snps_of(c), options.morgans, &mut rng);
    let names = (first + 1..).map(|m| format!("snp{m}"));
    positions
        .into_iter()
        .zip(names)
        .map(|(position, id)| {
            let pair = ALLELES[rng.random_range(0..ALLELES.len())];
            let derived = usize::from(rng.random::<bool>());
            Snp {
                chromosome: (c + 1).to_string(),
                id,
                cm: 100.0 * position as f64 / BASES_PER_MORGAN,
                position,
                a1: pair[derived].to_owned(),
                a2: pair[1 - derived].to_owned(),
            }
        })
        .collect()
}

/// `n` ascending, distinct positions from 1 on, in bases.
fn positions(n: usize, morgans: f64, rng: &mut ChaCha8Rng) -> Vec<i64> {
    let bases = (morgans * BASES_PER_MORGAN) as i64;
    let mut positions: Vec<i64> = (0..n).map(|_| rng.random_range(1..=bases.max(1))).collect();
    positions.sort_unstable();
    let mut last = 0;
    for p in &mut positions {
        *p = (*p).max(last + 1);
        last = *p;
    }
    positions
}

/// Distance between neighbouring SNPs in Morgan.
pub(super) fn distance(from: &Snp, to: &Snp) -> f64 {
    (to.position - from.position) as f64 / BASES_PER_MORGAN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_distinct_even_where_they_are_dense() {
        let mut rng = stream(2, Stream::Map, 0);
        let positions = positions(1000, 1e-5, &mut rng);
        assert!(positions.is_sorted_by(|a, b| a < b));
        assert!(positions[0] >= 1);
    }

    #[test]
    fn snps_are_numbered_on_and_have_two_alleles() {
        let options = SimulateOptions {
            snps: 10,
            chromosomes: 2,
            ..Default::default()
        };
        let snps = snps(&options, 1, 5);
        assert_eq!(
            (snps.len(), snps[0].id.as_str(), snps[0].chromosome.as_str()),
            (5, "snp6", "2")
        );
        assert!(snps.iter().all(|s| s.a1 != s.a2));
    }
}
