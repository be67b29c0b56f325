//! Which individuals and SNPs of a fileset, before any calls are loaded.

use std::collections::HashMap;

use epitile_core::genotypes::GenotypeBuilder;

use super::{Cohort, CohortOptions, FilterCount, filters};
use crate::error::Result;
use crate::io::bed::Bed;
use crate::io::bim::Snp;
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::io::fam::Sample;
use crate::io::fileset::Fileset;

/// The individuals and SNPs of a fileset that the filters leave, before any calls are loaded.
#[derive(Debug)]
pub struct Choice {
    /// The fileset.
    pub files: Fileset,
    /// Its calls.
    pub bed: Bed,
    /// The individuals, as places in the `.fam`, ascending.
    pub samples: Vec<u32>,
    /// The SNPs, as places in the `.bim`: one group for each chromosome, in order of appearance.
    pub groups: Vec<Vec<u32>>,
    /// The species' chromosomes.
    pub chromosomes: ChromosomeSet,
    /// What each filter left, in order.
    pub filters: Vec<FilterCount>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Choice {
    /// Reads and filters; of the individuals `among`, if given.
    ///
    /// # Errors
    /// Those of [`Cohort::load`].
    pub fn new(options: &CohortOptions, among: Option<&[u32]>) -> Result<Choice> {
        let chromosomes = options.chromosomes()?;
        filters::check(options)?;
        let files = Fileset::read(&options.bfile)?;
        let mut bed = files.bed()?;
        let chosen = filters::apply(options, chromosomes, (&files, &mut bed), among)?;
        let groups = group(&files.snps, &chosen.snps, chromosomes);
        let mut notes = Vec::new();
        if !groups.iter().flatten().eq(&chosen.snps) {
            notes.push(
                "the .bim returns to chromosomes it had left: SNPs were grouped by chromosome, \
                 keeping their order within each"
                    .to_owned(),
            );
        }
        Ok(Choice {
            files,
            bed,
            samples: chosen.samples,
            groups,
            chromosomes,
            filters: chosen.log,
            notes,
        })
    }

    /// The individuals themselves.
    pub fn individuals(&self) -> Vec<Sample> {
        let samples = self.samples.iter();
        samples
            .map(|&i| self.files.samples[i as usize].clone())
            .collect()
    }

    /// Loads the calls. They pass through a buffer of 1 MiB.
    ///
    /// # Errors
    /// Those of the files.
    pub fn load(self) -> Result<Cohort> {
        let individuals = self.individuals();
        let Choice {
            files,
            mut bed,
            samples,
            groups,
            chromosomes,
            filters,
            mut notes,
        } = self;
        let order: Vec<u32> = groups.iter().flatten().copied().collect();
        let mut starts = groups.iter().scan(0, |start, group| {
            let this = *start;
            *start += group.len();
            Some((this, &files.snps[group[0] as usize].chromosome))
        });
        let mut next = starts.next();
        let mut builder = GenotypeBuilder::new(samples.len());
        let everybody = (samples.iter().copied()).eq(0..files.samples.len() as u32);
        let mut planes = [const { Vec::new() }; 3];
        bed.visit(&order, |k, calls| {
            if let Some((_, name)) = next.filter(|(start, _)| *start == k) {
                builder.segment(name);
                next = starts.next();
            }
            if everybody {
                calls.planes(samples.len(), &mut planes);
                let [some, two, missing] = &planes;
                builder.push_planes([some, two, missing]);
            } else {
                builder.push(samples.iter().map(|&i| calls.call(i as usize)));
            }
            Ok(())
        })?;
        drop(starts);
        let pick = |snp: &u32| files.snps[*snp as usize].clone();
        let snps: Vec<Snp> = order.iter().map(pick).collect();
        let mut cohort = Cohort::from_parts(individuals, snps, builder.finish(), chromosomes)?;
        notes.append(&mut cohort.notes);
        Ok(Cohort {
            filters,
            notes,
            ..cohort
        })
    }
}

/// What makes two names one chromosome: their meaning, or else their letters.
pub(super) fn key(name: &str, chromosomes: ChromosomeSet) -> Result<Chromosome, &str> {
    chromosomes.recognise(name).ok_or(name)
}

/// The SNPs `chosen`, one group per chromosome in order of appearance.
pub(super) fn group(snps: &[Snp], chosen: &[u32], chromosomes: ChromosomeSet) -> Vec<Vec<u32>> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut places = HashMap::new();
    for &m in chosen {
        let key = key(&snps[m as usize].chromosome, chromosomes);
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(m);
    }
    groups
}
