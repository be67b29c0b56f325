//! `.fam`: one individual per line, `FID IID father mother sex phenotype`.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::number;
use super::text::{Lines, first_few, quoted};
use crate::error::{Error, Result};

/// What identifies an individual in every file: family and individual ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SampleId {
    /// Family ID.
    pub fid: String,
    /// Individual ID.
    pub iid: String,
}

impl SampleId {
    /// The ID of `iid` in family `fid`.
    pub fn new(fid: impl Into<String>, iid: impl Into<String>) -> Self {
        SampleId {
            fid: fid.into(),
            iid: iid.into(),
        }
    }
}

impl fmt::Display for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fid, self.iid)
    }
}

/// Sex as stored: 1 male, 2 female, all else unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// Code 1.
    Male,
    /// Code 2.
    Female,
    /// Any other code.
    #[default]
    Unknown,
}

impl Sex {
    /// The code in a `.fam` file: 1, 2 or 0.
    pub fn code(self) -> u8 {
        match self {
            Sex::Male => 1,
            Sex::Female => 2,
            Sex::Unknown => 0,
        }
    }
}

/// One individual: a line of a `.fam` file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Family ID.
    pub fid: String,
    /// Individual ID.
    pub iid: String,
    /// Individual ID of the father, `0` if unknown.
    pub father: String,
    /// Individual ID of the mother, `0` if unknown.
    pub mother: String,
    /// Sex as stored.
    pub sex: Sex,
    /// Phenotype, `None` if missing (`-9`, `NA`, …).
    pub phenotype: Option<f64>,
}

impl Sample {
    /// An individual with unknown parents, sex and phenotype.
    pub fn new(fid: impl Into<String>, iid: impl Into<String>) -> Self {
        Sample {
            fid: fid.into(),
            iid: iid.into(),
            father: "0".into(),
            mother: "0".into(),
            ..Sample::default()
        }
    }

    /// Its ID.
    pub fn id(&self) -> SampleId {
        SampleId::new(&*self.fid, &*self.iid)
    }

    /// Family and individual ID as a borrowed key.
    pub fn key(&self) -> (&str, &str) {
        (&self.fid, &self.iid)
    }
}

/// Reads a `.fam` file.
///
/// # Errors
/// `Open`, `Read`; `Malformed` for a wrong number of columns or a phenotype that is no number;
/// `Inconsistent` if an ID occurs twice.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Sample>> {
    let path = path.as_ref();
    let mut lines = Lines::open(path)?;
    let mut samples = Vec::new();
    let mut numbers = Vec::new();
    while let Some(line) = lines.next_line()? {
        let columns: Vec<&str> = line.text.split_ascii_whitespace().collect();
        let &[fid, iid, father, mother, sex, phenotype] = &columns[..] else {
            return Err(Error::malformed(
                path,
                line.number,
                format!("{} columns", columns.len()),
                "6: FID IID father mother sex phenotype",
                "Further phenotypes belong in a file for --pheno",
            ));
        };
        let phenotype = number::parse(phenotype).map_err(|_| {
            Error::malformed(
                path,
                line.number,
                format!("phenotype {}", quoted(phenotype)),
                "a number, NA or -9 in column 6",
                "Put text phenotypes in another file and write -9 here",
            )
        })?;
        samples.push(Sample {
            fid: fid.into(),
            iid: iid.into(),
            father: father.into(),
            mother: mother.into(),
            sex: match sex {
                "1" => Sex::Male,
                "2" => Sex::Female,
                _ => Sex::Unknown,
            },
            phenotype: phenotype.value(),
        });
        numbers.push(line.number);
    }
    refuse_duplicates(path, samples.iter().map(Sample::key).zip(numbers))?;
    Ok(samples)
}

/// Refuses IDs that occur twice; `keys` yields each ID with its line.
///
/// # Errors
/// `Inconsistent`, naming the first few with their lines.
pub(crate) fn refuse_duplicates<'a>(
    path: &Path,
    keys: impl Iterator<Item = ((&'a str, &'a str), u64)>,
) -> Result<()> {
    let mut seen = HashMap::new();
    let mut twice = Vec::new();
    for ((fid, iid), line) in keys {
        if let Some(first) = seen.insert((fid, iid), line) {
            let name = if fid.is_empty() {
                iid.to_owned()
            } else {
                format!("{fid} {iid}")
            };
            twice.push(format!("{name} (lines {first} and {line})"));
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    Err(Error::inconsistent(format!(
        "{}: {} individual IDs occur more than once: {}. Each individual must occur once: remove \
         or rename the others",
        path.display(),
        twice.len(),
        first_few(&twice)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scratch;

    #[test]
    fn individuals_are_read_with_mark_and_carriage_returns() {
        let file = scratch(b"\xef\xbb\xbff1 s1 0 0 1 -9\r\nf1\ts2 0 0 2 1.5\r\n");
        let samples = read(file.path()).unwrap();
        assert_eq!(samples[0].key(), ("f1", "s1"));
        assert_eq!((samples[0].sex, samples[0].phenotype), (Sex::Male, None));
        assert_eq!(samples[1].phenotype, Some(1.5));
        assert_eq!(samples[1].id().to_string(), "f1 s2");
    }

    #[test]
    fn duplicates_are_named_with_both_lines() {
        let file = scratch(b"a b 0 0 1 -9\na c 0 0 1 -9\na b 0 0 1 -9\n");
        let error = read(file.path()).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        assert!(error.to_string().contains("a b (lines 1 and 3)"), "{error}");
    }

    #[test]
    fn a_wrong_line_is_named_with_what_was_expected() {
        for (text, part) in [
            ("a b 0 0 1 -9\na b 0 0 1\n", "line 2: found 5 columns"),
            ("a b 0 0 1 -9 3\n", "line 1: found 7 columns"),
            ("a b 0 0 1 tall\n", "line 1: found phenotype 'tall'"),
            ("a b 0 0 1 inf\n", "line 1: found phenotype 'inf'"),
        ] {
            let error = read(scratch(text.as_bytes()).path()).unwrap_err();
            assert_eq!(error.exit_code(), 6);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
