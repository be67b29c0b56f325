//! Calls are read as PLINK 2 reads them.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use epitile::cohort::{COUNTS_HEADER, Cohort, CohortOptions};

/// Data set, prefix in its folder, autosomes of the species.
const SETS: [(&str, &str, u32); 11] = [
    ("gcta_test", "gcta_test", 22),
    ("hapmap3", "hapmap3", 22),
    ("mice", "mice", 19),
    ("regenie_example", "example", 22),
    ("regenie_example", "example_3chr", 22),
    ("rice44k", "rice44k", 12),
    ("sarscov2_ncov418", "ncov418", 22),
    ("sim_add", "sim_add", 22),
    ("sim_epi", "sim_epi", 22),
    ("toy13", "toy13", 22),
    ("wheat", "wheat", 22),
];

fn autosomes(bfile: &Path, chr_set: u32) -> CohortOptions {
    CohortOptions {
        chr: Some(format!("1-{chr_set}")),
        chr_set,
        ..CohortOptions::new(bfile)
    }
}

/// Runs `plink2` on the autosomes of `bfile`; what it writes starts with `out`.
fn plink(bfile: &Path, chr_set: u32, out: &Path, more: &[&str]) {
    let run = Command::new("plink2")
        .arg("--bfile")
        .arg(bfile)
        .args(["--chr-set", &chr_set.to_string(), "--autosome"])
        .args(["--threads", "1", "--memory", "1000", "--out"])
        .arg(out)
        .args(more)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "plink2: {text}");
}

fn table(cohort: &Cohort) -> String {
    let mut text = COUNTS_HEADER.join("\t");
    for row in cohort.counts_table() {
        text.push_str(&format!("\n{row}"));
    }
    text + "\n"
}

fn assert_same(ours: &str, theirs: &str, name: &str) {
    for (line, (a, b)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(a, b, "{name}, line {}", line + 1);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count(), "{name}");
}

#[test]
fn counts_per_snp_are_those_of_plink2_in_every_cohort() {
    if !common::program("plink2") {
        return;
    }
    for (set, prefix, chr_set) in SETS {
        let Some(folder) = common::data(set) else {
            continue;
        };
        let bfile = folder.join(prefix);
        let cohort = Cohort::load(&autosomes(&bfile, chr_set)).unwrap();
        let out = tempfile::tempdir().unwrap();
        let out = out.path().join("p");
        plink(&bfile, chr_set, &out, &["--geno-counts", "--nonfounders"]);
        let theirs = fs::read_to_string(out.with_extension("gcount")).unwrap();
        assert_same(&table(&cohort), &theirs, prefix);
    }
}

#[test]
fn filters_leave_the_snps_and_individuals_that_plink2_leaves() {
    let Some(folder) = common::data("rice44k").filter(|_| common::program("plink2")) else {
        return;
    };
    let bfile = folder.join("rice44k");
    let scratch = tempfile::tempdir().unwrap();
    let list = |name: &str, text: String| {
        let path = scratch.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let fam = fs::read_to_string(folder.join("rice44k.fam")).unwrap();
    let ids = |every: usize| -> String {
        let lines = fam.lines().step_by(every);
        let ids = lines.map(|l| l.split_whitespace().take(2).collect::<Vec<_>>().join(" ") + "\n");
        ids.collect()
    };
    let bim = fs::read_to_string(folder.join("rice44k.bim")).unwrap();
    let snps = bim.lines().step_by(7);
    let snps: String = snps
        .filter_map(|l| Some(l.split_whitespace().nth(1)?.to_owned() + "\n"))
        .collect();
    let (remove, exclude) = (list("remove", ids(5)), list("exclude", snps));
    // One filter at a time, then all together: PLINK's order of filters is ours.
    let all: [&[&str]; 6] = [
        &["--geno", "0.05"],
        &["--maf", "0.05"],
        &["--mac", "20"],
        &["--mind", "0.05"],
        &["--remove", "--exclude"],
        &[
            "--remove",
            "--exclude",
            "--mind",
            "0.05",
            "--geno",
            "0.03",
            "--maf",
            "0.1",
            "--mac",
            "90",
        ],
    ];
    for flags in all {
        let mut options = autosomes(&bfile, 12);
        let mut plink_flags: Vec<&str> = Vec::new();
        for (k, &flag) in flags.iter().enumerate() {
            let value = || flags[k + 1].parse::<f64>().unwrap();
            plink_flags.push(flag);
            match flag {
                "--remove" => {
                    options.remove = Some(remove.clone());
                    plink_flags.push(remove.to_str().unwrap());
                }
                "--exclude" => {
                    options.exclude = Some(exclude.clone());
                    plink_flags.push(exclude.to_str().unwrap());
                }
                "--geno" => options.geno = Some(value()),
                "--maf" => options.maf = Some(value()),
                "--mac" => options.mac = Some(value() as u32),
                "--mind" => options.mind = Some(value()),
                _ => {}
            }
        }
        let cohort = Cohort::load(&options).unwrap();
        let name = flags.join(" ");
        assert!(
            cohort.samples.len() < 374 || cohort.snps.len() < 36_901,
            "{name}"
        );
        let out = scratch.path().join("p");
        plink_flags.push("--make-bed");
        plink(&bfile, 12, &out, &plink_flags);
        let theirs = Cohort::load(&autosomes(&out, 12)).unwrap();
        let ids = |c: &Cohort| c.samples.iter().map(|s| s.id()).collect::<Vec<_>>();
        assert_eq!(ids(&cohort), ids(&theirs), "{name}");
        assert_same(&table(&cohort), &table(&theirs), &name);
        assert!(cohort.genotypes == theirs.genotypes, "{name}");
    }
}

#[test]
fn sex_chromosomes_are_counted_as_stored_with_a_note() {
    let Some(folder) = common::data("mice") else {
        return;
    };
    let options = CohortOptions {
        chr_set: 19,
        ..CohortOptions::new(folder.join("mice"))
    };
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!((cohort.samples.len(), cohort.snps.len()), (1814, 10_346));
    let x = cohort.genotypes.segments().last().unwrap();
    assert_eq!((&*x.name, x.snps.len()), ("X", 272));
    assert!(
        cohort
            .notes
            .iter()
            .any(|n| n.starts_with("272 SNPs on chromosome X"))
    );
    let hits = (0..cohort.snps.len()).filter(|&m| cohort.is_autosome(m));
    assert_eq!(hits.count(), 10_074);
}
