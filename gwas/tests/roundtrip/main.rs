//! Fitting, saving, loading and predicting against validating in one go, bit for bit; and what
//! predictions do not depend on.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab/mod.rs"]
mod lab;

mod alignment;
mod files;
mod invariants;
mod small;
mod validation;
mod weights;

/// All kernels.
const KERNELS: [&str; 8] = [
    "linear",
    "linear:std",
    "linear:2pq",
    "gaussian",
    "laplacian",
    "ibs",
    "poly:2",
    "grm^2",
];
