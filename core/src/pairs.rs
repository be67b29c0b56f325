//! Pair statistics: exact integers for every pair of individuals.
//!
//! Σ(x−y)² and Σ|x−y| over SNPs are integers. Missing dosages are mean-imputed: the mean μ and
//! μ² are rounded once to multiples of 2⁻³², so the sums over missing calls are integers too, in
//! units of 2⁻³², and no order of summation can change a bit. Standardised products
//! Σ z_i z_j, z = (x − μ)·w, round z once to a fixed-point number instead; see
//! [`PairStatistic::new`] for the bound.

use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;

use crate::engine::Engine;
use crate::genotypes::{Counts, Genotypes};
use crate::precision::{exp2, exponent};
use crate::stored::Stored;

/// Fraction bits of imputed dosages.
pub const MEAN_BITS: u32 = 32;

/// What is summed over the SNPs of two individuals x and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairKind {
    /// Σ (x − y)².
    Squared,
    /// Σ |x − y|.
    Absolute,
    /// Σ z_x z_y of standardised dosages.
    Product(Weighting),
}

/// What a dosage's deviation from its mean is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weighting {
    /// The sample's standard deviation (ddof 0) of the mean-imputed column.
    SampleSd,
    /// √(2p(1−p)), that of a population in Hardy–Weinberg equilibrium.
    TwoPq,
}

/// A pair statistic with the constants it takes from the training individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct PairStatistic {
    kind: PairKind,
    /// By SNP and dosage of the other individual: what a missing call adds to the sum over
    /// planes, in which it counts as dosage 0. Units of 2⁻³². Empty for products.
    corrections: Vec<[i64; 3]>,
    /// By SNP and dosage: z as an integer. Empty for distances.
    codes: Vec<[i32; 3]>,
    unit: i32,
}

impl PairStatistic {
    /// The statistic of `kind` with means (and deviations) from `counts`.
    ///
    /// For products z = (x − μ)/s is rounded once to a multiple of 2^−f; missing calls are z = 0,
    /// and so is a SNP without variance. f is the largest for which Σ max z² < 2^(62−2f) and
    /// |z| < 2^(30−f), so i64 sums are exact. Each product errs by at most 2^−f·max|z|, the whole
    /// sum by M·2^−f·max|z| + M·2^−2f−2; with 13,000 SNPs f = 21 and the typical error of Σ/M is
    /// 4e-9.
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
            codes: Vec::new(),
            unit: -(MEAN_BITS as i32),
        }
    }

    /// See [`new`](Self::new).
    fn standardised(weighting: Weighting, counts: &[Counts]) -> Self {
        let z: Vec<[f64; 3]> = counts
            .iter()
            .map(|c| {
                let (mu, p) = (c.mean(), c.frequency());
                let variance = match weighting {
                    Weighting::SampleSd => c.variance(),
                    Weighting::TwoPq => 2.0 * p * (1.0 - p),
                };
                let variance = if c.is_monomorphic() { 0.0 } else { variance };
                let s = num_traits::Float::sqrt(variance);
                [0.0, 1.0, 2.0].map(|x| if s > 0.0 { (x - mu) / s } else { 0.0 })
            })
            .collect();
        let top = |z: &[f64; 3]| z.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let largest = z.iter().map(top).fold(0.0, f64::max);
        let total: f64 = z.iter().map(|z| top(z) * top(z)).sum();
        let bits = |v: f64| if v > 0.0 { exponent(v) + 1 } else { 0 };
        let fraction = ((62 - bits(total)) / 2).min(30 - bits(largest)).min(30);
        let codes = z
            .iter()
            .map(|z| z.map(|v| crate::round::nearest_integer(v * exp2(fraction)) as i32))
            .collect();
        let kind = PairKind::Product(weighting);
        PairStatistic {
            kind,
            corrections: Vec::new(),
            codes,
            unit: -2 * fraction,
        }
    }

    /// What is summed.
    pub fn kind(&self) -> PairKind {
        self.kind
    }

    /// SNPs, M.
    pub fn snps(&self) -> usize {
        self.corrections.len().max(self.codes.len())
    }

    /// What a missing call adds, by SNP and the other individual's dosage, in units of 2⁻³².
    pub fn corrections(&self) -> &[[i64; 3]] {
        &self.corrections
    }

    /// Standardised dosages as integers in units of 2^([`unit`](Self::unit)/2), by SNP and dosage.
    pub fn codes(&self) -> &[[i32; 3]] {
        &self.codes
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
            (PairKind::Product(_), Some(x), Some(y)) => {
                i64::from(self.codes[m][x as usize]) * i64::from(self.codes[m][y as usize])
            }
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
    if n == 0 {
        return (0, 0);
    }
    let nearest = |num: u128, den: u128| ((2 * num + den) / (2 * den)) as i64;
    (
        nearest(s << MEAN_BITS, n),
        nearest((s * s) << MEAN_BITS, n * n),
    )
}

/// Fraction bits of squared deviations.
const NORM_BITS: i32 = 48;

/// (x − μ)² for the three dosages x of a SNP, in units of 2^−[`NORM_BITS`].
fn deviations(c: &Counts) -> [i64; 3] {
    let mu = c.mean();
    let fixed = |x: f64| crate::round::nearest_integer((x - mu) * (x - mu) * exp2(NORM_BITS));
    [0.0, 1.0, 2.0].map(|x| fixed(x) as i64)
}

