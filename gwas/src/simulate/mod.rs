//! Simulated cohorts with known truth (`epitile simulate`).
//!
//! - [`options`]: what to simulate;
//! - `random`: a stream of random numbers for every part;
//! - `map`: positions and alleles of the SNPs;
//! - `genealogy`: the founders' coalescent along a chromosome;
//! - `haplotypes`: mosaics of founder haplotypes;
//! - `families`: transmission to sibs;
//! - [`cohort`]: the genotypes;
//! - [`traits`]: effects and phenotypes, with `moments` for their columns;
//! - [`simulation`]: all of it;
//! - `write`: the files.

pub mod cohort;
pub mod options;
pub mod simulation;
pub mod traits;

mod families;
mod genealogy;
mod haplotypes;
mod map;
mod moments;
mod random;
mod write;

pub use cohort::{SimulatedCohort, simulate_genotypes};
pub use options::SimulateOptions;
pub use simulation::{Simulation, run, simulate};
pub use traits::{PairEffect, SimulatedTrait, SnpEffect, Variances};
