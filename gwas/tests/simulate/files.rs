//! Files: contents, reproducibility, failures, and what PLINK 2 reads in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use epitile::error::Kind;
use epitile::simulate::{SimulateOptions, run, simulate};

use super::{near, small};

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str, seed: u64| -> BTreeMap<String, Vec<u8>> {
        let options = SimulateOptions {
            seed,
            missing_rate: 0.02,
            traits: 2,
            ..small()
        };
        let (_, paths) = run(&options, folder.path().join(name)).unwrap();
        assert_eq!(paths.len(), 8);
        let ending = |path: &Path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .replacen(name, "", 1)
        };
        paths
            .iter()
            .map(|path| (ending(path), fs::read(path).unwrap()))
            .collect()
    };
    let (a, b, c) = (bytes("a", 11), bytes("b", 11), bytes("c", 12));
    assert_eq!(a, b);
    for (ending, content) in &a {
        // The .fam differs in the sexes only, and does.
        assert_ne!(content, &c[ending], "{ending}");
    }
}

#[test]
fn files_hold_the_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("sim.v1");
    let options = SimulateOptions {
        families: Some(2),
        traits: 2,
        ..small()
    };
    let (simulation, _) = run(&options, &prefix).unwrap();
    let text =
        |ending: &str| fs::read_to_string(folder.path().join(format!("sim.v1.{ending}"))).unwrap();
    let pheno = text("pheno.txt");
    let lines: Vec<Vec<&str>> = pheno.lines().map(|l| l.split('\t').collect()).collect();
    assert_eq!(lines[0], ["FID", "IID", "y1", "y2"]);
    assert_eq!(lines.len(), 302);
    assert_eq!(lines[2][..2], ["fam1", "fam1_2"]);
    let y: f64 = lines[2][3].parse().unwrap();
    assert_eq!(y, simulation.traits[1].values()[1]);

    let additive = text("truth.additive.tsv");
    assert_eq!(
        additive.lines().next(),
        Some("TRAIT\tSNP\tCHR\tBP\tEFFECT_ALLELE\tEFFECT")
    );
    assert_eq!(additive.lines().count(), 1 + 2 * 30);
    let pairs = text("truth.pairs.tsv");
    assert_eq!(pairs.lines().next(), Some("TRAIT\tSNP1\tSNP2\tEFFECT"));
    assert_eq!(pairs.lines().count(), 1 + 2 * 40);
    let values = text("truth.values.tsv");
    assert_eq!(
        values.lines().next(),
        Some("FID\tIID\tTRAIT\tADDITIVE\tEPISTATIC\tENVIRONMENT")
    );
    assert_eq!(values.lines().count(), 1 + 2 * 301);
    let cells: Vec<&str> = values
        .lines()
        .nth(1 + 301 + 1)
        .unwrap()
        .split('\t')
        .collect();
    assert_eq!(cells[..3], ["fam1", "fam1_2", "y2"]);
    let sum: f64 = cells[3..].iter().map(|c| c.parse::<f64>().unwrap()).sum();
    near(sum, y);

    let truth: serde_json::Value = serde_json::from_str(&text("truth.json")).unwrap();
    assert_eq!(truth["options"]["samples"], 301);
    assert_eq!(truth["options"]["families"], 2);
    assert_eq!(truth["snps_below_maf_min"], 0);
    near(
        truth["traits"][1]["realised_variance"]["epistatic"]
            .as_f64()
            .unwrap(),
        0.3,
    );
}

#[test]
fn what_cannot_be_written_is_an_error_that_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("no/such/sim");
    let errors = [
        run(&small(), &prefix).unwrap_err(),
        simulate(&small()).unwrap().write(&prefix).unwrap_err(),
    ];
    assert!(errors.iter().all(|e| e.kind() == Kind::Write));
    assert_eq!(
        run(&small(), folder.path().join("")).unwrap_err().kind(),
        Kind::Usage
    );
    // A folder where a late file should go: the files before it do not stay.
    fs::create_dir(folder.path().join("x.truth.json")).unwrap();
    assert_eq!(
        run(&small(), folder.path().join("x")).unwrap_err().kind(),
        Kind::Write
    );
    fs::remove_dir(folder.path().join("x.truth.json")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn plink_2_counts_the_same_genotypes() {
    let plink = Path::new("/usr/bin/plink2");
    if !plink.exists() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "CI needs {}",
            plink.display()
        );
        eprintln!("SKIPPED: {} is not installed", plink.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("sim");
    let options = SimulateOptions {
        families: Some(3),
        missing_rate: 0.03,
        ..small()
    };
    let (simulation, _) = run(&options, &prefix).unwrap();
    let status = Command::new(plink)
        .args([
            "--threads",
            "1",
            "--memory",
            "640",
            "--geno-counts",
            "--bfile",
        ])
        .arg(&prefix)
        .arg("--out")
        .arg(&prefix)
        .output()
        .unwrap();
    assert!(
        status.status.success(),
        "{}",
        String::from_utf8_lossy(&status.stderr)
    );
    let table = fs::read_to_string(folder.path().join("sim.gcount")).unwrap();
    let mut rows = table.lines();
    let header: Vec<&str> = rows.next().unwrap().split('\t').collect();
    let cell = |row: &str, name: &str| {
        let column = header.iter().position(|h| *h == name).unwrap();
        row.split('\t').nth(column).unwrap().to_owned()
    };
    let counts = simulation.cohort.genotypes.counts();
    let mut seen = 0;
    for ((row, snp), count) in rows.zip(&simulation.cohort.snps).zip(counts) {
        assert_eq!(cell(row, "ID"), snp.id);
        assert_eq!(cell(row, "ALT"), snp.a1);
        assert_eq!(cell(row, "REF"), snp.a2);
        let number = |name: &str| cell(row, name).parse::<u32>().unwrap();
        let [zero, one, two] = count.dosage;
        assert_eq!(number("HOM_REF_CT"), zero);
        assert_eq!(number("HET_REF_ALT_CTS"), one);
        assert_eq!(number("TWO_ALT_GENO_CTS"), two);
        assert_eq!(number("MISSING_CT"), count.missing);
        seen += 1;
    }
    assert_eq!(seen, options.snps);
}
