//! The individuals and SNPs of an analysis, after all filters, with their calls in memory.

mod counts;
mod filters;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::bed::Bed;
use crate::io::bim::Snp;
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::io::fam::Sample;
use crate::io::fileset::Fileset;
use crate::io::text::first_few;

pub use counts::{COUNTS_HEADER, CountsRow};

/// Which data to load and what to leave out. Filters apply in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CohortOptions {
    /// Prefix of the `.bed/.bim/.fam` files (`--bfile`).
    pub bfile: PathBuf,
    /// Keep only the individuals of this list (`--keep`).
    pub keep: Option<PathBuf>,
    /// Leave out the individuals of this list (`--remove`).
    pub remove: Option<PathBuf>,
    /// Chromosomes to use, such as `1-22,X` (`--chr`).
    pub chr: Option<String>,
    /// Use only the SNPs of this list (`--extract`).
    pub extract: Option<PathBuf>,
    /// Leave out the SNPs of this list (`--exclude`).
    pub exclude: Option<PathBuf>,
    /// Leave out individuals with a higher fraction of missing calls (`--mind`).
    pub mind: Option<f64>,
    /// Leave out SNPs with a higher fraction of missing calls (`--geno`).
    pub geno: Option<f64>,
    /// Leave out SNPs with a lower frequency of the rarer allele (`--maf`).
    pub maf: Option<f64>,
    /// Leave out SNPs with fewer copies of the rarer allele (`--mac`).
    pub mac: Option<u32>,
    /// Autosomes of the species (`--chr-set`); 0 stands for 22, human.
    pub chr_set: u32,
}

impl CohortOptions {
    /// All of the human data under `bfile`.
    pub fn new(bfile: impl Into<PathBuf>) -> Self {
        CohortOptions {
            bfile: bfile.into(),
            chr_set: 22,
            ..CohortOptions::default()
        }
    }

    /// The chromosomes of the species.
    ///
    /// # Errors
    /// `Usage` if the number of autosomes is beyond PLINK's range.
    pub fn chromosomes(&self) -> Result<ChromosomeSet> {
        match self.chr_set {
            0 => Ok(ChromosomeSet::default()),
            n => ChromosomeSet::new(n),
        }
    }
}

/// What one filter left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterCount {
    /// The filter, as its flag without hyphens.
    pub name: String,
    /// Individuals before it.
    pub samples_before: usize,
    /// Individuals after it.
    pub samples_after: usize,
    /// SNPs before it.
    pub snps_before: usize,
    /// SNPs after it.
    pub snps_after: usize,
    /// What else there is to know, such as IDs the data lack; may be empty.
    pub note: String,
}

impl fmt::Display for FilterCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |before: usize, after: usize, what: &str| match before == after {
            true => format!("all {after} {what} kept"),
            false => format!(
                "{after} of {before} {what} kept, {} dropped",
                before - after
            ),
        };
        let samples = part(self.samples_before, self.samples_after, "individuals");
        let snps = part(self.snps_before, self.snps_after, "SNPs");
        write!(f, "{}: {samples}; {snps}", self.name)?;
        match &*self.note {
            "" => Ok(()),
            note => write!(f, "; {note}"),
        }
    }
}

