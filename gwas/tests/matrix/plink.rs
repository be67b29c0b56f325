//! Relationship and identity-by-state matrices of PLINK on HapMap 3.

use std::io::Read;
use std::path::{Path, PathBuf};

use epitile::cohort::{Cohort, CohortOptions};
use epitile::matrix::{MatrixOptions, Missing};
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

/// How far Σ z_i z_j / M_ij may be off because z is a multiple of 2^−f.
///
/// Rounding z moves the sum by Σ z_i e_j + z_j e_i with |e| ≤ 2^−f−1, of variance at most
/// 2·(2^−2f/12)(Σ z_i² + Σ z_j²) if the e of different SNPs are independent (the factor 2 is for
/// i = j); nine standard deviations are a chance of 10⁻¹⁸. PLINK's own sums are in `f64`.
fn rounding(cohort: &Cohort, files: &Files) -> impl Fn(usize, usize) -> f64 {
    let kind = PairKind::Product(Weighting::TwoPq);
    let statistic = PairStatistic::new(kind, cohort.genotypes.counts());
    let step = f64::from(statistic.unit() / 2).exp2();
    let squares = |i: usize| files.count(i, i) * files.value(i, i);
    move |i, j| {
        let both = squares(i) + squares(j);
        let deviation = step * (both / 6.0).sqrt();
        (9.0 * deviation + SNPS * unit() * both) / files.count(i, j)
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