/// Mean of ‖x̂ − μ‖² over the individuals that were counted; see [`centred_norms`]. The sum is
/// exact.
pub fn mean_centred_norm(counts: &[Counts]) -> f64 {
    let of = |c: &Counts| -> i128 {
        let terms = deviations(c).into_iter().zip(c.dosage);
        terms.map(|(d, n)| i128::from(d) * i128::from(n)).sum()
    };
    let samples = |c: &Counts| c.observed() + u64::from(c.missing);
    let sum: i128 = counts.iter().map(of).sum();
    sum as f64 * exp2(-NORM_BITS) / counts.first().map_or(0, samples) as f64
}

/// ‖x̂_i − μ‖² of every individual: the squared distance of its mean-imputed dosages from the
/// SNP means of `counts`. Summed in 128-bit fixed point with 48 fraction bits. N·M steps.
pub fn centred_norms<E: Engine>(engine: &E, g: &Genotypes, counts: &[Counts]) -> Vec<f64> {
    let tables: Vec<[i64; 3]> = counts.iter().map(deviations).collect();
    // Every SNP counts as dosage 0 first; the planes say where that is wrong.
    let base: i128 = tables.iter().map(|t| i128::from(t[0])).sum();
    let mut norms = vec![0.0; g.samples()];
    let done: Result<(), Infallible> = engine.for_each(&mut norms, |i, norm| {
        let mut sum = base;
        for s in g.segments() {
            for w in s.words.clone() {
                let first = s.snps.start + (w - s.words.start) * 64;
                let (some, two) = (g.some(i)[w], g.two(i)[w]);
                let missing = g.missing(i).map_or(0, |p| p[w]);
                for bit in crate::genotypes::Bits(some | missing) {
                    let t = &tables[first + bit as usize];
                    let at = |plane: u64| plane >> bit & 1 == 1;
                    let value = if at(missing) {
                        0
                    } else if at(two) {
                        t[2]
                    } else {
                        t[1]
                    };
                    sum += i128::from(value - t[0]);
                }
            }
        }
        *norm = sum as f64 * exp2(-NORM_BITS);
        Ok(())
    });
    let Ok(()) = done;
    norms
}

/// Integers of a block of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairTile {
    /// Whole values.
    Whole(Stored<u32>),
    /// Values in units of the statistic.
    Fixed(Stored<i64>),
}

/// Stored pair statistics of `rows × cols` individuals in square blocks, row-major inside a
/// block; only the lower triangle of blocks where rows and columns are the same individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct PairMatrix {
    rows: usize,
    cols: usize,
    symmetric: bool,
    unit: i32,
    tiles: Vec<PairTile>,
}

/// Rows and columns of a stored block.
pub const PAIR_EDGE: usize = 256;

impl PairMatrix {
    /// Blocks in row order, each `PAIR_EDGE²` numbers (also at the border), lower triangle only
    /// if `symmetric`. `unit` is 0 for whole blocks.
    ///
    /// # Panics
    /// If the number or the size of the blocks is not that.
    pub fn new(
        (rows, cols): (usize, usize),
        symmetric: bool,
        unit: i32,
        tiles: Vec<PairTile>,
    ) -> Self {
        assert_eq!(
            tiles.len(),
            Self::places(rows, cols, symmetric).len(),
            "blocks of pairs"
        );
        for t in &tiles {
            let len = match t {
                PairTile::Whole(v) => v.len(),
                PairTile::Fixed(v) => v.len(),
            };
            assert_eq!(len, PAIR_EDGE * PAIR_EDGE, "pairs of a block");
        }
        PairMatrix {
            rows,
            cols,
            symmetric,
            unit,
            tiles,
        }
    }

    /// Places (block row, block column) of the blocks in order.
    pub fn places(rows: usize, cols: usize, symmetric: bool) -> Vec<(usize, usize)> {
        let columns = cols.div_ceil(PAIR_EDGE);
        (0..rows.div_ceil(PAIR_EDGE))
            .flat_map(|i| (0..if symmetric { i + 1 } else { columns }).map(move |j| (i, j)))
            .collect()
    }

    /// Individuals of the rows and of the columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Exponent of the unit of the stored numbers.
    pub fn unit(&self) -> i32 {
        self.unit
    }

    /// Whether rows and columns are the same individuals.
    pub fn is_symmetric(&self) -> bool {
        self.symmetric
    }

    /// The stored blocks, in the order of [`places`](Self::places).
    pub fn blocks(&self) -> &[PairTile] {
        &self.tiles
    }

    /// Bytes of the stored numbers.
    pub fn bytes(&self) -> usize {
        let size = |t: &PairTile| match t {
            PairTile::Whole(v) => v.len() * 4,
            PairTile::Fixed(v) => v.len() * 8,
        };
        self.tiles.iter().map(size).sum()
    }

    /// The stored number of a pair, in units of 2^unit.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> i64 {
        let (i, j) = if self.symmetric && i < j {
            (j, i)
        } else {
            (i, j)
        };
        let (bi, bj) = (i / PAIR_EDGE, j / PAIR_EDGE);
        let block = match self.symmetric {
            true => bi * (bi + 1) / 2 + bj,
            false => bi * self.cols.div_ceil(PAIR_EDGE) + bj,
        };
        let at = (i % PAIR_EDGE) * PAIR_EDGE + j % PAIR_EDGE;
        match &self.tiles[block] {
            PairTile::Whole(v) => i64::from(v[at]),
            PairTile::Fixed(v) => v[at],
        }
    }
}
