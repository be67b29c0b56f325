//! Covariates.

use super::{CV, Lab, lab};

/// A table `c` of covariates, `cells` for every individual.
fn table(lab: &Lab, header: &str, cells: impl Fn(usize) -> String) {
    let line = |i: usize| format!("id{0} id{0} {1}\n", i + 1, cells(i));
    lab.write(
        "c",
        format!(
            "FID IID {header}\n{}",
            (0..50).map(line).collect::<String>()
        ),
    );
}

fn age(i: usize) -> usize {
    20 + 37 * i % 50
}

#[test]
fn collinear_and_constant_covariates_are_left_out_with_a_note() {
    let lab = lab();
    table(&lab, "age sex sum site", |i| {
        let (age, sex) = (age(i), i % 2);
        format!("{age} {sex} {} 4", 2 * age + 3 * sex - 7)
    });
    lab.succeeds(&format!("{CV} --covar c --covar-name age,sex"));
    let expected = lab.outputs("o");
    let run = lab.succeeds(&format!("{CV} --covar c"));
    run.says(&[
        "covariate sum is collinear with age, sex: it is left out",
        "covariate site is 4 in all individuals: it is left out",
    ]);
    assert_eq!(lab.outputs("o"), expected);
}

#[test]
fn a_category_may_repeat_what_another_covariate_says() {
    let lab = lab();
    table(&lab, "sex word", |i| {
        format!("{} {}", i % 2, ["a", "b"][i % 2])
    });
    lab.succeeds(&format!("{CV} --covar c --covar-name sex"));
    let expected = lab.outputs("o");
    let run = lab.succeeds(&format!("{CV} --covar c --cat-covar word"));
    run.says(&["covariate word=b is collinear with"]);
    assert_eq!(lab.outputs("o"), expected);
}

#[test]
fn text_among_numbers_is_named_with_the_flag_for_categories() {
    let lab = lab();
    table(&lab, "age site", |i| {
        format!("{} {}", age(i), ["north", "south"][i % 2])
    });
    let line = format!("{CV} --covar c");
    lab.fails(
        &line,
        6,
        &["c, line 2", "'north' in column site", "--cat-covar"],
    );
    lab.succeeds(&format!("{line} --cat-covar site"))
        .says(&["2 levels, the reference is north"]);
    table(&lab, "age", |i| {
        if i == 4 {
            "inf".into()
        } else {
            age(i).to_string()
        }
    });
    lab.fails(&line, 6, &["c, line 6", "'inf' in column age"]);
}

#[test]
fn individuals_without_covariates_are_left_out_and_named() {
    let lab = lab();
    table(&lab, "age", |i| {
        if i < 3 {
            "NA".into()
        } else {
            age(i).to_string()
        }
    });
    let run = lab.succeeds(&format!("{CV} --covar c"));
    run.says(&["3 individuals lack at least one and are left out (id1 id1, id2 id2, id3 id3)"]);
    assert_eq!(lab.rows("o.cv_predictions.tsv").len() - 1, 3 * 2 * 47);
    table(&lab, "age", |_| "NA".into());
    lab.fails(
        &format!("{CV} --covar c"),
        13,
        &["no individual", "has all of the covariates age"],
    );
}

#[test]
fn more_covariates_than_individuals_are_degenerate() {
    let lab = lab();
    let names: Vec<String> = (0..50).map(|k| format!("x{k}")).collect();
    table(&lab, &names.join(" "), |i| {
        let cell = |k: usize| format!("{}", super::lab::noise(i + 50 * k));
        (0..50).map(cell).collect::<Vec<_>>().join(" ")
    });
    lab.fails(
        &format!("{CV} --covar c"),
        13,
        &["covariates and the intercept", "50 individuals"],
    );
    // Enough for all individuals, too many for a training set: the traits are left out.
    let line = format!("{CV} --covar c --covar-name x0-x33");
    lab.fails(
        &line,
        13,
        &[
            "no phenotype can be fitted",
            "too few for",
            "without fold 1",
        ],
    );
}

#[test]
fn covariate_flags_that_do_not_fit_together_are_refused() {
    let lab = lab();
    table(&lab, "age sex", |i| format!("{} {}", age(i), i % 2));
    for (flags, parts) in [
        (
            "--covar c --covar-name height",
            &["--covar-name", "no column 'height'", "age, sex"][..],
        ),
        (
            "--covar c --cat-covar height",
            &["--cat-covar", "no column 'height'"],
        ),
        ("--covar-name age", &["--covar"]),
        (
            "--covar c --intercept mean",
            &["--intercept mean takes no covariates"],
        ),
        (
            "--covar c --kernel-covar age",
            &["--kernel-covar", "found --kernel linear", "gaussian"],
        ),
        (
            "--covar c --kernel-covar age --kernel-covar-weight 0",
            &["--kernel-covar-weight 0"],
        ),
    ] {
        lab.fails(&format!("{CV} {flags}"), 8, parts);
    }
}
