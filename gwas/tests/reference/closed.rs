//! Folds left out in closed form, from one factor, against a factor for each.

use super::common::data;
use super::files::{epitile, number, record, table};

/// Cross-validates both ways and compares every fold of every setting.
fn both_ways(set: &str, flags: &[&str], traits: &str, ridges: [f64; 2]) {
    let Some(folder) = data(set) else { return };
    let out = tempfile::tempdir().unwrap();
    let bfile = folder.join(set).display().to_string();
    let (pheno, folds) = (format!("{bfile}.pheno.txt"), folder.join("folds10.txt"));
    let lambdas = ridges.map(|l| l.to_string()).join(",");
    let cv = |rest: &[&str], name: &str| {
        let prefix = out.path().join(name);
        let mut args = vec!["cv", "--bfile", &bfile, "--pheno", &pheno, "--quiet"];
        args.extend(["--pheno-name", traits, "--folds", folds.to_str().unwrap()]);
        args.extend(["--kernel", "gaussian", "--gamma-scale", "1"]);
        args.extend(["--lambda", &lambdas, "--out", prefix.to_str().unwrap()]);
        args.extend(flags);
        args.extend(rest);
        epitile(&args);
        let how = record(&prefix)["extra"]["left_out"]
            .as_str()
            .unwrap()
            .to_owned();
        (table(&prefix.with_extension("cv.tsv")), how)
    };
    let (closed, how) = cv(&[], "closed");
    assert_eq!(how, "closed form");
    // Nested selection needs the models without one fold, too, and makes them by themselves.
    let (refit, how) = cv(&["--nested"], "refit");
    assert_eq!((how.as_str(), refit.len()), ("refit", closed.len()));
    for (a, b) in closed.iter().zip(&refit) {
        for key in ["PHENO", "GAMMA", "LAMBDA", "FOLD", "N_TRAIN", "N_TEST"] {
            assert_eq!(a[key], b[key]);
        }
        // Of the factor: ‖E‖₂ ≤ (N + 1)·2⁻⁵³·tr(A) (Higham 2002, theorem 10.3), tr(A) = N(1 + λ).
        // It changes (A⁻¹)_FF by ‖E‖₂/λ of itself, and what is solved with it by its condition, at
        // most ‖A‖₂/λ ≤ (N + λ)/λ, times that; a square by twice as much.
        let (n, l) = (
            number(a, "N_TRAIN") + number(a, "N_TEST"),
            number(a, "LAMBDA"),
        );
        let error = (n + 1.0) * f64::EPSILON / 2.0 * n * (1.0 + l) / l * (n + l) / l;
        let (x, y) = (number(a, "MSPE"), number(b, "MSPE"));
        assert!((x - y).abs() <= 2.0 * error * x, "{set}: {x} {y}");
    }
}

#[test]
fn wheat_folds_in_closed_form_are_those_of_a_factor_each() {
    both_ways("wheat", &[], "env1,env3", [0.3, 3.0]);
    both_ways("wheat", &["--intercept", "mean"], "env1,env3", [0.3, 3.0]);
}

#[test]
fn mice_folds_in_closed_form_are_those_of_a_factor_each() {
    let Some(folder) = data("mice") else { return };
    let covar = folder.join("mice.covar.txt").display().to_string();
    let header = std::fs::read_to_string(folder.join("mice.pheno.txt")).unwrap();
    let first = header.split_whitespace().nth(2).unwrap();
    let flags = ["--chr-set", "19", "--covar", &covar];
    both_ways("mice", &flags, first, [0.5, 5.0]);
}
