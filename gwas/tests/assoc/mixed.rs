//! Mixed models: GEMMA and FaST-LMM.

use std::path::PathBuf;

use super::common::data;
use super::files::{number, table};
use super::lab::Lab;
use super::{largest_difference, ours};

/// How far −log₁₀ p and shares of variance may be from the reference's.
const ALLOWED: f64 = 1e-3;

/// Runs on `set` with `flags`; the folder of the set.
fn run(lab: &Lab, set: &str, chr_set: u32, flags: &str) -> Option<PathBuf> {
    let folder = data(set)?;
    let at = |name: &str| folder.join(name).display().to_string();
    lab.succeeds(&format!(
        "assoc --bfile {} --chr-set {chr_set} --chr 1-{chr_set} --pheno {} {flags} --out a",
        at(set),
        at(&format!("{set}.pheno.txt")),
    ));
    Some(folder)
}

/// Null models of the last run.
fn nulls(lab: &Lab) -> serde_json::Value {
    lab.record("a")["extra"]["null_models"].clone()
}

/// Tests CD8 with `kernel` over all chromosomes: GEMMA's three p-values under its kinship `gk`.
fn cd8(kernel: &str, gk: &str) {
    for (form, column) in [
        ("score", "p_score"),
        ("wald-refit", "p_wald"),
        ("lrt", "p_lrt"),
    ] {
        let lab = Lab::new();
        let flags = format!("--pheno-name CD8 --kernel {kernel} --no-loco --test {form}");
        let Some(folder) = run(&lab, "mice", 19, &flags) else {
            return;
        };
        let reference = folder.join(format!("ref/gemma_lmm4_CD8_{gk}.tsv.gz"));
        let names = ("rs", column);
        let most = largest_difference(&lab, "a_CD8.regenie", &reference, names);
        assert!(most <= ALLOWED, "{kernel} {form}: {most}");
        let json = std::fs::read(folder.join("ref/gemma_null_models.json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let expected = json[format!("CD8_{gk}")]["pve"].as_f64().unwrap();
        let found = nulls(&lab)[0]["share"].as_f64().unwrap();
        assert!((found - expected).abs() <= ALLOWED, "{found} {expected}");
    }
}

#[test]
fn cd8_beside_a_linear_kernel_equals_gemma_at_every_snp() {
    cd8("linear", "gk1");
}

#[test]
fn cd8_beside_a_standardised_kernel_equals_gemma_at_every_snp() {
    cd8("linear:std", "gk2");
}

#[test]
fn bmi_with_covariates_equals_gemma_at_every_snp() {
    let lab = Lab::new();
    let Some(folder) = data("mice") else { return };
    let covariates = folder.join("mice.covar.txt");
    let flags = format!(
        "--pheno-name BMI --covar {} --covar-name sex,CageDensity,Litter --kernel linear \
         --no-loco --test wald-refit",
        covariates.display()
    );
    run(&lab, "mice", 19, &flags);
    let reference = folder.join("ref/gemma_lmm4_BMI_gk1_covar.tsv.gz");
    let most = largest_difference(&lab, "a_BMI.regenie", &reference, ("rs", "p_wald"));
    assert!(most <= ALLOWED, "{most}");
    // Effects too, of the same allele, within what seven digits and 1e-3 in log₁₀ p leave.
    let ours = ours(&lab, "a_BMI.regenie");
    for row in table(&reference) {
        let own = &ours[&row["rs"]];
        let sign = if own["ALLELE1"] == row["allele1"] {
            1.0
        } else {
            -1.0
        };
        let (beta, se) = (number(own, "BETA"), number(own, "SE"));
        let difference = (beta - sign * number(&row, "beta")).abs();
        assert!(difference <= ALLOWED * se, "{}: {difference}", row["rs"]);
    }
}

/// `linear:std` of each trait's own moments, chromosomes left out: FaST-LMM's default.
fn fastlmm(set: &str, chr_set: u32, of: &str) {
    let lab = Lab::new();
    let flags = format!("--pheno-name {of} --kernel linear:std --moments trait --test wald");
    let Some(folder) = run(&lab, set, chr_set, &flags) else {
        return;
    };
    let reference = folder.join(format!("ref/fastlmm_loco_{of}.tsv.gz"));
    let name = format!("a_{of}.regenie");
    let most = largest_difference(&lab, &name, &reference, ("SNP", "PValue"));
    assert!(most <= ALLOWED, "{set} {of}: {most}");
}

#[test]
fn cd8_without_its_chromosome_equals_fastlmm_at_every_snp() {
    fastlmm("mice", 19, "CD8");
}

#[test]
fn simulated_traits_without_their_chromosome_equal_fastlmm_at_every_snp() {
    fastlmm("sim_add", 22, "y_add");
    fastlmm("sim_add", 22, "y_half");
}

#[test]
fn cd8_without_its_chromosome_equals_gemma_column_by_column() {
    for (form, column) in [
        ("score", "p_score"),
        ("wald-refit", "p_wald"),
        ("lrt", "p_lrt"),
    ] {
        let lab = Lab::new();
        let flags = format!("--pheno-name CD8 --kernel linear --test {form}");
        let Some(folder) = run(&lab, "mice", 19, &flags) else {
            return;
        };
        let reference = folder.join("ref/gemma_loco_lmm4_CD8_gk1.tsv.gz");
        let names = ("rs", column);
        let most = largest_difference(&lab, "a_CD8.regenie", &reference, names);
        assert!(most <= ALLOWED, "{form}: {most}");
    }
}

#[test]
fn simulated_traits_out_of_fold_equal_the_reference_at_every_snp() {
    for (kernel, lambda, reference) in [("linear", 1.0, "linear_a1"), ("gaussian", 0.1, "rbf_a0.1")]
    {
        let lab = Lab::new();
        let Some(folder) = data("sim_add") else {
            return;
        };
        let flags = format!(
            "--pheno-name y_add,y_half --kernel {kernel} --test oof --lambda {lambda} --folds {}",
            folder.join("folds10.txt").display()
        );
        run(&lab, "sim_add", 22, &flags);
        for of in ["y_add", "y_half"] {
            let reference = folder.join(format!("ref/krr_loco_{of}_{reference}.tsv.gz"));
            let name = format!("a_{of}.regenie");
            let most = largest_difference(&lab, &name, &reference, ("sid", "p"));
            assert!(most <= ALLOWED, "{of} {kernel}: {most}");
        }
    }
}
