//! Draws of the study of sizes, and what is counted.

use epitile::assoc::binary::{Form, Model};
use epitile::dense::product;
use epitile::null::matrix::normalise;
use epitile::tails::ln_chi2_tail;
use faer::Mat;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardNormal};
use rayon::prelude::*;

/// Levels of tests.
pub(crate) const LEVELS: [f64; 4] = [0.05, 0.01, 0.001, 0.0001];

/// F_ST of populations: share of a SNP's variance that is between them.
const DISTANCE: f64 = 0.01;

/// Who the individuals are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Families of four full sibs.
    Families,
    /// Two populations of equal size, of unrelated individuals.
    Populations,
}

/// Individuals, and the SNPs that make their traits and kernel.
pub(crate) struct Cohort {
    whom: Whom,
    /// Standardised dosages of the polygenic SNPs.
    z: Mat<f64>,
    /// Their kernel, centred, of mean diagonal 1. SNPs to be tested are not in it: it is that of
    /// the other chromosomes.
    pub(crate) kernel: Mat<f64>,
}

impl Cohort {
    /// Of `n` individuals and `snps` SNPs with frequencies from 0.05 to 0.5.
    pub(crate) fn new(whom: Whom, n: usize, snps: usize, rng: &mut ChaCha8Rng) -> Cohort {
        let mut z = Mat::zeros(n, snps);
        for k in 0..snps {
            let frequency = 0.05 + 0.45 * rng.random::<f64>();
            let x = dosages(whom, n, frequency, rng);
            let mean = x.iter().sum::<f64>() / n as f64;
            let sd = (2.0 * frequency * (1.0 - frequency)).sqrt();
            for (to, x) in z.col_as_slice_mut(k).iter_mut().zip(x) {
                *to = (x - mean) / sd;
            }
        }
        let mut kernel = product(z.as_ref(), z.transpose());
        normalise(&mut kernel, "polygenic").expect("SNPs that vary");
        Cohort { whom, z, kernel }
    }

    /// A trait: those of the highest liability are `cases`, `heritability` of its variance is that
    /// of effects of all polygenic SNPs.
    pub(crate) fn status(&self, cases: usize, heritability: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let n = self.z.nrows();
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let effects = Mat::from_fn(self.z.ncols(), 1, |_, _| normal());
        let genetic = product(self.z.as_ref(), effects.as_ref());
        let size = genetic.col_as_slice(0).iter().map(|g| g * g).sum::<f64>();
        let noise = (size / n as f64 * (1.0 - heritability) / heritability).sqrt();
        let mut liability: Vec<(f64, usize)> = (0..n)
            .map(|i| (genetic[(i, 0)] + noise * normal(), i))
            .collect();
        liability.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut status = vec![0.0; n];
        liability[..cases]
            .iter()
            .for_each(|(_, i)| status[*i] = 1.0);
        status
    }

    /// Dosages of `count` SNPs without any effect, of frequencies from `rarest` to `most`,
    /// inherited as the others are.
    pub(crate) fn null(
        &self,
        count: usize,
        (rarest, most): (f64, f64),
        rng: &mut ChaCha8Rng,
    ) -> Mat<f64> {
        let n = self.z.nrows();
        let mut block = Mat::zeros(n, count);
        for k in 0..count {
            let frequency = rarest + (most - rarest) * rng.random::<f64>();
            let x = dosages(self.whom, n, frequency, rng);
            block.col_as_slice_mut(k).copy_from_slice(&x);
        }
        block
    }
}

fn dosages(whom: Whom, n: usize, frequency: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut x = Vec::with_capacity(n);
    match whom {
        // Each parent's two alleles are drawn, each child gets one of both.
        Whom::Families => {
            while x.len() < n {
                let parents: [f64; 4] =
                    std::array::from_fn(|_| f64::from(rng.random_bool(frequency)));
                for _ in 0..4 {
                    let mother = parents[usize::from(rng.random_bool(0.5))];
                    x.push(mother + parents[2 + usize::from(rng.random_bool(0.5))]);
                }
            }
            x.truncate(n);
        }
        // Balding and Nichols, Genetica 96:3, 1995.
        Whom::Populations => {
            let rest = (1.0 - DISTANCE) / DISTANCE;
            let drift = Beta::new(frequency * rest, (1.0 - frequency) * rest);
            let drift = drift.expect("a frequency between 0 and 1");
            for size in [n / 2, n - n / 2] {
                let own: f64 = drift.sample(rng);
                let allele = |rng: &mut ChaCha8Rng| f64::from(rng.random_bool(own));
                x.extend((0..size).map(|_| allele(rng) + allele(rng)));
            }
        }
    }
    x
}

/// ln p of the plain Gaussian score test of every SNP: n·r² as χ² on one degree of freedom; none
/// for a SNP that does not vary.
pub(crate) fn gaussian(y: &[f64], block: &Mat<f64>) -> Vec<f64> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let size = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
    let of = |k: usize| {
        let x = block.col_as_slice(k);
        let own = x.iter().sum::<f64>() / n;
        let (mut both, mut square) = (0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            both += (x - own) * (y - mean);
            square += (x - own).powi(2);
        }
        (square > 0.0).then(|| ln_chi2_tail(n * both * both / (square * size)))
    };
    (0..block.ncols()).filter_map(of).collect()
}

/// ln p of every SNP that `model` can test, by each of `forms`. 2·n² operations a SNP beside a
/// kernel.
pub(crate) fn ln_p(model: &Model, forms: &[Form], block: &Mat<f64>) -> Vec<Vec<f64>> {
    let projected = model
        .projection()
        .map(|p| product(p.as_ref(), block.as_ref()));
    let of = |form: &Form| -> Vec<f64> {
        let test = |k: usize| {
            let projected = projected.as_ref().map(|px| px.col_as_slice(k));
            model.test(*form, block.col_as_slice(k), projected).ok()
        };
        let all: Vec<_> = (0..block.ncols()).into_par_iter().map(test).collect();
        all.into_iter()
            .flatten()
            .map(|effect| effect.ln_p)
            .collect()
    };
    forms.iter().map(of).collect()
}

/// Tests, and those with p at most each of [`LEVELS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All.
    pub(crate) tested: usize,
    /// Those rejected.
    pub(crate) rejected: [usize; LEVELS.len()],
}

impl Counts {
    /// Adds tests.
    pub(crate) fn add(&mut self, all: impl IntoIterator<Item = f64>) {
        for ln_p in all {
            self.tested += 1;
            for (count, level) in self.rejected.iter_mut().zip(LEVELS) {
                *count += usize::from(ln_p <= level.ln());
            }
        }
    }

    /// Size over level `k`, with the ends of its 95 % interval for a binomial count (Wilson, J. Am.
    /// Stat. Assoc. 22:209, 1927).
    pub(crate) fn ratio(&self, k: usize) -> [f64; 3] {
        let (n, z) = (self.tested as f64, 1.959_964);
        let share = self.rejected[k] as f64 / n;
        let middle = share + z * z / (2.0 * n);
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + z * z / n;
        [share, (middle - half) / whole, (middle + half) / whole].map(|share| share / LEVELS[k])
    }
}
