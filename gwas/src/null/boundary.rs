//! Is a variance zero? A test at the edge of what variances can be.
//!
//! With one kernel the restricted likelihood ratio is a function of the eigenvalues and of
//! independent normal variables (Crainiceanu and Ruppert 2004), which are drawn. With several, a
//! kernel is tested against the others whose variance is not zero: traits are drawn from that null
//! model and both models fitted to each (parametric bootstrap), until as many ratios have reached
//! the observed one as a p-value needs (Besag and Clifford 1991).

use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::reml::{Fit, Problem};
use super::spectral::RANGE;
use crate::dense::{Eigen, Factor, combine, product};
use crate::tails::ln_chi2_tail;

/// Values of ρ at which a drawn likelihood is evaluated; between them it is a parabola.
const GRID: usize = 200;

/// Draws made together.
const BATCH: usize = 256;

/// Exceedances after which a bootstrap ends.
const ENOUGH: usize = 10;

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// The exact null distribution, drawn from the eigenvalues.
    Eigenvalues,
    /// Traits drawn from the null model, both models fitted to each.
    Bootstrap,
}

/// A test of σ²_k = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Kernels of the null model.
    pub null: Vec<usize>,
    /// 2 (ln L − ln L₀).
    pub ratio: f64,
    /// ln of ½ P(χ²₁ ≥ ratio); 0 for a ratio of 0.
    pub ln_mixture: f64,
    /// Where the other p-value is from.
    pub by: Null,
    /// (exceedances + 1)/(draws + 1), or exceedances/draws where they sufficed; `None` without
    /// draws.
    pub p: Option<f64>,
    /// Draws made.
    pub draws: usize,
    /// Draws whose ratio is 0; the mixture says one half.
    pub zero: usize,
}

/// How many draws, and from which stream of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// Of the eigenvalues' null.
    pub eigenvalues: usize,
    /// Of a bootstrap, at most.
    pub bootstrap: usize,
    /// Seed.
    pub seed: u64,
}

/// The `index`th stream of test `of`.
fn stream(seed: u64, of: usize, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((of as u64) << 32 | index as u64);
    rng
}

/// ½ P(χ²₁ ≥ ratio), in logarithms.
pub fn ln_mixture(ratio: f64) -> f64 {
    match ratio > 0.0 {
        true => ln_chi2_tail(ratio) - std::f64::consts::LN_2,
        false => 0.0,
    }
}

/// Ratios of `draws` traits without the kernel whose contrasts have the eigenvalues `values`.
/// m·`GRID` operations each.
pub fn drawn_ratios(values: &[f64], draws: usize, (seed, of): (u64, usize)) -> Vec<f64> {
    let m = values.len();
    let place = |g: usize| RANGE.0 + (RANGE.1 - RANGE.0) * g as f64 / (GRID - 1) as f64;
    let ratios: Vec<f64> = (0..GRID).map(|g| 10_f64.powf(place(g))).collect();
    let weights = Mat::from_fn(m, GRID, |i, g| 1.0 / (ratios[g] * values[i] + 1.0));
    let logs: Vec<f64> = ratios
        .iter()
        .map(|r| values.iter().map(|d| (r * d).ln_1p()).sum())
        .collect();
    let mut all = Vec::with_capacity(draws);
    for batch in 0..draws.div_ceil(BATCH) {
        let count = BATCH.min(draws - batch * BATCH);
        let mut rng = stream(seed, of, batch);
        let squares = Mat::from_fn(m, count, |_, _| {
            let z: f64 = StandardNormal.sample(&mut rng);
            z * z
        });
        let totals: Vec<f64> = (0..count)
            .map(|b| squares.col_as_slice(b).iter().sum())
            .collect();
        let sums = product(weights.transpose(), squares.as_ref());
        let ratio = |b: usize| {
            let at = |g: usize| m as f64 * (totals[b] / sums[(g, b)]).ln() - logs[g];
            let values: Vec<f64> = (0..GRID).map(at).collect();
            peak(&values)
        };
        all.par_extend((0..count).into_par_iter().map(ratio));
    }
    all
}

/// The largest value, not below 0; between neighbours a parabola through three.
fn peak(values: &[f64]) -> f64 {
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]));
    let Some(g) = best else { return 0.0 };
    let inside = g > 0 && g + 1 < values.len();
    let more = match inside {
        true => {
            let (a, b, c) = (values[g - 1], values[g], values[g + 1]);
            let curvature = 2.0 * b - a - c;
            match curvature > 0.0 {
                true => (c - a) * (c - a) / (8.0 * curvature),
                false => 0.0,
            }
        }
        false => 0.0,
    };
    (values[g] + more).max(0.0)
}

