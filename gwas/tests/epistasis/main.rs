//! Tests of epistasis: what they find, what they must not find, and what they write.

#[path = "../common/mod.rs"]
mod common;
mod draws;
mod explain;
mod files;
mod global;
#[path = "../common/lab/mod.rs"]
mod lab;
mod marginal;
mod pairs;
mod relatives;
