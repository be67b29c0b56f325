//! How large the study is, and what a question answers.

use std::fmt;
use std::path::Path;

use epitile::error::{Error, Result};
use tempfile::TempDir;

/// Sizes, seed and a folder for files.
pub(crate) struct Study {
    /// Traits of a question.
    pub(crate) traits: usize,
    /// Individuals of a cohort for tests of single SNPs.
    pub(crate) samples: usize,
    /// Its SNPs, on [`CHROMOSOMES`](Self::CHROMOSOMES).
    pub(crate) snps: usize,
    /// Causal SNPs of a trait that has them on other chromosomes.
    pub(crate) causal: usize,
    /// Individuals and SNPs where whole matrices are factored for every trait.
    pub(crate) dense: (usize, usize),
    /// Individuals and SNPs of the marginal test, sibs.
    pub(crate) marginal: (usize, usize),
    /// And of close relatives.
    pub(crate) relatives: (usize, usize),
    /// Seed of all random numbers.
    pub(crate) seed: u64,
    small: bool,
    folder: TempDir,
}

impl Study {
    /// Chromosomes of a cohort.
    pub(crate) const CHROMOSOMES: usize = 4;

    /// Individuals of a family, where there are families.
    pub(crate) const FAMILY: usize = 4;

    /// The study, or the small one of the tests.
    pub(crate) fn new(small: bool, seed: u64) -> Result<Study> {
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|e| Error::inconsistent(format!("a temporary folder: {e}")))?;
        Ok(Study {
            traits: if small { 120 } else { 1000 },
            samples: if small { 400 } else { 1000 },
            snps: if small { 400 } else { 2000 },
            causal: 50,
            dense: if small { (120, 300) } else { (500, 900) },
            marginal: if small { (150, 40) } else { (250, 60) },
            relatives: if small { (150, 40) } else { (400, 150) },
            seed,
            small,
            folder,
        })
    }

    /// Where files may be.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.small { "small study" } else { "study" };
        write!(
            f,
            "Calibration, {which}: {} traits a line, seed {}.",
            self.traits, self.seed
        )
    }
}

/// The answer to a question: a table, and what in it is not as it should be.
pub(crate) struct Section {
    /// Its heading.
    pub(crate) title: String,
    /// What was done.
    pub(crate) text: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) failures: Vec<String>,
}

impl Section {
    /// Without lines yet.
    pub(crate) fn new(title: &str, text: String, header: &[&str]) -> Section {
        Section {
            title: title.into(),
            text,
            header: header.iter().map(|&h| h.into()).collect(),
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{}\n", self.title, self.text)?;
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        writeln!(f, "{}", line(&self.header))?;
        writeln!(f, "|{}", "---|".repeat(self.header.len()))?;
        for row in &self.rows {
            writeln!(f, "{}", line(row))?;
        }
        Ok(())
    }
}
