use super::*;
use crate::io::scratch;

fn samples(n: usize) -> Vec<Sample> {
    (0..n).map(|i| Sample::new("f", i.to_string())).collect()
}

/// A table of `n` individuals from a function of the individual to the cells.
fn table(header: &str, n: usize, cells: impl Fn(usize) -> String) -> String {
    let rows = (0..n).map(|i| format!("f {i} {}\n", cells(i)));
    format!("FID IID {header}\n{}", rows.collect::<String>())
}

fn read(text: &str, names: Option<&str>, categorical: Option<&str>, n: usize) -> Result<Design> {
    let file = scratch(text.as_bytes());
    let options = CovariateOptions {
        file: file.path().to_owned(),
        names: names.map(str::to_owned),
        categorical: categorical.map(str::to_owned),
    };
    Design::read(&options, &samples(n))
}

fn names(design: &Design) -> Vec<&str> {
    design.columns.iter().map(|c| &*c.name).collect()
}

/// Values without pattern in (0, 1), exact in decimal.
fn noise(i: usize, stream: usize) -> f64 {
    ((i * i * (31 + 7 * stream) + i * 7919 * stream + 271) % 997) as f64 / 1000.0
}

#[test]
fn units_do_not_change_the_design_beyond_rounding() {
    let n = 50;
    let text = |unit: f64| table("volume", n, |i| (noise(i, 1) * unit).to_string());
    let [mm, cm] = [1e6, 1e3].map(|unit| read(&text(unit), None, None, n).unwrap());
    // Each entry is a difference and a quotient of sums over n: n + 3 roundings of values up to
    // max|x|/sd, on either side.
    let most = mm.x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let bound = 2.0 * (n as f64 + 3.0) * f64::EPSILON * 2.0 * most;
    for (a, b) in mm.x.iter().zip(&cm.x) {
        assert!((a - b).abs() <= bound, "{a} {b}");
    }
    let squares: f64 = mm.x.iter().map(|x| x * x).sum();
    assert!((squares / (n as f64 - 1.0) - 1.0).abs() <= bound);
}

