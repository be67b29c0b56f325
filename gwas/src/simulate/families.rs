//! Who inherits which haplotype.
//!
//! A family has two parents, four haplotypes, and full sibs. Each gamete starts with either
//! haplotype of its parent and changes over at crossovers, which come without interference
//! (Haldane 1919): over d Morgan the two ends stem from different haplotypes with probability
//! r = ½(1 − e^{−2d}).

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::random::{rate, thin};

/// Haplotypes per family: two parents with two each.
const PER_FAMILY: usize = 4;

/// How the samples' two gametes are taken from the population's haplotypes.
#[derive(Debug)]
pub(super) enum Descent {
    /// Sample i has haplotypes 2i and 2i + 1.
    Unrelated {
        /// Individuals.
        samples: usize,
    },
    /// Samples are sibs of consecutive families.
    Families {
        /// Sibs per family.
        size: usize,
        /// Which haplotype (0 or 1) of its parent each gamete holds now; sample i has gametes 2i
        /// (of the first parent) and 2i + 1.
        phase: Vec<u8>,
    },
}

impl Descent {
    /// The descent of `samples` individuals at the first SNP of a chromosome.
    pub(super) fn new(samples: usize, families: Option<usize>, rng: &mut ChaCha8Rng) -> Self {
        match families {
            None => Descent::Unrelated { samples },
            Some(size) => Descent::Families {
                size,
                phase: (0..2 * samples)
                    .map(|_| u8::from(rng.random::<bool>()))
                    .collect(),
            },
        }
    }

    /// Haplotypes in the population.
    pub(super) fn haplotypes(samples: usize, families: Option<usize>) -> usize {
        families.map_or(2 * samples, |size| PER_FAMILY * samples.div_ceil(size))
    }

    /// Moves on by `distance` Morgan.
    pub(super) fn advance(&mut self, distance: f64, rng: &mut ChaCha8Rng) {
        if let Descent::Families { phase, .. } = self {
            let r = -0.5 * (-2.0 * distance).exp_m1();
            thin(rng, phase.len(), rate(r), |_, g| phase[g] ^= 1);
        }
    }

    /// Dosages of the samples, given the alleles of the population's haplotypes.
    pub(super) fn dosages(&self, alleles: &[u8], dosages: &mut Vec<u8>) {
        dosages.clear();
        match self {
            Descent::Unrelated { samples } => {
                let pairs = alleles.chunks_exact(2).take(*samples);
                dosages.extend(pairs.map(|pair| pair[0] + pair[1]));
            }
            Descent::Families { size, phase } => {
                let families = phase.chunks(2 * size).zip(alleles.chunks_exact(PER_FAMILY));
                for (gametes, parents) in families {
                    dosages.extend(gametes.chunks_exact(2).map(|gametes| {
                        parents[usize::from(gametes[0])] + parents[2 + usize::from(gametes[1])]
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, stream};
    use super::*;

    #[test]
    fn sibs_get_one_haplotype_of_each_parent() {
        let descent = Descent::Families {
            size: 2,
            phase: vec![0, 0, 1, 0, 0, 1],
        };
        // Family 1: parents (1,0) and (1,1); family 2, with one sib: (0,1) and (0,1).
        let alleles = [1, 0, 1, 1, 0, 1, 0, 1];
        assert_eq!(Descent::haplotypes(3, Some(2)), alleles.len());
        let mut dosages = Vec::new();
        descent.dosages(&alleles, &mut dosages);
        assert_eq!(dosages, [2, 1, 1]);
    }

    #[test]
    fn gametes_recombine_as_haldane_s_map_function_says() {
        let (n, d) = (20_000, 0.3);
        let mut rng = stream(8, Stream::Meiosis, 0);
        let mut descent = Descent::new(n, Some(4), &mut rng);
        let phase = |d: &Descent| match d {
            Descent::Families { phase, .. } => phase.clone(),
            Descent::Unrelated { .. } => Vec::new(),
        };
        let before = phase(&descent);
        // Two steps must be as one.
        descent.advance(d / 3.0, &mut rng);
        descent.advance(d * 2.0 / 3.0, &mut rng);
        let changed = before
            .iter()
            .zip(phase(&descent))
            .filter(|(a, b)| **a != *b)
            .count();
        let r = 0.5 * (1.0 - (-2.0 * d).exp());
        let (mean, sd) = (2.0 * n as f64 * r, (2.0 * n as f64 * r * (1.0 - r)).sqrt());
        assert!(
            (changed as f64 - mean).abs() < 6.0 * sd,
            "{changed} of {}",
            2 * n
        );
    }
}
