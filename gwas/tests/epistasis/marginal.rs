//! The test of each SNP's interactions.

use std::collections::HashSet;

use crate::common::data;
use crate::draws::{additive_traits, epistatic_traits};
use crate::lab::Lab;

/// −log₁₀ p of the SNPs tested, by ID.
fn p_values(lab: &Lab, name: &str) -> Vec<(String, f64)> {
    let rows = lab.rows(name);
    let tested = rows[1..].iter().filter(|r| r[13] == "NA");
    tested
        .map(|r| (r[2].clone(), r[11].parse().unwrap()))
        .collect()
}

/// Share of p-values at most `level`.
fn below(all: &[(String, f64)], level: f64) -> f64 {
    let count = all.iter().filter(|(_, p)| *p >= -level.log10()).count();
    count as f64 / all.len() as f64
}

/// Mean over traits of a share, with its standard error: SNPs of a trait are not independent,
/// traits are.
fn mean(shares: &[f64]) -> (f64, f64) {
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
fn much_epistasis_of_others_is_no_finding_where_the_null_has_it() {
    let lab = Lab::with_cohort("--samples 250 --snps 120 --recombination 0.02 --seed 6");
    let count = 60;
    let ids: Vec<String> = lab
        .rows("s.bim")
        .into_iter()
        .map(|r| r[1].clone())
        .collect();
    let interact: HashSet<String> = ids.iter().step_by(2).cloned().collect();
    let list: Vec<&str> = ids.iter().step_by(2).map(String::as_str).collect();
    lab.write("half", list.join("\n") + "\n");
    lab.write("t", epistatic_traits(&lab, count, (0.2, 0.6), "half"));
    let size = |flags: &str| {
        let mut tables = tested(&lab, count, flags);
        let alone = tables.iter_mut().map(|all| {
            all.retain(|(id, _)| !interact.contains(id));
            below(all, 0.05)
        });
        let shares: Vec<f64> = alone.collect();
        let (size, se) = mean(&shares);
        eprintln!("{flags} 0.05: {size:.4} ± {se:.4}");
        (size, se)
    };
    let (with, se) = size("--null linear:std,grm^2");
    assert!((with - 0.05).abs() <= 3.0 * se, "{with} ± {se}");
    let (without, se) = size("");
    assert!(without - 0.05 > 6.0 * se, "{without} ± {se}");
}

#[test]
fn related_cohorts_without_epistasis_have_no_significant_snp() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let prefix = set.join("sim_epi");
    // 500 individuals and every tenth SNP.
    let text = std::fs::read_to_string(prefix.with_extension("fam")).unwrap();
    let few: Vec<&str> = text.lines().step_by(4).collect();
    lab.write("few", few.join("\n") + "\n");
    let text = std::fs::read_to_string(prefix.with_extension("bim")).unwrap();
    let ids = text.lines().step_by(10);
    let ids: Vec<&str> = ids.map(|l| l.split_whitespace().nth(1).unwrap()).collect();
    lab.write("snps", ids.join("\n") + "\n");
    lab.succeeds(&format!(
        "epistasis --marginal --bfile {0} --pheno {0}.pheno.txt --pheno-name y_addonly,y_noise \
         --keep few --extract snps --out m",
        prefix.display()
    ));
    for name in ["y_addonly", "y_noise"] {
        let all = p_values(&lab, &format!("m_{name}.marginal.tsv"));
        let largest = all.iter().fold(0.0, |m: f64, (_, p)| m.max(*p));
        eprintln!(
            "{name}: {:.3} at 5 %, largest {largest:.2}",
            below(&all, 0.05)
        );
        let bonferroni = -(0.05 / all.len() as f64).log10();
        assert!(largest < bonferroni, "{name}: {largest}");
    }
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
