//! Results on real and simulated cohorts against other programs' FP64 references.

mod claims;
mod closed;
#[path = "../common/mod.rs"]
mod common;
mod cv;
mod files;
mod memory;
mod nested;
mod weights;
