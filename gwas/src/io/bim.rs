//! `.bim`: one SNP per line, `chromosome ID cM position A1 A2`.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::text::{Line, Lines, quoted};
use crate::error::{Error, Result};

/// One SNP: a line of a `.bim` file. Dosages count `a1`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snp {
    /// Chromosome as written.
    pub chromosome: String,
    /// SNP ID.
    pub id: String,
    /// Genetic position in centimorgan, 0 if unknown.
    pub cm: f64,
    /// Position in base pairs; PLINK ignores SNPs with a negative one.
    pub position: i64,
    /// The counted allele.
    pub a1: String,
    /// The other allele.
    pub a2: String,
}

/// Reads a `.bim` file. IDs may repeat.
///
/// # Errors
/// `Open`, `Read`; `Malformed` for a wrong number of columns or a position that is no number.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Snp>> {
    let path = path.as_ref();
    let mut lines = Lines::open(path)?;
    let mut snps = Vec::new();
    while let Some(line) = lines.next_line()? {
        snps.push(parse(path, line)?);
    }
    Ok(snps)
}

fn parse(path: &Path, line: Line<'_>) -> Result<Snp> {
    let bad = |found: String, expected: &str, advice: &str| {
        Error::malformed(path, line.number, found, expected, advice)
    };
    let columns: Vec<&str> = line.text.split_ascii_whitespace().collect();
    let &[chromosome, id, cm, position, a1, a2] = &columns[..] else {
        return Err(bad(
            format!("{} columns", columns.len()),
            "6: chromosome ID cM position A1 A2",
            "Write the file anew with `plink2 --make-bed`",
        ));
    };
    let cm: f64 = cm
        .parse()
        .ok()
        .filter(|x: &f64| x.is_finite())
        .ok_or_else(|| {
            bad(
                format!("genetic position {}", quoted(cm)),
                "a number of centimorgans in column 3",
                "Write 0 if it is unknown",
            )
        })?;
    let position = position.parse().map_err(|_| {
        bad(
            format!("position {}", quoted(position)),
            "a whole number of base pairs in column 4",
            "Write 0 if it is unknown",
        )
    })?;
    Ok(Snp {
        chromosome: chromosome.into(),
        id: id.into(),
        cm,
        position,
        a1: a1.into(),
        a2: a2.into(),
    })
}

/// IDs that more than one SNP has, in order of their first appearance, with how often they occur.
pub fn duplicated_ids(snps: &[Snp]) -> Vec<(String, usize)> {
    let mut times: HashMap<&str, usize> = HashMap::with_capacity(snps.len());
    for snp in snps {
        *times.entry(&snp.id).or_default() += 1;
    }
    snps.iter()
        .filter_map(|snp| {
            let count = times.remove(snp.id.as_str())?;
            (count > 1).then(|| (snp.id.clone(), count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scratch;

    #[test]
    fn snps_are_read_as_written() {
        let file = scratch(b"X\trs1\t0.5\t-7\tD\td\r\n26 . 0 12 0 2\n");
        let snps = read(file.path()).unwrap();
        assert_eq!((snps[0].position, snps[0].cm), (-7, 0.5));
        assert_eq!((&*snps[1].chromosome, &*snps[1].a1), ("26", "0"));
    }

    #[test]
    fn a_wrong_line_is_named_with_what_was_expected() {
        for (text, part) in [
            ("1 a 0 1 A\n", "line 1: found 5 columns"),
            (
                "1 a 0 1 A C\n1 b 0 1.5 A C\n",
                "line 2: found position '1.5'",
            ),
            ("1 a NA 1 A C\n", "found genetic position 'NA'"),
            ("1 a inf 1 A C\n", "found genetic position 'inf'"),
        ] {
            let error = read(scratch(text.as_bytes()).path()).unwrap_err();
            assert_eq!(error.exit_code(), 6);
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn repeated_ids_are_listed_with_their_number() {
        let snp = |id: &str| Snp {
            id: id.into(),
            ..Snp::default()
        };
        let snps = [".", "a", "b", ".", "a", "."].map(snp);
        let expected = [(".".to_owned(), 3), ("a".to_owned(), 2)];
        assert_eq!(duplicated_ids(&snps), expected);
    }
}
