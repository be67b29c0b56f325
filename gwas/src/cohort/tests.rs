use std::fs;
use std::path::Path;

use tempfile::TempDir;

use epitile_core::genotypes::GenotypeBuilder;

use super::*;

/// 4 individuals × 5 SNPs; dosages per SNP (N missing): 0120, 2222, NNNN, 01N1, 0001.
fn cohort() -> (TempDir, CohortOptions) {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("c");
    let fam: String = (1..=4).map(|i| format!("f i{i} 0 0 1 -9\n")).collect();
    let bim = "2 a 0 5 A C\nX b 0 1 A C\n2 c 0 9 A C\n1 d 0 2 A C\n23 e 0 3 0 C\n";
    let bed = [
        0x6c,
        0x1b,
        1,
        0b11_00_10_11,
        0,
        0b01_01_01_01,
        0b10_01_10_11,
        0b10_11_11_11,
    ];
    write(&prefix, &fam, bim, &bed);
    (folder, CohortOptions::new(prefix))
}

fn write(prefix: &Path, fam: &str, bim: &str, bed: &[u8]) {
    fs::write(prefix.with_extension("fam"), fam).unwrap();
    fs::write(prefix.with_extension("bim"), bim).unwrap();
    fs::write(prefix.with_extension("bed"), bed).unwrap();
}

fn ids(cohort: &Cohort) -> String {
    cohort.snps.iter().map(|snp| &*snp.id).collect()
}

#[test]
fn snps_are_grouped_by_chromosome_and_keep_their_calls() {
    let (_folder, options) = cohort();
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!(ids(&cohort), "acbed");
    let names: Vec<&str> = cohort
        .genotypes
        .segments()
        .iter()
        .map(|s| &*s.name)
        .collect();
    assert_eq!(names, ["2", "X", "1"]);
    let calls = |m| -> Vec<Option<u8>> { (0..4).map(|i| cohort.genotypes.dosage(i, m)).collect() };
    assert_eq!(calls(0), [Some(0), Some(1), Some(2), Some(0)]);
    assert_eq!(calls(4), [Some(0), Some(1), None, Some(1)]);
    assert!(cohort.is_autosome(0) && !cohort.is_autosome(3));
    let notes = cohort.notes.join("\n");
    for part in [
        "grouped by chromosome",
        "2 SNPs on chromosome X",
        "1 SNPs have no calls at all",
        "1 SNPs are monomorphic: they add nothing to a centred kernel and cannot be tested (b)",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    let last = cohort.counts_table().nth(3).unwrap();
    assert_eq!(last.to_string(), "X\te\tC\t.\t3\t1\t0\t0\t0\t0");
}

#[test]
fn every_filter_counts_what_it_drops() {
    let (folder, mut options) = cohort();
    let list = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Some(path)
    };
    options.keep = list("keep", "f i1\nf i2\nf i3\nf i9\n");
    options.remove = list("remove", "f i1\n");
    options.exclude = list("exclude", "e zz\nq\n");
    options.chr = Some("1-22,X".into());
    options.geno = Some(0.5);
    options.mac = Some(1);
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!((ids(&cohort), cohort.samples.len()), ("ad".into(), 2));
    let log: Vec<String> = cohort.filters.iter().map(ToString::to_string).collect();
    assert_eq!(
        log,
        [
            "keep: 3 of 4 individuals kept, 1 dropped; all 5 SNPs kept; 1 IDs of the list are \
             not in the data: f i9",
            "remove: 2 of 3 individuals kept, 1 dropped; all 5 SNPs kept",
            "chr: all 2 individuals kept; all 5 SNPs kept; 1-22,X",
            "exclude: all 2 individuals kept; 4 of 5 SNPs kept, 1 dropped; 1 IDs of the list are \
             not in the data: q",
            "geno: all 2 individuals kept; 3 of 4 SNPs kept, 1 dropped; missing calls at most 0.5",
            "mac: all 2 individuals kept; 2 of 3 SNPs kept, 1 dropped; copies of the rarer \
             allele at least 1",
        ]
    );
}

