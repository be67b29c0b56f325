//! Phenotypes.

use super::{CV, cv, lab};

/// Validation of the traits of the table `p`.
fn with_table() -> String {
    cv("s.pheno.txt", "p")
}

#[test]
fn phenotypes_of_none_of_the_individuals_are_refused_with_both_ids() {
    let lab = lab();
    lab.write("p", lab.text("s.pheno.txt").replace("id", "sample"));
    let parts = [
        "p: none of its 50 individuals is among the 50",
        "'id1 id1'",
        "'sample1 sample1'",
    ];
    lab.fails(&with_table(), 7, &parts);
}

#[test]
fn phenotypes_of_some_of_the_individuals_are_used_and_the_lost_ones_named() {
    let lab = lab();
    let text = lab.text("s.pheno.txt");
    let lines: Vec<&str> = text.lines().take(41).collect();
    lab.write("p", lines.join("\n") + "\nfar away 1 2 3\n");
    let run = lab.succeeds(&with_table());
    run.says(&[
        "40 individuals in common, 1 only in the file (far away), 10 only in the genotypes",
        "id41 id41, id42 id42, id43 id43, id44 id44, id45 id45, and 5 more",
        "phenotype y1: 40 values, 10 missing",
    ]);
    let predicted = lab.rows("o.cv_predictions.tsv");
    // Three traits and two kernels.
    assert_eq!(predicted.len() - 1, 3 * 2 * 40);
}

#[test]
fn one_bad_trait_does_not_stop_the_others() {
    let lab = lab();
    lab.phenotypes("constant absent one two huge", |i| {
        let only = |keep: &[usize]| match keep.contains(&i) {
            true => format!("{i}.5"),
            false => "NA".into(),
        };
        format!("7 NA {} {} {i}e200", only(&[3]), only(&[3, 4]))
    });
    lab.succeeds(CV);
    let alone = lab.outputs("o");
    let run = lab.succeeds(&with_table());
    run.says(&[
        "WARNING: phenotype constant is 7 in all individuals with genotypes: it is left out",
        "WARNING: phenotype absent is missing in all individuals with genotypes: it is left out",
        "WARNING: phenotype one is 3.5 in all individuals with genotypes: it is left out",
        "WARNING: phenotype two has",
        "WARNING: phenotype huge has values up to 4.9e201",
    ]);
    assert_eq!(lab.outputs("o"), alone, "other traits changed the numbers");
    let line = "fit --pheno p --bfile s --kernel gaussian --lambda 1 --weights --out m";
    lab.succeeds(line)
        .says(&["phenotype constant is 7", "phenotype huge has values"]);
    assert_eq!(lab.rows("m.weights.tsv")[0][2..], ["y1", "y2", "y3", "two"]);
    for (name, part) in [
        ("constant", "constant is 7 in all"),
        ("absent", "absent is missing in all"),
        ("one", "one is 3.5 in all"),
        ("two", "two has"),
        ("huge", "huge has values up to 4.9e201"),
        ("constant,absent", "absent is missing in all"),
    ] {
        let line = format!("{} --pheno-name {name}", with_table());
        lab.fails(&line, 13, &["no phenotype can be fitted", part]);
    }
}

