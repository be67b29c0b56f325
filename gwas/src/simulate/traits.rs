//! Traits: an additive, a pairwise epistatic and an environmental part.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;

use crate::error::{Error, Result};

use super::cohort::Dosages;
use super::moments::{centre, residualise, scale, standardise, variance};
use super::options::SimulateOptions;
use super::random::{Stream, stream};

/// The additive effect of a SNP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnpEffect {
    /// Index of the SNP.
    pub snp: usize,
    /// Trait units per counted allele (A1); 0 if the SNP is monomorphic.
    pub effect: f64,
}

/// The epistatic effect of two SNPs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairEffect {
    /// Indices of the SNPs, ascending.
    pub snps: [usize; 2],
    /// Trait units per unit of the product of the two standardised dosages, after that product is
    /// residualised on the two.
    pub effect: f64,
}

/// A simulated trait: y = additive + epistatic + environment.
///
/// The parts are centred and have exactly (to rounding) the stated variances with divisor N; the
/// epistatic part is orthogonal to the additive one. The environment is independent of both but
/// not made orthogonal, so that Var y is about 1.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedTrait {
    /// Name, `y1` and so on.
    pub name: String,
    /// Additive effects, by SNP.
    pub snps: Vec<SnpEffect>,
    /// Epistatic effects, by pair.
    pub pairs: Vec<PairEffect>,
    /// Additive values of the samples.
    pub additive: Vec<f64>,
    /// Epistatic values of the samples.
    pub epistatic: Vec<f64>,
    /// Environmental values of the samples.
    pub environment: Vec<f64>,
}

/// Realised variances (divisor N) of a trait and its parts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Variances {
    /// Of the additive part.
    pub additive: f64,
    /// Of the epistatic part.
    pub epistatic: f64,
    /// Of the environment.
    pub environment: f64,
    /// Of the trait.
    pub total: f64,
}

impl SimulatedTrait {
    /// The trait's values.
    pub fn values(&self) -> Vec<f64> {
        let genetic = self.additive.iter().zip(&self.epistatic);
        genetic
            .zip(&self.environment)
            .map(|((a, e), r)| a + e + r)
            .collect()
    }

    /// The realised variances.
    pub fn variances(&self) -> Variances {
        Variances {
            additive: variance(&self.additive),
            epistatic: variance(&self.epistatic),
            environment: variance(&self.environment),
            total: variance(&self.values()),
        }
    }
}

/// What a trait depends on, before the genotypes are known; effects are standard normal.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    snps: Vec<SnpEffect>,
    pairs: Vec<PairEffect>,
}

impl Causes {
    /// Draws the causes of trait `t`, counted from 0. A part without variance has none.
    pub(super) fn draw(options: &SimulateOptions, t: usize) -> Self {
        let mut rng = stream(options.seed, Stream::Effects, t);
        let mut causes = Causes {
            snps: Vec::new(),
            pairs: Vec::new(),
        };
        if options.additive > 0.0 {
            let snps = distinct(options.causal, options.snps, &mut rng);
            causes.snps = snps
                .into_iter()
                .map(|snp| SnpEffect {
                    snp,
                    effect: StandardNormal.sample(&mut rng),
                })
                .collect();
        }
        if options.epistatic > 0.0 {
            let pairs = distinct_pairs(options, &mut rng);
            causes.pairs = pairs
                .into_iter()
                .map(|snps| PairEffect {
                    snps,
                    effect: StandardNormal.sample(&mut rng),
                })
                .collect();
        }
        causes
    }

    /// The SNPs whose dosages the trait needs.
    pub(super) fn needs(&self) -> impl Iterator<Item = usize> {
        let pairs = self.pairs.iter().flat_map(|pair| pair.snps);
        self.snps.iter().map(|s| s.snp).chain(pairs)
    }

    /// The trait on these dosages.
    ///
    /// # Errors
    /// A part that should have variance has none: its SNPs do not vary, or too few samples.
    pub(super) fn realise(
        mut self,
        options: &SimulateOptions,
        t: usize,
        dosages: &Dosages,
    ) -> Result<SimulatedTrait> {
        let name = format!("y{}", t + 1);
        let flat = |part: &str, hint: &str| {
            Error::degenerate(format!(
                "trait {name}: the {part} part does not vary over the {} samples; give {hint}",
                options.samples
            ))
        };
        let mut additive = vec![0.0; options.samples];
        if options.additive > 0.0 {
            self.add(&mut additive, dosages);
            let factor = scale(&mut additive, options.additive)
                .ok_or_else(|| flat("additive", "more --samples or --causal SNPs"))?;
            self.snps.iter_mut().for_each(|s| s.effect *= factor);
        }
        let mut epistatic = vec![0.0; options.samples];
        if options.epistatic > 0.0 {
            self.interact(&mut epistatic, dosages);
            residualise(&mut epistatic, &additive);
            let factor = scale(&mut epistatic, options.epistatic)
                .ok_or_else(|| flat("epistatic", "more --samples or --pairs"))?;
            self.pairs.iter_mut().for_each(|p| p.effect *= factor);
        }
        let mut environment = vec![0.0; options.samples];
        if options.environmental() > 0.0 {
            let mut rng = stream(options.seed, Stream::Environment, t);
            environment.fill_with(|| StandardNormal.sample(&mut rng));
            centre(&mut environment);
            scale(&mut environment, options.environmental())
                .ok_or_else(|| flat("environmental", "more --samples"))?;
        }
        let Causes { snps, pairs } = self;
        Ok(SimulatedTrait {
            name,
            snps,
            pairs,
            additive,
            epistatic,
            environment,
        })
    }

