//! From which p-value on a SNP counts as associated.

use super::association::Association;
use super::grid::{counted, p_value};
use crate::io::chromosome::{Chromosome, ChromosomeSet};

/// A threshold and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// −log10 p.
    pub log10p: f64,
    /// For the line in a picture.
    pub short: String,
    /// In a sentence.
    pub long: String,
}

impl Threshold {
    /// 5·10⁻⁸ for human chromosomes, otherwise 0.05 over the number of tests; `None` without tests.
    ///
    /// A set that was `given` decides. Otherwise chromosomes are human if the highest autosome of
    /// the table is 22: a table of fewer may be of any species.
    pub fn of(table: &Association, given: Option<ChromosomeSet>) -> Option<Threshold> {
        let tests = table.points.len();
        if tests == 0 {
            return None;
        }
        let human = ChromosomeSet::default();
        let highest = || {
            let numbers = table.chromosomes.iter().filter_map(|name| {
                // Beyond 22, names that are numbers are autosomes of another species.
                match ChromosomeSet::new(95).ok()?.recognise(name) {
                    Some(Chromosome::Autosome(k)) => Some(k),
                    _ => None,
                }
            });
            numbers.max()
        };
        let is_human = match given {
            Some(set) => set == human,
            None => highest() == Some(human.autosomes()),
        };
        if is_human {
            return Some(Threshold {
                log10p: -(5e-8f64.log10()),
                short: "p = 5 × 10⁻⁸".into(),
                long: "p = 5 × 10⁻⁸, the usual threshold for human genomes".into(),
            });
        }
        let p = 0.05 / tests as f64;
        let why = match given {
            Some(set) => format!(
                "the set of chromosomes ({} autosomes) is not human",
                set.autosomes()
            ),
            None => "autosomes do not go up to 22, so the species is not known to be human; \
                     --chr-set 22 says so"
                .into(),
        };
        Some(Threshold {
            log10p: -p.log10(),
            short: format!("0.05 / {}", counted(tests, "test")),
            long: format!(
                "p = {}, Bonferroni for {} ({why})",
                p_value(-p.log10()),
                counted(tests, "test")
            ),
        })
    }
}
