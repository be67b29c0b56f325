//! Haplotypes as mosaics of the founders' (Li & Stephens 2003, Genetics 165:2213).
//!
//! Each haplotype copies one founder, switches to another, drawn uniformly, at the recombination
//! rate, and flips a copied allele with the mutation probability. The state is kept for one SNP
//! at a time, so that a chromosome needs memory for its haplotypes, not for their alleles.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::random::{rate, thin};

/// The founder that each of H haplotypes copies at the current SNP.
#[derive(Debug)]
pub(super) struct Mosaic {
    founders: u32,
    copied: Vec<u32>,
}

impl Mosaic {
    /// `haplotypes` mosaics at the first SNP of a chromosome.
    pub(super) fn new(haplotypes: usize, founders: usize, rng: &mut ChaCha8Rng) -> Self {
        let founders = founders as u32;
        let copied = (0..haplotypes)
            .map(|_| rng.random_range(0..founders))
            .collect();
        Mosaic { founders, copied }
    }

    /// Moves on by an interval with the given expected number of switches per haplotype.
    pub(super) fn advance(&mut self, switches: f64, rng: &mut ChaCha8Rng) {
        let (copied, founders) = (&mut self.copied, self.founders);
        thin(rng, copied.len(), switches, |rng, h| {
            copied[h] = rng.random_range(0..founders)
        });
    }

    /// Alleles (0 or 1) of the haplotypes, given the founders'; each flips with probability
    /// `mutation`.
    pub(super) fn copy(
        &self,
        founders: &[u8],
        mutation: f64,
        alleles: &mut Vec<u8>,
        rng: &mut ChaCha8Rng,
    ) {
        alleles.clear();
        alleles.extend(self.copied.iter().map(|&f| founders[f as usize]));
        thin(rng, alleles.len(), rate(mutation), |_, h| alleles[h] ^= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, stream};
    use super::*;

    #[test]
    fn without_recombination_and_mutation_haplotypes_are_founders() {
        let mut rng = stream(6, Stream::Mosaic, 0);
        let mut mosaic = Mosaic::new(40, 3, &mut rng);
        let first = mosaic.copied.clone();
        mosaic.advance(0.0, &mut rng);
        assert_eq!(mosaic.copied, first);
        let mut alleles = Vec::new();
        mosaic.copy(&[0, 1, 0], 0.0, &mut alleles, &mut rng);
        let expected: Vec<u8> = first.iter().map(|&f| u8::from(f == 1)).collect();
        assert_eq!(alleles, expected);
    }

    #[test]
    fn alleles_flip_at_the_mutation_rate() {
        let (n, p) = (40_000, 0.02);
        let mut rng = stream(7, Stream::Mutation, 0);
        let mosaic = Mosaic::new(n, 2, &mut rng);
        let mut alleles = Vec::new();
        mosaic.copy(&[0, 0], p, &mut alleles, &mut rng);
        let flips: f64 = alleles.iter().map(|&a| f64::from(a)).sum();
        let (mean, sd) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        assert!((flips - mean).abs() < 6.0 * sd, "{flips} flips");
    }
}
