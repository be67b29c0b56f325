//! Pair statistics: exact integers for every pair of individuals.
//!
//! Σ(x−y)² and Σ|x−y| over SNPs are integers. Missing dosages are mean-imputed: the mean μ and
//! μ² are rounded once to multiples of 2⁻³², so the sums over missing calls are integers too, in
//! units of 2⁻³², and no order of summation can change a bit. Standardised products
//! Σ w (x − μ)(y − μ) round the weights w, w·μ and w·μ² once instead; see
//! [`PairStatistic::new`] for the bound.
//!
//! | file | holds |
//! |---|---|
//! | `weights.rs` | the weights as integers that bits can be counted with |
//! | `norms.rs` | ‖x̂ − μ‖² of individuals |
//! | `matrix.rs` | stored statistics |

mod matrix;
mod norms;
mod weights;

use alloc::vec::Vec;

pub use matrix::{PAIR_EDGE, PairMatrix, PairTile};
pub use norms::{centred_norms, dosage_sums, mean_centred_norm};
pub use weights::{CHUNK_GROUPS, Chunk, FACTORS, GROUP, NO_SNP};

use crate::genotypes::{Counts, Genotypes};
use weights::Weights;

/// Fraction bits of imputed dosages.
pub const MEAN_BITS: u32 = 32;

/// What is summed over the SNPs of two individuals x and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairKind {
    /// Σ (x − y)².
    Squared,
    /// Σ |x − y|.
    Absolute,
    /// Σ w (x − μ)(y − μ), the products of standardised dosages.
    Product(Weighting),
}

/// The variance by which a product of deviations is divided: 1/w.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weighting {
    /// The sample's (ddof 0) of the mean-imputed column.
    SampleSd,
    /// 2p(1−p), that of a population in Hardy–Weinberg equilibrium.
    TwoPq,
}

/// A SNP's part of a product: w·x·y − u·(x + y) + v, in units of the statistic, for two
/// individuals with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// w.
    pub weight: i64,
    /// u = w·μ, rounded once.
    pub slope: i64,
    /// v = w·μ², rounded once; even.
    pub constant: i64,
}

impl Term {
    fn of(self, x: i64, y: i64) -> i64 {
        self.weight * x * y - self.slope * (x + y) + self.constant
    }
}

/// A pair statistic with the constants it takes from the training individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct PairStatistic {
    kind: PairKind,
    /// By SNP and dosage of the other individual: what a missing call adds to the sum over
    /// planes, in which it counts as dosage 0. Units of 2⁻³². Empty for products.
    corrections: Vec<[i64; 3]>,
    /// By SNP. Empty for distances.
    terms: Vec<Term>,
    /// What the weights of the terms are made of. Empty for distances.
    chunks: Vec<Chunk>,
    unit: i32,
}

impl PairStatistic {
    /// The statistic of `kind` with means (and deviations) from `counts`.
    ///
    /// For products a SNP's weight w is 1/variance, rounded to a multiple ŵ of 2^−f; missing
    /// calls add nothing, and neither does a SNP without variance. f is the largest for which
    /// w < 2^(33−f) and Σw < 2^(58−f), so i64 sums are exact. With ε = ŵ/w − 1 the typical error
    /// of Σ/M′ is (Σε²)^½/M′ over the M′ SNPs that vary: at most 2⁻²⁸, and no sum errs by more
    /// than Σ |ε z_x z_y| + 3M′·2^−f (the rounding of ŵμ and ŵμ²).
    pub fn new(kind: PairKind, counts: &[Counts]) -> Self {
        match kind {
            PairKind::Squared => Self::distance(kind, counts, |x, mu, mu2| {
                // (μ − x)² − x², the plane sum having counted (0 − x)².
                mu2 - 2 * mu * x
            }),
            PairKind::Absolute => Self::distance(kind, counts, |x, mu, _| {
                ((x << MEAN_BITS) - mu).abs() - (x << MEAN_BITS)
            }),
            PairKind::Product(weighting) => Self::standardised(weighting, counts),
        }
    }

    fn distance(kind: PairKind, counts: &[Counts], of: impl Fn(i64, i64, i64) -> i64) -> Self {
        let corrections = counts
            .iter()
            .map(|c| {
                let (mu, mu2) = fixed_mean(c);
                [0, 1, 2].map(|x| of(x, mu, mu2))
            })
            .collect();
        PairStatistic {
            kind,
            corrections,
            terms: Vec::new(),
            chunks: Vec::new(),
            unit: -(MEAN_BITS as i32),
        }
    }

