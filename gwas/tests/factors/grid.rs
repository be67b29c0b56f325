//! Several λ from one factor.

use super::lab::Lab;

/// Twelve λ close together: so many share factors from about 1,000 individuals on.
const GRID: &str = "0.1,0.15,0.2,0.3,0.5,0.7,1,1.5,2,3,5,8";

/// Three folds of 600, so 1,200 to train on; calls and phenotypes are missing.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 1800 --snps 400 --traits 3 --missing-rate 0.01");
    lab.lose(|i, t| t == 2 && i % 40 == 3);
    lab
}

const CV: &str = "cv --bfile s --pheno s.pheno.txt --kernel gaussian --gamma-scale 1 --folds 3";

/// Rows of the folds' table with `LAMBDA` in `grid`.
fn rows(lab: &Lab, prefix: &str, lambda: &str) -> Vec<Vec<String>> {
    let rows = lab.rows(&format!("{prefix}.cv.tsv")).into_iter();
    rows.filter(|r| r[3] == lambda).collect()
}

#[test]
fn a_grid_that_shares_factors_equals_each_ridge_alone() {
    let lab = lab();
    lab.succeeds(&format!("{CV} --lambda {GRID} --out grid"));
    let evidence = &lab.record("grid")["extra"]["certificate"];
    assert_eq!(evidence["certified"], evidence["solutions"]);
    assert_eq!(evidence["solutions"], 12 * 3 * 3);
    for lambda in ["0.1", "0.7", "8"] {
        lab.succeeds(&format!("{CV} --lambda {lambda} --out one"));
        let alone = &lab.record("one")["extra"]["certificate"];
        // ‖Δα‖₂ of both bounds each prediction's difference to √N·‖k*‖_∞ times it, k ≤ 1; of
        // traits of unit variance the MSPE errs by twice that times an error of a few units.
        let bound = |e: &serde_json::Value| e["weight_bound"].as_f64().unwrap();
        let bound = 10.0 * 1200f64.sqrt() * (bound(evidence) + bound(alone));
        assert!(bound < 1e-4, "{bound:e} says nothing");
        let (together, alone) = (rows(&lab, "grid", lambda), rows(&lab, "one", lambda));
        assert_eq!(together.len(), 9);
        for (a, b) in together.iter().zip(&alone) {
            assert_eq!(a[..7], b[..7]);
            let [a, b] = [a, b].map(|r| r[7].parse::<f64>().unwrap());
            assert!((a - b).abs() <= bound * b, "λ = {lambda}: {a} and {b}");
        }
        // Far fewer factors than settings.
        let tiles = |prefix: &str| {
            let evidence = &lab.record(prefix)["extra"]["certificate"];
            evidence["tiles"]["f64"].as_u64().unwrap()
        };
        assert!(tiles("grid") <= 3 * tiles("one"));
    }
}

#[test]
fn a_grid_that_shares_factors_is_the_same_bytes_for_any_threads_and_other_traits() {
    let lab = lab();
    for threads in [1, 2, 5] {
        lab.succeeds(&format!(
            "{CV} --lambda {GRID} --threads {threads} --out t{threads}"
        ));
        assert_eq!(lab.outputs("t1"), lab.outputs(&format!("t{threads}")));
    }
    for of in ["y2", "y3"] {
        lab.succeeds(&format!("{CV} --lambda {GRID} --pheno-name {of} --out one"));
        for table in ["cv.tsv", "cv_summary.tsv", "cv_predictions.tsv"] {
            let all = lab.rows(&format!("t1.{table}")).into_iter().skip(1);
            let of_trait: Vec<_> = all.filter(|r| r[0] == of).collect();
            assert_eq!(of_trait, lab.rows(&format!("one.{table}"))[1..], "{table}");
        }
    }
}

#[test]
fn a_ridge_far_from_the_others_converges_too() {
    let lab = lab();
    let grid = "1e-6,0.5,0.7,1,1.2,1.5,1.7,2,2.5,3,1e5";
    lab.succeeds(&format!("{CV} --lambda {grid} --out grid"));
    let evidence = &lab.record("grid")["extra"]["certificate"];
    assert_eq!(evidence["certified"], evidence["solutions"]);
}
