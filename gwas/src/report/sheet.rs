//! Tables of any command and of other programs: columns by name, cells by tab or by blanks.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::io::number::is_missing;
use crate::io::text::{Lines, open, quoted};

/// Longest header that is looked at, in bytes: a wide table of traits stays below, and a file
/// without line ends is not read to its end.
const HEADER: u64 = 1 << 20;

/// A table, read line by line.
pub(super) struct Sheet {
    lines: Lines<Box<dyn BufRead>>,
    path: PathBuf,
    names: Vec<String>,
    tabs: bool,
}

/// A line of a table.
pub(super) struct Row<'a> {
    path: &'a Path,
    names: &'a [String],
    /// Line number, from 1.
    pub(super) line: u64,
    cells: Vec<&'a str>,
}

fn source(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = open(path)?;
    let packed = path.extension().is_some_and(|e| e == "gz" || e == "bgz");
    Ok(match packed {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(BufReader::new(file)),
    })
}

fn split(text: &str, tabs: bool) -> Vec<&str> {
    match tabs {
        true => text.split('\t').map(str::trim).collect(),
        false => text.split_ascii_whitespace().collect(),
    }
}

/// The names in the first line of `path` that is no comment (`##`); `None` if it is no text.
///
/// # Errors
/// `Open`.
pub(super) fn header(path: &Path) -> Result<Option<Vec<String>>> {
    let mut lines = Lines::new(path, source(path)?.take(HEADER));
    loop {
        match lines.next_line() {
            Ok(Some(line)) if line.text.starts_with("##") => {}
            Ok(Some(line)) => return Ok(Some(names(line.text))),
            Ok(None) | Err(_) => return Ok(None),
        }
    }
}

fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = split(text, text.contains('\t'))
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches('#').to_owned();
    }
    names
}

impl Sheet {
    /// Opens `path`, packed by gzip or bgzip or not, and reads its header.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` if there is no header.
    pub(super) fn open(path: &Path) -> Result<Sheet> {
        let mut lines = Lines::new(path, source(path)?);
        loop {
            let Some(line) = lines.next_line()? else {
                let expected = "a table with a header";
                return Err(Error::malformed(path, 1, "no line", expected, ""));
            };
            if line.text.starts_with("##") {
                continue;
            }
            let (names, tabs) = (names(line.text), line.text.contains('\t'));
            return Ok(Sheet {
                lines,
                path: path.to_owned(),
                names,
                tabs,
            });
        }
    }

    /// Names of the columns, without the `#` before the first.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Place of the column that has one of these names.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        let place = |name: &&str| self.names.iter().position(|n| n == name);
        names.iter().find_map(place)
    }

    /// As [`find`](Self::find), for a column that must be there.
    ///
    /// # Errors
    /// `Malformed`.
    pub(super) fn need(&self, names: &[&str]) -> Result<usize> {
        self.find(names).ok_or_else(|| {
            let found = format!("the columns {}", quoted(&self.names.join(" ")));
            let expected = format!("a column {}", names.join(" or "));
            Error::malformed(&self.path, 1, found, expected, "")
        })
    }

    /// The next line.
    ///
    /// # Errors
    /// `Read`; `Malformed` if it has not as many cells as the header.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        let Some(line) = self.lines.next_line()? else {
            return Ok(None);
        };
        let row = Row {
            path: &self.path,
            names: &self.names,
            line: line.number,
            cells: split(line.text, self.tabs),
        };
        match row.cells.len() == row.names.len() {
            true => Ok(Some(row)),
            false => Err(Error::malformed(
                row.path,
                row.line,
                format!("{} cells", row.cells.len()),
                format!("{}, as in the header", row.names.len()),
                "The table may be cut off: write it again",
            )),
        }
    }
}

impl<'a> Row<'a> {
    /// The cell in column `k`.
    pub(super) fn text(&self, k: usize) -> &'a str {
        self.cells[k]
    }

    /// The number in column `k`; `None` for `NA`.
    ///
    /// # Errors
    /// `Malformed` if the cell is neither.
    pub(super) fn number(&self, k: usize) -> Result<Option<f64>> {
        let text = self.cells[k];
        match text.parse::<f64>() {
            _ if is_missing(text) => Ok(None),
            Ok(x) if x.is_finite() => Ok(Some(x)),
            _ => Err(self.wrong(k, "a number or NA")),
        }
    }

    /// The whole number in column `k`.
    ///
    /// # Errors
    /// `Malformed` if the cell is something else.
    pub(super) fn whole(&self, k: usize) -> Result<u64> {
        let wrong = |_| self.wrong(k, "a whole number");
        self.cells[k].parse().map_err(wrong)
    }

    /// The error of a cell in column `k` that is not as `expected`.
    pub(super) fn wrong(&self, k: usize, expected: &str) -> Error {
        let found = format!("{} in column {}", quoted(self.cells[k]), self.names[k]);
        Error::malformed(self.path, self.line, found, expected, "")
    }
}
