//! The whole simulation: genotypes first, then the traits on them.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::io::output::check_writable;

use super::cohort::{SimulatedCohort, genotypes};
use super::options::SimulateOptions;
use super::traits::{Causes, SimulatedTrait};
use super::write;

/// A cohort and its traits, with the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// What was asked for.
    pub options: SimulateOptions,
    /// Genotypes, samples and SNPs.
    pub cohort: SimulatedCohort,
    /// The traits.
    pub traits: Vec<SimulatedTrait>,
}

/// Simulates a cohort with its traits, in memory.
///
/// # Errors
/// A usage error if an option is out of its range; a degenerate one if a part of a trait does not
/// vary over the samples.
pub fn simulate(options: &SimulateOptions) -> Result<Simulation> {
    options.check()?;
    let causes: Vec<Causes> = (0..options.traits)
        .map(|t| Causes::draw(options, t))
        .collect();
    let wanted = causes.iter().flat_map(Causes::needs).collect();
    let (cohort, dosages) = genotypes(options, &wanted)?;
    let traits = causes
        .into_iter()
        .enumerate()
        .map(|(t, causes)| causes.realise(options, t, &dosages))
        .collect::<Result<_>>()?;
    Ok(Simulation {
        options: options.clone(),
        cohort,
        traits,
    })
}

/// Simulates and writes `PREFIX.bed`, `.bim`, `.fam`, `.pheno.txt` and the truth; returns the
/// paths. Nothing is written unless all can be.
///
/// # Errors
/// Those of [`simulate`]; `Write` or `Usage` if `prefix` cannot be written, found out before any
/// work.
pub fn run(
    options: &SimulateOptions,
    prefix: impl AsRef<Path>,
) -> Result<(Simulation, Vec<PathBuf>)> {
    options.check()?;
    check_writable(&prefix)?;
    let simulation = simulate(options)?;
    let paths = simulation.write(prefix)?;
    Ok((simulation, paths))
}

impl Simulation {
    /// Writes the files and returns their paths; nothing is written unless all can be.
    ///
    /// # Errors
    /// A write error.
    pub fn write(&self, prefix: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        write::all(self, prefix.as_ref())
    }
}
