//! Pair statistics: exact integers for every pair of individuals.
//!
//! Σ(x−y)² and Σ|x−y| over SNPs are integers. Missing dosages are mean-imputed: the mean μ and
//! μ² are rounded once to multiples of 2⁻³², so the sums over missing calls are integers too, in
//! units of 2⁻³², and no order of summation can change a bit. Standardised products
//! Σ w (x − μ)(y − μ), and squared distances Σ w (x − y)² with a weight for every SNP, round the
//! weights w, w·μ and w·μ² once instead; see [`PairStatistic::new`] for the bound.
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
use crate::precision::exp2;
use weights::{LARGEST, Weights};

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

/// A SNP's part of a weighted sum for two individuals with calls, in units of the statistic: the sum
/// of weight·x·y, alone of x, alone of y, and the constant. A missing call counts as dosage 0
/// there; what that changes is in [`PairStatistic::corrections`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// What x·y is multiplied by: w of a product, −2w of a squared distance.
    pub weight: i64,
    /// By the dosage of one individual: −w·μ·x, w·μ rounded once; w·x² of a squared distance.
    pub alone: [i64; 3],
    /// w·μ² of a product, rounded once; even.
    pub constant: i64,
}

impl Term {
    fn of(self, x: u8, y: u8) -> i64 {
        let product = self.weight * i64::from(x) * i64::from(y);
        product + self.alone[usize::from(x)] + self.alone[usize::from(y)] + self.constant
    }
}

