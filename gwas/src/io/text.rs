//! Lines of a text file: numbered from 1, with or without CR, with or without a UTF-8 mark.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// UTF-8 byte-order mark, as Windows editors write it.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file line by line into one buffer.
#[derive(Debug)]
pub struct Lines<R> {
    path: PathBuf,
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

/// One line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Line number, from 1.
    pub number: u64,
    /// The text without line end.
    pub text: &'a str,
}

impl Lines<BufReader<File>> {
    /// Opens `path`.
    ///
    /// # Errors
    /// `Open` if the file cannot be opened or is a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Ok(Lines::new(path, BufReader::new(open(path)?)))
    }
}

impl<R: BufRead> Lines<R> {
    /// Lines of `input`; `path` is its name in messages.
    pub fn new(path: impl AsRef<Path>, input: R) -> Self {
        Lines {
            path: path.as_ref().to_owned(),
            input,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The file's name in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// `Read` if reading fails, `Malformed` if the line is not UTF-8.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let read = self.input.read_until(b'\n', &mut self.buffer);
            if read.map_err(|e| Error::read(&self.path, &e))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.number == 1 && self.buffer.starts_with(MARK) {
                self.buffer.drain(..MARK.len());
            }
            while self
                .buffer
                .last()
                .is_some_and(|b| matches!(b, b'\n' | b'\r'))
            {
                self.buffer.pop();
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let number = self.number;
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some(Line { number, text })),
            Err(e) => Err(Error::malformed(
                &self.path,
                number,
                format!("byte {} of the line is not UTF-8", e.valid_up_to() + 1),
                "plain text in UTF-8",
                "Convert the file to UTF-8; if it is compressed, unpack it first",
            )),
        }
    }
}

/// Opens a regular file for reading.
///
/// # Errors
/// `Open` if it cannot be opened or is a folder.
pub fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| Error::open(path, &e))?;
    // Linux opens a folder without complaint and fails only at the first read.
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(Error::open(path, &std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// A value in quotes for a message, shortened if it is long, without control characters.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    // What a broken file holds must not steer the terminal.
    format!("'{}'", shown.replace(char::is_control, " "))
}

/// The first few of `names`, and how many more there are.
pub fn first_few<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = format!("and {} more", names.len().saturating_sub(SHOWN));
    if names.len() > SHOWN {
        text.push(&more);
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Result<Vec<(u64, String)>> {
        let mut lines = Lines::new("t.txt", input);
        let mut out = Vec::new();
        while let Some(line) = lines.next_line()? {
            out.push((line.number, line.text.to_owned()));
        }
        Ok(out)
    }

    #[test]
    fn carriage_returns_marks_and_blank_lines_do_not_count() {
        let lines = all(b"\xef\xbb\xbfa b\r\n\r\n \nc\r\nd").unwrap();
        let expected = [(1, "a b"), (4, "c"), (5, "d")];
        assert_eq!(lines, expected.map(|(n, t)| (n, t.to_owned())));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_with_their_line() {
        let error = all(b"a\nb\xff\n").unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains("t.txt, line 2: found byte 2"));
    }

    #[test]
    fn folders_and_absent_files_cannot_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lines::open(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("it is a folder"), "{error}");
        let error = Lines::open(folder.path().join("absent")).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }

    #[test]
    fn long_lists_are_cut_with_a_count() {
        assert_eq!(first_few(&["a", "b"]), "a, b");
        assert_eq!(first_few(&["a"; 9]), "a, a, a, a, a, and 4 more");
        assert_eq!(quoted("a\u{1b}[2J"), "'a [2J'");
        assert_eq!(quoted(&"ä".repeat(50)), format!("'{}…'", "ä".repeat(40)));
    }
}
