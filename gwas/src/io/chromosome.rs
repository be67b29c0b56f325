//! Names of chromosomes, relative to the number of autosomes of the species.

use serde::{Deserialize, Serialize};

use super::text::quoted;
use crate::error::{Error, Result};

/// What a chromosome name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Chromosome {
    /// Code 0: no place known.
    Unplaced,
    /// An autosome, from 1.
    Autosome(u32),
    /// `X`, or the number of autosomes + 1.
    X,
    /// `Y`, or + 2.
    Y,
    /// `XY`, or + 3: the part that X and Y share.
    Xy,
    /// `MT`, or + 4: mitochondria.
    Mt,
}

/// The chromosomes of a species with this many autosomes (`--chr-set`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChromosomeSet {
    autosomes: u32,
}

impl Default for ChromosomeSet {
    /// Human: 22 autosomes.
    fn default() -> Self {
        ChromosomeSet { autosomes: 22 }
    }
}

impl ChromosomeSet {
    /// A species with this many autosomes.
    ///
    /// # Errors
    /// `Usage` outside 1..=95, PLINK's range.
    pub fn new(autosomes: u32) -> Result<Self> {
        match autosomes {
            1..=95 => Ok(ChromosomeSet { autosomes }),
            _ => Err(Error::usage(format!(
                "--chr-set {autosomes}: the number of autosomes must be between 1 and 95"
            ))),
        }
    }

    /// Number of autosomes.
    pub fn autosomes(self) -> u32 {
        self.autosomes
    }

    /// What `name` stands for, with or without `chr` before it; `None` for other names.
    pub fn recognise(self, name: &str) -> Option<Chromosome> {
        let bare = match name.get(..3) {
            Some(head) if head.eq_ignore_ascii_case("chr") => &name[3..],
            _ => name,
        };
        match bare.to_ascii_uppercase().as_str() {
            "X" => Some(Chromosome::X),
            "Y" => Some(Chromosome::Y),
            "XY" | "PAR1" | "PAR2" => Some(Chromosome::Xy),
            "MT" | "M" => Some(Chromosome::Mt),
            number if number.bytes().all(|b| b.is_ascii_digit()) => {
                self.of_code(number.parse().ok()?)
            }
            _ => None,
        }
    }

    /// Whether `name` is one of the autosomes.
    pub fn is_autosome(self, name: &str) -> bool {
        matches!(self.recognise(name), Some(Chromosome::Autosome(_)))
    }

    /// The name PLINK 2 writes: numbers, `X`, `Y`, `XY`, `MT`; other names as they are.
    pub fn label(self, name: &str) -> String {
        match self.recognise(name) {
            None => name.to_owned(),
            Some(Chromosome::Unplaced) => "0".into(),
            Some(Chromosome::Autosome(k)) => k.to_string(),
            Some(Chromosome::X) => "X".into(),
            Some(Chromosome::Y) => "Y".into(),
            Some(Chromosome::Xy) => "XY".into(),
            Some(Chromosome::Mt) => "MT".into(),
        }
    }

    fn of_code(self, code: u32) -> Option<Chromosome> {
        if code <= self.autosomes {
            return Some(match code {
                0 => Chromosome::Unplaced,
                k => Chromosome::Autosome(k),
            });
        }
        match code - self.autosomes {
            1 => Some(Chromosome::X),
            2 => Some(Chromosome::Y),
            3 => Some(Chromosome::Xy),
            4 => Some(Chromosome::Mt),
            _ => None,
        }
    }
}

/// Chromosomes chosen by `--chr`, such as `1,2,5-7,X`.
#[derive(Clone, Debug)]
pub struct Selection {
    set: ChromosomeSet,
    terms: Vec<(String, Term)>,
}

#[derive(Clone, Debug)]
enum Term {
    /// Both ends included, in the order unplaced, autosomes, X, Y, XY, MT.
    Range(Chromosome, Chromosome),
    Name(String),
}

