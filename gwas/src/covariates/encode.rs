//! From cells of a table to columns of numbers.

use std::collections::BTreeSet;

use super::{Category, Design, DesignColumn, Recipe, Transform, note_incomplete};
use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::number::{self, Number};
use crate::io::table::{Overlap, Row, Table};
use crate::io::text::quoted;

/// One chosen column of the file over the cohort.
pub(super) enum Source {
    /// Numbers, NaN if missing.
    Numeric(Vec<f64>),
    /// Levels, `None` if missing.
    Categorical(Vec<Option<String>>),
}

/// The chosen columns of the file, aligned to the cohort.
pub(super) struct Cells {
    path: String,
    names: Vec<String>,
    sources: Vec<Source>,
    complete: Vec<bool>,
    lines: Vec<Option<u64>>,
    overlap: Overlap,
    incomplete: Vec<String>,
    nines: Vec<usize>,
}

impl Cells {
    /// Reads the columns `chosen` (place in the table, whether categorical).
    pub(super) fn read(
        table: &Table,
        chosen: &[(usize, bool)],
        samples: &[Sample],
    ) -> Result<Cells> {
        let (rows, overlap) = table.align(samples)?;
        let n = samples.len();
        let empty = |&(_, categorical): &(usize, bool)| match categorical {
            true => Source::Categorical(vec![None; n]),
            false => Source::Numeric(vec![f64::NAN; n]),
        };
        let mut cells = Cells {
            path: table.path.display().to_string(),
            names: chosen.iter().map(|c| table.columns[c.0].clone()).collect(),
            sources: chosen.iter().map(empty).collect(),
            complete: vec![false; n],
            lines: vec![None; n],
            overlap,
            incomplete: Vec::new(),
            nines: vec![0; chosen.len()],
        };
        for (i, row) in rows.into_iter().enumerate() {
            let Some(row) = row.map(|k| &table.rows[k]) else {
                continue;
            };
            cells.lines[i] = Some(row.line);
            cells.complete[i] = cells.take(table, chosen, row, i)?;
            if !cells.complete[i] {
                cells.incomplete.push(samples[i].id().to_string());
            }
        }
        Ok(cells)
    }

    /// Reads one line as individual `i`; whether nothing is missing.
    fn take(
        &mut self,
        table: &Table,
        chosen: &[(usize, bool)],
        row: &Row,
        i: usize,
    ) -> Result<bool> {
        let texts = row.cells();
        let mut complete = true;
        for (k, &(column, _)) in chosen.iter().enumerate() {
            let text = texts[column];
            match &mut self.sources[k] {
                Source::Numeric(values) => {
                    let number = number::parse(text).map_err(|_| {
                        Error::malformed(
                            &table.path,
                            row.line,
                            format!("{} in column {}", quoted(text), table.columns[column]),
                            "a finite number or NA",
                            "If the column holds categories, name it in --cat-covar",
                        )
                    })?;
                    self.nines[k] += usize::from(number == Number::MinusNine);
                    values[i] = number.value().unwrap_or(f64::NAN);
                    complete &= !values[i].is_nan();
                }
                Source::Categorical(levels) => {
                    let nine = text == "-9";
                    self.nines[k] += usize::from(nine);
                    levels[i] = (!nine && !number::is_missing(text)).then(|| text.to_owned());
                    complete &= levels[i].is_some();
                }
            }
        }
        Ok(complete)
    }

    /// Individuals with all covariates.
    pub(super) fn complete(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.complete.len()).filter(|&i| self.complete[i])
    }

    /// A design without columns, with the notes on who has covariates.
    ///
    /// # Errors
    /// `Degenerate` if nobody has all; `whom` says of whom.
    pub(super) fn frame(&self, whom: &str) -> Result<Design> {
        if self.complete().next().is_none() {
            return Err(Error::degenerate(format!(
                "{}: no individual of {whom} has all of the covariates {}. Leave out those that \
                 are mostly missing",
                self.path,
                self.names.join(", ")
            )));
        }
        let mut design = Design {
            complete: self.complete.clone(),
            overlap: self.overlap.clone(),
            notes: vec![self.overlap.describe("covariates")],
            ..Design::default()
        };
        note_incomplete(&mut design, &self.incomplete);
        for (name, &nines) in self.names.iter().zip(&self.nines) {
            if nines > 0 {
                design.warnings.push(format!(
                    "covariate {name}: {nines} values of -9 were taken as MISSING. If -9 is a \
                     measurement, shift or rescale the covariate"
                ));
            }
        }
        Ok(design)
    }
}