/// A pair statistic with the constants it takes from the training individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct PairStatistic {
    kind: PairKind,
    /// Whether SNPs have weights, and so terms.
    weighted: bool,
    corrections: Vec<[i64; 4]>,
    /// By SNP. Empty without weights.
    terms: Vec<Term>,
    /// What the weights of the terms are made of. Empty without weights.
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
            PairKind::Product(weighting) => Self::products(weighting, counts, |_| 1.0),
        }
    }

    /// The same with SNP m counting `weights[m]` times: as a factor beside 1/variance in products.
    /// `None` for absolute distances, which are no sums of products of dosages. The bound of
    /// [`new`](Self::new) holds with these weights, and integers up to 2¹² are exact in distances
    /// where there are no more than some hundreds of different ones.
    ///
    /// # Panics
    /// If there is not one weight for each SNP, or one is negative or not finite.
    pub fn weighted(kind: PairKind, counts: &[Counts], weights: &[f64]) -> Option<Self> {
        assert_eq!(counts.len(), weights.len(), "weights of the SNPs");
        assert!(
            weights.iter().all(|w| *w >= 0.0 && w.is_finite()),
            "weights"
        );
        match kind {
            PairKind::Absolute => None,
            PairKind::Squared => Some(Self::weighted_distance(counts, weights)),
            PairKind::Product(weighting) => Some(Self::products(weighting, counts, |m| weights[m])),
        }
    }

    fn distance(kind: PairKind, counts: &[Counts], of: impl Fn(i64, i64, i64) -> i64) -> Self {
        let corrections = counts
            .iter()
            .map(|c| {
                let (mu, mu2) = fixed_mean(1 << MEAN_BITS, c);
                let [a, b, c] = [0, 1, 2].map(|x| of(x, mu, mu2));
                [a, b, c, 0]
            })
            .collect();
        PairStatistic {
            kind,
            weighted: false,
            corrections,
            terms: Vec::new(),
            chunks: Vec::new(),
            unit: -(MEAN_BITS as i32),
        }
    }

    /// Σ w (x − y)² = Σ (w·x² + w·y² − 2w·x·y).
    fn weighted_distance(counts: &[Counts], wanted: &[f64]) -> Self {
        // Twice a weight is what is multiplied.
        let mut weights = Weights::new(wanted, LARGEST - 1);
        for chunk in &mut weights.chunks {
            chunk.shift += 1;
            chunk.values.iter_mut().for_each(|v| *v = -*v);
        }
        let term = |&weight: &i64| Term {
            weight: -2 * weight,
            alone: [0, weight, 4 * weight],
            constant: 0,
        };
        let correction = |(c, &weight): (&Counts, &i64)| {
            let (mu, mu2) = fixed_mean(weight, c);
            [mu2, mu2 - 2 * mu, mu2 - 4 * mu, 0]
        };
        PairStatistic {
            kind: PairKind::Squared,
            weighted: true,
            corrections: counts.iter().zip(&weights.fixed).map(correction).collect(),
            terms: weights.fixed.iter().map(term).collect(),
            chunks: weights.chunks,
            unit: -weights.fraction,
        }
    }

    /// See [`new`](Self::new); SNP m counts `factor(m)` times.
    fn products(weighting: Weighting, counts: &[Counts], factor: impl Fn(usize) -> f64) -> Self {
        let weight = |(m, c): (usize, &Counts)| {
            let p = c.frequency();
            let variance = match weighting {
                Weighting::SampleSd => c.variance(),
                Weighting::TwoPq => 2.0 * p * (1.0 - p),
            };
            match variance > 0.0 && !c.is_monomorphic() {
                true => factor(m) / variance,
                false => 0.0,
            }
        };
        let wanted: Vec<f64> = counts.iter().enumerate().map(weight).collect();
        let weights = Weights::new(&wanted, LARGEST);
        let term = |(c, &weight): (&Counts, &i64)| {
            let (s, n, w) = (
                u128::from(c.alleles()),
                u128::from(c.observed()),
                weight as u128,
            );
            let slope = nearest(w * s, n);
            Term {
                weight,
                alone: [0, -slope, -2 * slope],
                constant: 2 * nearest(w * s * s, 2 * n * n),
            }
        };
        let terms: Vec<Term> = counts.iter().zip(&weights.fixed).map(term).collect();
        // Takes back what is not of both; half of it for either of two missing calls.
        let correction = |t: &Term| {
            let [a, b, c] = t.alone.map(|alone| -(alone + t.constant));
            [a, b, c, -t.constant / 2]
        };
        PairStatistic {
            kind: PairKind::Product(weighting),
            weighted: true,
            corrections: terms.iter().map(correction).collect(),
            terms,
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
        self.corrections.len()
    }

    /// Whether SNPs have weights, and with them [`terms`](Self::terms): in all products, and in
    /// squared distances that were asked for with weights.
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// By SNP and the other individual's call (dosage 0, 1, 2, missing): what a missing call adds to
    /// the sum over planes, in which it counts as dosage 0. Of two missing calls each adds the last
    /// one. Units of the statistic.
    pub fn corrections(&self) -> &[[i64; 4]] {
        &self.corrections
    }

    /// The parts of a weighted sum by SNP.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The weights of a squared distance that was asked for with weights, as rounded.
    pub fn weights(&self) -> Option<Vec<f64>> {
        let weight = |t: &Term| t.weight as f64 * -exp2(self.unit - 1);
        (self.weighted && self.kind == PairKind::Squared)
            .then(|| self.terms.iter().map(weight).collect())
    }

    /// The weights of the terms as numbers that many SNPs share; a SNP's weight is the sum of
    /// those that it is listed with.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Exponent of the unit in which [`pair`](Self::pair) counts.
    pub fn unit(&self) -> i32 {
        self.unit
    }

    /// Exponent of the unit in which values between these two sets are whole numbers, storable as
    /// u32, if there is one: of distances of complete calls without weights, or with weights that are
    /// small multiples of one.
    pub fn whole_unit(&self, a: &Genotypes, b: &Genotypes) -> Option<i32> {
        let is_distance = matches!(self.kind, PairKind::Squared | PairKind::Absolute);
        if !is_distance || a.has_missing() || b.has_missing() {
            return None;
        }
        if !self.weighted {
            return Some(0);
        }
        let bits = |chunk: &Chunk| {
            let values = chunk.values.iter().filter(|&&v| v != 0);
            values
                .map(|v| v.trailing_zeros())
                .min()
                .map(|bits| chunk.shift + bits)
        };
        // What is multiplied is twice a weight.
        let common = self
            .chunks
            .iter()
            .filter_map(bits)
            .min()
            .map_or(0, |bits| bits - 1);
        let most: i64 = self.terms.iter().map(|term| term.alone[2]).sum();
        let fits = most >> common <= i64::from(u32::MAX);
        fits.then(|| self.unit + common as i32)
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
        // A missing call counts as dosage 0 …
        let both = (x.unwrap_or(0), y.unwrap_or(0));
        let sum = match (self.kind, self.terms.get(m)) {
            (_, Some(term)) => term.of(both.0, both.1),
            (PairKind::Squared, None) => i64::from(both.0.abs_diff(both.1)).pow(2) << MEAN_BITS,
            (_, None) => i64::from(both.0.abs_diff(both.1)) << MEAN_BITS,
        };
        // … and is corrected.
        let of = |other: Option<u8>| self.corrections[m][other.map_or(3, usize::from)];
        let corrected =
            [(x, y), (y, x)].map(|(one, other)| if one.is_some() { 0 } else { of(other) });
        sum + corrected[0] + corrected[1]
    }
}

/// w·μ and w·μ² for the mean dosage μ, to the nearest integer, from the exact fractions.
fn fixed_mean(w: i64, c: &Counts) -> (i64, i64) {
    let (w, s, n) = (w as u128, u128::from(c.alleles()), u128::from(c.observed()));
    (nearest(w * s, n), nearest(w * s * s, n * n))
}

/// The integer nearest to a fraction; 0 without a denominator.
fn nearest(numerator: u128, denominator: u128) -> i64 {
    match denominator {
        0 => 0,
        d => ((2 * numerator + d) / (2 * d)) as i64,
    }
}
