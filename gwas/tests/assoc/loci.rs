//! Thresholds, and lead SNPs as `plink1.9 --clump` finds them.

use std::collections::BTreeMap;
use std::process::Command;

use super::lab::Lab;
use crate::common::program;

/// 300 individuals of few founders: much linkage disequilibrium.
fn lab() -> Lab {
    Lab::with_cohort("--samples 300 --snps 900 --traits 1 --missing-rate 0.02 --additive 0.5")
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt --kernel none";

#[test]
fn lead_snps_are_those_of_plink() {
    if !program("plink1.9") {
        return;
    }
    let lab = lab();
    for (p, r2, kb) in [
        ("0.01", "0.2", "500"),
        ("0.05", "0.5", "250"),
        ("0.001", "0.05", "20"),
    ] {
        let flags = format!("--clump-p {p} --clump-r2 {r2} --clump-kb {kb}");
        lab.succeeds(&format!("{RUN} {flags} --out a"));
        let mut text = "SNP P\n".to_owned();
        for row in &lab.rows("a_y1.regenie")[1..] {
            if let Ok(log10p) = row[11].parse::<f64>() {
                text += &format!("{} {:e}\n", row[2], 10_f64.powf(-log10p));
            }
        }
        lab.write("p", text);
        let plink = Command::new("plink1.9")
            .args("--bfile s --allow-no-sex --clump p --out c".split(' '))
            .args([
                "--clump-p1",
                p,
                "--clump-p2",
                p,
                "--clump-r2",
                r2,
                "--clump-kb",
                kb,
            ])
            .current_dir(lab.path(""))
            .output()
            .unwrap();
        assert!(plink.status.success(), "{plink:?}");
        let mut theirs = BTreeMap::new();
        for row in lab.rows("c.clumped").iter().skip(1).filter(|r| r.len() > 5) {
            let list = row[11..].concat();
            let mut members: Vec<String> = match &*list {
                "NONE" => Vec::new(),
                list => list.split(',').map(|m| m.replace("(1)", "")).collect(),
            };
            members.sort();
            theirs.insert(row[2].clone(), (row[5].clone(), members));
        }
        let mut ours = BTreeMap::new();
        for row in &lab.rows("a_y1.loci.tsv")[1..] {
            let mut members: Vec<String> = match &*row[17] {
                "NA" => Vec::new(),
                list => list.split(',').map(str::to_owned).collect(),
            };
            members.sort();
            assert_eq!(row[16], members.len().to_string());
            ours.insert(row[2].clone(), (row[15].clone(), members));
        }
        assert!(!ours.is_empty(), "{flags}");
        assert_eq!(ours, theirs, "{flags}");
    }
}

#[test]
fn thresholds_follow_their_rule_and_are_said() {
    let lab = lab();
    let threshold = |flags: &str| {
        let run = lab.succeeds(&format!(
            "assoc --bfile s --pheno s.pheno.txt {flags} --out a"
        ));
        run.says(&["y1: −log₁₀ p ≥"]);
        let found = lab.record("a")["extra"]["significance"]["y1"].clone();
        let loci = lab.rows("a_y1.loci.tsv").len() - 1;
        assert_eq!(found["loci"].as_u64(), Some(loci as u64));
        let method = found["threshold"]["method"].as_str().unwrap().to_owned();
        (
            found["threshold"]["log10p"].as_f64().unwrap(),
            method,
            found["tested"].as_f64().unwrap(),
        )
    };
    let (human, method, tested) = threshold("");
    assert!((human + 5e-8_f64.log10()).abs() < 1e-15 && method.contains("human"));
    let (mouse, method, _) = threshold("--chr-set 19");
    assert!(method.contains("Bonferroni"), "{method}");
    assert_eq!(mouse, -(0.05 / tested).log10());
    assert_eq!(threshold("--threshold bonferroni").0, mouse);
    assert_eq!(threshold("--threshold 0.001").0, 3.0);
    // Neighbours are correlated: fewer tests than SNPs count.
    let (effective, method, _) = threshold("--threshold effective --kernel none");
    assert!(effective < mouse && effective > 1.3, "{effective}");
    assert!(method.contains("Li and Ji"), "{method}");
    for test in ["score", "wald"] {
        let flags = format!("--threshold simulate --draws 399 --test {test}");
        let (drawn, method, _) = threshold(&flags);
        assert!(method.contains("399 draws"), "{method}");
        // What is drawn knows of the correlation; the 5 % point of 399 draws is one of between
        // 0.6 % and 9.4 %.
        assert!(drawn > 1.3 && drawn < mouse, "{drawn} {mouse}");
        let before = lab.text("a_y1.loci.tsv");
        threshold(&(flags + " --threads 3"));
        assert_eq!(lab.text("a_y1.loci.tsv"), before);
    }
}

#[test]
fn thresholds_that_cannot_be_are_refused() {
    let lab = lab();
    for flags in [
        "--threshold 0",
        "--threshold some",
        "--clump-r2 2",
        "--clump-p 0x",
        "--clump-kb -1",
    ] {
        let flag = flags.split(' ').next().unwrap();
        lab.fails(&format!("{RUN} {flags} --out v"), 8, &[flag]);
    }
    let drawn = format!("{RUN} --threshold simulate --out v");
    lab.fails(&drawn, 8, &["--threshold simulate", "effective"]);
}