/// Adds a column per numeric covariate and per level of a categorical one but the first.
/// Constant ones are left out with a note.
pub(super) fn fit(cells: &Cells, design: &mut Design) {
    for (name, source) in cells.names.iter().zip(&cells.sources) {
        match source {
            Source::Numeric(values) => {
                let observed: Vec<f64> = cells.complete().map(|i| values[i]).collect();
                match moments(&observed) {
                    Some((mean, sd)) => {
                        let column = name.clone();
                        let transform = Transform::Standardise { column, mean, sd };
                        push(cells, source, name.clone(), transform, design);
                    }
                    None => design.notes.push(format!(
                        "covariate {name} is {} in all individuals: it is left out",
                        observed[0]
                    )),
                }
            }
            Source::Categorical(all) => {
                let levels = cells.complete().filter_map(|i| all[i].as_ref());
                let levels: BTreeSet<&String> = levels.collect();
                let levels: Vec<String> = levels.into_iter().cloned().collect();
                if let [only] = &levels[..] {
                    design.notes.push(format!(
                        "covariate {name} is {only} in all individuals: it is left out"
                    ));
                    continue;
                }
                for level in &levels[1..] {
                    let (column, level) = (name.clone(), level.clone());
                    let label = format!("{column}={level}");
                    let transform = Transform::Indicator { column, level };
                    push(cells, source, label, transform, design);
                }
                design.notes.push(format!(
                    "covariate {name}: {} levels, the reference is {}",
                    levels.len(),
                    levels[0]
                ));
                design.categories.push(Category {
                    column: name.clone(),
                    levels,
                });
            }
        }
    }
}

/// Adds the columns of `recipe`.
pub(super) fn apply(recipe: &Recipe, cells: &Cells, design: &mut Design) -> Result<()> {
    let source = |column: &str| {
        let place = cells.names.iter().position(|name| name == column);
        place.map(|k| &cells.sources[k])
    };
    for category in &recipe.categories {
        let Some(Source::Categorical(levels)) = source(&category.column) else {
            continue;
        };
        for (level, line) in levels.iter().zip(&cells.lines) {
            let Some(level) = level else { continue };
            if !category.levels.contains(level) {
                return Err(Error::inconsistent(format!(
                    "{}, line {}: covariate {} has the level {}, which the model was not fitted \
                     with (it knows {}). Leave these individuals out or write NA",
                    cells.path,
                    line.unwrap_or_default(),
                    category.column,
                    quoted(level),
                    category.levels.join(", ")
                )));
            }
        }
    }
    for column in &recipe.columns {
        let (Transform::Standardise { column: name, .. }
        | Transform::Indicator { column: name, .. }) = &column.transform;
        if let Some(source) = source(name) {
            let transform = column.transform.clone();
            push(cells, source, column.name.clone(), transform, design);
        }
    }
    design.categories = recipe.categories.clone();
    Ok(())
}

fn push(cells: &Cells, source: &Source, name: String, transform: Transform, design: &mut Design) {
    let value = |i: usize| match (&transform, source) {
        _ if !cells.complete[i] => f64::NAN,
        (Transform::Standardise { mean, sd, .. }, Source::Numeric(x)) => (x[i] - mean) / sd,
        (Transform::Indicator { level, .. }, Source::Categorical(levels)) => {
            f64::from(levels[i].as_ref() == Some(level))
        }
        _ => f64::NAN,
    };
    design.x.extend((0..cells.complete.len()).map(value));
    design.columns.push(DesignColumn { name, transform });
}

/// Mean and standard deviation (ddof 1); `None` if `x` is constant to working precision: its
/// deviations are below n·ε times its largest value, what rounding of the mean alone can cause.
fn moments(x: &[f64]) -> Option<(f64, f64)> {
    // Values near the ends of the range are squared after scaling by their largest.
    let scale = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if scale == 0.0 || x.len() < 2 {
        return None;
    }
    let n = x.len() as f64;
    let mean = x.iter().map(|x| x / scale).sum::<f64>() / n;
    let squares: f64 = x.iter().map(|x| (x / scale - mean).powi(2)).sum();
    let sd = (squares / (n - 1.0)).sqrt();
    (sd > n * f64::EPSILON).then_some((mean * scale, sd * scale))
}
