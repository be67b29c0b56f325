//! Kernels of SNPs that count more or less often.

use epitile::cohort::{Cohort, CohortOptions};
use epitile::matrix::MatrixOptions;
use epitile::settings::Gammas;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PairKind, PairStatistic};

use crate::{common, files, most_missing, unit};

/// A few weights, as annotations give them; some SNPs do not count.
fn weight(m: usize) -> f64 {
    [1.0, 0.5, 3.0, 0.0, 2.5][m * m % 5]
}

/// Columns in FP64: dosages less their means, missing calls 0, and the deviations' mean square.
fn columns(cohort: &Cohort) -> Vec<(Vec<f64>, f64)> {
    let g = &cohort.genotypes;
    let column = |m: usize| {
        let mean = g.counts()[m].mean();
        let call = |i| g.dosage(i, m).map_or(0.0, |x| f64::from(x) - mean);
        let column: Vec<f64> = (0..g.samples()).map(call).collect();
        let square = column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64;
        (column, square)
    };
    (0..g.snps()).map(column).collect()
}

#[test]
fn every_kernel_is_that_of_columns_that_count_as_often_as_their_weight() {
    let Some(folder) = common::data("toy13") else {
        return;
    };
    let cohort = Cohort::load(&CohortOptions::new(folder.join("toy13"))).unwrap();
    let (columns, n) = (columns(&cohort), cohort.samples.len());
    let weights: Vec<f64> = (0..columns.len()).map(weight).collect();
    let each = || columns.iter().zip(&weights);
    let vary = |square: f64| if square > 0.0 { 1.0 } else { 0.0 };
    let product = |i: usize, j: usize| each().map(|((x, _), w)| w * x[i] * x[j]).sum::<f64>();
    let standardised = |i: usize, j: usize| {
        let of = |((x, s), w): (&(Vec<f64>, f64), &f64)| match *s > 0.0 {
            true => w * x[i] * x[j] / s,
            false => 0.0,
        };
        each().map(of).sum::<f64>() / each().map(|((_, s), w)| w * vary(*s)).sum::<f64>()
    };
    let distance = |i, j| product(i, i) + product(j, j) - 2.0 * product(i, j);
    let scale = (0..n).map(|i| product(i, i)).sum::<f64>() / n as f64;
    let gamma = 0.013;

    // Weights with few bits are exact in distances. Where a call is missing, μ² − 2μx errs by at
    // most 5 halves of a unit; sums of 37 terms up to 3·4 in FP64 are rounded 37 times.
    let counts = cohort.genotypes.counts();
    let statistic = PairStatistic::weighted(PairKind::Squared, counts, &weights).unwrap();
    let step = f64::from(statistic.unit()).exp2();
    let sums = 4.0 * 37.0 * 37.0 * 12.0 * unit();
    let apart = 2.0 * most_missing(&cohort) * 2.5 * step + sums;
    // As in distances, and norms in units of 2⁻⁴⁸.
    let linear = (apart + 37.0 * 2f64.powi(-46) + sums) / scale;
    // A weight's error, and what rounding w·μ and w·μ² adds, against the terms' largest products.
    let of = PairStatistic::weighted(Kernel::Standardised.pair_kind(), counts, &weights).unwrap();
    let terms = of.terms().iter().zip(counts).zip(each());
    let off = terms.map(|((term, c), ((_, s), w))| {
        let (step, top) = (f64::from(of.unit()).exp2(), c.mean().max(2.0 - c.mean()));
        let wanted = if c.is_monomorphic() { 0.0 } else { w / s };
        (term.weight as f64 * step - wanted).abs() * top * top + 3.0 * step
    });
    let total = each().map(|((_, s), w)| w * vary(*s)).sum::<f64>();
    let std = off.sum::<f64>() / total + 37.0 * 37.0 * 30.0 * unit();

    type Value<'a> = &'a dyn Fn(usize, usize) -> f64;
    let of_linear = |i, j| product(i, j) / scale;
    let cases: [(Kernel, Value<'_>, f64); 5] = [
        (Kernel::Linear, &of_linear, linear),
        (
            Kernel::Poly(2),
            &|i, j| (1.0 + of_linear(i, j)).powi(2),
            8.0 * linear,
        ),
        (
            Kernel::Gaussian,
            &|i, j| (-gamma * distance(i, j)).exp(),
            gamma * apart + 8.0 * unit(),
        ),
        (Kernel::Standardised, &standardised, std),
        (
            Kernel::GrmSquared,
            &|i, j| standardised(i, j).powi(2),
            8.0 * std,
        ),
    ];
    for (kernel, value, bound) in cases {
        let ours = files(
            &cohort,
            &MatrixOptions {
                gamma: Gammas::Values(vec![gamma]),
                weights: Some(weights.clone()),
                ..MatrixOptions::new(kernel)
            },
        );
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let (got, expected) = (ours.value(i, j), value(i, j));
            let error = (got - expected).abs();
            assert!(
                error <= bound,
                "{kernel} ({i}, {j}): {got} {expected}: {error:e} > {bound:e}"
            );
        }
        assert!(
            bound < 1e-6,
            "{kernel}: a bound that means something: {bound:e}"
        );
    }
}
