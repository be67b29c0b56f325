//! Kernels written as files, against the matrices of other programs.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod plink;
mod ridge;
mod toy;
mod weights;

use epitile::cohort::Cohort;
use epitile::io::grm::Grm;
use epitile::io::npy;
use epitile::matrix::{MatrixOptions, Written, write_matrix};
use epitile::run::RunLog;
use epitile_core::precision::Precision;
use epitile_cpu::{Cpu, Rayon};

/// Fraction bits of imputed dosages: each is off by at most half a unit.
const MEAN_ERROR: f64 = 1.0 / (1u64 << 33) as f64;

/// The four files of one run, read back.
struct Files {
    grm: Grm,
    npy: npy::Matrix,
    written: Written,
}

impl Files {
    /// Value of individuals `i` and `j` as in the `.npy`.
    fn value(&self, i: usize, j: usize) -> f64 {
        self.npy.values[j * self.npy.rows + i]
    }

    /// SNPs behind it.
    fn count(&self, i: usize, j: usize) -> f64 {
        let (low, high) = (i.min(j), i.max(j));
        let counts = self.grm.counts.as_ref().expect("a .grm.N.bin");
        counts[high * (high + 1) / 2 + low].into()
    }
}

/// Writes the kernel of `cohort` and reads it back.
fn files(cohort: &Cohort, options: &MatrixOptions) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("k.1");
    let log = RunLog::new(None, true);
    let cohort = cohort.clone();
    let written = write_matrix(cohort, &Cpu::MEMORY, &Rayon, options, &prefix, &log).unwrap();
    let npy = npy::read(folder.path().join("k.1.npy")).unwrap();
    let grm = Grm::read(&prefix).unwrap();
    Files { grm, npy, written }
}

/// Unit roundoff of `f64`.
fn unit() -> f64 {
    Precision::F64.unit_roundoff()
}

/// Most missing calls of one individual.
fn most_missing(cohort: &Cohort) -> f64 {
    let g = &cohort.genotypes;
    let each = (0..g.samples()).map(|i| g.missing_snps(i).count());
    each.max().unwrap_or(0) as f64
}

/// A matrix of a JSON file.
fn rows(json: &serde_json::Value) -> Vec<Vec<f64>> {
    serde_json::from_value(json.clone()).expect("rows of numbers")
}
