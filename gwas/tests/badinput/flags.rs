//! Command lines that ask for what cannot be.

use super::{CV, cv, lab};

#[test]
fn unknown_names_are_answered_with_the_names_there_are() {
    let lab = lab();
    for (old, new, parts) in [
        (
            "linear,gaussian",
            "linear,rbf",
            &["--kernel rbf", "gaussian, laplacian, ibs, poly:D"][..],
        ),
        (
            "linear,gaussian",
            "poly:0",
            &["--kernel poly:0", "D from 1 to 16"],
        ),
        (
            "--out",
            "--precision f16 --out",
            &["'f16'", "adaptive:TAU", "uniform:FORMAT"],
        ),
        (
            "--out",
            "--precision adaptive:nan --out",
            &["'adaptive:nan'"],
        ),
        ("--out", "--backend gpu --out", &["'gpu'", "cpu and cuda"]),
        ("--out", "--intercept ols --out", &["'ols'", "gls, mean"]),
        ("--out", "--frobnicate --out", &["'--frobnicate'"]),
    ] {
        lab.fails(&cv(old, new), 8, parts);
    }
    lab.fails("frobnicate --out o", 8, &["'frobnicate'"]);
    lab.fails("cv --out o", 8, &["--bfile", "--pheno"]);
    assert_eq!(lab.run("").code, 8);
    for good in ["--help", "--version", "help cv", "fit --help"] {
        assert!(lab.succeeds(good).out.contains("epitile"));
    }
}

#[test]
fn numbers_out_of_range_are_named_with_their_flag() {
    let lab = lab();
    for value in ["0", "-0", "-1", "nan", "inf", "-inf", "1,0", "1,nan"] {
        for (old, flag) in [
            ("--lambda 1", "--lambda"),
            ("--gamma-scale 1", "--gamma-scale"),
        ] {
            let line = cv(old, &format!("{flag}={value}"));
            lab.fails(&line, 8, &[flag, "above zero"]);
        }
        let line = cv("--gamma-scale 1", &format!("--gamma={value}"));
        lab.fails(&line, 8, &["--gamma", "above zero"]);
    }
    for value in ["0", "1", "-1", "nan", "2"] {
        let line = cv("--lambda 1", &format!("--h2={value}"));
        lab.fails(&line, 8, &["heritability", "between 0 and 1"]);
    }
    for (flags, part) in [
        ("--tile 0", "--tile 0"),
        ("--tolerance 0", "--tolerance 0"),
        ("--tolerance nan", "--tolerance NaN"),
        ("--tolerance 1", "--tolerance 1"),
        ("--threads -1", "--threads"),
        ("--threads 99999999999999999999", "'99999999999999999999'"),
        ("--memory -1", "--memory"),
        ("--seed -1", "--seed"),
        ("--h2 0.5", "cannot be used with"),
        ("--gamma 1", "cannot be used with"),
    ] {
        lab.fails(&format!("{CV} {flags}"), 8, &[part]);
    }
    lab.fails(&cv("--lambda 1", "--lambda x"), 8, &["'x'", "--lambda"]);
}

#[test]
fn a_fit_takes_exactly_one_setting() {
    let lab = lab();
    let fit = "fit --bfile s --pheno s.pheno.txt --out m";
    for (flags, part) in [
        (
            "--kernel gaussian",
            "--lambda (or --h2): found 0 values, expected one",
        ),
        (
            "--kernel gaussian --lambda 1,2",
            "found 2 values, expected one",
        ),
        (
            "--kernel linear,gaussian --lambda 1",
            "--kernel: found 2 kernels, expected one",
        ),
        ("--lambda 1", "--kernel: found 0 kernels, expected one"),
        (
            "--kernel gaussian --lambda 1 --gamma-scale 1,2",
            "one γ: found 2",
        ),
    ] {
        lab.fails(&format!("{fit} {flags}"), 8, &[part]);
    }
    let matrix = "kernel --bfile s --kernel gaussian --gamma 1,2 --out m";
    lab.fails(matrix, 8, &["found 2 numbers, expected one"]);
}

