//! New genotypes in terms of a model's SNPs and alleles.
//!
//! SNPs are matched by ID. The rule for what does not fit, every case counted and named:
//! - alleles swapped: dosages are flipped (x → 2 − x);
//! - alleles on the other strand (A/G against T/C): complemented, then as above;
//! - A/T and C/G SNPs: their strand cannot be seen, so they are taken as written, flipped if
//!   swapped;
//! - allele `0` (not seen in a file) fits any;
//! - another position or chromosome: used all the same, the ID decides;
//! - an ID that several SNPs of the new file have: the one with the model's position and alleles
//!   (as written or swapped); none if that is not exactly one;
//! - other alleles: not used;
//! - SNPs that are not used or not there are missing calls, imputed with the model's means.

use std::collections::HashMap;

use epitile_core::genotypes::{GenotypeBuilder, Genotypes};

use crate::error::{Error, Result};
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::fileset::Fileset;
use crate::io::text::first_few;

/// How one SNP of the model is taken from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Line of the `.bim`, and whether alleles are swapped.
    Line { at: u32, flip: bool },
    /// Nowhere: missing in all.
    Absent,
}

/// IDs of SNPs in each case that users should know of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alignment {
    /// SNPs of the model.
    pub snps: usize,
    /// SNPs used.
    pub used: usize,
    /// Not in the file.
    pub absent: Vec<String>,
    /// In the file more than once.
    pub repeated: Vec<String>,
    /// With other alleles.
    pub mismatched: Vec<String>,
    /// With swapped alleles, flipped.
    pub flipped: Vec<String>,
    /// On the other strand, complemented.
    pub complemented: Vec<String>,
    /// A/T or C/G, taken as written.
    pub ambiguous: Vec<String>,
    /// At another position.
    pub moved: Vec<String>,
}

impl Alignment {
    /// Lines for the log: one per case that occurred.
    pub fn describe(&self) -> Vec<String> {
        let cases = [
            (
                &self.absent,
                "not in the new data: imputed with the model's mean",
            ),
            (
                &self.repeated,
                "more than once in the new data, none or several at the model's place with its \
                 alleles: not used, imputed with the mean",
            ),
            (
                &self.mismatched,
                "with other alleles: not used, imputed with the mean",
            ),
            (&self.flipped, "with swapped alleles: flipped"),
            (&self.complemented, "on the other strand: complemented"),
            (
                &self.ambiguous,
                "A/T or C/G, strand not visible: taken as written",
            ),
            (&self.moved, "at another position: used, the ID decides"),
        ];
        let head = format!("{} of the model's {} SNPs are used", self.used, self.snps);
        let lines = cases.into_iter().filter(|(ids, _)| !ids.is_empty());
        let lines =
            lines.map(|(ids, what)| format!("{} SNPs {what} ({})", ids.len(), first_few(ids)));
        std::iter::once(head).chain(lines).collect()
    }

    /// Refuses an overlap below `least` (a fraction).
    ///
    /// # Errors
    /// `Inconsistent`.
    pub fn require(&self, least: f64) -> Result<()> {
        let overlap = self.used as f64 / self.snps as f64;
        if overlap >= least {
            return Ok(());
        }
        Err(Error::inconsistent(format!(
            "{} of the model's {} SNPs ({:.1} %) can be used, expected at least {:.1} % \
             (--min-overlap): {}. Give data typed or imputed at the model's SNPs",
            self.used,
            self.snps,
            100.0 * overlap,
            100.0 * least,
            self.describe()[1..].join("; ")
        )))
    }
}

/// The calls of some individuals (places in the `.fam`) of `files` at the model's SNPs, dosages
/// of the model's A1.
///
/// # Errors
/// Those of reading the `.bed`.
pub fn align(
    files: &Fileset,
    rows: &[u32],
    model: &[Snp],
    segments: &[(String, usize)],
) -> Result<(Genotypes, Alignment)> {
    let mut alignment = Alignment {
        snps: model.len(),
        ..Alignment::default()
    };
    let sources = sources(&files.snps, model, &mut alignment);
    let wanted: Vec<u32> = sources
        .iter()
        .filter_map(|s| match s {
            Source::Line { at, .. } => Some(*at),
            Source::Absent => None,
        })
        .collect();
    let mut builder = GenotypeBuilder::new(rows.len());
    let mut borders = segments.iter();
    let mut left = 0;
    let mut next = 0;
    // Pushes the model's SNPs in order; `calls` is for the one taken from the file.
    let mut place = |calls: Option<&dyn Fn(usize) -> Option<u8>>, builder: &mut GenotypeBuilder| {
        loop {
            while left == 0 {
                let Some((name, len)) = borders.next() else {
                    return;
                };
                builder.segment(name.clone());
                left = *len;
            }
            let source = sources[next];
            match (source, calls) {
                (Source::Absent, _) => builder.push(rows.iter().map(|_| None)),
                (Source::Line { flip, .. }, Some(calls)) => {
                    let turn = |x: u8| if flip { 2 - x } else { x };
                    builder.push(rows.iter().map(|&i| calls(i as usize).map(turn)));
                }
                (Source::Line { .. }, None) => return,
            }
            (left, next) = (left - 1, next + 1);
            if let (Source::Line { .. }, Some(_)) = (source, calls) {
                return;
            }
        }
    };
    let mut bed = files.bed()?;
    bed.visit(&wanted, |_, packed| {
        place(Some(&|i| packed.call(i)), &mut builder);
        Ok(())
    })?;
    // Absent SNPs after the last one in the file.
    place(None, &mut builder);
    Ok((builder.finish(), alignment))
}

