//! From inputs to sections: one for each trait, then variance and how things were computed.

use super::association::Association;
use super::find::Found;
use super::genome::{SUMMARY, genome, loci};
use super::global::global;
use super::grid::Grid;
use super::interactions::interactions;
use super::page::{Figure, Section};
use super::pairs::{self, Pairs};
use super::record::Record;
use super::runs::runs;
use super::scatter::scatter;
use super::{ReportOptions, curves, variance};
use crate::error::Result;
use crate::run::RunLog;

/// Sections in the making.
#[derive(Default)]
pub(super) struct Figures {
    summary: Vec<[String; 7]>,
    sections: Vec<Section>,
    /// Names of pictures so far.
    names: Vec<String>,
}

impl Figures {
    /// All there is.
    ///
    /// # Errors
    /// `Open`, `Read`, `Malformed`.
    pub(super) fn all(
        &mut self,
        found: &Found,
        records: &[Record],
        options: &ReportOptions,
        log: &RunLog,
    ) -> Result<()> {
        let progress = log.progress(found.association.len() as u64, "association tables");
        for (name, path) in &found.association {
            let table = Association::read(name, path, options.set.unwrap_or_default())?;
            if table.others > 0 {
                log.note(format!(
                    "{}: {} lines of other tests than {} are left out",
                    path.display(),
                    table.others,
                    table.test
                ));
            }
            let (summary, figures) = genome(&table, options)?;
            let [_, tested, untested, lambda, _, _, best] = &summary;
            log.say(format!(
                "{name}: {tested} SNPs tested, {untested} not, λ_GC {lambda}, best {best}"
            ));
            self.summary.push(summary);
            for figure in figures {
                self.add(name, figure);
            }
            progress.inc(1);
        }
        for (name, path) in &found.loci {
            self.add(name, loci(path)?);
        }
        for (name, path) in &found.interactions {
            self.add(name, interactions(path, options.leads)?);
        }
        for (name, path) in &found.global {
            self.add(name, global(path)?);
        }
        for path in &found.settings {
            for of in curves::read(path)? {
                let (picture, grid) = of.figure()?;
                let caption = "Mean squared error of prediction on held-out individuals, with \
                               standard errors over the folds, by kernel, γ and λ; rings mark the \
                               best setting of each kernel. Bars of different lines are set apart.";
                let title = "Cross-validation over γ and λ";
                let figure = Figure::new(title, caption, Some(picture), vec![grid]);
                self.add(&of.name, figure);
            }
        }
        for path in &found.held_out {
            self.pairs(pairs::held_out(path)?)?;
        }
        if let Some(observed) = &options.pheno {
            for path in &found.predicted {
                self.pairs(pairs::predicted(path, observed)?)?;
            }
        }
        for path in &found.variance {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = file.trim_end_matches(".tsv").trim_end_matches(".varcomp");
            let (picture, grid) = variance::variance(name, path)?;
            let caption = "Bars: proportion of the variance; lines: one standard error to both \
                           sides.";
            let title = format!("Variance by source: {name}");
            let figure = Figure::new(title, caption, picture, vec![grid]);
            self.put("Variance components", figure);
        }
        for section in runs(records)? {
            for figure in section.figures {
                self.put(&section.title, figure);
            }
            let own = self.sections.iter_mut().find(|s| s.title == section.title);
            if let Some(own) = own {
                own.text = section.text;
            }
        }
        Ok(())
    }

    /// The summary of all traits, and the sections.
    pub(super) fn into_parts(self) -> (Option<Grid>, Vec<Section>) {
        let mut grid = Grid::new("Traits", &SUMMARY);
        for row in self.summary {
            grid.row(row);
        }
        ((!grid.rows.is_empty()).then_some(grid), self.sections)
    }

    /// A figure of the trait `name`.
    fn add(&mut self, name: &str, figure: Figure) {
        self.put(&format!("Trait {name}"), figure);
    }

    /// Adds a figure to a section, with a name of its own for its picture.
    fn put(&mut self, title: &str, mut figure: Figure) {
        if let Some(picture) = &mut figure.picture {
            let name = picture.name.clone();
            let mut k = 1;
            while self.names.contains(&picture.name) {
                k += 1;
                picture.name = format!("{name}-{k}");
            }
            self.names.push(picture.name.clone());
        }
        match self.sections.iter_mut().find(|s| s.title == title) {
            Some(section) => section.figures.push(figure),
            None => self.sections.push(Section {
                title: title.to_owned(),
                text: Vec::new(),
                figures: vec![figure],
            }),
        }
    }

    fn pairs(&mut self, all: Vec<Pairs>) -> Result<()> {
        for of in all {
            let (picture, grids) = scatter(&of)?;
            let caption = format!(
                "Grey: 95 % prediction intervals, from {}; triangles: individuals outside. \
                 Diamonds: means of groups of equal size by prediction, with their 95 % intervals. \
                 Line: observed = predicted.",
                of.intervals
            );
            let title = format!("Observed against predicted: {}", of.how);
            self.add(&of.name, Figure::new(title, caption, Some(picture), grids));
        }
        Ok(())
    }
}
