//! One page of tables and pictures from what other commands wrote.
//!
//! | file | question it answers |
//! |---|---|
//! | `find` | which files, and what is in them? |
//! | `sheet` | a table, column by name |
//! | `association`, `genome`, `threshold`, `manhattan`, `qq`, `quantiles` | p-values along the genome, and against what is expected |
//! | `global` | is there epistasis at all? |
//! | `interactions` | pairs of SNPs |
//! | `curves` | cross-validation over γ and λ |
//! | `pairs`, `scatter` | observed against predicted values |
//! | `variance`, `bars` | variance components, and horizontal bars |
//! | `record`, `runs`, `tiles` | what a run did: times, certificate, formats of tiles |
//! | `picture`, `axis`, `thin` | drawing |
//! | `grid`, `figures`, `page` | tables, and the sections and HTML around all |

mod association;
mod axis;
mod bars;
mod curves;
mod figures;
mod find;
mod genome;
mod global;
mod grid;
mod interactions;
mod manhattan;
mod page;
mod pairs;
mod picture;
mod qq;
mod quantiles;
mod record;
mod runs;
mod scatter;
mod sheet;
mod thin;
mod threshold;
mod tiles;
mod variance;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::chromosome::ChromosomeSet;
use crate::io::output::{AtomicFile, OutputSet};
use crate::io::text::first_few;
use crate::run::RunLog;

pub use association::{Association, Lead, Point};
pub use find::Found;
pub use grid::Grid;
pub use page::{Figure, Section};
pub use picture::Picture;
pub use threshold::Threshold;

use record::Record;

/// What a report is made from.
#[derive(Clone, Debug, Default)]
pub struct ReportOptions {
    /// Files, folders and prefixes.
    pub inputs: Vec<PathBuf>,
    /// Observed values of individuals that were predicted.
    pub pheno: Option<PathBuf>,
    /// Chromosomes of the species, if given.
    pub set: Option<ChromosomeSet>,
    /// Heading.
    pub title: Option<String>,
    /// Base pairs around a lead SNP in which there is no other.
    pub window: u64,
    /// Most lead SNPs in a table.
    pub leads: usize,
}

/// A finished report.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    lead: Vec<String>,
    summary: Option<Grid>,
    sections: Vec<Section>,
}

impl Report {
    /// Reads the inputs and draws the pictures.
    ///
    /// # Errors
    /// `Open`, `Read`, `Malformed`; `Inconsistent` if there is nothing to report.
    pub fn make(options: &ReportOptions, log: &RunLog) -> Result<Report> {
        let found = log.timed("search", || Found::search(&options.inputs))?;
        if !found.unused.is_empty() {
            let names: Vec<String> = found
                .unused
                .iter()
                .map(|p| p.display().to_string())
                .collect();
            log.note(format!("nothing for a report is in {}", first_few(&names)));
        }
        if options.pheno.is_none() && !found.predicted.is_empty() {
            log.note(
                "predictions (.sscore) are left out: --pheno FILE gives the observed values to \
                 compare them with",
            );
        }
        let mut records = Vec::new();
        for path in &found.records {
            records.push(Record::read(path)?);
        }
        records.retain(|record| !record.is_report());
        let mut figures = figures::Figures::default();
        log.timed("figures", || figures.all(&found, &records, options, log))?;
        let (summary, sections) = figures.into_parts();
        if sections.is_empty() {
            return Err(Error::inconsistent(
                "nothing to report: the files are all empty or of other reports, or predictions \
                 without --pheno",
            ));
        }
        let runs: Vec<String> = records.iter().map(Record::name).collect();
        let mut lead = vec![format!(
            "Made by epitile {} from {}. Every picture has its numbers beside it; pictures of many \
             points are thinned by less than the width of a dot, tables and λ_GC are of all points.",
            env!("CARGO_PKG_VERSION"),
            match runs.len() {
                0 => "tables without run records".to_owned(),
                n => format!("{}: {}", grid::counted(n, "run"), first_few(&runs)),
            }
        )];
        let failed = records.iter().filter(|r| r.status != "ok");
        lead.extend(failed.map(|r| {
            let why = r.error.as_deref().unwrap_or("it did not come to its end");
            format!("Run {} is {}: {why}", r.name(), r.status)
        }));
        Ok(Report {
            title: options
                .title
                .clone()
                .unwrap_or_else(|| "Report of a genome-wide analysis".into()),
            lead,
            summary,
            sections,
        })
    }

    /// The page.
    pub fn html(&self) -> String {
        page::page(
            &self.title,
            &self.lead,
            self.summary.as_ref(),
            &self.sections,
        )
    }

    /// Its sections.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Its pictures.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        let figures = self.sections.iter().flat_map(|s| &s.figures);
        figures.filter_map(|f| f.picture.as_ref())
    }

    /// Writes the page to `html` and each picture to `PREFIX.NAME.svg`, all or none.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, html: &Path, prefix: &Path) -> Result<Vec<PathBuf>> {
        let mut files = OutputSet::new();
        let mut add = |path: &Path, text: String| {
            let mut file = AtomicFile::create(path)?;
            file.put(text)?;
            files.add(file)
        };
        add(html, self.html())?;
        for picture in self.pictures() {
            let suffix = format!(".{}.svg", picture.name);
            add(
                &crate::io::fileset::with_suffix(prefix, &suffix),
                picture.svg(),
            )?;
        }
        files.commit()
    }
}
