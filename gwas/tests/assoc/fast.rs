//! The approximate score test.

use super::lab::Lab;
use super::ours;
use crate::common::data;
use crate::files::number;

/// 400 unrelated individuals, 900 SNPs on three chromosomes.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.succeeds(
        "simulate --samples 400 --snps 900 --chromosomes 3 --causal 20 --pairs 20 --traits 2 \
         --maf-min 0.05 --out s",
    );
    lab.lose(|i, t| t == 1 && i % 11 == 3);
    lab
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt";

#[test]
fn small_p_values_are_exact_and_others_near_it() {
    let lab = lab();
    lab.succeeds(&format!("{RUN} --out exact"));
    let run = lab.succeeds(&format!("{RUN} --fast --out fast"));
    run.says(&["γ", "coefficient of variation"]);
    let mut approximate = 0;
    for of in ["y1", "y2"] {
        let [exact, fast] = ["exact", "fast"].map(|p| ours(&lab, &format!("{p}_{of}.regenie")));
        for (id, row) in &fast {
            let expected = number(&exact[id], "LOG10P");
            let found = number(row, "LOG10P");
            if row["EXTRA"].ends_with("FAST=0") {
                // Sums of n products in another order.
                let allowed = 400.0 * f64::EPSILON * 1e3 * (1.0 + expected);
                assert!(
                    (found - expected).abs() <= allowed,
                    "{id}: {found} {expected}"
                );
                continue;
            }
            assert!(row["EXTRA"].ends_with("FAST=1") && found < 2.0, "{row:?}");
            approximate += 1;
            // xᵀPx is off by at most four times its spread, 5 %, and −ln p ≤ 2 ln 10 changes by
            // less than half of F, ≤ 7, times as much.
            assert!(
                (found - expected).abs() <= 0.2 * 7.0 / 2.0 / 10_f64.ln(),
                "{id}"
            );
        }
    }
    assert!(approximate > 1000, "{approximate}");
    for g in lab.record("fast")["extra"]["fast"].as_array().unwrap() {
        let gamma = &g["gamma"];
        assert!(gamma["cv"].as_f64().unwrap() <= 0.05, "{g}");
        assert_eq!(gamma["snps"], 256);
    }
}

#[test]
fn fast_tables_depend_on_neither_threads_nor_the_other_chromosomes() {
    let lab = lab();
    lab.succeeds(&format!(
        "{RUN} --fast --threads 1 --null-out n --out whole"
    ));
    lab.succeeds(&format!("{RUN} --fast --threads 3 --out three"));
    for (part, chr) in [("a", "1"), ("b", "2,3")] {
        lab.succeeds(&format!(
            "{RUN} --fast --chr {chr} --null-in n --out {part}"
        ));
    }
    for of in ["y1", "y2"] {
        let text = |p: &str| lab.text(&format!("{p}_{of}.regenie"));
        assert_eq!(text("whole"), text("three"));
        let b = text("b");
        let (_, rest) = b.split_once('\n').unwrap();
        assert_eq!(text("whole"), text("a") + rest);
    }
}

#[test]
fn fast_is_a_form_of_the_score_test() {
    let lab = lab();
    for flags in ["--test wald", "--kernel none", "--test oof"] {
        let line = format!("{RUN} {flags} --fast --out v");
        lab.fails(&line, 8, &["--fast", "--test score"]);
    }
}

#[test]
fn mice_are_too_related_for_the_fast_test() {
    let Some(folder) = data("mice") else { return };
    let lab = Lab::new();
    let at = |name: &str| folder.join(name).display().to_string();
    let run = format!(
        "assoc --bfile {} --chr-set 19 --chr 17 --pheno {} --pheno-name CD8 --kernel linear",
        at("mice"),
        at("mice.pheno.txt")
    );
    lab.fails(
        &format!("{run} --fast --out v"),
        13,
        &[
            "--fast",
            "CD8",
            "chromosome 17",
            "coefficient of variation",
            "--force-fast",
        ],
    );
    lab.succeeds(&format!("{run} --force-fast --out w"));
    let gamma = &lab.record("w")["extra"]["fast"][0]["gamma"];
    let cv = gamma["cv"].as_f64().unwrap();
    // 0.13 over all chromosomes.
    assert!((0.05..0.25).contains(&cv), "{cv}");
}
