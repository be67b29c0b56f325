//! Traits together and one by one.

use super::lab::Lab;
use super::{KERNELS, PRECISIONS};

/// More traits than fit into one panel of columns.
const TRAITS: usize = 10;

/// 120 individuals; trait 4 lacks some, 5 and 6 lack the same others, 9 lacks all of a fold.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 120 --snps 300 --traits 10 --missing-rate 0.02");
    lab.lose(|i, t| match t {
        3 => i % 13 == 2,
        4 | 5 => i % 7 == 3,
        8 => i < 30,
        _ => false,
    });
    lab.covariates(120);
    let fold = |i: usize| format!("id{0} id{0} {1}\n", i + 1, i / 30 + 1);
    lab.write("folds", (0..120).map(fold).collect::<String>());
    lab
}

/// Rows of `name` for trait `trait`, without the trait's name.
fn rows_of(lab: &Lab, name: &str, of: &str) -> Vec<Vec<String>> {
    let rows = lab.rows(name).into_iter().filter(|r| r[0] == of);
    rows.map(|r| r[1..].to_vec()).collect()
}

#[test]
fn validations_do_not_depend_on_the_other_traits() {
    let lab = lab();
    for precision in PRECISIONS {
        let line = format!(
            "cv --bfile s --pheno s.pheno.txt --covar c --cat-covar site --kernel {} --gamma-scale \
             1 --lambda 0.05,1 --folds folds --nested --tile 24 --precision {precision}",
            KERNELS.join(",")
        );
        lab.succeeds(&format!("{line} --out all"));
        lab.succeeds(&format!("{line} --pheno-name y9,y4,y1 --out three"));
        for t in 1..=TRAITS {
            let of = format!("y{t}");
            lab.succeeds(&format!("{line} --pheno-name {of} --out one"));
            for table in [
                "cv.tsv",
                "cv_summary.tsv",
                "cv_nested.tsv",
                "cv_predictions.tsv",
            ] {
                let alone = rows_of(&lab, &format!("one.{table}"), &of);
                assert!(!alone.is_empty(), "{table} of {of}");
                let together = rows_of(&lab, &format!("all.{table}"), &of);
                assert_eq!(alone, together, "{precision}, {table} of {of}");
                if [1, 4, 9].contains(&t) {
                    let among = rows_of(&lab, &format!("three.{table}"), &of);
                    assert_eq!(alone, among, "{precision}, {table} of {of} among three");
                }
            }
        }
    }
}

#[test]
fn weights_and_predictions_do_not_depend_on_the_other_traits() {
    let lab = lab();
    for (kernel, precision) in [
        ("linear", "f64"),
        ("gaussian", "adaptive"),
        ("gaussian", "uniform:f8e4m3"),
        ("grm^2", "uniform:f8e4m3"),
        ("ibs", "adaptive"),
    ] {
        let line = format!(
            "fit --bfile s --pheno s.pheno.txt --covar c --cat-covar site --kernel {kernel} \
             --lambda 0.1 --tile 24 --precision {precision} --weights"
        );
        lab.succeeds(&format!("{line} --out all"));
        lab.succeeds("predict --model all.epitile --bfile s --covar c --interval --out all");
        for t in 1..=TRAITS {
            let of = format!("y{t}");
            lab.succeeds(&format!("{line} --pheno-name {of} --out one"));
            lab.succeeds("predict --model one.epitile --bfile s --covar c --interval --out one");
            for (table, columns) in [
                ("weights.tsv", vec![of.clone()]),
                (
                    "sscore",
                    ["PRED", "SE", "SE_NEW"]
                        .map(|c| format!("{of}_{c}"))
                        .to_vec(),
                ),
            ] {
                for column in columns {
                    let alone = lab.column(&format!("one.{table}"), &column);
                    let together = lab.column(&format!("all.{table}"), &column);
                    assert_eq!(
                        alone, together,
                        "{kernel}, {precision}, {column} of {table}"
                    );
                }
            }
        }
    }
}