#[test]
fn categories_become_indicators_and_can_be_applied_to_others() {
    let text = table("age site", 6, |i| {
        format!("{} {}", 20 + i * i, ["b", "c", "a"][i % 3])
    });
    let design = read(&text, None, Some("site"), 6).unwrap();
    assert_eq!(names(&design), ["age", "site=b", "site=c"]);
    assert_eq!(design.column(1), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(design.categories[0].levels, ["a", "b", "c"]);
    let recipe: Recipe =
        serde_json::from_str(&serde_json::to_string(&design.recipe()).unwrap()).unwrap();
    assert_eq!(recipe, design.recipe());
    let file = scratch(b"FID IID site other age\nf 0 c x 21\nf 1 a x NA\n");
    let applied = Design::apply(&recipe, file.path(), &samples(2)).unwrap();
    assert_eq!(applied.complete, [true, false]);
    assert_eq!(applied.column(0)[0], design.column(0)[1]);
    assert_eq!((applied.column(1)[0], applied.column(2)[0]), (0.0, 1.0));
    assert!(applied.column(1)[1].is_nan());
    let file = scratch(b"FID IID site age\nf 0 a 21\nf 1 q 21\n");
    let error = Design::apply(&recipe, file.path(), &samples(2)).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(
        error
            .to_string()
            .contains("line 3: covariate site has the level 'q'"),
        "{error}"
    );
    let error = Design::apply(
        &recipe,
        scratch(b"FID IID age\nf 0 1\n").path(),
        &samples(1),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("needs the covariate site")
    );
}

#[test]
fn constant_and_collinear_columns_are_left_out_by_name() {
    let text = table("year a k b c", 40, |i| {
        let (year, a, b) = (2000 + i * 3 % 17, noise(i, 1), noise(i, 2));
        let c = (0.3 * a - 2.0 * b + year as f64) * 1e4 + 7.0;
        format!("{year} {a} 0.1 {b} {c}")
    });
    let design = read(&text, None, None, 40).unwrap();
    assert_eq!(names(&design), ["year", "a", "b"]);
    assert_eq!(design.x.len(), 3 * 40);
    let notes = design.notes.join("\n");
    assert!(
        notes.contains("covariate k is 0.1 in all individuals"),
        "{notes}"
    );
    assert!(
        notes.contains("covariate c is collinear with year, a, b: it"),
        "{notes}"
    );
}

#[test]
fn a_nearly_collinear_column_stays() {
    let text = table("a b", 40, |i| {
        let a = noise(i, 1);
        format!("{a} {}", a + 1e-9 * noise(i, 2))
    });
    assert_eq!(names(&read(&text, None, None, 40).unwrap()), ["a", "b"]);
}

#[test]
fn indicators_of_nested_categories_are_found_collinear() {
    let text = table("cage litter", 12, |i| format!("c{} l{}", i % 4, i % 4 / 2));
    let design = read(&text, None, Some("cage,litter"), 12).unwrap();
    assert_eq!(names(&design), ["cage=c1", "cage=c2", "cage=c3"]);
    let notes = design.notes.join("\n");
    let part = "covariate litter=l1 is collinear with cage=c2, cage=c3:";
    assert!(notes.contains(part), "{notes}");
}

#[test]
fn individuals_without_all_covariates_are_counted_and_named() {
    let text = table("a s", 8, |i| match i {
        0 => "NA x".to_owned(),
        1 => "-9 x".to_owned(),
        2 => format!("{i} ."),
        _ => format!("{} {}", noise(i, 3), ["x", "y"][i % 2]),
    });
    let design = read(&text, None, Some("s"), 9).unwrap();
    assert_eq!(
        design.complete,
        [false, false, false, true, true, true, true, true, false]
    );
    assert!(design.column(0)[0].is_nan() && design.column(0)[8].is_nan());
    let notes = design.notes.join("\n");
    assert!(notes.contains("3 individuals lack at least one and are left out (f 0, f 1, f 2)"));
    assert!(notes.contains("1 only in the genotypes (f 8)"), "{notes}");
    assert!(design.warnings[0].contains("a: 1 values of -9"));
}

#[test]
fn columns_are_chosen_and_categories_join_them() {
    let text = table("PC1 PC2 PC3 city", 9, |i| {
        let pc = |k| noise(i, k);
        format!("{} {} {} {}", pc(1), pc(2), pc(3), ["u", "v"][i % 2])
    });
    let design = read(&text, Some("PC1-PC2"), Some("city"), 9).unwrap();
    assert_eq!(names(&design), ["PC1", "PC2", "city=v"]);
    let error = read(&text, None, None, 9).unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().contains("'u' in column city"), "{error}");
    assert!(error.to_string().contains("--cat-covar"), "{error}");
    let error = read(&text, Some("PC9"), None, 9).unwrap_err();
    assert_eq!(error.exit_code(), 8);
}

#[test]
fn covariates_that_leave_nothing_are_refused() {
    let text = table("a", 4, |_| "NA".to_owned());
    let error = read(&text, None, None, 4).unwrap_err();
    assert_eq!(error.exit_code(), 13);
    assert!(
        error
            .to_string()
            .contains("no individual of the cohort has all"),
        "{error}"
    );
    let text = table("a b", 3, |i| format!("{} {}", noise(i, 1), noise(i, 2)));
    assert_eq!(read(&text, None, None, 3).unwrap_err().exit_code(), 13);
}

#[test]
fn values_near_the_ends_of_the_range_are_standardised() {
    for unit in ["e300", "e-300"] {
        let text = table("a", 5, |i| format!("{}{unit}", 1.0 + noise(i, 1)));
        let design = read(&text, None, None, 5).unwrap();
        assert!(
            design.x.iter().all(|x| x.is_finite() && x.abs() < 5.0),
            "{:?}",
            design.x
        );
    }
}

#[test]
fn without_covariates_everybody_is_complete() {
    let design = Design::empty(3);
    assert_eq!(
        (design.samples(), design.columns.len(), design.x.len()),
        (3, 0, 0)
    );
    assert!(design.complete.iter().all(|&c| c));
}
