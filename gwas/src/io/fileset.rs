//! A `.bed/.bim/.fam` triple under one prefix.

use std::path::{Path, PathBuf};

use super::bed::Bed;
use super::bim::{self, Snp};
use super::fam::{self, Sample};
use crate::error::{Error, Result};

/// Individuals and SNPs of a triple; the calls stay on disk.
#[derive(Clone, Debug)]
pub struct Fileset {
    /// Path without the endings.
    pub prefix: PathBuf,
    /// Lines of the `.fam`.
    pub samples: Vec<Sample>,
    /// Lines of the `.bim`.
    pub snps: Vec<Snp>,
}

impl Fileset {
    /// Reads the `.fam` and the `.bim`; the `.bed` is not touched.
    ///
    /// # Errors
    /// Those of [`fam::read`] and [`bim::read`]; `Degenerate` if either is empty.
    pub fn read(prefix: impl AsRef<Path>) -> Result<Fileset> {
        let prefix = prefix.as_ref().to_owned();
        let (fam, bim) = (with_suffix(&prefix, ".fam"), with_suffix(&prefix, ".bim"));
        let set = Fileset {
            samples: fam::read(&fam)?,
            snps: bim::read(&bim)?,
            prefix,
        };
        for (path, lines, what) in [
            (fam, set.samples.len(), "individuals"),
            (bim, set.snps.len(), "SNPs"),
        ] {
            if lines == 0 {
                let path = path.display();
                return Err(Error::degenerate(format!("{path}: the file has no {what}")));
            }
            if u32::try_from(lines).is_err() {
                let path = path.display();
                return Err(Error::memory(format!(
                    "{path}: {lines} {what}, but at most {} fit. Split the data",
                    u32::MAX
                )));
            }
        }
        Ok(set)
    }

    /// Opens the `.bed` and checks that its size fits.
    ///
    /// # Errors
    /// Those of [`Bed::open`].
    pub fn bed(&self) -> Result<Bed> {
        let path = with_suffix(&self.prefix, ".bed");
        Bed::open(path, self.samples.len(), self.snps.len())
    }
}

/// `prefix` with `suffix` appended; dots in the prefix are part of its name.
pub fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_a_prefix_stay() {
        assert_eq!(
            with_suffix(Path::new("a/b.v1"), ".bed"),
            Path::new("a/b.v1.bed")
        );
    }

    #[test]
    fn a_header_is_read_without_the_calls() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("x.v1");
        std::fs::write(with_suffix(&prefix, ".fam"), "a b 0 0 1 -9\n").unwrap();
        std::fs::write(with_suffix(&prefix, ".bim"), "1 rs1 0 1 A C\n").unwrap();
        let set = Fileset::read(&prefix).unwrap();
        assert_eq!((set.samples.len(), set.snps.len()), (1, 1));
        assert_eq!(set.bed().unwrap_err().exit_code(), 3);
        std::fs::write(with_suffix(&prefix, ".bim"), "").unwrap();
        assert_eq!(Fileset::read(&prefix).unwrap_err().exit_code(), 13);
    }
}
