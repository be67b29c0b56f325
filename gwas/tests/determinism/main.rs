//! Equal input gives equal bytes, for any number of threads and whatever else is in the run.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab/mod.rs"]
mod lab;

mod memory;
mod order;
mod threads;
mod together;

use lab::Lab;

/// Number formats of the factor: FP64, chosen tile by tile, and 8 bits throughout.
const PRECISIONS: [&str; 3] = ["f64", "adaptive", "uniform:f8e4m3"];

/// Kernels of every pair statistic.
const KERNELS: [&str; 4] = ["linear", "gaussian", "grm^2", "ibs"];

/// Checks that two runs wrote the same files with the same bytes.
#[track_caller]
fn same(lab: &Lab, a: &str, b: &str, what: &str) {
    let (a, b) = (lab.outputs(a), lab.outputs(b));
    assert!(!a.is_empty(), "{what}: no output");
    let names =
        |set: &std::collections::BTreeMap<String, Vec<u8>>| set.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b), "{what}");
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{what}: {name} differs");
    }
}