fn sources(file: &[Snp], model: &[Snp], alignment: &mut Alignment) -> Vec<Source> {
    let mut by_id: HashMap<&str, u32> = HashMap::with_capacity(file.len());
    let mut repeats: HashMap<&str, Vec<u32>> = HashMap::new();
    for (at, snp) in (0..).zip(file) {
        if let Some(&first) = by_id.get(&*snp.id) {
            repeats.entry(&snp.id).or_insert(vec![first]).push(at);
        } else {
            by_id.insert(&snp.id, at);
        }
    }
    model
        .iter()
        .map(|snp| {
            let Some(&at) = by_id.get(&*snp.id) else {
                alignment.absent.push(snp.id.clone());
                return Source::Absent;
            };
            let Some(all) = repeats.get(&*snp.id) else {
                return source(at, &file[at as usize], snp, alignment);
            };
            let same = |at: &&u32| {
                let found = &file[**at as usize];
                is_there(found, snp) && orientation(&found.a1, &found.a2, snp).is_some()
            };
            let mut same = all.iter().filter(same);
            match (same.next(), same.next()) {
                (Some(&at), None) => source(at, &file[at as usize], snp, alignment),
                _ => {
                    alignment.repeated.push(snp.id.clone());
                    Source::Absent
                }
            }
        })
        .collect()
}

/// Whether `found` has the position of `snp`. Names of the sex chromosomes differ between files;
/// only what they mean counts.
fn is_there(found: &Snp, snp: &Snp) -> bool {
    let place = |c: &str| ChromosomeSet::default().label(c);
    found.position == snp.position && place(&found.chromosome) == place(&snp.chromosome)
}

fn source(at: u32, found: &Snp, snp: &Snp, alignment: &mut Alignment) -> Source {
    let id = || snp.id.clone();
    let complement = [complement(&found.a1), complement(&found.a2)];
    let as_written = orientation(&found.a1, &found.a2, snp);
    let other_strand = match &complement {
        [Some(a1), Some(a2)] => orientation(a1, a2, snp),
        _ => None,
    };
    let flip = match (as_written, other_strand) {
        (Some(flip), strand) => {
            if strand.is_some_and(|s| s != flip) {
                alignment.ambiguous.push(id());
            }
            flip
        }
        (None, Some(flip)) => {
            alignment.complemented.push(id());
            flip
        }
        (None, None) => {
            alignment.mismatched.push(id());
            return Source::Absent;
        }
    };
    if flip {
        alignment.flipped.push(id());
    }
    if !is_there(found, snp) {
        alignment.moved.push(id());
    }
    alignment.used += 1;
    Source::Line { at, flip }
}

/// Whether alleles `a1`, `a2` are those of `snp` swapped; `None` if they are others.
fn orientation(a1: &str, a2: &str, snp: &Snp) -> Option<bool> {
    let fits = |a: &str, b: &str| a.eq_ignore_ascii_case(b) || a == "0" || b == "0";
    if fits(a1, &snp.a1) && fits(a2, &snp.a2) {
        Some(false)
    } else if fits(a1, &snp.a2) && fits(a2, &snp.a1) {
        Some(true)
    } else {
        None
    }
}

fn complement(allele: &str) -> Option<String> {
    let base = |b: char| {
        Some(match b.to_ascii_uppercase() {
            'A' => 'T',
            'T' => 'A',
            'C' => 'G',
            'G' => 'C',
            '0' => '0',
            _ => return None,
        })
    };
    // A longer allele is written in the other direction on the other strand.
    allele.chars().rev().map(base).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snp(id: &str, a1: &str, a2: &str) -> Snp {
        Snp {
            chromosome: "1".into(),
            id: id.into(),
            a1: a1.into(),
            a2: a2.into(),
            ..Snp::default()
        }
    }

    #[test]
    fn every_case_follows_the_stated_rule() {
        let model = [
            snp("same", "A", "G"),
            snp("swap", "A", "G"),
            snp("strand", "A", "G"),
            snp("both", "A", "G"),
            snp("palin", "A", "T"),
            snp("palinswap", "C", "G"),
            snp("other", "A", "G"),
            snp("gone", "A", "G"),
            snp("twice", "A", "G"),
            snp("zero", "A", "G"),
            snp("indel", "D", "I"),
        ];
        let file = [
            snp("twice", "A", "G"),
            snp("indel", "I", "D"),
            snp("zero", "0", "A"),
            snp("other", "A", "C"),
            snp("palinswap", "G", "C"),
            snp("palin", "A", "T"),
            snp("both", "C", "T"),
            snp("strand", "T", "C"),
            snp("swap", "G", "A"),
            snp("same", "A", "G"),
            snp("twice", "A", "G"),
        ];
        let mut a = Alignment {
            snps: model.len(),
            ..Alignment::default()
        };
        let got = sources(&file, &model, &mut a);
        let line = |at, flip| Source::Line { at, flip };
        let expected = [
            line(9, false),
            line(8, true),
            line(7, false),
            line(6, true),
            line(5, false),
            line(4, true),
            Source::Absent,
            Source::Absent,
            Source::Absent,
            line(2, true),
            line(1, true),
        ];
        assert_eq!(got, expected);
        assert_eq!(a.complemented, ["strand", "both"]);
        assert_eq!(a.ambiguous, ["palin", "palinswap"]);
        assert_eq!(
            (&*a.absent, &*a.repeated),
            (&["gone".to_string()][..], &["twice".to_string()][..])
        );
        assert_eq!(a.mismatched, ["other"]);
        assert_eq!(a.used, 8);
        assert!(a.require(0.7).is_ok());
        assert_eq!(a.require(0.8).unwrap_err().exit_code(), 7);
    }
}
