//! Variance components against other programs' results, and what they must not depend on.

#[path = "../common/mod.rs"]
mod common;
#[path = "../reference/files.rs"]
#[allow(dead_code)]
mod files;
#[path = "../common/lab/mod.rs"]
mod lab;

mod behaviour;
mod reference;
