//! Random streams: every part of a simulation draws from its own.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

/// What a stream of random numbers is for. The parts do not disturb each other: a cohort with
/// missing calls has the same haplotypes as the one without.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// Positions and alleles of a chromosome's SNPs.
    Map = 1,
    /// Genealogy of the founders of a chromosome, and the SNPs on it.
    Genealogy = 2,
    /// Copying of founder haplotypes on a chromosome.
    Mosaic = 3,
    /// Crossovers of a chromosome in the families.
    Meiosis = 4,
    /// Mutations on a chromosome.
    Mutation = 5,
    /// Missing calls on a chromosome.
    Missing = 6,
    /// Sexes of the samples.
    Sex = 7,
    /// Causal SNPs and pairs of a trait, and their effects.
    Effects = 8,
    /// Environment of a trait.
    Environment = 9,
}

/// Stream `what` of chromosome or trait `index`: ChaCha8, its stream number made of the two.
pub(super) fn stream(seed: u64, what: Stream, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((what as u64) << 48) | index as u64);
    rng
}

/// The probability of at least one event at rate λ is 1 − e^{−λ}; this is the inverse, −ln(1 − p).
pub(super) fn rate(probability: f64) -> f64 {
    -(-probability).ln_1p()
}

/// Calls `hit` for every index below `n`, each with probability 1 − e^{−λ} on its own.
///
/// The gaps between the hits are geometric, ⌊E/λ⌋ with E exponential, so that a rare event costs
/// nothing where it does not happen.
pub(super) fn thin(
    rng: &mut ChaCha8Rng,
    n: usize,
    lambda: f64,
    mut hit: impl FnMut(&mut ChaCha8Rng, usize),
) {
    if lambda <= 0.0 {
        return;
    }
    let mut i = 0;
    loop {
        let e: f64 = Exp1.sample(rng);
        // A cast saturates: a gap beyond every index ends the loop.
        i = usize::saturating_add(i, (e / lambda) as usize);
        if i >= n {
            return;
        }
        hit(rng, i);
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_hits_each_index_with_the_stated_probability() {
        let (n, rounds, p) = (50, 4000, 0.3);
        let mut rng = stream(1, Stream::Map, 0);
        let mut hits = vec![0u32; n];
        for _ in 0..rounds {
            thin(&mut rng, n, rate(p), |_, i| hits[i] += 1);
        }
        // Six standard deviations of a binomial count, for every index.
        let sd = (f64::from(rounds) * p * (1.0 - p)).sqrt();
        for h in hits {
            assert!(
                (f64::from(h) - f64::from(rounds) * p).abs() < 6.0 * sd,
                "{h} hits"
            );
        }
    }

    #[test]
    fn probabilities_0_and_1_hit_nothing_and_everything() {
        let mut rng = stream(1, Stream::Map, 0);
        thin(&mut rng, 9, rate(0.0), |_, i| panic!("hit {i}"));
        let mut seen = Vec::new();
        thin(&mut rng, 9, rate(1.0), |_, i| seen.push(i));
        assert_eq!(seen, (0..9).collect::<Vec<_>>());
    }
}
