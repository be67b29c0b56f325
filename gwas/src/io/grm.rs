//! Kernels in GCTA's format: `.grm.bin` and `.grm.N.bin` hold the lower triangle with diagonal,
//! row by row, as little-endian `f32`; `.grm.id` holds `FID IID`.

use std::path::Path;

use super::fam::{Sample, SampleId, refuse_duplicates};
use super::fileset::with_suffix;
use super::output::{AtomicFile, OutputSet};
use super::text::{Lines, open};
use crate::error::{Error, Place, Result};

/// A kernel read from files.
#[derive(Clone, Debug, PartialEq)]
pub struct Grm {
    /// The individuals, n.
    pub ids: Vec<SampleId>,
    /// Lower triangle with diagonal, row by row, n(n + 1)/2.
    pub values: Vec<f32>,
    /// SNPs behind each value, in the same order; `None` without `.grm.N.bin`.
    pub counts: Option<Vec<f32>>,
}

impl Grm {
    /// Reads `prefix.grm.bin`, `.grm.id` and, if there is one, `.grm.N.bin`.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` for a wrong ID line; `Inconsistent` for repeated IDs or sizes
    /// that do not fit.
    pub fn read(prefix: impl AsRef<Path>) -> Result<Grm> {
        let prefix = prefix.as_ref();
        let ids = ids(&with_suffix(prefix, ".grm.id"))?;
        let counts = with_suffix(prefix, ".grm.N.bin");
        Ok(Grm {
            values: triangle(&with_suffix(prefix, ".grm.bin"), ids.len())?,
            counts: match counts.exists() {
                true => Some(triangle(&counts, ids.len())?),
                false => None,
            },
            ids,
        })
    }

    /// Value of individuals `i` and `j`.
    ///
    /// # Panics
    /// If either is not below n.
    pub fn value(&self, i: usize, j: usize) -> f32 {
        assert!(
            i.max(j) < self.ids.len(),
            "({i}, {j}) of {}",
            self.ids.len()
        );
        let (low, high) = (i.min(j), i.max(j));
        self.values[high * (high + 1) / 2 + low]
    }
}

/// The three files of a kernel being written, individual by individual.
#[derive(Debug)]
pub struct Writer {
    values: AtomicFile,
    counts: AtomicFile,
    ids: AtomicFile,
    rows: usize,
    /// Storage of one row.
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts `prefix.grm.bin`, `.grm.N.bin` and `.grm.id`.
    ///
    /// # Errors
    /// `Write`.
    pub fn create(prefix: impl AsRef<Path>) -> Result<Writer> {
        let create = |suffix| AtomicFile::create(with_suffix(prefix.as_ref(), suffix));
        Ok(Writer {
            values: create(".grm.bin")?,
            counts: create(".grm.N.bin")?,
            ids: create(".grm.id")?,
            rows: 0,
            bytes: Vec::new(),
        })
    }

