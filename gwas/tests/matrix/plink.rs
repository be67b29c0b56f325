//! Relationship and identity-by-state matrices of PLINK on HapMap 3.

use std::io::Read;
use std::path::{Path, PathBuf};

use epitile::cohort::{Cohort, CohortOptions};
use epitile::matrix::{MatrixOptions, Missing};
use epitile_core::genotypes::Counts;
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PairKind, PairStatistic, Weighting};

use crate::{Files, common, files, unit};

/// SNPs on chromosomes 1–22.
const SNPS: f64 = 13178.0;

fn hapmap3() -> Option<(PathBuf, Cohort)> {
    let folder = common::data("hapmap3")?;
    let options = CohortOptions {
        chr: Some("1-22".into()),
        ..CohortOptions::new(folder.join("hapmap3"))
    };
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!(
        (cohort.samples.len(), cohort.snps.len() as f64),
        (324, SNPS)
    );
    Some((folder.join("ref"), cohort))
}

fn write(cohort: &Cohort, kernel: Kernel, missing: Option<Missing>) -> Files {
    let options = MatrixOptions::new(kernel);
    files(cohort, &MatrixOptions { missing, ..options })
}

/// Numbers of a square table, each with half a unit of its sixth significant digit, the last
/// that PLINK prints.
fn printed(path: &Path) -> Vec<Vec<(f64, f64)>> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let number = |text: &str| {
        let value: f64 = text.parse().unwrap();
        let digit = |v: f64| 10f64.powi(v.abs().log10().floor() as i32 - 5);
        (
            value,
            if value == 0.0 {
                0.0
            } else {
                digit(value) / 2.0
            },
        )
    };
    let row = |line: &str| line.split('\t').map(number).collect();
    text.lines().map(row).collect()
}

/// Compares all pairs with a table of PLINK, to its printed digits and `bound`.
fn compare(table: &Path, ours: impl Fn(usize, usize) -> f64, bound: impl Fn(usize, usize) -> f64) {
    let theirs = printed(table);
    let n = theirs.len();
    for (i, row) in theirs.iter().enumerate() {
        assert_eq!(row.len(), n);
        for (j, &(value, half)) in row.iter().enumerate() {
            let error = (ours(i, j) - value).abs();
            let (bound, table) = (half + bound(i, j), table.display());
            assert!(error <= bound, "{table} ({i}, {j}): {error:e} > {bound:e}");
        }
    }
}

/// How far Σ z_i z_j / M_ij may be off because weights are rounded.
///
/// A weight's relative error ε moves the sum by Σ ε z_i z_j ≤ (Σ |ε| z_i² + Σ |ε| z_j²) / 2. The
/// roundings of w·μ (at most four, half a unit each) and w·μ² (one unit) have a variance of at
/// most 16/12 + 1/3 per SNP if they are independent; nine standard deviations are a chance of
/// 10⁻¹⁸. PLINK's own sums are in `f64`.
fn rounding(cohort: &Cohort, files: &Files) -> impl Fn(usize, usize) -> f64 {
    let kind = PairKind::Product(Weighting::TwoPq);
    let genotypes = &cohort.genotypes;
    let statistic = PairStatistic::new(kind, genotypes.counts());
    let step = f64::from(statistic.unit()).exp2();
    let squares = |i: usize| files.count(i, i) * files.value(i, i);
    let moved = |i: usize| -> f64 {
        let of = |(m, c): (usize, &Counts)| {
            let x = genotypes.dosage(i, m).filter(|_| !c.is_monomorphic())?;
            let exact = 0.5 / (c.frequency() * (1.0 - c.frequency()));
            let error = statistic.terms()[m].weight as f64 * step - exact;
            Some(error.abs() * (f64::from(x) - c.mean()).powi(2))
        };
        let counts = genotypes.counts().iter().enumerate();
        counts.filter_map(of).sum()
    };
    let moved: Vec<f64> = (0..genotypes.samples()).map(moved).collect();
    let terms = 9.0 * step * (5.0 / 3.0 * SNPS).sqrt();
    move |i, j| {
        let both = squares(i) + squares(j);
        let weights = (moved[i] + moved[j]) / 2.0;
        (weights + terms + SNPS * unit() * both) / files.count(i, j)
    }
}

#[test]
fn the_mean_imputed_relationship_matrix_is_plinks_to_all_printed_digits() {
    let Some((reference, cohort)) = hapmap3() else {
        return;
    };
    let ours = write(&cohort, Kernel::TwoPq, None);
    assert_eq!(ours.written.missing, Missing::Mean);
    assert!(
        ours.grm
            .counts
            .as_ref()
            .unwrap()
            .iter()
            .all(|&c| c == 13178.0)
    );
    let table = reference.join("plink2_make_rel_meanimpute.square.tsv.gz");
    let bound = rounding(&cohort, &ours);
    compare(&table, |i, j| ours.value(i, j), bound);
}

#[test]
fn the_pairwise_relationship_matrix_is_plinks_to_all_printed_digits() {
    let Some((reference, cohort)) = hapmap3() else {
        return;
    };
    let ours = write(&cohort, Kernel::TwoPq, Some(Missing::Pairwise));
    let calls: f64 = (0..324).map(|i| ours.count(i, i)).sum();
    let observed: u64 = cohort.genotypes.counts().iter().map(|c| c.observed()).sum();
    assert_eq!(calls, observed as f64);
    let table = reference.join("plink2_make_rel.square.tsv.gz");
    let bound = rounding(&cohort, &ours);
    compare(&table, |i, j| ours.value(i, j), bound);
}

#[test]
fn identity_by_state_is_plinks_to_all_printed_digits() {
    let Some((reference, cohort)) = hapmap3() else {
        return;
    };
    let ours = write(&cohort, Kernel::Ibs, None);
    assert_eq!(ours.written.missing, Missing::Pairwise);
    let table = reference.join("plink19_1-ibs_flatmissing.square.tsv.gz");
    // Quotients of integers; only the two differences from 1 are rounded.
    compare(&table, |i, j| 1.0 - ours.value(i, j), |_, _| 2.0 * unit());
}

#[test]
fn individuals_are_named_in_the_order_of_the_fam() {
    let Some((reference, cohort)) = hapmap3() else {
        return;
    };
    let ours = write(&cohort, Kernel::Ibs, None);
    let text = std::fs::read_to_string(reference.join("ids.txt")).unwrap();
    let names = text.lines().skip(1).map(|line| line.replace('\t', " "));
    let names: Vec<String> = names.collect();
    let written: Vec<String> = ours.grm.ids.iter().map(ToString::to_string).collect();
    assert_eq!(written, names);
}