#[test]
fn a_number_of_threads_no_machine_has_is_refused_at_once() {
    let lab = lab();
    lab.succeeds("fit --bfile s --pheno s.pheno.txt --kernel linear --lambda 1 --out m");
    let start = std::time::Instant::now();
    for threads in ["1000000", "18446744073709551615"] {
        let parts = [&*format!("--threads {threads}"), "expected at most"];
        lab.fails(&format!("{CV} --threads {threads}"), 8, &parts);
        let predict = "predict --model m.epitile --bfile s --out o";
        lab.fails(&format!("{predict} --threads {threads}"), 8, &parts);
    }
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn folds_must_exist_and_be_at_least_two() {
    let lab = lab();
    lab.write(
        "one",
        (1..=50)
            .map(|i| format!("id{i} id{i} a\n"))
            .collect::<String>(),
    );
    lab.write(
        "empty",
        (1..=50)
            .map(|i| format!("id{i} id{i} {}\n", i % 2))
            .collect::<String>()
            + "x x 2\n",
    );
    lab.write("wide", "FID IID a b\nid1 id1 1 2\n");
    lab.write("others", "x y 1\nz z 2\n");
    for (folds, code, parts) in [
        ("0", 8, &["0 folds asked for", "at least 2"][..]),
        ("1", 8, &["1 folds asked for", "at least 2"]),
        ("51", 8, &["51 folds asked for", "only 50 individuals"]),
        ("absent", 3, &["cannot open absent"]),
        ("one", 7, &["one: found 1 folds (a)", "at least 2"]),
        (
            "empty",
            7,
            &["folds without any individual of the cohort: '2'"],
        ),
        ("wide", 6, &["wide, line 1", "2 columns after the IDs"]),
        ("others", 7, &["others: none of its 2 individuals"]),
        (
            "2 --nested",
            8,
            &["--nested", "found 2 folds, expected at least 3"],
        ),
        ("one --by-family", 8, &["--by-family", "found a file"]),
        ("51 --by-family", 8, &["51 folds asked for", "50 families"]),
    ] {
        lab.fails(&cv("--folds 3", &format!("--folds {folds}")), code, parts);
    }
    // Every individual a fold of its own.
    lab.succeeds(&cv("--folds 3", "--folds 50"));
}

#[test]
fn individuals_without_a_fold_are_neither_trained_on_nor_tested() {
    let lab = lab();
    lab.write(
        "folds",
        (1..=40)
            .map(|i| format!("id{i} id{i} {}\n", i % 3))
            .collect::<String>(),
    );
    let run = lab.succeeds(&cv("--folds 3", "--folds folds"));
    run.says(&["10 individuals have no fold and are left out of the cross-validation (id41 id41"]);
    for row in &lab.rows("o.cv.tsv")[1..] {
        let count = |c: usize| row[c].parse::<usize>().unwrap();
        assert_eq!(count(5) + count(6), 40, "{row:?}");
    }
    let tested = lab.rows("o.cv_predictions.tsv");
    assert!(tested.iter().all(|r| r[1] != "id41" && r[1] != "id50"));
}

#[test]
fn output_that_cannot_be_written_is_refused_before_any_work() {
    let lab = lab();
    std::fs::create_dir(lab.path("folder")).unwrap();
    // Tests may run as root, for whom no folder is read-only: a file stands in for one.
    for (out, code, parts) in [
        (
            "absent/o",
            5,
            ["cannot write absent", "no such file or folder"],
        ),
        (
            "s.bed/o",
            5,
            ["cannot write s.bed", "is a file, not a folder"],
        ),
        ("folder/", 8, ["a folder is no prefix", "folder/run1"]),
    ] {
        for line in [
            CV,
            "fit --bfile s --pheno s.pheno.txt --kernel linear --lambda 1 --out o",
            "kernel --bfile s --kernel linear --out o",
            "counts --bfile s --out o",
            "predict --model m --bfile s --out o",
            "simulate --samples 5 --snps 5 --out o",
        ] {
            lab.fails(
                &line.replace("--out o", &format!("--out {out}")),
                code,
                &parts,
            );
        }
    }
}

#[test]
fn a_set_of_tables_appears_together_or_not_at_all() {
    let lab = lab();
    for taken in ["o.cv.tsv", "o.cv_summary.tsv", "o.cv_predictions.tsv"] {
        std::fs::create_dir(lab.path(taken)).unwrap();
        lab.fails(
            CV,
            5,
            &[&*format!("cannot write {taken}"), "it is a folder"],
        );
        std::fs::remove_dir(lab.path(taken)).unwrap();
    }
    std::fs::create_dir(lab.path("m.epitile")).unwrap();
    let fit = "fit --bfile s --pheno s.pheno.txt --kernel linear --lambda 1 --weights --out m";
    lab.fails(fit, 5, &["cannot write m.epitile"]);
}

#[test]
fn a_device_that_cannot_be_used_is_refused_with_what_to_do() {
    let lab = lab();
    lab.fails(&format!("{CV} --backend cuda"), 16, &["--backend cpu"]);
    lab.fails("verify --backend cuda", 16, &["--backend cpu"]);
}

#[test]
fn quiet_runs_show_nothing_but_errors() {
    let lab = lab();
    let quiet = format!("{CV} --quiet");
    assert_eq!(lab.succeeds(&quiet).log, "");
    let run = lab.run(&cv("--lambda 1", "--lambda 0 --quiet"));
    let expected = "ERROR: --lambda 0: found 0, expected numbers above zero\n";
    assert_eq!((run.code, &*run.log), (8, expected));
    // The log file has all of it.
    assert!(lab.text("o.log").contains("command: "));
}