    /// Adds the next individual: its `values` with those before it and itself, and the number of
    /// SNPs behind each, by column.
    ///
    /// # Errors
    /// `Write`.
    ///
    /// # Panics
    /// Unless the i-th individual (from 0) has i + 1 values.
    pub fn row(
        &mut self,
        sample: &Sample,
        values: &[f64],
        count: impl Fn(usize) -> f64,
    ) -> Result<()> {
        self.rows += 1;
        assert_eq!(values.len(), self.rows, "values of a row of the triangle");
        self.ids.put(format!("{}\t{}\n", sample.fid, sample.iid))?;
        let mut put = |file: &mut AtomicFile, value: &dyn Fn(usize) -> f64| {
            self.bytes.clear();
            for j in 0..values.len() {
                let value = value(j) as f32;
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            file.put(&self.bytes)
        };
        put(&mut self.values, &|j| values[j])?;
        put(&mut self.counts, &count)
    }

    /// Adds the complete files to `set`.
    ///
    /// # Errors
    /// `Inconsistent` if the set holds a file of one of the names.
    pub fn finish(self, set: &mut OutputSet) -> Result<()> {
        [self.values, self.counts, self.ids]
            .into_iter()
            .try_for_each(|file| set.add(file))
    }
}

fn ids(path: &Path) -> Result<Vec<SampleId>> {
    let mut lines = Lines::open(path)?;
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next_line()? {
        let cells: Vec<&str> = line.text.split_ascii_whitespace().collect();
        let &[fid, iid] = &cells[..] else {
            return Err(Error::malformed(
                path,
                line.number,
                format!("{} columns", cells.len()),
                "2: FID IID",
                "",
            ));
        };
        ids.push(SampleId::new(fid, iid));
        numbers.push(line.number);
    }
    let keys = ids.iter().map(|id| (&*id.fid, &*id.iid));
    refuse_duplicates(path, keys.zip(numbers))?;
    Ok(ids)
}

fn triangle(path: &Path, n: usize) -> Result<Vec<f32>> {
    use std::io::Read;
    let mut file = open(path)?;
    let size = file.metadata().map_err(|e| Error::read(path, &e))?.len();
    let expected = (n as u64) * (n as u64 + 1) / 2 * 4;
    if size != expected {
        return Err(Error::inconsistent(format!(
            "{}: {size} bytes found, but a triangle of the {n} individuals of the .grm.id takes \
             {expected}. The files are not of one kernel, or truncated",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    let read = file.read_to_end(&mut bytes);
    read.map_err(|e| Error::read(path, &e))?;
    let (words, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(values),
        Some(k) => Err(Error::malformed(
            path,
            Place::Byte(4 * k as u64),
            format!("the value {}", values[k]),
            "finite numbers",
            "Make the kernel anew",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: usize) -> Vec<Sample> {
        (0..n).map(|i| Sample::new("f", i.to_string())).collect()
    }

    #[test]
    fn a_kernel_comes_back_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("k.1");
        let (mut set, mut writer) = (OutputSet::new(), Writer::create(&prefix).unwrap());
        for (i, sample) in samples(3).iter().enumerate() {
            let values: Vec<f64> = (0..=i).map(|j| (10 * i + j) as f64 / 8.0).collect();
            writer.row(sample, &values, |_| 37.0).unwrap();
        }
        writer.finish(&mut set).unwrap();
        set.commit().unwrap();
        let bytes = std::fs::read(with_suffix(&prefix, ".grm.bin")).unwrap();
        assert_eq!(bytes.len(), 24);
        assert_eq!(bytes[4..8], 1.25f32.to_le_bytes());
        let grm = Grm::read(&prefix).unwrap();
        assert_eq!(grm.values, [0.0, 1.25, 1.375, 2.5, 2.625, 2.75]);
        assert_eq!((grm.value(1, 2), grm.value(2, 0)), (2.625, 2.5));
        assert_eq!(grm.counts, Some(vec![37.0; 6]));
        assert_eq!(grm.ids[2].to_string(), "f 2");
    }

    #[test]
    fn kernels_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("k");
        let put = |suffix: &str, bytes: &[u8]| {
            std::fs::write(with_suffix(&prefix, suffix), bytes).unwrap();
        };
        assert_eq!(Grm::read(&prefix).unwrap_err().exit_code(), 3);
        put(".grm.id", b"f 1\nf 2\n");
        put(".grm.bin", &[0; 8]);
        let error = Grm::read(&prefix).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        assert!(error.to_string().contains("8 bytes found"), "{error}");
        put(".grm.bin", &[0xff; 12]);
        assert_eq!(Grm::read(&prefix).unwrap_err().exit_code(), 6);
        put(".grm.id", b"f 1\nf 1\n");
        assert_eq!(Grm::read(&prefix).unwrap_err().exit_code(), 7);
        put(".grm.id", b"f 1 x\n");
        assert_eq!(Grm::read(&prefix).unwrap_err().exit_code(), 6);
    }
}
