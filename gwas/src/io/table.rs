//! Tables with one individual per line: a header with `FID IID` or `#IID`, then columns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fam::{Sample, refuse_duplicates};
use super::text::{Line, Lines, first_few, quoted};
use crate::error::{Error, Result};

/// What a table must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout<'a> {
    /// A header, as many cells in each line, every individual once.
    Header,
    /// As `Header`, but the header may be absent: then the columns are these, after `FID IID`.
    Columns(&'a [&'a str]),
    /// A list of individuals: header optional, repeats and further columns ignored.
    List,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Line number, from 1.
    pub line: u64,
    /// Family ID, empty in a table matched by individual ID.
    pub fid: String,
    /// Individual ID.
    pub iid: String,
    text: String,
}

impl Row {
    /// The cells after the IDs.
    pub fn cells(&self) -> Vec<&str> {
        self.text.split_ascii_whitespace().collect()
    }

    /// `FID IID`, or the individual ID alone.
    pub fn name(&self) -> String {
        match &*self.fid {
            "" => self.iid.clone(),
            fid => format!("{fid} {}", self.iid),
        }
    }

    fn key(&self) -> (&str, &str) {
        (&self.fid, &self.iid)
    }
}

/// A table in memory, cells as text.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// Whether individuals are matched by individual ID alone (header `#IID`).
    pub by_iid: bool,
    /// Names of the columns after the IDs.
    pub columns: Vec<String>,
    /// The lines after the header.
    pub rows: Vec<Row>,
}

/// Who is in a file, in the cohort, or in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Individuals in both.
    pub common: usize,
    /// Names of those only in the file.
    pub file_only: Vec<String>,
    /// Names of those only in the cohort.
    pub cohort_only: Vec<String>,
}

