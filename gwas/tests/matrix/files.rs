//! The files themselves: formats, agreement, and what failures leave behind.

use std::fs;
use std::path::Path;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::error::Kind;
use epitile::io::bim::Snp;
use epitile::io::chromosome::ChromosomeSet;
use epitile::io::fam::Sample;
use epitile::matrix::{Format, MatrixOptions, Missing, write_matrix};
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile_core::engine::InOrder;
use epitile_core::genotypes::GenotypeBuilder;
use epitile_core::kernel::Kernel;
use epitile_core::reference::Reference;
use epitile_cpu::{Cpu, Rayon};

use crate::{common, files};

/// Every kernel with every rule it has.
fn all() -> Vec<MatrixOptions> {
    let names = "linear linear:std linear:2pq gaussian laplacian ibs poly:2 grm^2";
    let kernels = names.split(' ').map(|name| name.parse::<Kernel>().unwrap());
    let rules = [Some(Missing::Mean), Some(Missing::Pairwise)];
    kernels
        .flat_map(|kernel| rules.map(|missing| (kernel, missing)))
        .map(|(kernel, missing)| MatrixOptions {
            missing,
            ..MatrixOptions::new(kernel)
        })
        .filter(|options| options.check().is_ok())
        .collect()
}

fn toy() -> Option<Cohort> {
    let prefix = common::data("toy13")?.join("toy13");
    Some(Cohort::load(&CohortOptions::new(prefix)).unwrap())
}

/// Individuals without a common call.
fn strangers() -> Cohort {
    let samples = ["a", "b"].map(|iid| Sample::new("f", iid)).to_vec();
    let mut builder = GenotypeBuilder::new(2);
    builder.segment("1");
    let snps = ["s", "t"].map(|id| Snp {
        chromosome: "1".into(),
        id: id.into(),
        ..Snp::default()
    });
    builder.push([Some(1), None]);
    builder.push([None, Some(1)]);
    let genotypes = builder.finish();
    Cohort::from_parts(samples, snps.to_vec(), genotypes, ChromosomeSet::default()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

#[test]
fn both_formats_hold_the_same_symmetric_matrix() {
    let Some(cohort) = toy() else {
        return;
    };
    let all = all();
    assert_eq!(all.len(), 10);
    for options in all {
        let ours = files(&cohort, &options);
        assert_eq!((ours.npy.rows, ours.npy.columns), (13, 13));
        assert_eq!(ours.grm.ids.len(), 13);
        for (i, j) in (0..13).flat_map(|i| (0..13).map(move |j| (i, j))) {
            let value = ours.value(i, j);
            assert_eq!(value.to_bits(), ours.value(j, i).to_bits(), "{options:?}");
            assert_eq!((value as f32).to_bits(), ours.grm.value(i, j).to_bits());
            let common = (0..37).filter(|&m| {
                let call = |i| cohort.genotypes.dosage(i, m);
                options.missing == Some(Missing::Mean) || call(i).and(call(j)).is_some()
            });
            assert_eq!(ours.count(i, j), common.count() as f64);
        }
    }
}

#[test]
fn every_backend_writes_the_same_bytes() {
    let Some(cohort) = toy() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let log = RunLog::new(None, true);
    for options in all() {
        let (a, b) = (cohort.clone(), cohort.clone());
        let fast = write_matrix(a, &Cpu::MEMORY, &Rayon, &options, path("a"), &log).unwrap();
        let slow = write_matrix(b, &Reference, &InOrder, &options, path("b"), &log).unwrap();
        assert_eq!(fast.files.len(), 4);
        assert_eq!(fast.gamma.to_bits(), slow.gamma.to_bits());
        for (fast, slow) in fast.files.iter().zip(&slow.files) {
            let (fast, slow) = (fs::read(fast).unwrap(), fs::read(slow).unwrap());
            assert!(fast == slow, "{options:?}");
        }
    }
    let suffixes = [".grm.N.bin", ".grm.bin", ".grm.id", ".npy"];
    let expected = ["a", "b"]
        .iter()
        .flat_map(|p| suffixes.map(|s| format!("{p}{s}")));
    assert_eq!(names(folder.path()), expected.collect::<Vec<_>>());
}

#[test]
fn a_matrix_that_cannot_be_made_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = RunLog::new(None, true);
    let pairwise = MatrixOptions::new(Kernel::Ibs);
    let gammas = MatrixOptions {
        gamma: Gammas::Values(vec![0.1, 0.2]),
        ..MatrixOptions::new(Kernel::Gaussian)
    };
    let refused = MatrixOptions {
        missing: Some(Missing::Pairwise),
        ..MatrixOptions::new(Kernel::Laplacian)
    };
    let constant = MatrixOptions::new(Kernel::Linear);
    for (options, kind, part) in [
        (pairwise, Kind::Degenerate, "f a and f b have no SNP"),
        (gammas, Kind::Usage, "found 2 numbers"),
        (refused, Kind::Usage, "found --kernel laplacian"),
        (constant, Kind::Degenerate, "none of the 2 SNPs varies"),
    ] {
        let prefix = folder.path().join("k");
        let error =
            write_matrix(strangers(), &Cpu::MEMORY, &Rayon, &options, prefix, &log).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(part), "{error}");
        assert!(names(folder.path()).is_empty());
    }
    let absent = folder.path().join("absent/k");
    let options = MatrixOptions::new(Kernel::Ibs);
    let error =
        write_matrix(strangers(), &Cpu::MEMORY, &Rayon, &options, absent, &log).unwrap_err();
    assert_eq!(error.kind(), Kind::Write);
}

#[test]
fn only_the_files_asked_for_are_written_with_the_same_bytes() {
    let Some(cohort) = toy() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = RunLog::new(None, true);
    let both = MatrixOptions::new(Kernel::Linear);
    let one = |format| MatrixOptions {
        formats: vec![format],
        ..both.clone()
    };
    for (name, options) in [
        ("both", &both),
        ("grm", &one(Format::Grm)),
        ("npy", &one(Format::Npy)),
    ] {
        let prefix = folder.path().join(name);
        write_matrix(
            cohort.clone(),
            &Cpu::MEMORY,
            &InOrder,
            options,
            prefix,
            &log,
        )
        .unwrap();
    }
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("both.grm.bin"), bytes("grm.grm.bin"));
    assert_eq!(bytes("both.npy"), bytes("npy.npy"));
    assert!(!folder.path().join("grm.npy").exists());
    assert!(!folder.path().join("npy.grm.id").exists());
}
