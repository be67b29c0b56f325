//! What to simulate.

use serde::Serialize;

use crate::error::{Error, Result};

use super::families::Descent;

/// The most samples, SNPs or founders: row and SNP numbers are 32 bits wide.
const MOST: usize = 1 << 31;

/// The parameters of a simulated cohort. The output is a function of these alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulateOptions {
    /// Individuals, N.
    pub samples: usize,
    /// SNPs, M, spread evenly over the chromosomes.
    pub snps: usize,
    /// Autosomes, 1 to 22.
    pub chromosomes: usize,
    /// Founder haplotypes, F ≥ 2, that all others are copied from.
    pub founders: usize,
    /// Expected switches from one founder to another per interval between two SNPs (of average
    /// length; longer ones have proportionally more) along a haplotype. Linkage disequilibrium
    /// reaches over about its inverse, in SNPs. It is ρ/F in Li & Stephens (2003), with ρ = 4Nₑr
    /// per interval, and that ρ also drives the founders' own genealogy.
    pub recombination: f64,
    /// Probability that a copied allele flips, per haplotype and SNP; below ½.
    pub mutation: f64,
    /// Full sibs per family (the last family may be smaller); parents are not in the output.
    /// `None`: all are unrelated.
    pub families: Option<usize>,
    /// Length of a chromosome in Morgan: the expected crossovers in one meiosis. 1 Morgan is
    /// 100 Mb on the physical map.
    pub morgans: f64,
    /// Probability that a call is missing.
    pub missing_rate: f64,
    /// Variance fraction of the additive part.
    pub additive: f64,
    /// Variance fraction of the pairwise epistatic part; the environment has the rest.
    pub epistatic: f64,
    /// SNPs with an additive effect, per trait.
    pub causal: usize,
    /// Interacting SNP pairs, per trait; on different chromosomes if there are several.
    pub pairs: usize,
    /// Traits, each with its own causal SNPs, pairs and effects.
    pub traits: usize,
    /// SNPs with a minor allele frequency below this in the sample are redrawn; below ½.
    pub maf_min: f64,
    /// Seed of all random numbers.
    pub seed: u64,
}

impl Default for SimulateOptions {
    /// 2000 unrelated individuals, 10 000 SNPs on 22 chromosomes, neighbouring SNPs at ρ = 2, one
    /// trait with 30 % additive and 30 % epistatic variance.
    fn default() -> Self {
        SimulateOptions {
            samples: 2000,
            snps: 10_000,
            chromosomes: 22,
            founders: 200,
            recombination: 0.01,
            mutation: 0.0005,
            families: None,
            morgans: 1.0,
            missing_rate: 0.0,
            additive: 0.3,
            epistatic: 0.3,
            causal: 100,
            pairs: 100,
            traits: 1,
            maf_min: 0.01,
            seed: 1,
        }
    }
}

impl SimulateOptions {
    /// Variance fraction of the environment, 1 − additive − epistatic.
    pub fn environmental(&self) -> f64 {
        // The sum of two fractions may exceed 1 by a rounding error only.
        (1.0 - self.additive - self.epistatic).max(0.0)
    }

    /// SNPs of chromosome `c`, counted from 0.
    pub fn snps_of(&self, c: usize) -> usize {
        self.snps / self.chromosomes + usize::from(c < self.snps % self.chromosomes)
    }

    /// Upper estimate of the memory that the simulation takes, in bytes: three bit planes of
    /// N × M calls while they grow (to twice what they hold), are put together and are transposed, a
    /// byte per dosage of a causal SNP, the trait values, the haplotypes of each thread's chromosome,
    /// and the names.
    pub fn memory_bytes(&self) -> u64 {
        let (n, m) = (self.samples as u128, self.snps as u128);
        let haplotypes = Descent::haplotypes(self.samples, self.families) as u128;
        let causes = (self.causal as u128 + 2 * self.pairs as u128) * self.traits as u128;
        let threads = rayon::current_num_threads().min(self.chromosomes) as u128;
        let calls = n * m + n * causes.min(m);
        let values = n * (self.traits as u128 * 4 * 8);
        let other = 256 * (n + m) + 8 * haplotypes * threads;
        u64::try_from(calls + values + other).unwrap_or(u64::MAX)
    }

    /// Pairs of SNPs that may interact.
    fn possible_pairs(&self) -> u128 {
        let square = |m: usize| m as u128 * m as u128;
        match self.chromosomes {
            1 => (square(self.snps) - self.snps as u128) / 2,
            c => (square(self.snps) - (0..c).map(|c| square(self.snps_of(c))).sum::<u128>()) / 2,
        }
    }

