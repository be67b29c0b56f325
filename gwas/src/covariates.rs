//! Covariates of the cohort as columns of a design matrix, standardised so that units do not
//! matter.

mod encode;
mod rank;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::table::{Layout, Overlap, Table};
use crate::io::text::first_few;
use encode::Cells;

/// Where the covariates are and which to use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CovariateOptions {
    /// The table (`--covar`).
    pub file: PathBuf,
    /// Columns to use, such as `PC1-PC10,sex` (`--covar-name`); all if absent.
    pub names: Option<String>,
    /// Columns that hold categories (`--cat-covar`); they are used even if `names` lacks them.
    pub categorical: Option<String>,
}

/// How a column of the design comes from a column of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Transform {
    /// (x − mean) / sd.
    Standardise {
        /// Column of the file.
        column: String,
        /// Mean over the individuals with all covariates.
        mean: f64,
        /// Standard deviation (ddof 1) over them.
        sd: f64,
    },
    /// 1 for this level of a category, 0 for the others.
    Indicator {
        /// Column of the file.
        column: String,
        /// The level.
        level: String,
    },
}

/// One column of the design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignColumn {
    /// The file's column, with `=level` for a level of a category.
    pub name: String,
    /// How it is made.
    pub transform: Transform,
}

/// A categorical column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Column of the file.
    pub column: String,
    /// Its levels, sorted; the first is the reference and has no column of its own.
    pub levels: Vec<String>,
}

/// All that is needed to make the same columns for other individuals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The columns.
    pub columns: Vec<DesignColumn>,
    /// The categorical columns of the file.
    pub categories: Vec<Category>,
}

/// Covariates of a cohort of n individuals in C columns; the intercept is not among them.
#[derive(Clone, Debug, Default)]
pub struct Design {
    /// The C columns.
    pub columns: Vec<DesignColumn>,
    /// The categorical columns of the file.
    pub categories: Vec<Category>,
    /// n × C, column-major; NaN in the rows of individuals without all covariates.
    pub x: Vec<f64>,
    /// For each individual whether it has all covariates.
    pub complete: Vec<bool>,
    /// Who is in the file, in the cohort, or in both.
    pub overlap: Overlap,
    /// What the user should know.
    pub notes: Vec<String>,
    /// What the user should look into.
    pub warnings: Vec<String>,
}

impl Design {
    /// The design without covariates: no columns, everybody complete.
    pub fn empty(samples: usize) -> Design {
        Design {
            complete: vec![true; samples],
            ..Design::default()
        }
    }

    /// Reads the table, aligns it to `samples` by ID and makes the columns. Constant and
    /// collinear columns are left out with a note.
    ///
    /// # Errors
    /// Those of [`Table::read`] and [`Table::align`]; `Usage` for a name that is no column;
    /// `Malformed` for text among numbers; `Degenerate` if nobody has all covariates, or too few
    /// for as many columns.
    pub fn read(options: &CovariateOptions, samples: &[Sample]) -> Result<Design> {
        let table = Table::read(&options.file, Layout::Header)?;
        let categorical = match &options.categorical {
            Some(spec) => table.select(spec, "--cat-covar")?,
            None => Vec::new(),
        };
        let mut chosen = match &options.names {
            Some(spec) => table.select(spec, "--covar-name")?,
            None => (0..table.columns.len()).collect(),
        };
        for &column in &categorical {
            if !chosen.contains(&column) {
                chosen.push(column);
            }
        }
        let chosen: Vec<(usize, bool)> = chosen
            .into_iter()
            .map(|column| (column, categorical.contains(&column)))
            .collect();
        let cells = Cells::read(&table, &chosen, samples)?;
        let mut design = cells.frame("the cohort")?;
        encode::fit(&cells, &mut design);
        let dropped = rank::drop_collinear(&mut design);
        design.notes.extend(dropped);
        let (n, columns) = (cells.complete().count(), design.columns.len());
        if n <= columns + 1 {
            return Err(Error::degenerate(format!(
                "{}: {columns} covariates and the intercept leave nothing to estimate from {n} \
                 individuals. Use fewer covariates",
                table.path.display()
            )));
        }
        Ok(design)
    }

    /// Makes the columns of `recipe`, as fitted elsewhere, for other individuals.
    ///
    /// # Errors
    /// As [`read`](Self::read), and `Inconsistent` for a column the file lacks or a level that
    /// the recipe does not know.
    pub fn apply(recipe: &Recipe, file: &Path, samples: &[Sample]) -> Result<Design> {
        let table = Table::read(file, Layout::Header)?;
        let mut chosen: Vec<(usize, bool)> = Vec::new();
        for (name, categorical) in recipe.sources() {
            let Some(column) = table.columns.iter().position(|c| c == name) else {
                return Err(Error::inconsistent(format!(
                    "{}: the model needs the covariate {name}, but the columns are {}. Give a \
                     file with the covariates of the fit",
                    file.display(),
                    table.columns.join(", ")
                )));
            };
            if !chosen.contains(&(column, categorical)) {
                chosen.push((column, categorical));
            }
        }
        let cells = Cells::read(&table, &chosen, samples)?;
        let mut design = cells.frame("the data to predict")?;
        encode::apply(recipe, &cells, &mut design)?;
        Ok(design)
    }

    /// What [`apply`](Self::apply) needs.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            columns: self.columns.clone(),
            categories: self.categories.clone(),
        }
    }

    /// Individuals, n.
    pub fn samples(&self) -> usize {
        self.complete.len()
    }

    /// Column `c` over all individuals.
    ///
    /// # Panics
    /// If there is no column `c`.
    pub fn column(&self, c: usize) -> &[f64] {
        &self.x[c * self.samples()..][..self.samples()]
    }
}

impl Recipe {
    /// Columns of the file that are needed, and whether they are categorical.
    fn sources(&self) -> impl Iterator<Item = (&str, bool)> {
        let columns = self.columns.iter().map(|c| match &c.transform {
            Transform::Standardise { column, .. } => (&**column, false),
            Transform::Indicator { column, .. } => (&**column, true),
        });
        columns.chain(self.categories.iter().map(|c| (&*c.column, true)))
    }
}

/// Notes who lacks covariates.
fn note_incomplete(design: &mut Design, samples: &[String]) {
    if !samples.is_empty() {
        design.notes.push(format!(
            "covariates: {} individuals lack at least one and are left out ({})",
            samples.len(),
            first_few(samples)
        ));
    }
}

#[cfg(test)]
mod tests;
