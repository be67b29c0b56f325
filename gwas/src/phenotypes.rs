//! Phenotypes of the cohort, one vector per trait.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::number::{self, Number};
use crate::io::table::{Layout, Overlap, Row, Table};
use crate::io::text::quoted;

/// Where the phenotypes are and which to use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhenotypeOptions {
    /// The table (`--pheno`).
    pub file: PathBuf,
    /// Columns to use, such as `BMI,HDL` or `Y1-Y9` (`--pheno-name`); all if absent.
    pub names: Option<String>,
    /// Whether traits are coded 1 = control, 2 = case, 0 = missing; they become 0/1.
    pub binary_12: bool,
    /// Whether traits of the values 0 and 1 are fitted as binary ones, and not as quantitative.
    pub logistic: bool,
}

/// One trait.
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// Its column.
    pub name: String,
    /// One value per individual of the cohort; NaN if missing.
    pub values: Vec<f64>,
    /// Whether it takes only the values 0 and 1.
    pub binary: bool,
}

impl Trait {
    /// Individuals with a value, as indices into the cohort.
    pub fn observed(&self) -> Vec<u32> {
        let values = (0..).zip(&self.values);
        values
            .filter(|(_, y)| !y.is_nan())
            .map(|(i, _)| i)
            .collect()
    }
}

/// The traits that can be fitted, and what happened to the others.
#[derive(Clone, Debug)]
pub struct Phenotypes {
    /// Traits that vary, in the order asked.
    pub traits: Vec<Trait>,
    /// Traits left out, each with the reason.
    pub dropped: Vec<(String, String)>,
    /// Who is in the file, in the cohort, or in both.
    pub overlap: Overlap,
    /// What the user should know.
    pub notes: Vec<String>,
    /// What the user should look into.
    pub warnings: Vec<String>,
}

impl Phenotypes {
    /// Reads the table and aligns it to `samples` by ID. A trait that is missing in all or the
    /// same in all is left out with a note.
    ///
    /// # Errors
    /// Those of [`Table::read`] and [`Table::align`]; `Usage` for a name that is no column;
    /// `Malformed` for a cell that is no number; `Degenerate` if no trait is left.
    pub fn read(options: &PhenotypeOptions, samples: &[Sample]) -> Result<Phenotypes> {
        let table = Table::read(&options.file, Layout::Header)?;
        if table.columns.is_empty() {
            return Err(Error::malformed(
                &table.path,
                1,
                "a header without phenotypes",
                "'FID IID' and at least one column",
                "",
            ));
        }
        let columns = match &options.names {
            Some(spec) => table.select(spec, "--pheno-name")?,
            None => (0..table.columns.len()).collect(),
        };
        let (rows, overlap) = table.align(samples)?;
        let mut read = Phenotypes {
            traits: Vec::new(),
            dropped: Vec::new(),
            notes: vec![overlap.describe("phenotypes")],
            warnings: Vec::new(),
            overlap,
        };
        let mut values = vec![Vec::with_capacity(samples.len()); columns.len()];
        let mut nines = vec![0; columns.len()];
        for row in rows {
            let row = row.map(|k| &table.rows[k]);
            let cells = row.map(Row::cells);
            for (k, &column) in columns.iter().enumerate() {
                values[k].push(match (row, &cells) {
                    (Some(row), Some(cells)) => {
                        let number = parse(&table, row, column, cells[column])?;
                        nines[k] += usize::from(number == Number::MinusNine);
                        let value = number.value().unwrap_or(f64::NAN);
                        match options.binary_12 {
                            true => recode(&table, row, column, value)?,
                            false => value,
                        }
                    }
                    _ => f64::NAN,
                });
            }
        }
        for ((column, values), nines) in columns.into_iter().zip(values).zip(nines) {
            read.take(table.columns[column].clone(), values, nines, options);
        }
        if read.traits.is_empty() {
            let mut reasons = read
                .dropped
                .iter()
                .map(|(name, why)| format!("{name} {why}"));
            return Err(Error::degenerate(format!(
                "{}: no phenotype can be fitted: {}",
                table.path.display(),
                crate::io::text::first_few(&reasons.by_ref().collect::<Vec<_>>()),
            )));
        }
        Ok(read)
    }

    /// Keeps the trait if it varies.
    fn take(&mut self, name: String, values: Vec<f64>, nines: usize, options: &PhenotypeOptions) {
        if nines > 0 {
            self.warnings.push(format!(
                "phenotype {name}: {nines} values of -9 were taken as MISSING. If -9 is a \
                 measurement, shift or rescale the trait"
            ));
        }
        let mut observed = values.iter().copied().filter(|y| !y.is_nan());
        let reason = match observed.next() {
            None => "is missing in all individuals with genotypes".to_owned(),
            Some(first) if observed.all(|y| y == first) => {
                format!("is {first} in all individuals with genotypes")
            }
            Some(_) => {
                let only = |codes: [f64; 2]| values.iter().all(|y| y.is_nan() || codes.contains(y));
                let binary = only([0.0, 1.0]);
                if binary && !options.logistic {
                    self.notes.push(format!(
                        "phenotype {name}: binary trait fitted as 0/1 quantitative"
                    ));
                } else if only([1.0, 2.0]) && !options.binary_12 {
                    self.notes.push(format!(
                        "phenotype {name}: only the values 1 and 2 occur; it is fitted as they \
                         are. If 2 means case, say that the trait is coded 1/2"
                    ));
                }
                let missing = values.iter().filter(|y| y.is_nan()).count();
                let count = values.len() - missing;
                self.notes.push(format!(
                    "phenotype {name}: {count} values, {missing} missing"
                ));
                self.traits.push(Trait {
                    name,
                    values,
                    binary,
                });
                return;
            }
        };
        self.warnings
            .push(format!("phenotype {name} {reason}: it is left out"));
        self.dropped.push((name, reason));
    }
}

