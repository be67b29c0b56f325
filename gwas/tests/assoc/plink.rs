//! Tests without a kernel: `plink2 --glm`.

use super::common::data;
use super::files::{number, table};
use super::lab::Lab;
use super::ours;

/// Compares BETA and SE of trait `of` with the reference's: within 1e-5 of the standard error
/// beside the six digits it is printed with.
pub(super) fn check(set: &str, prefix: &str, pheno: &str, of: &str, flags: &str, reference: &str) {
    let Some(folder) = data(set) else { return };
    let lab = Lab::new();
    let at = |name: &str| folder.join(name).display().to_string();
    let flags = flags.replace("DATA", &folder.display().to_string());
    lab.succeeds(&format!(
        "assoc --bfile {} --pheno {} --pheno-name {of} --kernel none {flags} --out a",
        at(prefix),
        at(pheno),
    ));
    let ours = ours(&lab, &format!("a_{of}.regenie"));
    let mut compared = 0;
    for row in table(&folder.join(reference)) {
        let own = &ours[&row["ID"]];
        let (beta, se) = (number(&row, "BETA"), number(&row, "SE"));
        if beta.is_nan() {
            assert_eq!(own["BETA"], "NA", "{}", row["ID"]);
            continue;
        }
        assert_eq!(own["N"], row["OBS_CT"], "{}", row["ID"]);
        let sign = if own["ALLELE1"] == row["A1"] {
            1.0
        } else {
            -1.0
        };
        for (found, expected) in [(sign * number(own, "BETA"), beta), (number(own, "SE"), se)] {
            let allowed = 1e-5 * se + 5e-6 * expected.abs();
            let difference = (found - expected).abs();
            assert!(difference <= allowed, "{}: {found} {expected}", row["ID"]);
        }
        let p = number(&row, "P");
        if p > 1e-300 {
            let difference = (number(own, "LOG10P") + p.log10()).abs();
            // p is printed with six digits, and falls by |t|·φ(t)/p ≲ t² times a change of t.
            let t = beta / se;
            assert!(
                difference <= 1e-5 * (1.0 + t * t),
                "{}: {difference}",
                row["ID"]
            );
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn complete_data_equal_plink() {
    for of in ["Y1", "Y2"] {
        let set = "regenie_example";
        let reference = format!("ref/plink2_glm_{of}_nocovar.tsv");
        check(set, "example", "phenotype.txt", of, "", &reference);
        let reference = format!("ref/plink2_glm_{of}_covar.tsv");
        let covar = "--covar DATA/covariates.txt";
        check(set, "example", "phenotype.txt", of, covar, &reference);
    }
}

#[test]
fn missing_phenotypes_equal_plink() {
    let reference = "ref/plink2_glm_y_add_miss.tsv.gz";
    check(
        "sim_add",
        "sim_add",
        "sim_add.pheno.txt",
        "y_add_miss",
        "",
        reference,
    );
}

#[test]
fn missing_calls_equal_plink() {
    let reference = "ref/plink2_glm_y1.tsv.gz";
    check(
        "gcta_test",
        "gcta_test",
        "gcta_test.pheno.txt",
        "y1",
        "",
        reference,
    );
}

#[test]
fn inflated_mice_equal_plink() {
    let flags = "--chr-set 19 --chr 1-19 --covar DATA/mice.covar.txt --covar-name \
                 sex,CageDensity,Litter";
    for of in ["BMI", "BodyLength"] {
        let reference = format!("ref/plink2_glm_{of}_covar.tsv.gz");
        check("mice", "mice", "mice.pheno.txt", of, flags, &reference);
    }
}
