//! core
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
pub mod exp;
pub mod genotypes;
pub mod precision;
pub mod round;
pub mod sym;
pub mod tile;
