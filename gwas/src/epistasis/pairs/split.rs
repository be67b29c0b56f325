//! Who nominates pairs and who confirms them.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::folds::Folds;
use crate::io::fam::Sample;

/// Who nominates and who confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Individuals {
    /// Two halves of a trait's samples at random: what one nominates the other confirms.
    Halves {
        /// Seed of the halves.
        seed: u64,
        /// Whether families (equal FID) stay together.
        by_family: bool,
    },
    /// All do both: every pair that could have been nominated counts as tested.
    Same,
}

/// Individuals of the cohort, ascending.
pub(super) struct Halves {
    pub(super) nominating: Vec<u32>,
    pub(super) confirming: Vec<u32>,
}

impl Halves {
    /// Of the individuals `rows` of `samples`. They depend on nothing else but the seed.
    ///
    /// # Errors
    /// `Degenerate` for fewer than two individuals, or families that are to stay together.
    pub(super) fn new(rows: &[u32], samples: &[Sample], how: Individuals) -> Result<Halves> {
        let Individuals::Halves { seed, by_family } = how else {
            return Ok(Halves {
                nominating: rows.to_vec(),
                confirming: rows.to_vec(),
            });
        };
        let of: Vec<Sample> = rows.iter().map(|&i| samples[i as usize].clone()).collect();
        let folds = match by_family {
            true => Folds::families(&of, 2, seed),
            false => Folds::random(of.len(), 2, seed),
        };
        let folds = folds.map_err(|_| {
            Error::degenerate(match by_family {
                true => "all individuals are of one family, and --by-family keeps it together",
                false => "two halves need two individuals",
            })
        })?;
        let chosen = |fold: u32| {
            let places = folds.test(fold).into_iter();
            places.map(|k| rows[k as usize]).collect()
        };
        Ok(Halves {
            nominating: chosen(0),
            confirming: chosen(1),
        })
    }
}

/// Families (equal FID, but `0`) with several members among the individuals `rows`.
pub(super) fn families(rows: &[u32], samples: &[Sample]) -> usize {
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for &i in rows {
        *members.entry(&samples[i as usize].fid).or_default() += 1;
    }
    let several = members.iter().filter(|(fid, n)| **fid != "0" && **n > 1);
    several.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: usize, size: usize) -> Vec<Sample> {
        let of = |i: usize| Sample {
            fid: format!("f{}", i / size),
            iid: format!("i{i}"),
            ..Sample::default()
        };
        (0..n).map(of).collect()
    }

    #[test]
    fn halves_are_disjoint_and_hold_everybody() {
        let all = samples(31, 1);
        let rows: Vec<u32> = (0..31).filter(|i| i % 5 != 2).collect();
        let how = |seed| Individuals::Halves {
            seed,
            by_family: false,
        };
        let halves = Halves::new(&rows, &all, how(3)).unwrap();
        assert_eq!(halves.nominating.len().abs_diff(halves.confirming.len()), 1);
        let mut both = [&halves.nominating[..], &halves.confirming].concat();
        both.sort_unstable();
        assert_eq!(both, rows);
        let other = Halves::new(&rows, &all, how(4)).unwrap();
        assert_ne!(halves.nominating, other.nominating);
        let same = Halves::new(&rows, &all, Individuals::Same).unwrap();
        assert_eq!((same.nominating, same.confirming), (rows.clone(), rows));
        assert!(Halves::new(&[4], &all, how(3)).is_err());
    }

    #[test]
    fn families_stay_together_if_they_shall() {
        let all = samples(60, 4);
        let rows: Vec<u32> = (0..60).collect();
        let how = Individuals::Halves {
            seed: 1,
            by_family: true,
        };
        let halves = Halves::new(&rows, &all, how).unwrap();
        for f in 0..15 {
            let inside = |of: &[u32]| of.iter().filter(|i| **i / 4 == f).count();
            assert!([0, 4].contains(&inside(&halves.nominating)));
            assert!([0, 4].contains(&inside(&halves.confirming)));
        }
        assert_eq!(families(&rows, &all), 15);
        assert_eq!(families(&[0, 4, 8], &all), 0);
        // One family has no halves.
        assert!(Halves::new(&rows[..4], &all, how).is_err());
    }
}