#[test]
fn thresholds_themselves_pass() {
    let (_folder, mut options) = cohort();
    options.chr = Some("1,2".into());
    options.mind = Some(1.0 / 3.0);
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!(cohort.samples.len(), 3);
    assert_eq!(cohort.filters[1].name, "mind");
    options.mind = None;
    options.geno = Some(0.25);
    options.maf = Some(1.0 / 3.0);
    assert_eq!(ids(&Cohort::load(&options).unwrap()), "ad");
    options.geno = None;
    options.maf = Some(0.0);
    assert_eq!(ids(&Cohort::load(&options).unwrap()), "acd");
}

#[test]
fn the_filter_that_left_nothing_is_named() {
    let (folder, options) = cohort();
    let list = folder.path().join("list");
    fs::write(&list, "f nobody\n").unwrap();
    let cases = [
        (
            CohortOptions {
                keep: Some(list.clone()),
                ..options.clone()
            },
            7,
            "none of its individuals",
        ),
        (
            CohortOptions {
                extract: Some(list),
                ..options.clone()
            },
            13,
            "no SNP is left: the filter 'extract'",
        ),
        (
            CohortOptions {
                chr: Some("7".into()),
                ..options.clone()
            },
            13,
            "the filter 'chr' (7; not in the data: 7) dropped the last 5",
        ),
        (
            CohortOptions {
                mind: Some(0.0),
                ..options.clone()
            },
            13,
            "no individual is left: the filter 'mind'",
        ),
        (
            CohortOptions {
                mac: Some(9),
                ..options.clone()
            },
            13,
            "the filter 'mac'",
        ),
        (
            CohortOptions {
                maf: Some(0.6),
                ..options.clone()
            },
            8,
            "between 0 and 0.5",
        ),
        (
            CohortOptions {
                geno: Some(f64::NAN),
                ..options.clone()
            },
            8,
            "--geno",
        ),
        (
            CohortOptions {
                chr_set: 96,
                ..options.clone()
            },
            8,
            "between 1 and 95",
        ),
    ];
    for (options, code, part) in cases {
        let error = Cohort::load(&options).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn snps_with_negative_positions_are_switched_off() {
    let (_folder, options) = cohort();
    let bim = "1 a 0 -5 A C\n1 b 0 1 A C\n1 c 0 9 A C\n1 d 0 2 A C\n1 e 0 3 0 C\n";
    fs::write(options.bfile.with_extension("bim"), bim).unwrap();
    let cohort = Cohort::load(&options).unwrap();
    assert_eq!(ids(&cohort), "bcde");
    assert_eq!(cohort.filters[0].name, "position");
}

#[test]
fn a_bed_of_another_set_is_refused_before_any_filter() {
    let (_folder, options) = cohort();
    fs::write(options.bfile.with_extension("fam"), "f i1 0 0 1 -9\n").unwrap();
    fs::write(
        options.bfile.with_extension("bim"),
        "1 a 0 1 A C\n".repeat(3),
    )
    .unwrap();
    let error = Cohort::load(&options).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(
        error.to_string().contains("1 individuals (.fam) × 3 SNPs"),
        "{error}"
    );
}

#[test]
fn parts_that_do_not_fit_make_no_cohort() {
    let build = |sizes: &[usize]| {
        let mut builder = GenotypeBuilder::new(2);
        for &size in sizes {
            builder.segment("1");
            (0..size).for_each(|_| builder.push([Some(0), Some(2)]));
        }
        builder.finish()
    };
    let samples = || vec![Sample::new("a", "a"), Sample::new("a", "b")];
    let snps = |names: &[&str]| {
        let snp = |name: &&str| Snp {
            chromosome: (*name).into(),
            ..Snp::default()
        };
        names.iter().map(snp).collect::<Vec<_>>()
    };
    let set = ChromosomeSet::default();
    assert!(Cohort::from_parts(samples(), snps(&["1", "chr1", "2"]), build(&[2, 1]), set).is_ok());
    for (samples, snps, genotypes) in [
        (samples(), snps(&["1"]), build(&[2])),
        (Vec::new(), snps(&["1"]), build(&[1])),
        (samples(), snps(&["1", "2"]), build(&[2])),
    ] {
        let error = Cohort::from_parts(samples, snps, genotypes, set).unwrap_err();
        assert_eq!(error.exit_code(), 7);
    }
}