#[test]
fn a_trait_that_is_constant_in_one_training_set_is_validated() {
    let lab = lab();
    // Three cases, all in one fold: training without it sees controls only. What rounding leaves
    // of a constant depends on its value.
    const CONTROLS: [f64; 8] = [0.0, 1.0, 5.0, -3.0, 0.1, 7.7, 100.0, 1e-3];
    let names: Vec<String> = (0..8).map(|c| format!("rare{c}")).collect();
    lab.phenotypes(&names.join(" "), |i| {
        let value = |c: &f64| if i < 3 { c + 1.0 } else { *c };
        let cells = CONTROLS.iter().map(|c| value(c).to_string());
        cells.collect::<Vec<_>>().join(" ")
    });
    let fold = |i: usize| if i < 3 { 1 } else { 1 + i % 3 };
    let line = |i: usize| format!("id{0} id{0} {1}\n", i + 1, fold(i));
    lab.write("folds", (0..50).map(line).collect::<String>());
    lab.covariates(50);
    for covariates in [
        "",
        "--covar c --covar-name age",
        "--covar c --covar-name age --cat-covar site",
    ] {
        let line = with_table().replace("--folds 3", "--folds folds");
        let kernels = "--kernel linear,gaussian,ibs";
        let line = line.replace("--kernel linear,gaussian", kernels);
        lab.succeeds(&format!("{line} {covariates}"));
        let rows = lab.rows("o.cv.tsv");
        for (name, control) in names.iter().zip(CONTROLS) {
            let rows = rows.iter().filter(|r| r[0] == *name && r[4] == "1");
            let mut count = 0;
            for row in rows {
                // All are predicted the controls' value, but for rounding.
                let tested = row[6].parse::<f64>().unwrap();
                let mspe: f64 = row[7].parse().unwrap();
                let bound = 50.0 * f64::EPSILON * (1.0 + control.abs());
                assert!((mspe - 3.0 / tested).abs() <= bound, "{row:?}");
                count += 1;
            }
            assert_eq!(count, 3, "kernels");
        }
        let certificate = &lab.record("o")["extra"]["certificate"];
        assert_eq!(certificate["certified"], certificate["solutions"]);
    }
}

#[test]
fn cells_that_are_no_numbers_are_named_by_line_and_column() {
    let lab = lab();
    for cell in ["inf", "-inf", "1e999", "tall", "1,5", "0x1"] {
        lab.phenotypes("z", |i| if i == 6 { cell.into() } else { i.to_string() });
        let found = format!("p, line 8: found '{cell}' in column z");
        lab.fails(
            &with_table(),
            6,
            &[&found, "expected a finite number or NA"],
        );
    }
    for cell in ["NaN", "nan", "NA", "."] {
        lab.phenotypes("z", |i| if i == 6 { cell.into() } else { i.to_string() });
        lab.succeeds(&with_table())
            .says(&["phenotype z: 49 values, 1 missing"]);
    }
    lab.phenotypes("z", |i| if i == 6 { "-9".into() } else { i.to_string() });
    let run = lab.succeeds(&with_table());
    run.says(&["WARNING: phenotype z: 1 values of -9 were taken as MISSING"]);
}

#[test]
fn broken_tables_are_named_by_line() {
    let lab = lab();
    let text = lab.text("s.pheno.txt");
    let body: Vec<&str> = text.lines().skip(1).collect();
    let body = body.join("\n");
    for (table, code, parts) in [
        (
            body.clone(),
            6,
            ["p, line 1", "a header that starts with 'FID IID'"],
        ),
        (
            format!("FID IID y y z\n{body}"),
            6,
            ["p, line 1", "two columns named 'y'"],
        ),
        (
            format!("FID IID y z\n{body}"),
            6,
            ["p, line 2: found 5 cells", "expected 4"],
        ),
        (String::new(), 6, ["p, line 1", "an empty file"]),
        (
            "FID IID\nid1 id1\n".into(),
            6,
            ["p, line 1", "header without phenotypes"],
        ),
        (
            format!("{text}id7 id7 1 2 3\n"),
            7,
            ["id7 id7 (lines 8 and 52)", "more than once"],
        ),
    ] {
        lab.write("p", table);
        lab.fails(&with_table(), code, &parts);
    }
}

#[test]
fn traits_are_chosen_by_names_that_exist() {
    let lab = lab();
    let line = format!("{CV} --pheno-name y1,height");
    lab.fails(
        &line,
        8,
        &[
            "--pheno-name",
            "no column 'height'",
            "its columns are y1, y2, y3",
        ],
    );
    let line = format!("{CV} --pheno-name y2-y3");
    lab.succeeds(&line).says(&["phenotype y2", "phenotype y3"]);
    let line = format!("{CV} --1");
    lab.fails(
        &line,
        6,
        &["s.pheno.txt, line 2", "in column y1", "expected 1, 2"],
    );
}