impl Selection {
    /// Reads `spec`: names and ranges, separated by commas. A name that is not known is taken
    /// letter by letter.
    ///
    /// # Errors
    /// `Usage` for an empty list, a number beyond the set or a range that runs backwards.
    pub fn parse(spec: &str, set: ChromosomeSet) -> Result<Selection> {
        let bad = |term: &str, why: &str| {
            Error::usage(format!(
                "--chr {}: {} {why}. Write for example 1-{},X",
                quoted(spec),
                quoted(term),
                set.autosomes
            ))
        };
        let mut terms = Vec::new();
        for term in spec.split(',').map(str::trim).filter(|t| !t.is_empty()) {
            let ends = term
                .split_once('-')
                .map(|(a, b)| (set.recognise(a.trim()), set.recognise(b.trim())));
            let meaning = match (set.recognise(term), ends) {
                (Some(one), _) => Term::Range(one, one),
                (None, Some((Some(from), Some(to)))) if from <= to => Term::Range(from, to),
                (None, Some((Some(_), Some(_)))) => return Err(bad(term, "runs backwards")),
                _ if term.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                    return Err(bad(
                        term,
                        "is no chromosome of this species (see --chr-set)",
                    ));
                }
                _ => Term::Name(term.to_owned()),
            };
            terms.push((term.to_owned(), meaning));
        }
        match terms.is_empty() {
            true => Err(bad("", "names no chromosome")),
            false => Ok(Selection { set, terms }),
        }
    }

    /// Whether SNPs on `chromosome` are chosen.
    pub fn contains(&self, chromosome: &str) -> bool {
        self.terms
            .iter()
            .any(|(_, term)| self.fits(term, chromosome))
    }

    /// Names and ranges of the list that none of `chromosomes` fits.
    pub fn unused(&self, chromosomes: &[&str]) -> Vec<&str> {
        let used = |term: &Term| chromosomes.iter().any(|name| self.fits(term, name));
        let unused = self.terms.iter().filter(|(_, term)| !used(term));
        unused.map(|(text, _)| &**text).collect()
    }

    fn fits(&self, term: &Term, chromosome: &str) -> bool {
        match term {
            Term::Range(from, to) => {
                let known = self.set.recognise(chromosome);
                known.is_some_and(|c| (*from..=*to).contains(&c))
            }
            Term::Name(name) => name == chromosome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_species() {
        let human = ChromosomeSet::default();
        let mouse = ChromosomeSet::new(19).unwrap();
        for (name, in_human, in_mouse) in [
            (
                "19",
                Chromosome::Autosome(19),
                Some(Chromosome::Autosome(19)),
            ),
            ("chr20", Chromosome::Autosome(20), Some(Chromosome::X)),
            ("23", Chromosome::X, Some(Chromosome::Mt)),
            ("26", Chromosome::Mt, None),
            ("ChrX", Chromosome::X, Some(Chromosome::X)),
            ("m", Chromosome::Mt, Some(Chromosome::Mt)),
            ("0", Chromosome::Unplaced, Some(Chromosome::Unplaced)),
        ] {
            assert_eq!(human.recognise(name), Some(in_human), "{name}");
            assert_eq!(mouse.recognise(name), in_mouse, "{name}");
        }
        for name in ["", "chr", "2L", "scaffold_7", "99999999999999", "-1", "é1"] {
            assert_eq!(human.recognise(name), None, "{name}");
        }
        assert!(human.is_autosome("22") && !human.is_autosome("23"));
        assert_eq!(human.label("chr23"), "X");
        assert!(ChromosomeSet::new(0).is_err() && ChromosomeSet::new(96).is_err());
    }

    #[test]
    fn ranges_and_lists_choose_chromosomes() {
        let pick = |spec: &str, names: &[&str]| {
            let chosen = Selection::parse(spec, ChromosomeSet::default()).unwrap();
            let hits: Vec<&str> = names
                .iter()
                .copied()
                .filter(|n| chosen.contains(n))
                .collect();
            hits.join(" ")
        };
        let names = ["1", "chr2", "5", "6", "7", "22", "X", "24", "26", "2L"];
        assert_eq!(pick("1,2,5-7,X", &names), "1 chr2 5 6 7 X");
        assert_eq!(pick("chr1 - chr22", &names), "1 chr2 5 6 7 22");
        assert_eq!(pick("22-Y,2L", &names), "22 X 24 2L");
        let chosen = Selection::parse("1-3,X,2L,40a", ChromosomeSet::default()).unwrap();
        assert_eq!(chosen.unused(&["chr2", "2L"]), ["X", "40a"]);
        for spec in ["", ",", "7-5", "40", "1-40"] {
            let error = Selection::parse(spec, ChromosomeSet::default()).unwrap_err();
            assert_eq!(error.exit_code(), 8, "{spec}");
        }
    }
}
