//! The test of each SNP's interactions in a cohort of close relatives with long linkage
//! disequilibrium: tests of a trait depend on each other, so traits are counted.

use std::path::Path;

use epitile::cohort::CohortOptions;

use crate::common::data;
use crate::draws::epistatic_traits;
use crate::lab::Lab;
use crate::marginal::{below, mean, p_values};

/// Individuals (list `few`) and SNPs (list `snps`; `three`: those of the chromosomes 1 to 3) of a
/// cohort, one in so many.
fn some_of(lab: &Lab, prefix: &Path, (individuals, step): (usize, usize)) -> CohortOptions {
    let text = std::fs::read_to_string(prefix.with_extension("fam")).unwrap();
    let few: Vec<&str> = text.lines().step_by(individuals).collect();
    lab.write("few", few.join("\n") + "\n");
    let text = std::fs::read_to_string(prefix.with_extension("bim")).unwrap();
    let list = |keep: fn(&str) -> bool| -> String {
        let fields = text.lines().step_by(step).map(|l| l.split_whitespace());
        let fields = fields.map(|mut f| (f.next().unwrap(), f.next().unwrap()));
        let kept = fields.filter(|(chr, _)| keep(chr));
        kept.map(|(_, id)| format!("{id}\n")).collect()
    };
    lab.write("snps", list(|_| true));
    lab.write("three", list(|chr| ["1", "2", "3"].contains(&chr)));
    CohortOptions {
        keep: Some(lab.path("few")),
        extract: Some(lab.path("snps")),
        ..CohortOptions::new(prefix)
    }
}

/// Mean share of p-values of the marginal test below a level, with its standard error over `count`
/// traits: level, mean, error.
fn sizes(
    lab: &Lab,
    cohort: &CohortOptions,
    (count, traits): (usize, String),
    used: fn(&str) -> bool,
) -> Vec<(f64, f64, f64)> {
    lab.write("t", traits);
    lab.succeeds(&format!(
        "epistasis --marginal --null linear:std,grm^2 --bfile {} --pheno t --keep few \
         --extract snps --out m",
        cohort.bfile.display()
    ));
    let mut tables: Vec<_> = (0..count)
        .map(|t| p_values(lab, &format!("m_t{t}.marginal.tsv")))
        .collect();
    for table in &mut tables {
        table.retain(|(id, _)| used(id));
    }
    let of_level = |level: f64| {
        let shares: Vec<f64> = tables.iter().map(|all| below(all, level)).collect();
        let (size, se) = mean(&shares);
        eprintln!("{level}: {size:.4} ± {se:.4}");
        (level, size, se)
    };
    [0.05, 0.01].map(of_level).to_vec()
}

#[test]
fn traits_of_a_null_model_with_interactions_are_rejected_as_often_as_stated() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let cohort = some_of(&lab, &set.join("sim_epi"), (8, 50));
    let count = 80;
    let traits = epistatic_traits(&cohort, count, (0.3, 0.3), None);
    for (level, size, se) in sizes(&lab, &cohort, (count, traits), |_| true) {
        assert!((size - level).abs() <= 3.0 * se, "{level}: {size} ± {se}");
    }
}

#[test]
fn interactions_on_other_chromosomes_are_not_found_more_often_than_stated() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let cohort = some_of(&lab, &set.join("sim_epi"), (8, 50));
    let count = 80;
    let three = Some(lab.path("three"));
    let traits = epistatic_traits(&cohort, count, (0.3, 0.3), three);
    let elsewhere = |id: &str| id.starts_with("c4_") || id.starts_with("c5_");
    for (level, size, se) in sizes(&lab, &cohort, (count, traits), elsewhere) {
        assert!(size <= level + 3.0 * se, "{level}: {size} ± {se}");
    }
}

#[test]
fn related_cohorts_without_epistasis_have_no_significant_snp() {
    let Some(set) = data("sim_epi") else { return };
    let lab = Lab::new();
    let cohort = some_of(&lab, &set.join("sim_epi"), (4, 10));
    lab.succeeds(&format!(
        "epistasis --marginal --bfile {0} --pheno {0}.pheno.txt --pheno-name y_addonly,y_noise \
         --keep few --extract snps --out m",
        cohort.bfile.display()
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
