//! `cv` against `fit` without one fold and `predict`.

use std::collections::BTreeMap;

use epitile::io::fam::{self, Sample};

use super::KERNELS;
use super::common::data;
use super::lab::{Lab, noise};

/// Individuals of the simulated cohorts: more than one tile of 96.
const SAMPLES: usize = 130;

/// A cohort with phenotypes `s.pheno.txt`, folds `folds` and covariates `c`.
fn lab(missing: &str) -> Lab {
    let flags = format!("--samples {SAMPLES} --snps 250 --traits 2 --missing-rate {missing}");
    let lab = Lab::with_cohort(&flags);
    lab.lose(|i, t| t == 1 && i % 11 == 6);
    lab.covariates(SAMPLES);
    let fold = |i: usize| format!("id{0} id{0} {1}\n", i + 1, (5.0 * noise(7 * i)) as usize);
    lab.write("folds", (0..SAMPLES).map(fold).collect::<String>());
    lab
}

/// Predictions of fold `fold` by trait and individual.
fn validated(lab: &Lab, fold: &str) -> BTreeMap<(String, String), String> {
    let rows = lab.rows("cv.cv_predictions.tsv").into_iter().skip(1);
    rows.filter(|r| r[3] == fold)
        .map(|r| ((r[0].clone(), format!("{} {}", r[1], r[2])), r[8].clone()))
        .collect()
}

/// Phenotypes `held` in which the individuals of fold `fold` have none.
fn hold_out(lab: &Lab, table: &str, fold: &str) {
    let folds = lab.rows("folds");
    let out: Vec<&[String]> = folds
        .iter()
        .filter(|r| r[2] == fold)
        .map(|r| &r[..2])
        .collect();
    let mut rows = lab.rows(table);
    for row in &mut rows[1..] {
        if out.contains(&&row[..2]) {
            row[2..].fill("NA".into());
        }
    }
    let lines: Vec<String> = rows.iter().map(|r| r.join(" ")).collect();
    lab.write("held", lines.join("\n") + "\n");
}

/// Validates, then fits without a fold and predicts it; all numbers must have the same bits.
/// `model` are flags of both `cv` and `fit`, `new` of `predict`, `keep` of `fit` alone.
fn compare(lab: &Lab, set: [&str; 2], model: &str, keep: &str, new: &str) {
    let [bfile, pheno] = set;
    lab.succeeds(&format!(
        "cv --bfile {bfile} --pheno {pheno} {model} --folds folds --out cv"
    ));
    for fold in ["1", "4"] {
        let expected = validated(lab, fold);
        assert!(!expected.is_empty());
        hold_out(lab, pheno, fold);
        lab.succeeds(&format!(
            "fit --bfile {bfile} --pheno held {model} {keep} --out m"
        ));
        lab.succeeds(&format!(
            "predict --model m.epitile --bfile {bfile} {new} --out new"
        ));
        for ((of, who), y) in expected {
            let predicted = lab.column("new.sscore", &format!("{of}_PRED"));
            assert_eq!(predicted[&who], y, "{model} {keep}: {of} of {who}");
        }
    }
}

#[test]
fn every_kernel_predicts_what_it_validates() {
    for missing in ["0", "0.03"] {
        let lab = lab(missing);
        for (k, kernel) in KERNELS.iter().enumerate() {
            for intercept in ["gls", "mean"] {
                let model = format!(
                    "--kernel {kernel} --gamma-scale 0.7 --lambda 0.3 --intercept {intercept}"
                );
                let keep = ["", "--embed"][(k + intercept.len()) % 2];
                compare(&lab, ["s", "s.pheno.txt"], &model, keep, "");
            }
        }
    }
}

#[test]
fn models_with_weights_of_snps_predict_what_they_validate() {
    let lab = lab("0.03");
    let snps = lab.plink("s").snps.into_iter().enumerate();
    let line = |(m, snp): (usize, epitile::io::bim::Snp)| format!("{} {}\n", snp.id, noise(m));
    lab.write("w", snps.map(line).collect::<String>());
    for (kernel, keep) in [
        ("linear", ""),
        ("linear:std", "--embed"),
        ("gaussian", "--save-factor"),
    ] {
        let model = format!("--kernel {kernel} --gamma-scale 0.7 --lambda 0.3 --snp-weights w");
        compare(&lab, ["s", "s.pheno.txt"], &model, keep, "");
    }
}

