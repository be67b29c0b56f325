//! Association tests against GEMMA, FaST-LMM and PLINK, and what they must not depend on.

#[path = "../common/mod.rs"]
mod common;
#[path = "../reference/files.rs"]
#[allow(dead_code)]
mod files;
#[path = "../common/lab/mod.rs"]
mod lab;

mod behaviour;
mod binary;
mod chromosomes;
mod condition;
mod fast;
mod formats;
mod loci;
mod logistic;
mod mixed;
mod nulls;
mod plink;
mod resume;
mod several;
mod size;

use std::collections::HashMap;
use std::path::Path;

use files::{Rows, number, table};
use lab::Lab;

/// A table of ours by SNP.
fn ours(lab: &Lab, name: &str) -> HashMap<String, HashMap<String, String>> {
    let rows = table(&lab.path(name)).into_iter();
    rows.map(|row| (row["ID"].clone(), row)).collect()
}

/// The trait `of` of the phenotypes `s.pheno.txt`, in the order of the `.fam`; NaN if missing.
fn values(lab: &Lab, of: &str) -> Vec<f64> {
    let column = lab.column("s.pheno.txt", of);
    let samples = lab.plink("s").samples;
    let value = |s: &epitile::io::fam::Sample| column[&format!("{} {}", s.fid, s.iid)].parse();
    samples
        .iter()
        .map(|s| value(s).unwrap_or(f64::NAN))
        .collect()
}

/// The largest difference of −log₁₀ p between the table `name` and `reference`, whose columns
/// are the SNP's ID and its p-value; every SNP of the reference must have a test.
fn largest_difference(lab: &Lab, name: &str, reference: &Path, (id, p): (&str, &str)) -> f64 {
    let ours = ours(lab, name);
    let rows: Rows = table(reference);
    assert!(!rows.is_empty());
    rows.iter().fold(0.0, |most: f64, row| {
        let found = number(&ours[&row[id]], "LOG10P");
        let difference = (found + number(row, p).log10()).abs();
        assert!(!difference.is_nan(), "{}", row[id]);
        most.max(difference)
    })
}