fn parse(table: &Table, row: &Row, column: usize, cell: &str) -> Result<Number> {
    number::parse(cell).map_err(|_| {
        Error::malformed(
            &table.path,
            row.line,
            format!("{} in column {}", quoted(cell), table.columns[column]),
            "a finite number or NA",
            "Correct the value, or leave the column out with --pheno-name",
        )
    })
}

/// 1 → 0 and 2 → 1; 0 is missing, as in a `.fam`.
fn recode(table: &Table, row: &Row, column: usize, value: f64) -> Result<f64> {
    match value {
        1.0 => Ok(0.0),
        2.0 => Ok(1.0),
        0.0 => Ok(f64::NAN),
        x if x.is_nan() => Ok(x),
        x => Err(Error::malformed(
            &table.path,
            row.line,
            format!("{x} in column {}", table.columns[column]),
            "1, 2, or 0 or NA for missing, as the traits are said to be coded 1/2",
            "Choose only binary traits with --pheno-name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scratch;

    fn read(text: &str, names: Option<&str>, binary_12: bool) -> Result<Phenotypes> {
        let file = scratch(text.as_bytes());
        let options = PhenotypeOptions {
            file: file.path().to_owned(),
            names: names.map(str::to_owned),
            binary_12,
            logistic: false,
        };
        let samples = ["a", "b", "c"].map(|iid| Sample::new("f", iid));
        Phenotypes::read(&options, &samples)
    }

    #[test]
    fn values_follow_the_cohort_and_not_the_rows() {
        let p = read("FID IID y z\nf c 3 NA\nf x 9 9\nf a 1 .\n", None, false).unwrap();
        assert_eq!(p.traits.len(), 1);
        let y = &p.traits[0];
        assert_eq!(
            (y.values[0], y.values[2], y.observed()),
            (1.0, 3.0, vec![0, 2])
        );
        assert!(y.values[1].is_nan());
        assert_eq!(p.overlap.file_only, ["f x"]);
        assert_eq!(p.overlap.cohort_only, ["f b"]);
        assert_eq!(p.dropped[0].0, "z");
        assert!(
            p.warnings[0].contains("z is missing in all"),
            "{:?}",
            p.warnings
        );
    }

    #[test]
    fn minus_nine_is_missing_and_said_loudly() {
        let p = read("#IID\ty\r\na\t-9\r\nb\t1.5\r\nc\t2\r\n", None, false).unwrap();
        assert!(p.traits[0].values[0].is_nan());
        assert!(p.warnings[0].contains("y: 1 values of -9 were taken as MISSING"));
    }

    #[test]
    fn binary_traits_are_told_and_recoded() {
        let p = read("FID IID y\nf a 0\nf b 1\nf c NA\n", None, false).unwrap();
        assert!(p.traits[0].binary);
        assert!(
            p.notes
                .iter()
                .any(|n| n.contains("fitted as 0/1 quantitative"))
        );
        let text = "FID IID y\nf a 1\nf b 2\nf c 0\n";
        let p = read(text, None, true).unwrap();
        assert_eq!(p.traits[0].values[..2], [0.0, 1.0]);
        assert!(p.traits[0].values[2].is_nan() && p.traits[0].binary);
        let p = read("FID IID y\nf a 1\nf b 2\n", None, false).unwrap();
        assert!(
            p.notes
                .iter()
                .any(|n| n.contains("only the values 1 and 2 occur"))
        );
        let error = read("FID IID y\nf a 1\nf b 3\n", None, true).unwrap_err();
        assert!(
            error.to_string().contains("line 3: found 3 in column y"),
            "{error}"
        );
    }

    #[test]
    fn one_bad_trait_does_not_stop_the_others() {
        let p = read("FID IID y k\nf a 1 7\nf b 2 7\nf c 4 7\n", None, false).unwrap();
        assert_eq!(p.traits.len(), 1);
        assert_eq!(p.dropped[0].1, "is 7 in all individuals with genotypes");
        let error = read("FID IID y k\nf a 1 7\nf b 2 7\n", Some("k"), false).unwrap_err();
        assert_eq!(error.exit_code(), 13);
        assert!(error.to_string().contains("k is 7 in all"), "{error}");
    }

    #[test]
    fn bad_cells_are_named_by_line_and_column() {
        for cell in ["inf", "tall", "1,5", "-inf"] {
            let text = format!("FID IID y z\nf a 1 2\nf b 2 {cell}\n");
            let error = read(&text, None, false).unwrap_err();
            assert_eq!(error.exit_code(), 6);
            let part = format!("line 3: found '{cell}' in column z");
            assert!(error.to_string().contains(&part), "{error}");
            // A column that nobody asked for may hold anything.
            assert!(read(&text, Some("y"), false).is_ok());
        }
    }

    #[test]
    fn wrong_names_and_strangers_are_refused() {
        let text = "FID IID y\nf a 1\nf b 2\n";
        let error = read(text, Some("x"), false).unwrap_err();
        assert_eq!(error.exit_code(), 8);
        assert!(error.to_string().contains("its columns are y"), "{error}");
        let error = read("FID IID y\n1 a 1\n", None, false).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        assert_eq!(
            read("FID IID\nf a\n", None, false).unwrap_err().exit_code(),
            6
        );
        assert_eq!(
            read("FID IID y\nf a 1\nf a 1\n", None, false)
                .unwrap_err()
                .exit_code(),
            7
        );
    }
}
