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
mod logistic;
mod mixed;
mod plink;

use std::collections::HashMap;
use std::path::Path;

use files::{Rows, number, table};
use lab::Lab;

/// A table of ours by SNP.
fn ours(lab: &Lab, name: &str) -> HashMap<String, HashMap<String, String>> {
    let rows = table(&lab.path(name)).into_iter();
    rows.map(|row| (row["ID"].clone(), row)).collect()
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