/// Individuals and SNPs with their calls. Row i of the genotypes is `samples[i]`, SNP m is
/// `snps[m]`; dosages count `a1`. Each segment of the genotypes is one chromosome.
#[derive(Clone, Debug)]
pub struct Cohort {
    /// The individuals, in the order of the `.fam`.
    pub samples: Vec<Sample>,
    /// The SNPs, grouped by chromosome and otherwise in the order of the `.bim`.
    pub snps: Vec<Snp>,
    /// Their calls; counts per SNP are over these individuals.
    pub genotypes: Genotypes,
    /// The species' chromosomes.
    pub chromosomes: ChromosomeSet,
    /// What each filter left, in order.
    pub filters: Vec<FilterCount>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Cohort {
    /// Reads, filters and loads. The calls pass through a buffer of 1 MiB.
    ///
    /// # Errors
    /// Those of the files; `Usage` for filters out of range; `Inconsistent` if `--keep` names
    /// nobody; `Degenerate` if no individual or no SNP is left, naming the filter.
    pub fn load(options: &CohortOptions) -> Result<Cohort> {
        Choice::new(options, None)?.load()
    }

    /// A cohort from its parts, as a simulation makes it; segments must be chromosomes.
    ///
    /// # Errors
    /// `Inconsistent` if the numbers of individuals or SNPs differ, or a segment holds SNPs of
    /// two chromosomes.
    pub fn from_parts(
        samples: Vec<Sample>,
        snps: Vec<Snp>,
        genotypes: Genotypes,
        chromosomes: ChromosomeSet,
    ) -> Result<Cohort> {
        for (listed, called, what) in [
            (samples.len(), genotypes.samples(), "individuals"),
            (snps.len(), genotypes.snps(), "SNPs"),
        ] {
            if listed != called {
                return Err(Error::inconsistent(format!(
                    "{listed} {what} are listed, but the genotypes are of {called}"
                )));
            }
        }
        for segment in genotypes.segments() {
            let names = snps[segment.snps.clone()]
                .iter()
                .map(|snp| &*snp.chromosome);
            let mut keys = names.map(|name| key(name, chromosomes));
            let first = keys.next();
            if keys.any(|other| Some(other) != first) {
                return Err(Error::inconsistent(format!(
                    "segment {} holds SNPs of more than one chromosome",
                    segment.name
                )));
            }
        }
        let mut cohort = Cohort {
            samples,
            snps,
            genotypes,
            chromosomes,
            filters: Vec::new(),
            notes: Vec::new(),
        };
        cohort.notes = cohort.describe();
        Ok(cohort)
    }

    /// Whether SNP `m` is on an autosome.
    ///
    /// # Panics
    /// If there is no SNP `m`.
    pub fn is_autosome(&self, m: usize) -> bool {
        self.chromosomes.is_autosome(&self.snps[m].chromosome)
    }

    /// What is odd about the SNPs: sex chromosomes, unknown names, no variation, no calls.
    fn describe(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut say = |wanted: &dyn Fn(usize) -> bool, what: &str, action: &str| {
            let hits = (0..self.snps.len()).filter(|&m| wanted(m));
            let names: Vec<&str> = hits.map(|m| &*self.snps[m].id).collect();
            if !names.is_empty() {
                let (count, names) = (names.len(), first_few(&names));
                notes.push(format!("{count} SNPs {what}: {action} ({names})"));
            }
        };
        let on: Vec<Option<Chromosome>> = (self.snps.iter())
            .map(|snp| self.chromosomes.recognise(&snp.chromosome))
            .collect();
        let stored = "dosages are used as stored, 0/1/2 for all sexes";
        for (chromosome, name) in [
            (Chromosome::X, "on chromosome X"),
            (Chromosome::Y, "on chromosome Y"),
            (Chromosome::Mt, "on the mitochondrial chromosome"),
        ] {
            say(&|m| on[m] == Some(chromosome), name, stored);
        }
        say(
            &|m| on[m].is_none(),
            "on chromosomes of unknown name",
            "they are used as if autosomal",
        );
        let counts = self.genotypes.counts();
        say(
            &|m| counts[m].observed() == 0,
            "have no calls at all",
            "they add nothing to a kernel and cannot be tested",
        );
        say(
            &|m| counts[m].observed() > 0 && counts[m].is_monomorphic(),
            "are monomorphic",
            "they add nothing to a centred kernel and cannot be tested",
        );
        notes
    }
}

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
fn key(name: &str, chromosomes: ChromosomeSet) -> Result<Chromosome, &str> {
    chromosomes.recognise(name).ok_or(name)
}

/// The SNPs `chosen`, one group per chromosome in order of appearance.
fn group(snps: &[Snp], chosen: &[u32], chromosomes: ChromosomeSet) -> Vec<Vec<u32>> {
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

#[cfg(test)]
mod tests;
