//! The test of each SNP's interactions.

use std::collections::HashSet;

use epitile::cohort::CohortOptions;

use crate::draws::{additive_traits, epistatic_traits};
use crate::lab::Lab;

/// −log₁₀ p of the SNPs tested, by ID.
pub(crate) fn p_values(lab: &Lab, name: &str) -> Vec<(String, f64)> {
    let rows = lab.rows(name);
    let tested = rows[1..].iter().filter(|r| r[13] == "NA");
    tested
        .map(|r| (r[2].clone(), r[11].parse().unwrap()))
        .collect()
}

/// Share of p-values at most `level`.
pub(crate) fn below(all: &[(String, f64)], level: f64) -> f64 {
    let count = all.iter().filter(|(_, p)| *p >= -level.log10()).count();
    count as f64 / all.len() as f64
}

/// Mean over traits of a share, with its standard error: SNPs of a trait are not independent,
/// traits are.
pub(crate) fn mean(shares: &[f64]) -> (f64, f64) {
    let n = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let square = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
    (mean, (square / (n * (n - 1.0))).sqrt())
}

/// Traits of the table `t` of a small cohort, tested.
fn tested(lab: &Lab, count: usize, flag: &str) -> Vec<Vec<(String, f64)>> {
    lab.succeeds(&format!(
        "epistasis --marginal {flag} --bfile s --pheno t --out m"
    ));
    (0..count)
        .map(|t| p_values(lab, &format!("m_t{t}.marginal.tsv")))
        .collect()
}

#[test]
fn additive_traits_are_rejected_as_often_as_stated() {
    let lab = Lab::with_cohort("--samples 250 --snps 60 --families 2 --seed 6");
    let count = 120;
    lab.write("t", additive_traits(&lab, count, 0.5, None));
    let tables = tested(&lab, count, "");
    for level in [0.05, 0.01] {
        let shares: Vec<f64> = tables.iter().map(|all| below(all, level)).collect();
        let (size, se) = mean(&shares);
        eprintln!("{level}: {size:.4} ± {se:.4}");
        assert!((size - level).abs() <= 3.0 * se, "{level}: {size} ± {se}");
    }
    // Without a third of the SNPs the kernel is not that of the traits, and must not reject more.
    let tables = tested(&lab, count, "--marginal-loco");
    let (size, se) = mean(
        &tables
            .iter()
            .map(|all| below(all, 0.05))
            .collect::<Vec<_>>(),
    );
    eprintln!("without the chromosome 0.05: {size:.4} ± {se:.4}");
    assert!(size <= 0.05 + 3.0 * se, "{size} ± {se}");
}

#[test]
fn a_large_effect_of_its_own_does_not_make_a_snp_interact() {
    let lab = Lab::with_cohort("--samples 250 --snps 60 --families 2 --seed 6");
    let (count, large) = (120, 17);
    // The SNP's variance is about a quarter of the trait's.
    lab.write("t", additive_traits(&lab, count, 0.5, Some((large, 0.9))));
    let tables = tested(&lab, count, "");
    let at = tables.iter().map(|all| below(&all[large..=large], 0.05));
    let (size, _) = mean(&at.collect::<Vec<_>>());
    eprintln!("at the SNP with an effect: {size:.4}");
    // Three standard deviations of a share of 120 traits above 5 %.
    assert!(
        size <= 0.05 + 3.0 * (0.05_f64 * 0.95 / 120.0).sqrt(),
        "{size}"
    );
}

#[test]
fn traits_with_much_epistasis_are_rejected_as_often_as_stated_where_the_null_has_it() {
    let lab = Lab::with_cohort("--samples 250 --snps 120 --recombination 0.02 --seed 6");
    let count = 60;
    let cohort = CohortOptions::new(lab.path("s"));
    lab.write("t", epistatic_traits(&cohort, count, (0.2, 0.6), None));
    let size = |flags: &str, level: f64| {
        let tables = tested(&lab, count, flags);
        let shares: Vec<f64> = tables.iter().map(|all| below(all, level)).collect();
        let (size, se) = mean(&shares);
        eprintln!("{flags} {level}: {size:.4} ± {se:.4}");
        (size, se)
    };
    let (with, se) = size("--null linear:std,grm^2", 0.05);
    assert!((with - 0.05).abs() <= 3.0 * se, "{with} ± {se}");
    let (without, se) = size("", 0.05);
    assert!(without - 0.05 > 6.0 * se, "{without} ± {se}");
}

#[test]
fn snps_that_interact_come_first() {
    let lab = Lab::new();
    lab.succeeds(
        "simulate --samples 1000 --snps 400 --chromosomes 4 --founders 200 --recombination 0.05 \
         --causal 20 --pairs 5 --additive 0.3 --epistatic 0.3 --maf-min 0.2 --seed 8 --out s",
    );
    lab.succeeds("epistasis --marginal --bfile s --pheno s.pheno.txt --out m");
    let mut all = p_values(&lab, "m.marginal.tsv");
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let pairs = lab.rows("s.truth.pairs.tsv");
    eprintln!("{:?}", pairs[0]);
    let places: Vec<usize> = (0..pairs[0].len())
        .filter(|&c| pairs[0][c].to_lowercase().starts_with("snp"))
        .collect();
    assert_eq!(places.len(), 2, "{:?}", pairs[0]);
    let ids = pairs[1..]
        .iter()
        .flat_map(|r| places.iter().map(|&c| r[c].clone()));
    let truth: HashSet<String> = ids.collect();
    // Average precision: the mean of the precision at every SNP that interacts.
    let (mut hits, mut sum) = (0.0, 0.0);
    for (rank, (id, p)) in all.iter().enumerate() {
        if truth.contains(id) {
            hits += 1.0;
            sum += hits / (rank + 1) as f64;
            eprintln!("{id}: rank {} of {}, −log10 p {p:.2}", rank + 1, all.len());
        }
    }
    let precision = sum / truth.len() as f64;
    let chance = truth.len() as f64 / all.len() as f64;
    eprintln!("average precision {precision:.3}, by chance {chance:.3}");
    assert!(precision > 10.0 * chance, "{precision} {chance}");
}
