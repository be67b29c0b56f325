//! Every kernel of the smallest set, computed by other programs.

use epitile::cohort::{Cohort, CohortOptions};
use epitile::matrix::{MatrixOptions, Missing};
use epitile_core::genotypes::Counts;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PairKind, PairStatistic, Term, Weighting};
use serde_json::Value;

use crate::{MEAN_ERROR, common, files, most_missing, rows, unit};

fn toy() -> Option<(Cohort, Value)> {
    let folder = common::data("toy13")?;
    let cohort = Cohort::load(&CohortOptions::new(folder.join("toy13"))).unwrap();
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    Some((cohort, serde_json::from_str(&text).unwrap()))
}

fn compare(
    what: &str,
    ours: impl Fn(usize, usize) -> f64,
    expected: &Value,
    bound: impl Fn(f64) -> f64,
) {
    let expected = rows(expected);
    assert_eq!(expected.len(), 13);
    for (i, row) in expected.iter().enumerate() {
        for (j, &value) in row.iter().enumerate() {
            let (error, bound) = ((ours(i, j) - value).abs(), bound(value));
            assert!(error <= bound, "{what} ({i}, {j}): {error:e} > {bound:e}");
        }
    }
}

#[test]
fn the_gaussian_kernel_of_the_median_is_exact() {
    let Some((cohort, expected)) = toy() else {
        return;
    };
    let ours = files(&cohort, &MatrixOptions::new(Kernel::Gaussian));
    let median = expected["median_sq_distance"].as_f64().unwrap();
    // Where one call is missing, μ² − 2μx is off by at most 5 errors of a mean; sums of 37
    // squares up to 4 are rounded 37 times on the other side.
    let distance = 2.0 * most_missing(&cohort) * 5.0 * MEAN_ERROR + 37.0 * 148.0 * unit();
    let gamma = ours.written.gamma;
    assert!((1.0 / gamma - median).abs() <= distance + 2.0 * median * unit());
    compare(
        "gaussian",
        |i, j| ours.value(i, j),
        &expected["rbf_gamma_1_over_median"],
        |k| {
            // exp(−a): a errs by its distance, its median, and four roundings; two more for exp.
            let a = -k.ln();
            k * ((1.0 + a) * distance / median + (4.0 * a + 4.0) * unit())
        },
    );
}

#[test]
fn identity_by_state_of_imputed_dosages_is_exact() {
    let Some((cohort, expected)) = toy() else {
        return;
    };
    let options = MatrixOptions {
        missing: Some(Missing::Mean),
        ..MatrixOptions::new(Kernel::Ibs)
    };
    let ours = files(&cohort, &options);
    let bound = 2.0 * most_missing(&cohort) * MEAN_ERROR / 74.0 + 40.0 * unit();
    compare(
        "ibs",
        |i, j| ours.value(i, j),
        &expected["ibs_mean_imputed"],
        |_| bound,
    );
}

#[test]
fn the_linear_kernel_is_scaled_to_a_mean_diagonal_of_one() {
    let Some((cohort, expected)) = toy() else {
        return;
    };
    let ours = files(&cohort, &MatrixOptions::new(Kernel::Linear));
    let scale = expected["linear_mean_diag"].as_f64().unwrap();
    // (‖x‖² + ‖y‖² − d²)/2s: errors of means in d², of the 48-bit norms, of 37-term sums.
    let distance = 2.0 * most_missing(&cohort) * 5.0 * MEAN_ERROR;
    let bound = (distance + 37.0 * (48f64 - 1.0).exp2().recip() + 37.0 * 148.0 * unit()) / scale;
    compare(
        "linear",
        |i, j| ours.value(i, j),
        &expected["linear_centred_over_mean_diag"],
        |_| bound,
    );
    let trace: f64 = (0..13).map(|i| ours.value(i, i)).sum();
    assert!((trace - 13.0).abs() <= 13.0 * bound);
}

#[test]
fn the_relationship_matrix_is_divided_by_all_snps_not_by_those_that_vary() {
    let Some((cohort, expected)) = toy() else {
        return;
    };
    let ours = files(&cohort, &MatrixOptions::new(Kernel::TwoPq));
    let vary = expected["n_polymorphic"].as_f64().unwrap();
    let statistic = PairStatistic::new(
        PairKind::Product(Weighting::TwoPq),
        cohort.genotypes.counts(),
    );
    // A weight's error times the largest product of deviations; and what rounding w·μ, of which
    // there are at most four, and w·μ² adds.
    let unit_of_terms = f64::from(statistic.unit()).exp2();
    let of = |(term, c): (&Term, &Counts)| {
        let (p, top) = (c.frequency(), c.mean().max(2.0 - c.mean()));
        let error = match c.is_monomorphic() {
            true => 0.0,
            false => term.weight as f64 * unit_of_terms - 0.5 / (p * (1.0 - p)),
        };
        error.abs() * top * top + 3.0 * unit_of_terms
    };
    let terms = statistic.terms().iter();
    let bound = terms.zip(cohort.genotypes.counts()).map(of).sum::<f64>() / vary;
    compare(
        "linear:2pq",
        |i, j| ours.value(i, j) * 37.0 / vary,
        &expected["grm_standardised_2pq"],
        |k| bound + 40.0 * unit() * (1.0 + k.abs()),
    );
}
