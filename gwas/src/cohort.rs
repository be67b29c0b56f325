//! The individuals and SNPs of an analysis, after all filters, with their calls in memory.

mod choice;
mod counts;
mod filters;

use std::fmt;
use std::path::PathBuf;

use epitile_core::genotypes::Genotypes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::bim::Snp;
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::io::fam::Sample;
use crate::io::text::first_few;
use choice::key;

pub use choice::Choice;
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

#[cfg(test)]
mod tests;
