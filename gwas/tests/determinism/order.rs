//! The order of the individuals.

use std::collections::BTreeMap;

use super::lab::{Lab, shuffled};
use super::{KERNELS, PRECISIONS};

/// Sums run in another order, so numbers agree to rounding only: what solutions are certified to
/// must be within this fraction of the trait's largest value, and so must be the predictions.
const RELATIVE: f64 = 1e-9;

/// Predictions by trait, kernel and individual.
fn predictions(lab: &Lab, prefix: &str) -> BTreeMap<[String; 4], f64> {
    let rows = lab.rows(&format!("{prefix}.cv_predictions.tsv"));
    let each = rows[1..].iter().map(|r| {
        let key = [&r[0], &r[1], &r[2], &r[4]].map(String::clone);
        (key, r[8].parse().unwrap())
    });
    each.collect()
}

/// What the certificates of a run leave open of Σ_i k(x*, x_i) α_i, over √k(x*, x*).
fn bound(lab: &Lab, prefix: &str) -> f64 {
    let certificate = &lab.record(prefix)["extra"]["certificate"];
    assert_eq!(certificate["certified"], certificate["solutions"]);
    certificate["prediction_bound"].as_f64().unwrap()
}

#[test]
fn predictions_depend_on_the_order_of_individuals_by_rounding_only() {
    let n = 150;
    let lab = Lab::with_cohort("--samples 150 --snps 400 --traits 2 --missing-rate 0.02");
    lab.lose(|i, t| t == 1 && i % 9 == 4);
    lab.covariates(n);
    let fold = |i: usize| format!("id{0} id{0} {1}\n", i + 1, i % 4);
    lab.write("folds", (0..n).map(fold).collect::<String>());
    let order = shuffled(n);
    assert_ne!(order[..5], [0, 1, 2, 3, 4]);
    lab.plink("s").individuals(&order).write(&lab, "shuffled");
    let traits = lab.rows("s.pheno.txt");
    let largest = |c: usize| {
        let values = traits[1..].iter().filter_map(|r| r[c].parse::<f64>().ok());
        values.fold(0.0, |m: f64, y| m.max(y.abs()))
    };
    let scale = largest(2).min(largest(3));
    for precision in PRECISIONS {
        for kernel in KERNELS {
            let line = format!(
                "cv --pheno s.pheno.txt --covar c --covar-name age --kernel {kernel} --gamma-scale \
                 1 --lambda 0.5 --folds folds --tile 24 --precision {precision}"
            );
            lab.succeeds(&format!("{line} --bfile s --out a"));
            lab.succeeds(&format!("{line} --bfile shuffled --out b"));
            let certified = bound(&lab, "a") + bound(&lab, "b");
            assert!(
                certified <= RELATIVE * scale,
                "{kernel}, {precision}: within {certified:e}"
            );
            let (a, b) = (predictions(&lab, "a"), predictions(&lab, "b"));
            assert!(a.keys().eq(b.keys()) && a.len() == 150 + 133);
            for (key, x) in &a {
                let difference = (x - b[key]).abs();
                assert!(
                    difference <= RELATIVE * scale,
                    "{precision}: {key:?} by {difference:e}"
                );
            }
        }
    }
}

#[test]
fn rows_of_tables_may_stand_in_any_order() {
    let lab = Lab::with_cohort("--samples 60 --snps 100 --traits 2");
    lab.covariates(60);
    let fold = |i: usize| format!("id{0} id{0} {1}\n", i + 1, i % 4);
    lab.write("folds", (0..60).map(fold).collect::<String>());
    let line = "cv --bfile s --kernel linear,gaussian --cat-covar site";
    lab.succeeds(&format!(
        "{line} --pheno s.pheno.txt --covar c --folds folds --out a"
    ));
    for (name, header) in [("s.pheno.txt", 1), ("c", 1), ("folds", 0)] {
        let text = lab.text(name);
        let lines: Vec<&str> = text.lines().collect();
        let body = shuffled(60).into_iter().map(|i| lines[header + i]);
        let all: Vec<&str> = lines[..header].iter().copied().chain(body).collect();
        lab.write(name, all.join("\r\n") + "\r\n");
    }
    lab.succeeds(&format!(
        "{line} --pheno s.pheno.txt --covar c --folds folds --out b"
    ));
    super::same(&lab, "a", "b", "shuffled tables");
}