/// 2 (ln L − ln L₀); 0 for what two searches for one maximum differ by.
fn likelihood_ratio(full: &Fit, null: &Fit) -> f64 {
    match 2.0 * (full.log_likelihood - null.log_likelihood) {
        ratio if ratio > 1e-8 => ratio,
        _ => 0.0,
    }
}

/// Tests kernel `k` of `kernels`. Kernels whose variance is zero without it are left out of both
/// models: the null model must have none at the boundary. `of` numbers the test: tests draw from
/// streams of their own.
pub fn test(
    (kernels, eigen): (&[Mat<f64>], &[Eigen]),
    problem: &Problem<'_>,
    k: usize,
    (draws, of): (&Draws, usize),
) -> Test {
    let count = kernels.len();
    let others: Vec<usize> = (0..count).filter(|&j| j != k).collect();
    let base = problem.fit(&others);
    let null: Vec<usize> = (0..count).filter(|&j| base.variances[j] > 0.0).collect();
    let mut chosen = null.clone();
    chosen.push(k);
    chosen.sort_unstable();
    let refit = problem.fit(&chosen);
    let ratio = likelihood_ratio(&refit, &base);
    let mut test = Test {
        ratio,
        ln_mixture: ln_mixture(ratio),
        by: Null::Bootstrap,
        p: None,
        draws: 0,
        zero: 0,
        null,
    };
    if test.null.is_empty() {
        test.by = Null::Eigenvalues;
        let drawn = drawn_ratios(&eigen[k].values, draws.eigenvalues, (draws.seed, of));
        let reached = drawn.iter().filter(|&&r| r >= ratio).count();
        test.draws = drawn.len();
        test.zero = drawn.iter().filter(|&&r| r == 0.0).count();
        test.p = (test.draws > 0).then(|| (reached + 1) as f64 / (test.draws + 1) as f64);
        return test;
    }
    let terms: Vec<(f64, &Mat<f64>)> = test
        .null
        .iter()
        .map(|&j| (base.variances[j], &kernels[j]))
        .collect();
    let m = kernels[k].nrows();
    let Some(root) = Factor::new(&combine(&terms, base.variances[count], m)) else {
        return test;
    };
    let mut reached = 0;
    while test.draws < draws.bootstrap && reached < ENOUGH {
        let mut rng = stream(draws.seed, of, test.draws);
        let z: Vec<f64> = (0..m).map(|_| StandardNormal.sample(&mut rng)).collect();
        let y = root.colour(&z);
        let drawn = Problem::new(&y, kernels, eigen);
        let base = drawn.fit_from(&test.null, &base.variances);
        let full = drawn.fit_from(&chosen, &base.variances);
        let other = likelihood_ratio(&full, &base);
        test.draws += 1;
        test.zero += usize::from(other == 0.0);
        reached += usize::from(other >= ratio);
    }
    test.p = (test.draws > 0).then(|| match reached == ENOUGH {
        true => reached as f64 / test.draws as f64,
        false => (reached + 1) as f64 / (test.draws + 1) as f64,
    });
    test
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_eigenvalues_give_more_zeros_than_one_half() {
        // Ten groups of equal individuals: a ratio is 0 more often than half the time
        // (Crainiceanu and Ruppert 2004: 0.65 or so for a balanced one-way layout of this size).
        let values: Vec<f64> = (0..60).map(|i| if i < 9 { 6.0 } else { 0.0 }).collect();
        let drawn = drawn_ratios(&values, 4000, (1, 0));
        let zeros = drawn.iter().filter(|&&r| r == 0.0).count() as f64 / 4000.0;
        // P(slope at 0 ≤ 0) = P(F₉,₅₁ ≤ 1) exactly: 0.547; a maximum may be away from a falling
        // start, but hardly is. Four standard errors, 0.03.
        assert!((zeros - 0.547).abs() < 0.03, "{zeros}");
    }

    #[test]
    fn half_of_the_mixture_is_at_zero() {
        assert_eq!(ln_mixture(0.0), 0.0);
        assert!((ln_mixture(2.705_543_454_095_404).exp() - 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_parabola_finds_the_top_between_points() {
        let values: Vec<f64> = (0..9).map(|i| 5.0 - (i as f64 - 3.3).powi(2)).collect();
        assert!((peak(&values) - 5.0).abs() < 1e-12);
        assert_eq!(peak(&[-3.0, -2.0, -5.0]), 0.0);
    }
}