#[test]
fn models_with_covariates_predict_what_they_validate() {
    for (missing, embed) in [("0", "--embed"), ("0.03", "")] {
        let lab = lab(missing);
        for kernel in KERNELS {
            // `late` is missing in some: they are neither trained on nor predicted.
            let model = format!(
                "--kernel {kernel} --lambda 0.3 --gamma-scale 1 --covar c --cat-covar site"
            );
            compare(&lab, ["s", "s.pheno.txt"], &model, embed, "--covar c");
        }
        for kernel in ["gaussian", "laplacian"] {
            let inside = "--kernel-covar age,late --kernel-covar-weight 0.3";
            for linear in ["", "--covar-name age --cat-covar site"] {
                let model = format!(
                    "--kernel {kernel} --lambda 0.3 --gamma-scale 1 --covar c {inside} {linear}"
                );
                compare(&lab, ["s", "s.pheno.txt"], &model, embed, "--covar c");
            }
        }
    }
}

/// Some effects cannot be estimated without a fold: a site that occurs in it alone, and an age
/// that elsewhere is what another covariate says.
#[test]
fn covariates_that_depend_on_others_in_a_training_set_predict_what_they_validate() {
    let lab = lab("0.03");
    let folds = lab.rows("folds");
    let mut table = "FID IID site age years\n".to_owned();
    for (i, row) in folds.iter().enumerate() {
        let inside = row[2] == "1";
        let site = ["north", "south"][usize::from(noise(i) < 0.5)];
        let site = if inside && i % 3 == 0 { "east" } else { site };
        let age = 20.0 + 32.0 * noise(3 * i).round() + (i % 7) as f64;
        let years = if inside { 3.0 * age } else { 100.0 - age };
        table += &format!("{} {} {site} {age} {years}\n", row[0], row[1]);
    }
    lab.write("c", table);
    for (kernel, keep) in [
        ("linear", ""),
        ("gaussian", "--embed"),
        ("ibs", "--save-factor"),
    ] {
        let model =
            format!("--kernel {kernel} --lambda 0.3 --gamma-scale 1 --covar c --cat-covar site");
        compare(&lab, ["s", "s.pheno.txt"], &model, keep, "--covar c");
    }
}

#[test]
fn every_precision_predicts_what_it_validates() {
    let lab = lab("0.03");
    for precision in [
        "f32",
        "adaptive",
        "norm:0.01",
        "uniform:f16",
        "uniform:f8e4m3",
        "banded:1",
    ] {
        for kernel in ["linear:std", "gaussian"] {
            let model =
                format!("--kernel {kernel} --gamma-scale 2 --lambda 0.02 --precision {precision}");
            for keep in ["", "--embed --save-factor --tile 96"] {
                compare(&lab, ["s", "s.pheno.txt"], &model, keep, "");
            }
        }
    }
}

#[test]
fn filtered_cohorts_predict_what_they_validate() {
    let lab = lab("0.03");
    lab.write(
        "gone",
        (1..=20)
            .map(|i| format!("id{0} id{0}\n", 5 * i))
            .collect::<String>(),
    );
    lab.write(
        "snps",
        (1..=250)
            .step_by(3)
            .map(|m| format!("snp{m}\n"))
            .collect::<String>(),
    );
    let model = "--kernel gaussian --lambda 0.3 --gamma-scale 1 --remove gone --exclude snps \
                 --chr 1,3 --maf 0.15";
    compare(&lab, ["s", "s.pheno.txt"], model, "", "");
}

/// One fold whose individuals hold all missing calls: the training set has none.
#[test]
fn missing_calls_of_new_individuals_alone_change_no_bit() {
    let lab = lab("0");
    let mut set = lab.plink("s");
    let folds = lab.rows("folds");
    for (m, calls) in set.calls.iter_mut().enumerate() {
        for (i, call) in calls
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| folds[*i][2] == "1")
        {
            if (i + m) % 10 == 0 {
                *call = None;
            }
        }
    }
    set.write(&lab, "s");
    for kernel in KERNELS {
        let model = format!("--kernel {kernel} --gamma-scale 1 --lambda 0.3");
        compare(&lab, ["s", "s.pheno.txt"], &model, "", "");
    }
}

/// A real cohort with missing calls and SNPs that do not vary, and one without.
#[test]
fn real_cohorts_predict_what_they_validate() {
    for (set, flags) in [
        ("hapmap3", "--pheno-name trait --chr 20-22"),
        ("wheat", "--pheno-name env1,env2"),
    ] {
        let Some(folder) = data(set) else { return };
        let lab = Lab::new();
        let bfile = folder.join(set).display().to_string();
        let samples = fam::read(format!("{bfile}.fam")).unwrap();
        let fold = |(i, s): (usize, &Sample)| format!("{} {}\n", s.id(), i * i % 5);
        let folds = samples.iter().enumerate().map(fold);
        lab.write("folds", folds.collect::<String>());
        lab.write(
            "pheno",
            std::fs::read(format!("{bfile}.pheno.txt")).unwrap(),
        );
        for kernel in ["linear", "gaussian"] {
            let model = format!(
                "{flags} --kernel {kernel} --gamma-scale 1 --lambda 0.1 --precision adaptive"
            );
            compare(&lab, [&bfile, "pheno"], &model, "", "");
        }
    }
}
