//! SNPs streamed from the file, block by block, through the null models of all traits.

use std::path::{Path, PathBuf};

use epitile_core::genotypes::Counts;
use rayon::prelude::*;

use super::binary::cases;
use super::block::{Block, SNPS, untested};
use super::effect::{Effect, Form, Untested, test};
use super::ordinary::Ordinary;
use super::rotation::Rotation;
use super::table;
use super::{AssocData, Method};
use crate::cohort::Choice;
use crate::dense::product;
use crate::error::Result;
use crate::io::bed::Bed;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::fileset::with_suffix;
use crate::io::output::OutputSet;
use crate::io::tsv::Tsv;
use crate::null::contrast::Contrasts;
use crate::phenotypes::Trait;
use crate::run::Progress;

/// Traits with the same samples.
#[derive(Clone, Debug)]
pub struct Group {
    /// Places of the traits.
    pub traits: Vec<usize>,
    /// Samples, as places in the cohort.
    pub rows: Vec<u32>,
    /// The same as places in the `.fam`.
    pub places: Vec<u32>,
    /// Independent fixed effects of them.
    pub x: Vec<Vec<f64>>,
}

impl Group {
    /// All groups of `data`; `samples` are the cohort's places in the `.fam`.
    pub fn of(data: &AssocData<'_>, samples: &[u32]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (t, of) in data.traits.iter().enumerate() {
            let mut rows = of.observed();
            rows.retain(|&i| data.complete[i as usize]);
            match groups.iter_mut().find(|g| g.rows == rows) {
                Some(group) => group.traits.push(t),
                None => groups.push(Group {
                    traits: vec![t],
                    places: rows.iter().map(|&i| samples[i as usize]).collect(),
                    x: data.fixed.independent(&rows).1,
                    rows,
                }),
            }
        }
        groups
    }

    /// The traits' values.
    pub fn values(&self, data: &AssocData<'_>) -> Vec<Vec<f64>> {
        let of = |&t: &usize| {
            let values = &data.traits[t].values;
            self.rows.iter().map(|&i| values[i as usize]).collect()
        };
        self.traits.iter().map(of).collect()
    }

    /// What least squares on the fixed effects leave of them.
    pub fn residuals(&self, data: &AssocData<'_>) -> Vec<Vec<f64>> {
        let contrasts = Contrasts::new(&self.x);
        let values = self.values(data).into_iter();
        values.map(|y| contrasts.residual(&y)).collect()
    }
}

/// A scan in progress: a table for every trait.
pub struct Scan<'a> {
    groups: &'a [Group],
    tables: Vec<Tsv>,
    snps: Vec<Snp>,
    chromosomes: ChromosomeSet,
    form: String,
    /// Places in the `.fam` of each trait's cases, if traits are binary.
    cases: Option<Vec<Vec<u32>>>,
}

/// What a block gave for one group: by trait of it, by SNP.
pub(super) type Found = Vec<Vec<Result<Effect, Untested>>>;

impl<'a> Scan<'a> {
    /// Starts `PREFIX_TRAIT.regenie` of every trait.
    ///
    /// # Errors
    /// `Write`.
    pub fn create(
        tested: &Choice,
        data: AssocData<'a>,
        groups: &'a [Group],
        method: &Method,
        prefix: &Path,
    ) -> Result<Self> {
        let path = |name: &str| with_suffix(prefix, &format!("_{name}.regenie"));
        let binary = method.is_binary();
        let create = |t: &Trait| table::create(&path(&t.name), binary);
        let tables = data.traits.iter().map(create);
        Ok(Scan {
            groups,
            tables: tables.collect::<Result<_>>()?,
            snps: tested.files.snps.clone(),
            chromosomes: tested.chromosomes,
            form: method.form(),
            cases: binary.then(|| cases::places(data.traits, groups)),
        })
    }

    /// Gives the tables their names.
    ///
    /// # Errors
    /// `Write`.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        let mut files = OutputSet::new();
        for table in self.tables {
            files.add(table.into_file())?;
        }
        files.commit()
    }

    /// Tests `snps` in the null models `rotations`, one for each group.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub fn kernel(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        (rotations, form): (&[Rotation], Form),
        progress: &Progress,
    ) -> Result<()> {
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            let rotation = &rotations[g];
            let x = block.centred(&group.places, counts);
            let x = product(rotation.eigen.vectors.transpose(), x.as_ref());
            let of = |t: usize, k: usize| match untested(&counts[k]) {
                Some(why) => Err(why),
                None => test(form, rotation, t, x.col_as_slice(k)),
            };
            let all = 0..group.traits.len();
            all.map(|t| {
                (0..counts.len())
                    .into_par_iter()
                    .map(|k| of(t, k))
                    .collect()
            })
            .collect()
        };
        self.stream(bed, snps, progress, run)
    }

    /// Tests `snps` by least squares, with one model for each group.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub fn ordinary(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        models: &[Ordinary],
        progress: &Progress,
    ) -> Result<()> {
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            let each = |k: usize| match untested(&counts[k]) {
                Some(why) => vec![Err(why); group.traits.len()],
                None => models[g].test(block.calls(k), &group.places, counts[k].mean()),
            };
            let by_snp: Vec<Vec<_>> = (0..counts.len()).into_par_iter().map(each).collect();
            let all = 0..group.traits.len();
            all.map(|t| by_snp.iter().map(|found| found[t]).collect())
                .collect()
        };
        self.stream(bed, snps, progress, run)
    }

    /// Reads blocks, lets `run` test each for each group, and writes what it found.
    pub(super) fn stream(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        progress: &Progress,
        run: impl Fn(&Block, usize, &Group, &[Counts]) -> Found,
    ) -> Result<()> {
        let mut block = Block::default();
        bed.visit(snps, |k, calls| {
            block.push(snps[k], calls);
            if block.snps.len() < SNPS && k + 1 < snps.len() {
                return Ok(());
            }
            for (g, group) in self.groups.iter().enumerate() {
                let counts: Vec<Counts> = (0..block.snps.len())
                    .into_par_iter()
                    .map(|k| block.counts(k, &group.places))
                    .collect();
                let found = run(&block, g, group, &counts);
                for (&t, found) in group.traits.iter().zip(&found) {
                    let cases = self.cases.as_ref().map(|cases| &cases[t]);
                    for (k, found) in found.iter().enumerate() {
                        let snp = &self.snps[block.snps[k] as usize];
                        let snp = (snp, self.chromosomes);
                        let cases = cases.map(|cases| block.counts(k, cases));
                        let counts = (&counts[k], cases.as_ref());
                        table::row(&mut self.tables[t], snp, counts, found, &self.form)?;
                    }
                }
            }
            progress.inc(block.snps.len() as u64);
            block.clear();
            Ok(())
        })
    }
}
