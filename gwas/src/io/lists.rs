//! Lists of individuals (`--keep`, `--remove`) and of SNPs (`--extract`, `--exclude`).

use std::collections::HashSet;
use std::path::Path;

use super::bim::Snp;
use super::fam::Sample;
use super::table::{Layout, Table};
use super::text::Lines;
use crate::error::Result;

/// What of the data a list names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// For each individual or SNP of the data whether it is on the list.
    pub member: Vec<bool>,
    /// Names on the list that the data lack.
    pub unknown: Vec<String>,
}

impl Listed {
    /// How many of the data are on the list.
    pub fn count(&self) -> usize {
        self.member.iter().filter(|&&m| m).count()
    }
}

/// Individuals on a list: `FID IID` per line, or `IID` below a header `#IID`.
///
/// # Errors
/// `Open`, `Read`; `Malformed` for a line without both IDs.
pub fn samples(path: impl AsRef<Path>, samples: &[Sample]) -> Result<Listed> {
    let (rows, overlap) = Table::read(path, Layout::List)?.align_any(samples)?;
    let mut unknown = overlap.file_only;
    let mut seen = HashSet::new();
    unknown.retain(|name| seen.insert(name.clone()));
    Ok(Listed {
        member: rows.iter().map(Option::is_some).collect(),
        unknown,
    })
}

/// SNPs on a list: the ID is the first word of each line. All SNPs that share an ID are meant.
///
/// # Errors
/// `Open`, `Read`, `Malformed` if the file is not text.
pub fn snps(path: impl AsRef<Path>, snps: &[Snp]) -> Result<Listed> {
    let mut lines = Lines::open(path)?;
    let (mut order, mut wanted) = (Vec::new(), HashSet::new());
    while let Some(line) = lines.next_line()? {
        let id = line.text.split_ascii_whitespace().next();
        let id = id.unwrap_or_default().to_owned();
        if wanted.insert(id.clone()) {
            order.push(id);
        }
    }
    let known: HashSet<&str> = snps.iter().map(|snp| &*snp.id).collect();
    order.retain(|id| !known.contains(&**id));
    Ok(Listed {
        member: snps.iter().map(|snp| wanted.contains(&snp.id)).collect(),
        unknown: order,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scratch;

    #[test]
    fn individuals_are_found_with_and_without_a_header() {
        let all = [Sample::new("1", "a"), Sample::new("1", "b")];
        for text in ["1 b\n9 z\n9 z\n1 b x\n", "#FID IID\n1 b\n9 z\n"] {
            let listed = samples(scratch(text.as_bytes()).path(), &all).unwrap();
            assert_eq!(listed.member, [false, true], "{text}");
            assert_eq!(listed.unknown, ["9 z"]);
            assert_eq!(listed.count(), 1);
        }
        let listed = samples(scratch(b"#IID\na\n").path(), &all).unwrap();
        assert_eq!(listed.member, [true, false]);
    }

    #[test]
    fn a_line_with_one_id_is_refused() {
        let error = samples(scratch(b"1 b\nc\n").path(), &[]).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn all_snps_of_one_id_are_meant() {
        let snp = |id: &str| Snp {
            id: id.into(),
            ..Snp::default()
        };
        let all = [snp("."), snp("rs1"), snp(".")];
        let listed = snps(scratch(b".\tx\r\nrs9\nrs9\n").path(), &all).unwrap();
        assert_eq!(listed.member, [true, false, true]);
        assert_eq!(listed.unknown, ["rs9"]);
    }
}
