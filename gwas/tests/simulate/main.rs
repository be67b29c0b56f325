//! Simulated cohorts: what their genotypes, traits and files promise.

mod files;
mod genotypes;
mod options;
mod traits;

use epitile::simulate::SimulateOptions;
use epitile_core::genotypes::Genotypes;

fn small() -> SimulateOptions {
    SimulateOptions {
        samples: 301,
        snps: 600,
        chromosomes: 3,
        founders: 60,
        causal: 30,
        pairs: 40,
        ..Default::default()
    }
}

/// Standardised columns, missing calls at the mean.
fn standardised(genotypes: &Genotypes) -> Vec<Vec<f64>> {
    let counts = genotypes.counts().iter().enumerate();
    counts
        .map(|(m, count)| {
            let (mean, sd) = (count.mean(), count.variance().sqrt());
            let call = |i| {
                genotypes
                    .dosage(i, m)
                    .map_or(0.0, |x| (f64::from(x) - mean) / sd)
            };
            (0..genotypes.samples()).map(call).collect()
        })
        .collect()
}

fn mean_product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / x.len() as f64
}

fn near(x: f64, expected: f64) {
    // Sums of 301 terms of size about 1, with their rounding.
    let bound = 301.0 * 8.0 * f64::EPSILON;
    assert!((x - expected).abs() <= bound, "{x} instead of {expected}");
}
