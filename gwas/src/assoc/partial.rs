//! What is finished of a run, chromosome by chromosome, in a folder beside the output: a run that
//! was interrupted goes on from there.
//!
//! A chromosome has a table for each trait and, written last, a record with their checksums and
//! that of the inputs and settings. Without a record that fits, it is tested again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::binary;
use super::identity::Checksum;
use super::nulls::Models;
use super::rotation::Null;
use super::table;
use super::tally::Tally;
use crate::cohort::Choice;
use crate::error::{Error, Result};
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet, file_name_part};
use crate::io::tsv::Tsv;

/// SNPs of one chromosome.
#[derive(Clone, Debug)]
pub struct Part {
    /// The chromosome, as tables name it.
    pub chromosome: String,
    /// Places of its SNPs in the `.bim`.
    pub snps: Vec<u32>,
    /// Its segment of the kernel, if that is left out.
    pub left_out: Option<usize>,
    /// Its place in the run.
    index: usize,
}

/// What there is to know of a finished chromosome, beside its tables.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// Counts.
    pub tally: Tally,
    /// Null models as reported.
    pub nulls: Vec<Null>,
    /// Those of binary traits.
    pub(super) binary: Vec<binary::Null>,
    /// Null models as shared.
    pub models: Models,
}

#[derive(Serialize, Deserialize)]
struct Record {
    inputs: String,
    tables: Vec<String>,
    finished: Finished,
}

/// The folder.
#[derive(Debug)]
pub struct Partial {
    folder: PathBuf,
    run: String,
    traits: usize,
    binary: bool,
}

/// All chromosomes of `tested`; `segment` says which segment of the kernel each leaves out.
pub fn parts(tested: &Choice, segment: impl Fn(&str) -> Option<usize>) -> Vec<Part> {
    let groups = tested.groups.iter().enumerate();
    let part = |(index, snps): (usize, &Vec<u32>)| {
        let name = &tested.files.snps[snps[0] as usize].chromosome;
        Part {
            chromosome: tested.chromosomes.label(name),
            snps: snps.clone(),
            left_out: segment(name),
            index,
        }
    };
    groups.map(part).collect()
}

impl Partial {
    /// `PREFIX.assoc.parts`, of a run of `traits` traits, `binary` or not, with the checksum `run`.
    pub fn new(prefix: &Path, run: String, traits: usize, binary: bool) -> Partial {
        Partial {
            folder: with_suffix(prefix, ".assoc.parts"),
            run,
            traits,
            binary,
        }
    }

    /// Its path.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, part: &Part, ending: &str) -> PathBuf {
        let name = file_name_part(&part.chromosome);
        self.folder
            .join(format!("part-{}-{name}{ending}", part.index))
    }

    /// The table of trait `t`.
    pub fn table(&self, part: &Part, t: usize) -> PathBuf {
        self.path(part, &format!(".{t}.tsv"))
    }

    /// Checksum of everything the tables of a part depend on.
    fn inputs(&self, part: &Part, tested: &Choice) -> String {
        let start = Checksum::default()
            .text(&self.run)
            .text(&part.chromosome)
            .text(&format!("{:?}", part.left_out));
        let all = part.snps.iter().fold(start, |sum, &m| {
            let snp = &tested.files.snps[m as usize];
            let sum = sum.whole(&[m]).text(&snp.id).text(&snp.a1).text(&snp.a2);
            sum.bytes(&snp.position.to_le_bytes())
        });
        all.finish()
    }

    /// What an earlier run found on a chromosome, if it finished it with these inputs and settings
    /// and its tables are as they were written.
    pub fn finished(&self, part: &Part, tested: &Choice) -> Option<Finished> {
        let text = std::fs::read(self.path(part, ".json")).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        let whole = record.inputs == self.inputs(part, tested)
            && record.tables.len() == self.traits
            && (record.tables.iter().enumerate())
                .all(|(t, sum)| checksum(&self.table(part, t)).is_ok_and(|found| found == *sum));
        whole.then_some(record.finished)
    }

    /// Starts the tables of a chromosome.
    ///
    /// # Errors
    /// `Write`.
    pub fn begin(&self, part: &Part) -> Result<Vec<Tsv>> {
        std::fs::create_dir_all(&self.folder).map_err(|e| Error::write(&self.folder, &e))?;
        let tables = (0..self.traits).map(|t| table::create(&self.table(part, t), self.binary));
        tables.collect()
    }

    /// Finishes it.
    ///
    /// # Errors
    /// `Write`.
    pub fn end(
        &self,
        part: &Part,
        tested: &Choice,
        (tables, finished): (Vec<Tsv>, &Finished),
    ) -> Result<()> {
        let mut files = OutputSet::new();
        for table in tables {
            files.add(table.into_file())?;
        }
        let sums = files.commit()?.into_iter().map(|path| checksum(&path));
        let record = Record {
            inputs: self.inputs(part, tested),
            tables: sums.collect::<Result<_>>()?,
            finished: finished.clone(),
        };
        let text = serde_json::to_string(&record)
            .map_err(|_| Error::inconsistent("the record of a chromosome is not JSON"))?;
        let mut file = AtomicFile::create(self.path(part, ".json"))?;
        file.put(text)?;
        file.commit()
    }

    /// Removes the folder with all that runs left in it.
    pub fn remove(self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("part-") || name.starts_with(".part-") {
                // What stays is of no harm: it is no result of a later run.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Only if it is empty: before the first chromosome is finished, and after all is done.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// Of the content of a file.
fn checksum(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::read(path, &e))?;
    Ok(Checksum::default().bytes(&bytes).finish())
}
