//! Matrices of `float64` in NumPy's `.npy`: a header in Python's notation, then the values.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Read;
use std::path::Path;

use super::output::AtomicFile;
use super::text::{open, quoted};
use crate::error::{Error, Place, Result};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest header read; NumPy's own are near 100 bytes.
const LONGEST: usize = 1 << 16;

/// An n × m matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows, n.
    pub rows: usize,
    /// Columns, m.
    pub columns: usize,
    /// Values, column-major.
    pub values: Vec<f64>,
}

/// A matrix being written in C order, row by row.
#[derive(Debug)]
pub struct Writer {
    file: AtomicFile,
    columns: usize,
    left: usize,
    /// Storage of one row.
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts a `rows` × `columns` matrix in the file `path`.
    ///
    /// # Errors
    /// `Write`.
    pub fn create(path: impl AsRef<Path>, rows: usize, columns: usize) -> Result<Writer> {
        let mut file = AtomicFile::create(path)?;
        let mut header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
        // The values start at a multiple of 64 bytes, and a line feed ends the header.
        let before = MAGIC.len() + 4;
        let length = (before + header.len() + 1).next_multiple_of(64) - before;
        header.extend(std::iter::repeat_n(' ', length - 1 - header.len()));
        header.push('\n');
        file.put(MAGIC)?;
        file.put([1, 0])?;
        // Two sizes have at most 40 digits: the header stays below 256 bytes.
        file.put((length as u16).to_le_bytes())?;
        file.put(header)?;
        Ok(Writer {
            file,
            columns,
            left: rows,
            bytes: Vec::new(),
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `Write`.
    ///
    /// # Panics
    /// If it does not have as many values as there are columns, or all rows are written.
    pub fn row(&mut self, values: &[f64]) -> Result<()> {
        assert!(self.left > 0, "a row too many");
        assert_eq!(values.len(), self.columns, "values of a row");
        self.left -= 1;
        self.bytes.clear();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.bytes.extend(bytes);
        self.file.put(&self.bytes)
    }

    /// The file, for an [`OutputSet`](super::output::OutputSet).
    ///
    /// # Panics
    /// If rows are missing.
    pub fn into_file(self) -> AtomicFile {
        assert_eq!(self.left, 0, "rows left to be written");
        self.file
    }
}

/// Reads a matrix of `float64` in either order; a vector becomes one column.
///
/// # Errors
/// `Open`, `Read`; `Malformed` for another type or shape, a size that does not fit, or a value
/// that is not finite.
pub fn read(path: impl AsRef<Path>) -> Result<Matrix> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let read = open(path)?.read_to_end(&mut bytes);
    read.map_err(|e| Error::read(path, &e))?;
    let (header, start) = split_header(&bytes).ok_or_else(|| {
        Error::malformed(
            path,
            Place::Byte(0),
            "no header of a .npy file",
            "a matrix written by numpy.save",
            "A .npz holds several: save the matrix alone",
        )
    })?;
    let bad = |found: String, expected: &str, advice: &str| {
        Error::malformed(path, Place::Byte(10), found, expected, advice)
    };
    let (Some(kind), Some(order), Some(shape)) = (
        entry(header, "descr"),
        entry(header, "fortran_order"),
        entry(header, "shape"),
    ) else {
        let found = format!("the header {}", quoted(header.trim()));
        return Err(bad(found, "'descr', 'fortran_order' and 'shape'", ""));
    };
    if kind.get(1..).and_then(|k| k.strip_prefix("<f8")).is_none() {
        let kind = kind.split(',').next().unwrap_or_default();
        return Err(bad(
            format!("numbers of type {}", quoted(kind)),
            "'<f8' (float64, little-endian)",
            "Convert the array with x.astype('<f8')",
        ));
    }
    let Some((rows, columns)) = dimensions(shape) else {
        let found = format!("the shape {}", quoted(shape));
        return Err(bad(found, "one or two dimensions", "Reshape the array"));
    };
    let (words, rest) = bytes[start..].as_chunks::<8>();
    if rows.checked_mul(columns) != Some(words.len()) || !rest.is_empty() {
        return Err(Error::malformed(
            path,
            Place::Byte(start as u64),
            format!("{} bytes of values", bytes.len() - start),
            format!("8 for each of {rows} × {columns} numbers"),
            "The file is truncated: copy or make it again",
        ));
    }
    let mut values: Vec<f64> = words.iter().map(|&word| f64::from_le_bytes(word)).collect();
    if let Some(k) = values.iter().position(|x| !x.is_finite()) {
        return Err(Error::malformed(
            path,
            Place::Byte((start + 8 * k) as u64),
            format!("the value {}", values[k]),
            "finite numbers",
            "Impute missing values first",
        ));
    }
    if !order.starts_with("True") {
        let by_rows = values;
        values = (0..columns)
            .flat_map(|j| by_rows.iter().skip(j).step_by(columns).copied())
            .collect();
    }
    Ok(Matrix {
        rows,
        columns,
        values,
    })
}

/// The header's text and where the values start.
fn split_header(bytes: &[u8]) -> Option<(&str, usize)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version {
        [1, _] => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, _] => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    let header = rest.get(..length.min(LONGEST + 1))?;
    let start = bytes.len() - rest.len() + length;
    (length <= LONGEST).then_some((std::str::from_utf8(header).ok()?, start))
}

/// What follows `'key':` in the header.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let after = quoted.iter().find_map(|key| header.split_once(&**key))?.1;
    Some(after.trim_start().strip_prefix(':')?.trim_start())
}

/// `(n,)` or `(n, m)`.
fn dimensions(text: &str) -> Option<(usize, usize)> {
    let inside = text.strip_prefix('(')?.split_once(')')?.0;
    let mut sizes = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
    let rows = sizes.next()?.parse().ok()?;
    let columns = sizes.next().map_or(Ok(1), str::parse).ok()?;
    sizes.next().is_none().then_some((rows, columns))
}

#[cfg(test)]
mod tests;
