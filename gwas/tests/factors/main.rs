//! `cv` with fewer factors than systems: leave-one-out in closed form against leaving every
//! individual out in earnest, and several λ from one factor.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab/mod.rs"]
mod lab;

mod failing;
mod grid;

use std::collections::BTreeMap;

use common::data;
use lab::{Lab, noise};

/// Unit roundoff of FP64.
const UNIT: f64 = f64::EPSILON / 2.0;

/// λ of the comparisons.
const RIDGE: f64 = 0.3;

/// 61 individuals in tiles of 24 rows, two traits of which one lacks some individuals.
fn lab(missing: &str) -> Lab {
    let lab = Lab::with_cohort(&format!(
        "--samples 61 --snps 200 --traits 2 --missing-rate {missing}"
    ));
    lab.lose(|i, t| t == 1 && i % 9 == 4);
    lab.covariates(61);
    lab
}

/// Predictions by trait and individual, and observations.
fn predictions(lab: &Lab, prefix: &str) -> BTreeMap<(String, String), [f64; 2]> {
    let rows = lab.rows(&format!("{prefix}.cv_predictions.tsv"));
    let number = |cell: &String| cell.parse::<f64>().unwrap();
    let key = |r: &[String]| (r[0].clone(), format!("{} {}", r[1], r[2]));
    let rows = rows[1..].iter();
    rows.map(|r| (key(r), [number(&r[7]), number(&r[8])]))
        .collect()
}

/// One fold per individual.
fn folds(lab: &Lab, samples: &[String]) {
    let line = |(i, id): (usize, &String)| format!("{id} {i}\n");
    let lines = samples.iter().enumerate().map(line);
    lab.write("each", lines.collect::<String>());
}

/// Leaves out each individual both ways with `flags`; predictions must agree to a multiple
/// `factor` of N·2⁻⁵³·κ, κ = tr(A)/λ ≥ cond(A), of the largest observation.
///
/// Both ways solve systems of condition κ with backward errors of at most (N + 1)·2⁻⁵³, and the
/// closed form divides by numbers that carry the same error: κ(N + 1)·2⁻⁵³ each, a few times.
/// tr(K) ≤ 8N for all kernels here.
fn compare(lab: &Lab, set: [&str; 2], flags: &str, factor: f64) {
    let [bfile, pheno] = set;
    let base = format!("cv --bfile {bfile} --pheno {pheno} {flags} --lambda {RIDGE}");
    lab.succeeds(&format!("{base} --loo --out loo"));
    lab.succeeds(&format!("{base} --folds each --out each"));
    let (closed, earnest) = (predictions(lab, "loo"), predictions(lab, "each"));
    assert!(closed.len() >= 100);
    assert!(closed.keys().eq(earnest.keys()), "{flags}");
    let n = lab.rows("each").len() as f64;
    let kappa = (8.0 + RIDGE) * n / RIDGE;
    let largest = closed.values().fold(0.0, |m: f64, v| m.max(v[0].abs()));
    let bound = factor * kappa * (n + 1.0) * UNIT * largest;
    for (key, [_, y]) in &closed {
        let difference = (y - earnest[key][1]).abs();
        assert!(
            difference <= bound,
            "{flags}: {key:?}: {difference:e} > {bound:e}"
        );
    }
    // One score of all, and errors as of so many folds.
    let summary = |prefix: &str| lab.rows(&format!("{prefix}.cv_summary.tsv"));
    let header = &summary("loo")[0];
    let place = |name: &str| header.iter().position(|c| c == name).unwrap();
    for (a, b) in summary("loo")[1..].iter().zip(&summary("each")[1..]) {
        for name in ["MSPE", "SE_MSPE"] {
            let [a, b] = [a, b].map(|row| row[place(name)].parse::<f64>().unwrap());
            // Of squares of numbers up to `largest` plus their prediction.
            assert!(
                (a - b).abs() <= 8.0 * bound * largest,
                "{flags}: {name} {a} {b}"
            );
        }
        assert_eq!(a[place("SE_PEARSON")], "NA");
        assert_ne!(a[place("PEARSON")], "NA");
    }
    let rows = lab.rows("loo.cv.tsv");
    assert!(rows[1..].iter().all(|r| r[4] == "LOO"));
}