    /// Σ β z over the SNPs, z the standardised dosages; effects change to those per allele.
    fn add(&mut self, part: &mut [f64], dosages: &Dosages) {
        for s in &mut self.snps {
            let (z, sd) = standardise(&dosages[&s.snp]);
            part.iter_mut()
                .zip(&z)
                .for_each(|(p, z)| *p += s.effect * z);
            s.effect = if sd > 0.0 { s.effect / sd } else { 0.0 };
        }
        centre(part);
    }

    /// Σ γ r over the pairs, r the product of the standardised dosages residualised on 1 and the
    /// two: what no additive model of the two SNPs can see.
    fn interact(&self, part: &mut [f64], dosages: &Dosages) {
        for pair in &self.pairs {
            let [(u, _), (mut v, _)] = pair.snps.map(|m| standardise(&dosages[&m]));
            let mut product: Vec<f64> = u.iter().zip(&v).map(|(u, v)| u * v).collect();
            centre(&mut product);
            residualise(&mut product, &u);
            residualise(&mut v, &u);
            residualise(&mut product, &v);
            part.iter_mut()
                .zip(&product)
                .for_each(|(p, r)| *p += pair.effect * r);
        }
        centre(part);
    }
}

/// `k` ≤ `n` distinct numbers below `n` (Floyd's algorithm; Bentley & Floyd 1987, CACM 30:754).
fn distinct(k: usize, n: usize, rng: &mut ChaCha8Rng) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in n - k..n {
        let x = rng.random_range(0..=last);
        chosen.insert(if chosen.contains(&x) { last } else { x });
    }
    chosen
}

/// Distinct pairs of SNPs, on different chromosomes if there are several.
fn distinct_pairs(options: &SimulateOptions, rng: &mut ChaCha8Rng) -> BTreeSet<[usize; 2]> {
    let ends: Vec<usize> = (0..options.chromosomes)
        .scan(0, |end, c| {
            *end += options.snps_of(c);
            Some(*end)
        })
        .collect();
    let chromosome = |m: usize| ends.partition_point(|&end| end <= m);
    let mut pairs = BTreeSet::new();
    while pairs.len() < options.pairs {
        let (a, b) = (
            rng.random_range(0..options.snps),
            rng.random_range(0..options.snps),
        );
        if a != b && (options.chromosomes == 1 || chromosome(a) != chromosome(b)) {
            pairs.insert([a.min(b), a.max(b)]);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::moments::dot;
    use super::*;

    #[test]
    fn distinct_numbers_can_be_all_of_them() {
        let mut rng = stream(9, Stream::Effects, 0);
        assert_eq!(distinct(7, 7, &mut rng), (0..7).collect());
        assert_eq!(distinct(3, 100, &mut rng).len(), 3);
    }

    #[test]
    fn all_possible_pairs_can_be_drawn() {
        let options = SimulateOptions {
            snps: 5,
            chromosomes: 2,
            pairs: 6,
            ..Default::default()
        };
        let pairs = distinct_pairs(&options, &mut stream(9, Stream::Effects, 0));
        assert!(pairs.iter().all(|&[a, b]| a < 3 && b >= 3));
    }

    #[test]
    fn an_epistatic_part_is_orthogonal_to_its_snps() {
        let u = [0, 1, 2, 1, 0, 2, 2, 1, 0, 1];
        let v = [1, 1, 0, 2, 0, 2, 1, 0, 2, 1];
        let dosages = Dosages::from([(0, u.to_vec()), (1, v.to_vec())]);
        let pairs = vec![PairEffect {
            snps: [0, 1],
            effect: 1.5,
        }];
        let mut part = vec![0.0; u.len()];
        Causes {
            snps: Vec::new(),
            pairs,
        }
        .interact(&mut part, &dosages);
        assert!(variance(&part) > 0.1);
        // Rounding: three projections of ten terms each of size at most a few.
        let bound = 3.0 * 10.0 * 10.0 * f64::EPSILON;
        for x in [standardise(&u).0, standardise(&v).0, vec![1.0; u.len()]] {
            assert!(dot(&part, &x).abs() < bound, "{}", dot(&part, &x));
        }
    }

    #[test]
    fn snps_that_do_not_vary_are_an_error_not_a_nan() {
        let options = SimulateOptions {
            samples: 3,
            epistatic: 0.0,
            ..Default::default()
        };
        let causes = Causes {
            snps: vec![SnpEffect {
                snp: 0,
                effect: 1.0,
            }],
            pairs: Vec::new(),
        };
        let error = causes.realise(&options, 0, &Dosages::from([(0, vec![1, 1, 1])]));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("additive part does not vary")
        );
    }
}
