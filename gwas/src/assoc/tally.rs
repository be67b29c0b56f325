//! What thresholds are made of, counted while SNPs are tested.

use epitile_core::genotypes::Counts;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::block::untested;
use super::effect::{Effect, Form, Untested};
use super::rotation::Rotation;
use crate::dense::{product, symmetric_eigenvalues};

/// What is counted beside the tests themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Whether the effective number of tests is.
    pub effective: bool,
    /// Draws from the null model whose maxima are kept; 0 for none.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// Counts, by trait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// SNPs tested.
    pub tested: Vec<usize>,
    /// Effective number of tests; 0 if it is not counted.
    pub effective: Vec<f64>,
    /// Of every draw the largest (xᵀPy)²/((xᵀPx)(yᵀPy)).
    pub maxima: Vec<Vec<f64>>,
}

impl Tally {
    /// Nothing yet, of so many traits.
    pub fn new(traits: usize) -> Tally {
        Tally {
            tested: vec![0; traits],
            effective: vec![0.0; traits],
            maxima: vec![Vec::new(); traits],
        }
    }

    /// Adds the tests of a trait in a block.
    pub fn tests(&mut self, of: usize, found: &[Result<Effect, Untested>]) {
        self.tested[of] += found.iter().filter(|f| f.is_ok()).count();
    }

    /// Adds what was counted on another chromosome.
    pub fn add(&mut self, other: &Tally) {
        for (a, b) in self.tested.iter_mut().zip(&other.tested) {
            *a += b;
        }
        for (a, b) in self.effective.iter_mut().zip(&other.effective) {
            *a += b;
        }
        for (a, b) in self.maxima.iter_mut().zip(&other.maxima) {
            larger(a, b);
        }
    }
}

/// The larger of each pair; what one lacks is the other's.
fn larger(of: &mut Vec<f64>, other: &[f64]) {
    of.resize(of.len().max(other.len()), 0.0);
    for (a, b) in of.iter_mut().zip(other) {
        *a = a.max(*b);
    }
}

/// Effective number of the tests of a block of SNPs (Li and Ji 2005): with λ the eigenvalues of
/// the correlation matrix, Σ [λ ≥ 1] + λ − ⌊λ⌋. `x` are the centred dosages, `counts` their counts.
/// SNPs of different blocks count as independent. M²·N operations for M SNPs of N individuals.
pub fn effective(x: &Mat<f64>, counts: &[Counts]) -> f64 {
    let n = x.nrows();
    let used: Vec<usize> = (0..x.ncols())
        .filter(|&k| untested(&counts[k]).is_none())
        .collect();
    let size = |k: usize| epitile_core::dense::norm2(x.col_as_slice(k));
    let scale: Vec<f64> = used.iter().map(|&k| 1.0 / size(k)).collect();
    let z = Mat::from_fn(n, used.len(), |i, j| x[(i, used[j])] * scale[j]);
    // The smaller of the two products has all eigenvalues but zeros.
    let correlation = match used.len() <= n {
        true => product(z.transpose(), z.as_ref()),
        false => product(z.as_ref(), z.transpose()),
    };
    let Some(values) = symmetric_eigenvalues(&correlation) else {
        return used.len() as f64;
    };
    // Eigenvalues err by a few N·u of their sum, and SNPs that are copies have whole ones.
    let rounding = 16.0 * n as f64 * f64::EPSILON * used.len() as f64;
    let one = |value: f64| {
        let whole = (value + rounding).floor();
        f64::from(u8::from(whole >= 1.0)) + (value - whole).max(0.0)
    };
    values.into_iter().map(one).sum()
}

/// Traits drawn from the null model of trait `t` of a rotation: P y/√(yᵀPy) of each in a column,
/// rotated. c·N operations a draw.
pub fn draws((rotation, t): (&Rotation, usize), form: Form, count: &Count) -> Mat<f64> {
    let null = &rotation.traits[t];
    let (at, ratio) = match form {
        Form::Score => (&null.at_ml, null.fit.ml.ratio),
        _ => (&null.at_reml, null.fit.reml.ratio),
    };
    let values = &rotation.eigen.values;
    let mut all = Mat::zeros(values.len(), count.draws);
    crate::dense::for_each_column(&mut all, |b, column| {
        let mut rng = ChaCha8Rng::seed_from_u64(count.seed);
        rng.set_stream(b as u64);
        for (v, d) in column.iter_mut().zip(values) {
            let z: f64 = StandardNormal.sample(&mut rng);
            *v = z * (ratio * d + 1.0).sqrt();
        }
        let (py, ypy) = at.apply(column);
        for (v, p) in column.iter_mut().zip(&py) {
            *v = p / ypy.sqrt();
        }
    });
    all
}

/// The largest (xᵀPy)²/((xᵀPx)(yᵀPy)) of each draw over the rotated SNPs `x`, where `xpx` says how
/// large xᵀPx is; NaN for a SNP without a test.
pub fn maxima(x: &Mat<f64>, xpx: &[f64], draws: &Mat<f64>, so_far: &mut Vec<f64>) {
    let sums = product(x.transpose(), draws.as_ref());
    let of = |b: usize| {
        let column = sums.col_as_slice(b).iter().zip(xpx);
        let squares = column.map(|(s, xpx)| s * s / xpx);
        squares.filter(|r| !r.is_nan()).fold(0.0, f64::max)
    };
    let block: Vec<f64> = (0..draws.ncols()).map(of).collect();
    larger(so_far, &block);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_once_and_independent_snps_each() {
        // Columns of a Hadamard matrix are uncorrelated; each stands twice, and one does not vary.
        let sign = |i: usize, j: usize| {
            if (i & j).count_ones().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        };
        let counts = |j: usize| {
            let two = (0..16).filter(|&i| sign(i, j) > 0.0).count() as u32;
            Counts {
                dosage: [16 - two, 0, two],
                missing: 0,
            }
        };
        let columns = [1, 2, 3, 1, 2, 3, 0];
        let x = Mat::from_fn(16, 7, |i, k| {
            if columns[k] == 0 {
                0.0
            } else {
                sign(i, columns[k])
            }
        });
        let all: Vec<Counts> = columns.iter().map(|&j| counts(j)).collect();
        // Eigenvalues 2, 2, 2, 0, 0, 0, each within a few roundings.
        let bound = 16.0 * 16.0 * 6.0 * f64::EPSILON;
        assert!((effective(&x, &all) - 3.0).abs() <= bound);
        let three = Mat::from_fn(16, 3, |i, k| x[(i, k)]);
        assert!((effective(&three, &all[..3]) - 3.0).abs() <= bound);
    }

    #[test]
    fn maxima_of_chromosomes_are_the_larger_ones() {
        let mut a = Tally::new(1);
        let mut b = Tally::new(1);
        b.maxima[0] = vec![0.1, 0.5];
        a.add(&b);
        b.maxima[0] = vec![0.2, 0.4];
        b.tested[0] = 7;
        a.add(&b);
        assert_eq!(a.maxima[0], [0.2, 0.5]);
        assert_eq!(a.tested[0], 7);
    }
}