#[test]
fn it_equals_as_many_folds_as_individuals() {
    for missing in ["0", "0.03"] {
        let lab = lab(missing);
        let ids: Vec<String> = (1..=61).map(|i| format!("id{i} id{i}")).collect();
        folds(&lab, &ids);
        for kernel in ["linear", "gaussian", "laplacian", "ibs", "poly:2", "grm^2"] {
            for intercept in ["gls", "mean"] {
                let flags = format!(
                    "--kernel {kernel} --gamma-scale 0.7 --intercept {intercept} --tile 24"
                );
                compare(&lab, ["s", "s.pheno.txt"], &flags, 8.0);
            }
        }
    }
}

/// A site that one individual has alone, and one shared by two.
#[test]
fn it_does_so_with_covariates_that_hang_on_one_individual() {
    let lab = lab("0.03");
    let ids: Vec<String> = (1..=61).map(|i| format!("id{i} id{i}")).collect();
    folds(&lab, &ids);
    let mut table = "FID IID age site\n".to_owned();
    for (i, id) in ids.iter().enumerate() {
        let site = match i {
            17 => "lonely",
            30 | 31 => "pair",
            _ => ["north", "south"][i % 2],
        };
        table += &format!("{id} {} {site}\n", noise(i));
    }
    lab.write("c", table);
    for kernel in ["linear", "gaussian"] {
        let flags =
            format!("--kernel {kernel} --gamma-scale 1 --covar c --cat-covar site --tile 24");
        // The columns of X are not orthogonal: their condition, under 64, counts as well.
        compare(&lab, ["s", "s.pheno.txt"], &flags, 8.0 * 64.0);
    }
}

#[test]
fn wheat_equals_as_many_folds_as_individuals() {
    let Some(folder) = data("wheat") else { return };
    let lab = Lab::new();
    let bfile = folder.join("wheat").display().to_string();
    let fam = std::fs::read_to_string(format!("{bfile}.fam")).unwrap();
    let id = |line: &str| {
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    folds(&lab, &fam.lines().map(id).collect::<Vec<_>>());
    let pheno = format!("{bfile}.pheno.txt");
    let flags = "--pheno-name env1,env2 --kernel gaussian --gamma-scale 1";
    compare(&lab, [&bfile, &pheno], flags, 8.0);
}

#[test]
fn it_is_the_same_bytes_for_any_number_of_threads_and_other_traits() {
    let lab = lab("0.02");
    let line = "cv --bfile s --pheno s.pheno.txt --covar c --cat-covar site --kernel \
                linear,gaussian --gamma-scale 0.5,2 --lambda 0.05,1 --loo --tile 24";
    for threads in [1, 2, 7] {
        lab.succeeds(&format!("{line} --threads {threads} --out t{threads}"));
        assert_eq!(lab.outputs("t1"), lab.outputs(&format!("t{threads}")));
    }
    lab.succeeds(&format!("{line} --pheno-name y2 --out one"));
    let of = |prefix: &str| {
        let rows = lab
            .rows(&format!("{prefix}.cv_predictions.tsv"))
            .into_iter();
        rows.filter(|r| r[0] == "y2").collect::<Vec<_>>()
    };
    assert_eq!(of("t1"), of("one"));
    assert!(!of("one").is_empty());
}

#[test]
fn the_factor_is_in_double_precision_whatever_is_asked_for() {
    let lab = lab("0");
    let line = "cv --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 1 --loo";
    lab.succeeds(&format!("{line} --out a"));
    lab.succeeds(&format!(
        "{line} --precision adaptive --deflation 3 --out b"
    ));
    assert_eq!(lab.outputs("a"), lab.outputs("b"));
    assert_eq!(lab.record("b")["extra"]["precision"], "f64");
}

#[test]
fn it_takes_no_folds_and_no_choice_inside_them() {
    let lab = lab("0");
    let line = "cv --bfile s --pheno s.pheno.txt --kernel linear --lambda 1 --loo --out o";
    for flag in ["--folds 5", "--by-family", "--seed 3", "--nested"] {
        let name = flag.split(' ').next().unwrap();
        lab.fails(&format!("{line} {flag}"), 8, &["--loo", name]);
    }
}

#[test]
fn too_few_individuals_to_leave_one_out_are_refused() {
    let lab = lab("0");
    lab.lose(|i, _| i > 2);
    lab.write(
        "p",
        (1..4)
            .map(|i| format!("id{i} id{i} {}\n", i * i))
            .fold("FID IID q\n".to_owned(), |text, line| text + &line),
    );
    let line = "cv --bfile s --pheno p --covar c --covar-name age --kernel linear --lambda 1";
    lab.fails(
        &format!("{line} --loo --out o"),
        13,
        &["q", "too few", "without one"],
    );
}