    /// Checks the ranges stated at the fields.
    ///
    /// # Errors
    /// A usage error that names the option, its value and what is allowed.
    pub fn check(&self) -> Result<()> {
        let count = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::usage(format!(
                "--{name} is {value}: give a number from {low} to {high}"
            )))
        };
        let real = |name: &str, value: f64, ok: bool, allowed: &str| {
            if ok {
                return Ok(());
            }
            Err(Error::usage(format!("--{name} is {value}: give {allowed}")))
        };
        count("samples", self.samples, 2, MOST)?;
        count("snps", self.snps, 1, MOST)?;
        count("chromosomes", self.chromosomes, 1, self.snps.min(22))?;
        count("founders", self.founders, 2, 1 << 16)?;
        count("traits", self.traits, 0, 1 << 16)?;
        if let Some(size) = self.families {
            count("families", size, 1, MOST)?;
        }
        let finite = |x: f64| x >= 0.0 && x.is_finite();
        let below = |x: f64, limit: f64| (0.0..limit).contains(&x);
        let (r, morgans) = (self.recombination, self.morgans);
        real("recombination", r, finite(r), "a number of at least 0")?;
        real(
            "morgans",
            morgans,
            morgans > 0.0 && morgans <= 20.0,
            "a number above 0, at most 20",
        )?;
        real(
            "mutation",
            self.mutation,
            below(self.mutation, 0.5),
            "a number from 0 to below 0.5",
        )?;
        let missing = self.missing_rate;
        real(
            "missing-rate",
            missing,
            below(missing, 1.0),
            "a number from 0 to below 1",
        )?;
        real(
            "maf-min",
            self.maf_min,
            below(self.maf_min, 0.5),
            "a number from 0 to below 0.5",
        )?;
        let fraction = "a variance fraction from 0 to 1";
        real(
            "additive",
            self.additive,
            (0.0..=1.0).contains(&self.additive),
            fraction,
        )?;
        real(
            "epistatic",
            self.epistatic,
            (0.0..=1.0).contains(&self.epistatic),
            fraction,
        )?;
        let sum = self.additive + self.epistatic;
        if sum > 1.0 + 2.0 * f64::EPSILON {
            return Err(Error::usage(format!(
                "--additive {} and --epistatic {} sum to {sum}: the sum may be at most 1",
                self.additive, self.epistatic
            )));
        }
        let bases = (morgans * super::map::BASES_PER_MORGAN) as usize;
        if self.snps_of(0) > bases {
            return Err(Error::usage(format!(
                "--snps {} puts {} SNPs on a chromosome of {bases} bases: give fewer SNPs, more \
                 --chromosomes or more --morgans",
                self.snps,
                self.snps_of(0)
            )));
        }
        self.check_causes()
    }

    /// Parts with variance need SNPs, and as many as there are.
    fn check_causes(&self) -> Result<()> {
        if self.traits > 0 && self.additive > 0.0 && !(1..=self.snps).contains(&self.causal) {
            return Err(Error::usage(format!(
                "--causal is {} with --additive {}: give a number from 1 to the {} SNPs",
                self.causal, self.additive, self.snps
            )));
        }
        let most = self.possible_pairs();
        if self.traits > 0 && self.epistatic > 0.0 && !(1..=most).contains(&(self.pairs as u128)) {
            return Err(Error::usage(format!(
                "--pairs is {} with --epistatic {}: give a number from 1 to the {most} pairs of \
                 SNPs{}",
                self.pairs,
                self.epistatic,
                if self.chromosomes > 1 {
                    " on different chromosomes"
                } else {
                    ""
                }
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snps_of_all_chromosomes_sum_to_the_snps() {
        let options = SimulateOptions {
            snps: 103,
            chromosomes: 9,
            ..Default::default()
        };
        assert_eq!((0..9).map(|c| options.snps_of(c)).sum::<usize>(), 103);
    }

    #[test]
    fn memory_is_estimated_without_overflow() {
        let options = SimulateOptions {
            samples: 8192,
            snps: 40_960,
            ..Default::default()
        };
        // Measured with 1000 causal SNPs and 1000 pairs: 322 MB at most.
        assert!((320_000_000..400_000_000).contains(&options.memory_bytes()));
        let huge = SimulateOptions {
            samples: MOST,
            snps: MOST,
            pairs: usize::MAX,
            ..options
        };
        assert!(huge.memory_bytes() > 1 << 62);
    }

    #[test]
    fn possible_pairs_are_those_on_different_chromosomes() {
        let mut options = SimulateOptions {
            snps: 5,
            chromosomes: 2,
            ..Default::default()
        };
        assert_eq!(options.possible_pairs(), 3 * 2);
        options.chromosomes = 1;
        assert_eq!(options.possible_pairs(), 10);
    }

    #[test]
    fn the_default_is_valid_and_three_tenths_and_seven_tenths_sum_to_one() {
        SimulateOptions::default().check().unwrap();
        let options = SimulateOptions {
            additive: 0.3,
            epistatic: 0.7,
            ..Default::default()
        };
        options.check().unwrap();
        assert_eq!(options.environmental(), 0.0);
    }
}