    /// See [`new`](Self::new).
    fn standardised(weighting: Weighting, counts: &[Counts]) -> Self {
        let weight = |c: &Counts| {
            let p = c.frequency();
            let variance = match weighting {
                Weighting::SampleSd => c.variance(),
                Weighting::TwoPq => 2.0 * p * (1.0 - p),
            };
            match variance > 0.0 && !c.is_monomorphic() {
                true => 1.0 / variance,
                false => 0.0,
            }
        };
        let wanted: Vec<f64> = counts.iter().map(weight).collect();
        let weights = Weights::new(&wanted);
        let term = |(c, &weight): (&Counts, &i64)| {
            let (s, n, w) = (
                u128::from(c.alleles()),
                u128::from(c.observed()),
                weight as u128,
            );
            Term {
                weight,
                slope: nearest(w * s, n),
                constant: 2 * nearest(w * s * s, 2 * n * n),
            }
        };
        PairStatistic {
            kind: PairKind::Product(weighting),
            corrections: Vec::new(),
            terms: counts.iter().zip(&weights.fixed).map(term).collect(),
            chunks: weights.chunks,
            unit: -weights.fraction,
        }
    }

    /// What is summed.
    pub fn kind(&self) -> PairKind {
        self.kind
    }

    /// SNPs, M.
    pub fn snps(&self) -> usize {
        self.corrections.len().max(self.terms.len())
    }

    /// What a missing call adds to a distance, by SNP and the other individual's dosage, in units
    /// of 2⁻³².
    pub fn corrections(&self) -> &[[i64; 3]] {
        &self.corrections
    }

    /// A product's parts by SNP.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The weights of a product as numbers that many SNPs share; a SNP's weight is the sum of
    /// those that it is listed with.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Exponent of the unit in which [`pair`](Self::pair) counts.
    pub fn unit(&self) -> i32 {
        self.unit
    }

    /// Whether values between these two sets are whole numbers, storable as u32.
    pub fn is_whole(&self, a: &Genotypes, b: &Genotypes) -> bool {
        !matches!(self.kind, PairKind::Product(_)) && !a.has_missing() && !b.has_missing()
    }

    /// The definition: the statistic of individual `i` of `a` and `j` of `b`, as an integer in
    /// units of 2^unit. M steps; backends are faster and give the same integer.
    ///
    /// # Panics
    /// If the sets do not have this statistic's number of SNPs.
    pub fn pair(&self, a: &Genotypes, i: usize, b: &Genotypes, j: usize) -> i64 {
        assert_eq!(
            (a.snps(), b.snps()),
            (self.snps(), self.snps()),
            "SNPs of a pair"
        );
        (0..self.snps())
            .map(|m| self.term(m, a.dosage(i, m), b.dosage(j, m)))
            .sum()
    }

    fn term(&self, m: usize, x: Option<u8>, y: Option<u8>) -> i64 {
        let distance = |d: i64| match self.kind {
            PairKind::Squared => (d * d) << MEAN_BITS,
            _ => d.abs() << MEAN_BITS,
        };
        match (self.kind, x, y) {
            (PairKind::Product(_), Some(x), Some(y)) => self.terms[m].of(x.into(), y.into()),
            (PairKind::Product(_), _, _) | (_, None, None) => 0,
            (_, Some(x), Some(y)) => distance(i64::from(x) - i64::from(y)),
            (_, Some(x), None) | (_, None, Some(x)) => {
                distance(i64::from(x)) + self.corrections[m][x as usize]
            }
        }
    }
}

/// μ and μ² to the nearest multiple of 2⁻³², from the exact fractions.
fn fixed_mean(c: &Counts) -> (i64, i64) {
    let (s, n) = (u128::from(c.alleles()), u128::from(c.observed()));
    (
        nearest(s << MEAN_BITS, n),
        nearest((s * s) << MEAN_BITS, n * n),
    )
}

/// The integer nearest to a fraction; 0 without a denominator.
fn nearest(numerator: u128, denominator: u128) -> i64 {
    match denominator {
        0 => 0,
        d => ((2 * numerator + d) / (2 * d)) as i64,
    }
}
