//! The CUDA backend of epitile.
//!
//! So far it only looks: [`probe()`] says which device could be used, or what is missing. Not yet
//! run on a GPU.

pub mod probe;
mod sys;

pub use probe::{Device, Missing, probe};
