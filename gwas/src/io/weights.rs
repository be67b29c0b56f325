//! Weights of SNPs (`--snp-weights`): how often each counts in a kernel.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::bim::Snp;
use super::number::{self, Number};
use super::text::{Lines, first_few, quoted};
use crate::error::{Error, Result};

/// What a file says of the SNPs of a cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct SnpWeights {
    /// By SNP.
    pub values: Vec<f64>,
    /// IDs of the file that the cohort lacks.
    pub unknown: usize,
}

/// Reads lines of `ID WEIGHT`, the first of which may name the columns. All SNPs that share an ID are
/// meant.
///
/// # Errors
/// `Open`, `Read`; `Malformed` for a line that is not an ID and a number of 0 or more, and for a
/// second line of the same ID; `Inconsistent` if a SNP has no weight.
pub fn read(path: impl AsRef<Path>, snps: &[Snp]) -> Result<SnpWeights> {
    let path = path.as_ref();
    let mut lines = Lines::open(path)?;
    let mut known: HashMap<String, (f64, u64)> = HashMap::new();
    let mut first = true;
    while let Some(line) = lines.next_line()? {
        let is_first = std::mem::take(&mut first);
        let bad = |found: &str, expected: &str, hint: &str| {
            Err(Error::malformed(path, line.number, found, expected, hint))
        };
        let cells: Vec<&str> = line.text.split_ascii_whitespace().collect();
        let [id, text] = cells[..] else {
            let found = format!("{} columns", cells.len());
            return bad(&found, "2 columns, ID and WEIGHT", "");
        };
        let weight = match number::parse(text) {
            Err(_) if is_first => continue,
            Ok(Number::Value(weight)) if weight >= 0.0 => weight,
            _ => {
                let hint = "SNPs that should not count take the weight 0, or leave with --exclude";
                return bad(&quoted(text), "a weight, a number of 0 or more", hint);
            }
        };
        if let Some((_, before)) = known.insert(id.to_owned(), (weight, line.number)) {
            let found = format!("SNP {} again, after line {before}", quoted(id));
            return bad(&found, "one line for each SNP", "");
        }
    }
    let lacking: Vec<&str> = snps.iter().map(|snp| &*snp.id).collect();
    let lacking: Vec<&str> = lacking
        .into_iter()
        .filter(|id| !known.contains_key(*id))
        .collect();
    if !lacking.is_empty() {
        return Err(Error::inconsistent(format!(
            "{}: found no weight for {} of {} SNPs ({}), expected one for each; add them, or leave \
             these SNPs out with --exclude",
            path.display(),
            lacking.len(),
            snps.len(),
            first_few(&lacking)
        )));
    }
    let ids: HashSet<&str> = snps.iter().map(|snp| &*snp.id).collect();
    Ok(SnpWeights {
        values: snps.iter().map(|snp| known[&snp.id].0).collect(),
        unknown: known.keys().filter(|id| !ids.contains(&***id)).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scratch;

    fn snps() -> [Snp; 3] {
        ["a", "b", "."].map(|id| Snp {
            id: id.into(),
            ..Snp::default()
        })
    }

    #[test]
    fn weights_are_found_by_id_below_a_header_or_not() {
        for head in ["", "ID\tWEIGHT\n"] {
            let text = format!("{head}b 0.5\n.\t0\r\na 2e1\nz 3\n");
            let found = read(scratch(text.as_bytes()).path(), &snps()).unwrap();
            assert_eq!(found.values, [20.0, 0.5, 0.0]);
            assert_eq!(found.unknown, 1);
        }
    }

    #[test]
    fn what_is_no_weight_is_told_with_its_line() {
        for (text, said) in [
            ("a 1\nb x\n", "line 2: found 'x'"),
            ("ID W\nID W\n", "line 2: found 'W'"),
            ("a -1\n", "line 1: found '-1'"),
            ("a NA\n", "line 1: found 'NA'"),
            ("a 1 2\n", "line 1: found 3 columns"),
            (
                "a 1\nb 1\na 2\n",
                "line 3: found SNP 'a' again, after line 1",
            ),
            ("a 1\n", "no weight for 2 of 3 SNPs (b, .)"),
        ] {
            let error = read(scratch(text.as_bytes()).path(), &snps()).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!([6, 7].contains(&error.exit_code()), "{error}");
        }
    }
}
