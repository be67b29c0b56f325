//! core
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
pub mod backend;
pub mod certificate;
pub mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod deflate;
pub mod dense;
pub mod distances;
pub mod engine;
pub mod exp;
pub mod factor;
pub mod genotypes;
pub mod gls;
pub mod kernel;
pub mod pairs;
pub mod policy;
pub mod precision;
pub mod precondition;
#[cfg(feature = "conformance")]
pub mod reference;
pub mod refine;
pub mod round;
pub mod solver;
pub mod sym;
pub mod system;
pub mod task;
pub mod tile;
