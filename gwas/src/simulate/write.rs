//! The files of a simulation: a PLINK fileset, phenotypes, and the truth.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::io::bim::Snp;
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};
use crate::io::tsv::{Cell, Tsv};
use crate::io::write_bed;

use super::options::SimulateOptions;
use super::simulation::Simulation;
use super::traits::Variances;

/// Writes all files under `prefix`, or none, and returns their names.
pub(super) fn all(simulation: &Simulation, prefix: &Path) -> Result<Vec<PathBuf>> {
    let path = |suffix: &str| with_suffix(prefix, suffix);
    let cohort = &simulation.cohort;
    let mut set = OutputSet::new();
    set.add(binary(path(".bed"), |out| {
        write_bed::bed(out, &cohort.genotypes)
    })?)?;
    set.add(binary(path(".bim"), |out| {
        write_bed::bim(out, &cohort.snps)
    })?)?;
    set.add(binary(path(".fam"), |out| {
        write_bed::fam(out, &cohort.samples)
    })?)?;
    set.add(phenotypes(path(".pheno.txt"), simulation)?)?;
    set.add(additive(path(".truth.additive.tsv"), simulation)?)?;
    set.add(pairs(path(".truth.pairs.tsv"), simulation)?)?;
    set.add(values(path(".truth.values.tsv"), simulation)?)?;
    set.add(binary(path(".truth.json"), |out| summary(out, simulation))?)?;
    set.commit()
}

/// A file whose content `body` writes.
fn binary(
    path: PathBuf,
    body: impl FnOnce(&mut AtomicFile) -> io::Result<()>,
) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(&path)?;
    body(&mut file).map_err(|e| Error::write(&path, &e))?;
    Ok(file)
}

/// Phenotypes: `FID IID y1 …`.
fn phenotypes(path: PathBuf, simulation: &Simulation) -> Result<AtomicFile> {
    let mut header = vec!["FID", "IID"];
    header.extend(simulation.traits.iter().map(|t| &*t.name));
    let mut table = Tsv::create(path, &header)?;
    let values: Vec<Vec<f64>> = simulation.traits.iter().map(|t| t.values()).collect();
    for (i, sample) in simulation.cohort.samples.iter().enumerate() {
        let mut row: Vec<Cell<'_>> = vec![(&sample.fid).into(), (&sample.iid).into()];
        row.extend(values.iter().map(|y| Cell::from(y[i])));
        table.row(&row)?;
    }
    Ok(table.into_file())
}

/// Additive effects, per copy of the effect allele.
fn additive(path: PathBuf, simulation: &Simulation) -> Result<AtomicFile> {
    let header = ["TRAIT", "SNP", "CHR", "BP", "EFFECT_ALLELE", "EFFECT"];
    let mut table = Tsv::create(path, &header)?;
    for t in &simulation.traits {
        for s in &t.snps {
            let Snp {
                chromosome,
                id,
                position,
                a1,
                ..
            } = &simulation.cohort.snps[s.snp];
            table.row(&[
                (&t.name).into(),
                id.into(),
                chromosome.into(),
                (*position).into(),
                a1.into(),
                s.effect.into(),
            ])?;
        }
    }
    Ok(table.into_file())
}

/// Epistatic effects, per unit of the residualised product of the standardised dosages.
fn pairs(path: PathBuf, simulation: &Simulation) -> Result<AtomicFile> {
    let mut table = Tsv::create(path, &["TRAIT", "SNP1", "SNP2", "EFFECT"])?;
    for t in &simulation.traits {
        for pair in &t.pairs {
            let [a, b] = pair.snps.map(|m| &simulation.cohort.snps[m].id);
            table.row(&[(&t.name).into(), a.into(), b.into(), pair.effect.into()])?;
        }
    }
    Ok(table.into_file())
}

/// The parts of every trait's values.
fn values(path: PathBuf, simulation: &Simulation) -> Result<AtomicFile> {
    let header = [
        "FID",
        "IID",
        "TRAIT",
        "ADDITIVE",
        "EPISTATIC",
        "ENVIRONMENT",
    ];
    let mut table = Tsv::create(path, &header)?;
    for t in &simulation.traits {
        for (i, sample) in simulation.cohort.samples.iter().enumerate() {
            table.row(&[
                (&sample.fid).into(),
                (&sample.iid).into(),
                (&t.name).into(),
                t.additive[i].into(),
                t.epistatic[i].into(),
                t.environment[i].into(),
            ])?;
        }
    }
    Ok(table.into_file())
}

/// Contents of `PREFIX.truth.json`.
#[derive(Serialize)]
struct Truth<'a> {
    program: &'static str,
    version: &'static str,
    options: &'a SimulateOptions,
    snps_below_maf_min: usize,
    traits: Vec<TraitTruth<'a>>,
}

/// A trait in `PREFIX.truth.json`.
#[derive(Serialize)]
struct TraitTruth<'a> {
    name: &'a str,
    realised_variance: Variances,
}

/// Options and realised variances, as JSON.
fn summary(out: &mut impl Write, simulation: &Simulation) -> io::Result<()> {
    let truth = Truth {
        program: "epitile simulate",
        version: env!("CARGO_PKG_VERSION"),
        options: &simulation.options,
        snps_below_maf_min: simulation.cohort.below_maf,
        traits: simulation
            .traits
            .iter()
            .map(|t| TraitTruth {
                name: &t.name,
                realised_variance: t.variances(),
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &truth)?;
    writeln!(out)
}
