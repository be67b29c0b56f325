//! core
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
pub mod backend;
pub mod engine;
pub mod exp;
pub mod genotypes;
pub mod kernel;
pub mod pairs;
pub mod precision;
pub mod round;
pub mod sym;
pub mod task;
pub mod tile;
