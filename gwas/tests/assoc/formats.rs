//! Tables in other forms.

use std::process::{Command, Stdio};

use super::lab::Lab;
use crate::common::program;

fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 90 --snps 600 --traits 1 --missing-rate 0.02");
    let mut plink = lab.plink("s");
    // Chromosome 3 becomes X; SNPs without a place, without nucleotides, without variation.
    for snp in plink.snps.iter_mut().filter(|s| s.chromosome == "3") {
        snp.chromosome = "X".into();
    }
    plink.snps[1].id = "rs77".into();
    plink.snps[2].a1 = "I".into();
    plink.calls[3].fill(Some(0));
    plink.write(&lab, "s");
    lab
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt --kernel linear";

/// What a program writes to its standard output.
fn output(lab: &Lab, name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(name);
    let run = command.args(arguments).current_dir(lab.path(""));
    let run = run.stderr(Stdio::inherit()).output().unwrap();
    assert!(run.status.success(), "{name} {arguments:?}");
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn ssf_has_the_mandatory_columns_in_their_order_and_its_metadata() {
    let lab = lab();
    lab.covariates(90);
    let flags = "--covar c --covar-name age";
    lab.succeeds(&format!("{RUN} {flags} --out a"));
    let run = lab.succeeds(&format!("{RUN} {flags} --format ssf --out b"));
    run.says(&["y1: 2 SNPs are not in the table"]);
    let (regenie, ssf) = (lab.rows("a_y1.regenie"), lab.rows("b_y1.ssf.tsv"));
    let mandatory = [
        "chromosome",
        "base_pair_location",
        "effect_allele",
        "other_allele",
        "beta",
        "standard_error",
        "effect_allele_frequency",
        "neg_log_10_p_value",
    ];
    assert_eq!(ssf[0][..8], mandatory);
    let kept = (1..regenie.len()).filter(|k| ![3, 4].contains(k));
    let kept: Vec<&Vec<String>> = kept.map(|k| &regenie[k]).collect();
    assert_eq!(ssf.len() - 1, kept.len());
    for (ours, theirs) in kept.iter().zip(&ssf[1..]) {
        let chromosome = if ours[0] == "X" { "23" } else { &ours[0] };
        let expected = [1, 4, 3, 8, 9, 5, 11].map(|c| ours[c].as_str());
        assert_eq!(theirs[0], chromosome);
        assert_eq!(theirs[1..8], expected);
        let rsid = if ours[2].starts_with("rs") {
            &ours[2]
        } else {
            "#NA"
        };
        assert_eq!(theirs[8..], [rsid, &ours[6], &ours[2]]);
    }
    let yaml = lab.text("b_y1.ssf.tsv-meta.yaml");
    let sum = output(&lab, "md5sum", &["b_y1.ssf.tsv"]);
    let sum = sum.split_whitespace().next().unwrap();
    for line in [
        &format!("data_file_md5sum: {sum}"),
        "data_file_name: \"b_y1.ssf.tsv\"",
        "coordinate_system: 1-based",
        "    sample_size: 90",
        "  - \"age\"",
        "  - \"y1\"",
        "is_sorted: true",
        "is_harmonised: false",
        "file_type: GWAS-SSF v1.0",
    ] {
        assert!(yaml.lines().any(|l| l == line), "no '{line}' in\n{yaml}");
    }
    let wide = format!("{RUN} --format ssf --chr-set 39 --out v");
    lab.fails(&wide, 8, &["--chr-set 39", "--format regenie"]);
    lab.fails(&format!("{RUN} --format vcf --out v"), 8, &["--format"]);
}

#[test]
fn packed_tables_unpack_to_the_plain_ones() {
    let lab = lab();
    for (format, ending) in [("regenie", "regenie"), ("ssf", "ssf.tsv")] {
        lab.succeeds(&format!("{RUN} --format {format} --out a"));
        lab.succeeds(&format!("{RUN} --format {format} --bgzip --out b"));
        let packed = format!("b_y1.{ending}.gz");
        let text = output(&lab, "gzip", &["-dc", &packed]);
        assert_eq!(text, lab.text(&format!("a_y1.{ending}")));
        assert!(!lab.path(&format!("b_y1.{ending}")).exists());
    }
}

#[test]
fn tabix_finds_the_lines_of_a_region() {
    if !program("tabix") {
        return;
    }
    let lab = lab();
    lab.succeeds(&format!("{RUN} --bgzip --out b"));
    let text = output(&lab, "gzip", &["-dc", "b_y1.regenie.gz"]);
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split('\t').collect()).collect();
    let position = |r: &Vec<&str>| r[1].parse::<i64>().unwrap();
    for chromosome in ["1", "2", "X"] {
        let own: Vec<&Vec<&str>> = rows.iter().filter(|r| r[0] == chromosome).collect();
        let (from, to) = (position(own[20]), position(own[90]));
        let found = output(
            &lab,
            "tabix",
            &["b_y1.regenie.gz", &format!("{chromosome}:{from}-{to}")],
        );
        let expected = own.iter().filter(|r| (from..=to).contains(&position(r)));
        let expected: String = expected.map(|r| r.join("\t") + "\n").collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn an_index_needs_snps_in_order() {
    let lab = lab();
    let mut plink = lab.plink("s");
    plink.snps.swap(10, 11);
    plink.write(&lab, "s");
    lab.succeeds(&format!("{RUN} --format ssf --out a"));
    assert!(
        lab.text("a_y1.ssf.tsv-meta.yaml")
            .contains("is_sorted: false")
    );
    lab.fails(
        &format!("{RUN} --bgzip --out v"),
        7,
        &["--bgzip", "--sort-vars"],
    );
    plink.snps.swap(10, 11);
    let last = plink.snps.len() - 1;
    plink.snps[last].position = 1 << 30;
    plink.write(&lab, "s");
    lab.fails(
        &format!("{RUN} --bgzip --out v"),
        7,
        &["--bgzip", "536870912"],
    );
}
