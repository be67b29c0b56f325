//! Tab-separated tables with a header.

use std::path::Path;

use super::output::AtomicFile;
use crate::error::{Error, Result};

/// One cell of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Text; tabs and line ends in it become blanks.
    Text(&'a str),
    /// A number; NaN is written as `NA`.
    Number(f64),
    /// A whole number.
    Whole(i64),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text)
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Cell::Text(text)
    }
}

impl From<f64> for Cell<'_> {
    fn from(x: f64) -> Self {
        Cell::Number(x)
    }
}

impl From<i64> for Cell<'_> {
    fn from(x: i64) -> Self {
        Cell::Whole(x)
    }
}

impl From<u32> for Cell<'_> {
    fn from(x: u32) -> Self {
        Cell::Whole(x.into())
    }
}

impl From<usize> for Cell<'_> {
    fn from(x: usize) -> Self {
        Cell::Whole(i64::try_from(x).unwrap_or(i64::MAX))
    }
}

/// `x` with the fewest digits that read back as the same `f64`; NaN is `NA`. Very small and very
/// large numbers have an exponent.
pub fn format_number(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => "NA".into(),
        a if a == 0.0 || (1e-5..1e16).contains(&a) || a.is_infinite() => format!("{x}"),
        _ => format!("{x:e}"),
    }
}

/// A table being written.
#[derive(Debug)]
pub struct Tsv {
    file: AtomicFile,
    columns: usize,
    line: String,
}

impl Tsv {
    /// Starts the table `path` with this header.
    ///
    /// # Errors
    /// `Write`.
    pub fn create(path: impl AsRef<Path>, header: &[&str]) -> Result<Tsv> {
        let mut table = Tsv {
            file: AtomicFile::create(path)?,
            columns: header.len(),
            line: String::new(),
        };
        let cells: Vec<Cell<'_>> = header.iter().map(|&name| name.into()).collect();
        table.row(&cells)?;
        Ok(table)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// `Write`; `Inconsistent` if the number of cells is not the header's.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        if cells.len() != self.columns {
            return Err(Error::inconsistent(format!(
                "{}: a line of {} cells below a header of {}",
                self.file.path().display(),
                cells.len(),
                self.columns
            )));
        }
        self.line.clear();
        for (k, cell) in cells.iter().enumerate() {
            if k > 0 {
                self.line.push('\t');
            }
            match *cell {
                Cell::Text(text) => {
                    let blank = |c: char| if "\t\r\n".contains(c) { ' ' } else { c };
                    self.line.extend(text.chars().map(blank));
                }
                Cell::Number(x) => self.line.push_str(&format_number(x)),
                Cell::Whole(x) => self.line.push_str(&x.to_string()),
            }
        }
        self.line.push('\n');
        self.file.put(&self.line)
    }

    /// The file, for an [`OutputSet`](super::output::OutputSet).
    pub fn into_file(self) -> AtomicFile {
        self.file
    }

    /// Syncs the table and gives it its name.
    ///
    /// # Errors
    /// `Write`.
    pub fn commit(self) -> Result<()> {
        self.file.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_they_were() {
        for (x, text) in [
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e-300, "1e-300"),
            (1.5e16, "1.5e16"),
            (123_456_789.25, "123456789.25"),
            (1e-5, "0.00001"),
            (f64::NAN, "NA"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_number(x), text);
            if !x.is_nan() {
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits());
            }
        }
    }

    #[test]
    fn tables_have_a_header_and_as_many_cells_in_each_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tsv");
        let mut table = Tsv::create(&path, &["ID", "N", "BETA"]).unwrap();
        table
            .row(&["a\tb".into(), 3usize.into(), f64::NAN.into()])
            .unwrap();
        assert_eq!(table.row(&[1u32.into()]).unwrap_err().exit_code(), 7);
        table.commit().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text, "ID\tN\tBETA\na b\t3\tNA\n");
    }
}
