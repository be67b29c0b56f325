//! What components do not depend on, what is reported, and what is refused.

use super::lab::{Lab, noise};

/// 120 individuals, 300 SNPs, traits `y1` and `y2`.
fn lab() -> Lab {
    Lab::with_cohort("--samples 120 --snps 300 --traits 2 --missing-rate 0.01")
}

const RUN: &str = "varcomp --bfile s --pheno s.pheno.txt --draws 300 --bootstrap 5";

fn json(lab: &Lab, name: &str) -> serde_json::Value {
    serde_json::from_str(&lab.text(name)).unwrap()
}

#[test]
fn components_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    lab.covariates(120);
    for threads in [1, 2, 5] {
        lab.succeeds(&format!(
            "{RUN} --covar c --cat-covar site --kernel linear,dominance,gaussian --threads \
             {threads} --out t{threads}"
        ));
        for name in ["y1.varcomp.tsv", "y1.varcomp.json", "y2.varcomp.json"] {
            let [one, other] = [1, threads].map(|t| lab.text(&format!("t{t}_{name}")));
            assert_eq!(one, other, "{name}, {threads} threads");
        }
    }
}

#[test]
fn a_trait_has_the_same_components_alone_and_with_others() {
    let lab = lab();
    lab.succeeds(&format!(
        "{RUN} --kernel linear:2pq,grm^2 --pheno-name y1 --out a"
    ));
    lab.succeeds(&format!("{RUN} --kernel linear:2pq,grm^2 --out b"));
    assert_eq!(lab.text("a.varcomp.tsv"), lab.text("b_y1.varcomp.tsv"));
    assert_eq!(lab.text("a.varcomp.json"), lab.text("b_y1.varcomp.json"));
}

#[test]
fn no_fit_is_below_a_nested_one() {
    let lab = lab();
    let kernels = ["linear:std", "grm^2", "dominance"];
    let likelihood = |kernels: &str| {
        let run = RUN.replace("--bootstrap 5", "--bootstrap 0");
        lab.succeeds(&format!("{run} --kernel {kernels} --out v"));
        ["y1", "y2"].map(|of| {
            let json = json(&lab, &format!("v_{of}.varcomp.json"));
            json["log_likelihood"].as_f64().unwrap()
        })
    };
    let all = likelihood(&kernels.join(","));
    for (k, one) in kernels.into_iter().enumerate() {
        let other = kernels[(k + 1) % 3];
        for fewer in [one.to_owned(), format!("{one},{other}")] {
            let fewer = likelihood(&fewer);
            for (all, fewer) in all.iter().zip(fewer) {
                // Two searches for one maximum end within their gain of it.
                assert!(*all >= fewer - 1e-9, "{all} {fewer}");
            }
        }
    }
}

#[test]
fn broad_and_narrow_heritability_are_told_apart() {
    let lab = lab();
    lab.succeeds(&format!(
        "{RUN} --pheno-name y1 --kernel linear,grm^2 --out v"
    ));
    let of = json(&lab, "v.varcomp.json");
    let share = |k: usize| of["sources"][k]["proportion"]["value"].as_f64().unwrap();
    let h = |name: &str| of["heritability"][name]["value"].as_f64().unwrap();
    assert_eq!(h("narrow"), share(0));
    assert!((h("broad") - share(0) - share(1)).abs() <= 4.0 * f64::EPSILON);
    assert_eq!(of["sources"][3]["source"], "total");
    let shares: f64 = (0..3).map(share).sum();
    assert!((shares - 1.0).abs() <= 4.0 * f64::EPSILON);
    // A gaussian kernel alone has no narrow heritability.
    lab.succeeds(&format!("{RUN} --pheno-name y1 --kernel gaussian --out g"));
    assert!(json(&lab, "g.varcomp.json")["heritability"]["narrow"].is_null());
}

#[test]
fn the_liability_scale_is_that_of_the_formula() {
    let lab = lab();
    let rows = lab.rows("s.pheno.txt");
    let mut text = "FID IID case\n".to_owned();
    for (i, row) in rows[1..].iter().enumerate() {
        let value: f64 = row[2].parse().unwrap();
        let case = u8::from(value + noise(i) > 0.6);
        text += &format!("{} {} {case}\n", row[0], row[1]);
    }
    lab.write("p", &text);
    let run = "varcomp --bfile s --pheno p --kernel linear --draws 10";
    lab.succeeds(&format!("{run} --prevalence 0.01 --out v"));
    let of = json(&lab, "v.varcomp.json");
    let h = &of["heritability"];
    let cases = text.lines().filter(|l| l.ends_with(" 1")).count() as f64 / 120.0;
    // The density at the threshold of 1 %: φ(2.326348) = 0.02665214.
    let factor = (0.01 * 0.99 / 0.026_652_14_f64).powi(2) / (cases * (1.0 - cases));
    for part in ["value", "se"] {
        let observed = h["narrow"][part].as_f64().unwrap();
        let found = h["narrow_liability"][part].as_f64().unwrap();
        // Seven digits of the density, squared.
        assert!((found - observed * factor).abs() <= 1e-6 * found.abs().max(1e-9));
    }
    lab.fails(
        &format!("{run} --prevalence 1.5 --out w"),
        8,
        &["--prevalence 1.5"],
    );
    let quantitative = run.replace("--pheno p", "--pheno s.pheno.txt");
    let parts = ["none of the traits is binary"];
    lab.fails(
        &format!("{quantitative} --prevalence 0.1 --out w"),
        7,
        &parts,
    );
}

#[test]
fn one_bad_trait_does_not_stop_the_others() {
    let lab = lab();
    let rows = lab.rows("s.pheno.txt");
    let mut text = "FID IID good constant rare\n".to_owned();
    for (i, row) in rows[1..].iter().enumerate() {
        let rare = if i < 1 { "1.5" } else { "NA" };
        text += &format!("{} {} {} 3 {rare}\n", row[0], row[1], row[2]);
    }
    lab.write("p", text);
    let run = lab.succeeds("varcomp --bfile s --pheno p --kernel linear --draws 10 --out v");
    run.says(&["constant", "rare"]);
    assert!(lab.path("v_good.varcomp.tsv").is_file());
    assert!(!lab.path("v_constant.varcomp.tsv").exists());
    lab.fails(
        "varcomp --bfile s --pheno p --pheno-name constant,rare --kernel linear --out w",
        13,
        &["constant", "rare"],
    );
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let lab = lab();
    lab.fails(
        &format!("{RUN} --kernel rbf --out v"),
        8,
        &["--kernel rbf", "dominance"],
    );
    lab.fails(
        &format!("{RUN} --kernel linear --gamma -1 --out v"),
        8,
        &["--gamma"],
    );
    let memory = format!("{RUN} --kernel linear --memory 17 --out v");
    lab.fails(&memory, 2, &["MiB"]);
}