impl Overlap {
    /// One line for the log; `what` names the file's content, such as `phenotypes`.
    pub fn describe(&self, what: &str) -> String {
        let side = |names: &[String], place: &str| match names.len() {
            0 => format!("none only in the {place}"),
            n => format!("{n} only in the {place} ({})", first_few(names)),
        };
        format!(
            "{what}: {} individuals in common, {}, {}",
            self.common,
            side(&self.file_only, "file"),
            side(&self.cohort_only, "genotypes"),
        )
    }
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` for a missing header, repeated column names or a wrong number
    /// of cells; `Inconsistent` if an individual occurs twice.
    pub fn read(path: impl AsRef<Path>, layout: Layout<'_>) -> Result<Table> {
        let mut lines = Lines::open(&path)?;
        let mut table = Table {
            path: path.as_ref().to_owned(),
            by_iid: false,
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let mut first = true;
        while let Some(line) = lines.next_line()? {
            if !std::mem::take(&mut first) || !table.header(line, layout)? {
                table.row(line, layout)?;
            }
        }
        if first {
            return Err(Error::malformed(
                &table.path,
                1,
                "an empty file",
                "one individual per line",
                "",
            ));
        }
        if layout != Layout::List {
            let keys = table.rows.iter().map(|row| (row.key(), row.line));
            refuse_duplicates(&table.path, keys)?;
        }
        Ok(table)
    }

    /// Takes `line` as the header; `false` if it is none and need not be.
    fn header(&mut self, line: Line<'_>, layout: Layout<'_>) -> Result<bool> {
        let mut cells = line.text.split_ascii_whitespace().peekable();
        let first = cells.next().unwrap_or_default();
        match first.trim_start_matches('#').to_ascii_uppercase().as_str() {
            "FID" if cells.next_if(|c| c.eq_ignore_ascii_case("IID")).is_some() => {}
            "IID" => self.by_iid = true,
            _ => {
                return match layout {
                    Layout::Header => Err(Error::malformed(
                        &self.path,
                        line.number,
                        format!("the line {}", quoted(line.text)),
                        "a header that starts with 'FID IID' or '#IID'",
                        "Add the header line",
                    )),
                    Layout::Columns(columns) => {
                        self.columns = columns.iter().map(|&c| c.to_owned()).collect();
                        Ok(false)
                    }
                    Layout::List => Ok(false),
                };
            }
        }
        self.columns = cells.map(str::to_owned).collect();
        let mut names: Vec<&String> = self.columns.iter().collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) if layout != Layout::List => Err(Error::malformed(
                &self.path,
                line.number,
                format!("two columns named {}", quoted(pair[0])),
                "a name of its own for each column",
                "Rename one of them",
            )),
            _ => Ok(true),
        }
    }

    fn row(&mut self, line: Line<'_>, layout: Layout<'_>) -> Result<()> {
        let mut rest = line.text;
        let fid = if self.by_iid {
            ""
        } else {
            next_cell(&mut rest)
        };
        let iid = next_cell(&mut rest);
        let (ids, found) = match self.by_iid {
            true => (1, line.text.split_ascii_whitespace().count()),
            false => (2, line.text.split_ascii_whitespace().count()),
        };
        let expected = ids + self.columns.len();
        let fits = match layout {
            Layout::List => found >= ids,
            _ => found == expected,
        };
        if !fits {
            let mut names = if self.by_iid {
                vec!["IID"]
            } else {
                vec!["FID", "IID"]
            };
            names.extend(self.columns.iter().take(8).map(String::as_str));
            let dots = if names.len() < expected { " …" } else { "" };
            return Err(Error::malformed(
                &self.path,
                line.number,
                format!("{found} cells"),
                match layout {
                    Layout::List => format!("at least {ids}: {}", names[..ids].join(" ")),
                    _ => format!("{expected}: {}{dots}", names.join(" ")),
                },
                "Write NA for a missing value, and no blanks within a name",
            ));
        }
        self.rows.push(Row {
            line: line.number,
            fid: fid.into(),
            iid: iid.into(),
            text: match layout {
                Layout::List => String::new(),
                _ => rest.trim_ascii().into(),
            },
        });
        Ok(())
    }

    /// For every individual of the cohort its line in `rows`, and who is on one side only.
    ///
    /// # Errors
    /// `Inconsistent` if nobody is in both, or if individual IDs alone do not tell the cohort's
    /// individuals apart.
    pub fn align(&self, samples: &[Sample]) -> Result<(Vec<Option<usize>>, Overlap)> {
        let (rows, overlap) = self.align_any(samples)?;
        if overlap.common == 0 {
            let mine = samples
                .first()
                .map_or("none".into(), |s| s.id().to_string());
            let theirs = self.rows.first().map_or("none".into(), Row::name);
            return Err(Error::inconsistent(format!(
                "{}: none of its {} individuals is among the {} with genotypes (first there: {}; \
                 first here: {}). IDs must agree letter by letter: check the columns FID and IID",
                self.path.display(),
                self.rows.len(),
                samples.len(),
                quoted(&mine),
                quoted(&theirs),
            )));
        }
        Ok((rows, overlap))
    }

    /// As [`align`](Self::align), but having nobody in common is no error.
    ///
    /// # Errors
    /// `Inconsistent` if individual IDs alone do not tell the cohort's individuals apart.
    pub fn align_any(&self, samples: &[Sample]) -> Result<(Vec<Option<usize>>, Overlap)> {
        let mut places: HashMap<(&str, &str), usize> = HashMap::with_capacity(samples.len());
        for (i, sample) in samples.iter().enumerate() {
            let key = match self.by_iid {
                true => ("", &*sample.iid),
                false => sample.key(),
            };
            if let Some(j) = places.insert(key, i) {
                return Err(Error::inconsistent(format!(
                    "{}: its header has no FID, but two individuals with genotypes have the IID \
                     {} ({} and {}). Give the file the columns FID and IID",
                    self.path.display(),
                    quoted(&sample.iid),
                    samples[j].id(),
                    sample.id(),
                )));
            }
        }
        let mut rows = vec![None; samples.len()];
        let mut overlap = Overlap::default();
        for (k, row) in self.rows.iter().enumerate() {
            match places.get(&row.key()) {
                Some(&i) if rows[i].is_none() => rows[i] = Some(k),
                Some(_) => {}
                None => overlap.file_only.push(row.name()),
            }
        }
        for (sample, row) in samples.iter().zip(&rows) {
            match row {
                Some(_) => overlap.common += 1,
                None => overlap.cohort_only.push(sample.id().to_string()),
            }
        }
        Ok((rows, overlap))
    }

    /// Columns named by `spec`, such as `sex,PC1-PC10`: a range follows the order of the header.
    /// Each column comes once, in the order asked.
    ///
    /// # Errors
    /// `Usage` for a name that is no column, with those available; `option` is the flag to blame.
    pub fn select(&self, spec: &str, option: &str) -> Result<Vec<usize>> {
        let place = |name: &str| self.columns.iter().position(|c| c == name);
        let mut chosen = Vec::new();
        for term in spec.split(',').map(str::trim).filter(|t| !t.is_empty()) {
            // A name may hold hyphens itself, so every hyphen could be the range's.
            let range = term.match_indices('-').find_map(|(at, _)| {
                Some((place(&term[..at])?, place(&term[at + 1..])?)).filter(|(a, b)| a <= b)
            });
            let (from, to) = match (place(term), range) {
                (Some(k), _) => (k, k),
                (None, Some(range)) => range,
                (None, None) => {
                    return Err(Error::usage(format!(
                        "{option}: {} has no column {}; its columns are {}. Correct the name",
                        self.path.display(),
                        quoted(term),
                        self.columns.join(", "),
                    )));
                }
            };
            for k in from..=to {
                if !chosen.contains(&k) {
                    chosen.push(k);
                }
            }
        }
        if chosen.is_empty() {
            return Err(Error::usage(format!(
                "{option}: no column is named. Name some of {}",
                self.columns.join(", ")
            )));
        }
        Ok(chosen)
    }
}

/// Takes the first cell off `rest`.
fn next_cell<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_ascii_start();
    let end = text
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(text.len());
    let (cell, tail) = text.split_at(end);
    *rest = tail;
    cell
}

#[cfg(test)]
mod tests;
