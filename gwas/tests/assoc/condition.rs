//! SNPs taken out first.

use super::lab::Lab;
use super::{ours, values};
use crate::common::program;
use crate::files::{number, table};

fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 200 --snps 240 --traits 2 --missing-rate 0.02");
    lab.lose(|i, t| t == 1 && i % 13 == 5);
    lab
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt";

/// IDs of the SNPs at `places`.
fn ids<const N: usize>(lab: &Lab, places: [usize; N]) -> [String; N] {
    let snps = lab.plink("s").snps;
    places.map(|k| snps[k].id.clone())
}

#[test]
fn conditioned_snps_are_covariates_with_means_for_missing_calls() {
    let lab = lab();
    let places = [10, 120];
    let chosen = ids(&lab, places);
    lab.succeeds(&format!(
        "{RUN} --condition {} --test wald --out a",
        chosen.join(",")
    ));
    let plink = lab.plink("s");
    for of in ["y1", "y2"] {
        // Means are those of the trait's individuals.
        let y = values(&lab, of);
        let mut text = "FID IID a b\n".to_owned();
        for (i, sample) in plink.samples.iter().enumerate() {
            text += &format!("{} {}", sample.fid, sample.iid);
            for k in places {
                let there = (plink.calls[k].iter().zip(&y)).filter(|(_, y)| !y.is_nan());
                let known: Vec<f64> = there.filter_map(|(d, _)| d.map(f64::from)).collect();
                let mean = known.iter().sum::<f64>() / known.len() as f64;
                text += &format!(" {}", plink.calls[k][i].map_or(mean, f64::from));
            }
            text += "\n";
        }
        lab.write("d", text);
        lab.succeeds(&format!(
            "{RUN} --pheno-name {of} --covar d --test wald --out b"
        ));
        let name = format!("_{of}.regenie");
        let [a, b] = ["a", "b"].map(|p| ours(&lab, &format!("{p}{name}")));
        for (id, row) in &a {
            let other = &b[id];
            assert_eq!(row["EXTRA"], other["EXTRA"], "{id}");
            if !chosen.contains(id) {
                let difference = number(row, "LOG10P") - number(other, "LOG10P");
                // The logarithm of ρ is found to 1e-9, and −log₁₀ p changes less than itself by it.
                let allowed = 1e-8 * (1.0 + number(row, "LOG10P"));
                assert!(difference.abs() <= allowed, "{of} {id}: {difference}");
            }
        }
        for id in &chosen {
            assert!(a[id]["EXTRA"].contains("TESTFORM=COLLINEAR"), "{:?}", a[id]);
            assert_eq!(a[id]["LOG10P"], "NA");
        }
    }
}

#[test]
fn conditioned_snps_without_a_kernel_leave_complete_cases_as_in_plink() {
    if !program("plink2") {
        return;
    }
    let lab = lab();
    let [id] = ids(&lab, [50]);
    lab.succeeds(&format!(
        "{RUN} --pheno-name y1 --kernel none --condition {id} --out a"
    ));
    let plink = std::process::Command::new("plink2")
        .args("--bfile s --pheno s.pheno.txt --pheno-name y1 --glm hide-covar allow-no-covars --out p".split(' '))
        .args(["--condition", &id])
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    assert!(plink.status.success(), "{plink:?}");
    let ours = ours(&lab, "a_y1.regenie");
    let mut compared = 0;
    for row in table(&lab.path("p.y1.glm.linear")) {
        let own = &ours[&row["ID"]];
        if row["ID"] == id {
            assert!(own["EXTRA"].contains("TESTFORM=COLLINEAR"), "{own:?}");
            continue;
        }
        let (beta, se) = (number(&row, "BETA"), number(&row, "SE"));
        if beta.is_nan() {
            continue;
        }
        assert_eq!(own["N"], row["OBS_CT"], "{}", row["ID"]);
        let sign = if own["ALLELE1"] == row["A1"] {
            1.0
        } else {
            -1.0
        };
        // Six digits are printed.
        for (found, expected) in [(sign * number(own, "BETA"), beta), (number(own, "SE"), se)] {
            let allowed = 1e-5 * se + 5e-6 * expected.abs();
            assert!(
                (found - expected).abs() <= allowed,
                "{}: {found} {expected}",
                row["ID"]
            );
        }
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn an_id_that_is_not_of_one_snp_is_refused() {
    let lab = lab();
    let mut plink = lab.plink("s");
    plink.snps[7].id = plink.snps[3].id.clone();
    plink.write(&lab, "s");
    let twice = plink.snps[3].id.clone();
    lab.fails(
        &format!("{RUN} --condition {twice} --out v"),
        7,
        &["--condition", "found 2 SNPs", &twice],
    );
    lab.fails(
        &format!("{RUN} --condition rs0 --out v"),
        7,
        &["--condition", "found no SNP", "'rs0'"],
    );
}
