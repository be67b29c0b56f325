//! Folds for cross-validation: from a file, at random, or whole families.

use std::collections::BTreeMap;
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::number;
use crate::io::table::{Layout, Table};
use crate::io::text::{first_few, quoted};
pub(crate) use shuffle::shuffle;

mod shuffle;

/// To which fold each individual of the cohort belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// Names of the folds.
    pub names: Vec<String>,
    /// For each individual its fold, as an index into `names`; `None` leaves it out.
    pub of: Vec<Option<u32>>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Folds {
    /// Folds from a file `FID IID fold`; the header may be absent. Numbers are sorted as numbers,
    /// other names by letters.
    ///
    /// # Errors
    /// Those of [`Table::read`] and [`Table::align`]; `Malformed` if there is not one column of
    /// folds; `Inconsistent` for fewer than 2 folds, or one without individuals of the cohort.
    pub fn read(path: impl AsRef<Path>, samples: &[Sample]) -> Result<Folds> {
        let table = Table::read(&path, Layout::Columns(&["fold"]))?;
        if table.columns.len() != 1 {
            return Err(Error::malformed(
                &table.path,
                1,
                format!("{} columns after the IDs", table.columns.len()),
                "one column of folds",
                "Write FID IID fold",
            ));
        }
        let (rows, overlap) = table.align(samples)?;
        let fold = |k: usize| table.rows[k].cells().first().map(|&name| name.to_owned());
        let fold = |k: usize| fold(k).filter(|name| !number::is_missing(name));
        let mut names: Vec<String> = (0..table.rows.len()).filter_map(fold).collect();
        sort(&mut names);
        names.dedup();
        let places: BTreeMap<&str, u32> = names.iter().map(|n| &**n).zip(0..).collect();
        let of: Vec<Option<u32>> = rows
            .iter()
            .map(|row| row.and_then(fold).map(|name| places[&*name]))
            .collect();
        let mut notes = vec![overlap.describe("folds")];
        let absent = samples.iter().zip(&of).filter(|(_, fold)| fold.is_none());
        let absent: Vec<String> = absent.map(|(s, _)| s.id().to_string()).collect();
        if !absent.is_empty() {
            notes.push(format!(
                "{} individuals have no fold and are left out of the cross-validation ({})",
                absent.len(),
                first_few(&absent)
            ));
        }
        let folds = Folds { names, of, notes };
        folds.check(&format!("{}: ", table.path.display()))?;
        Ok(folds)
    }

    /// `k` folds of near-equal size by a random permutation.
    ///
    /// # Errors
    /// `Usage` for fewer than 2 folds or more than individuals.
    pub fn random(samples: usize, k: usize, seed: u64) -> Result<Folds> {
        check_number(k, samples, "individuals")?;
        let mut order: Vec<usize> = (0..samples).collect();
        shuffle(&mut order, &mut ChaCha8Rng::seed_from_u64(seed));
        let mut of = vec![None; samples];
        for (place, i) in order.into_iter().enumerate() {
            of[i] = Some((place % k) as u32);
        }
        let (least, most) = (samples / k, samples.div_ceil(k));
        Ok(Folds {
            names: numbered(k),
            of,
            notes: vec![format!(
                "{k} random folds of {least} to {most} individuals, seed {seed}"
            )],
        })
    }

    /// `k` folds of whole families (equal FID), the largest family first into the smallest fold;
    /// families of equal size in random order. FID `0` means no family, as in PLINK.
    ///
    /// # Errors
    /// `Usage` for fewer than 2 folds or more than families.
    pub fn families(samples: &[Sample], k: usize, seed: u64) -> Result<Folds> {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut families: Vec<Vec<usize>> = Vec::new();
        for (i, sample) in samples.iter().enumerate() {
            match &*sample.fid {
                "0" => families.push(vec![i]),
                fid => members.entry(fid).or_default().push(i),
            }
        }
        families.extend(members.into_values());
        check_number(k, families.len(), "families")?;
        shuffle(&mut families, &mut ChaCha8Rng::seed_from_u64(seed));
        // The sort is stable: equal sizes stay shuffled.
        families.sort_by_key(|family| std::cmp::Reverse(family.len()));
        let count = families.len();
        let mut sizes = vec![0; k];
        let mut of = vec![None; samples.len()];
        for family in families {
            let smallest = (0..k).min_by_key(|&f| sizes[f]).unwrap_or_default();
            sizes[smallest] += family.len();
            for i in family {
                of[i] = Some(smallest as u32);
            }
        }
        let (least, most) = (sizes.iter().min(), sizes.iter().max());
        let notes = vec![format!(
            "{k} folds of whole families ({count} families), {} to {} individuals each, seed {seed}",
            least.unwrap_or(&0),
            most.unwrap_or(&0)
        )];
        Ok(Folds {
            names: numbered(k),
            of,
            notes,
        })
    }

    /// One fold of everybody, named `LOO`, whose individuals are left out one at a time.
    pub fn one_by_one(samples: usize) -> Folds {
        Folds {
            names: vec!["LOO".to_owned()],
            of: vec![Some(0); samples],
            notes: vec!["every individual is left out alone".to_owned()],
        }
    }

    /// Number of folds.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Individuals of fold `fold`, ascending.
    pub fn test(&self, fold: u32) -> Vec<u32> {
        self.where_fold(|f| f == fold)
    }

    /// Individuals of all other folds, ascending.
    pub fn train(&self, fold: u32) -> Vec<u32> {
        self.where_fold(|f| f != fold)
    }

    /// The same folds without the individuals for which `keep` is false, such as those without
    /// the phenotype.
    ///
    /// # Errors
    /// `Inconsistent` if that empties a fold.
    ///
    /// # Panics
    /// If `keep` is not as long as the cohort.
    pub fn restrict(&self, keep: &[bool]) -> Result<Folds> {
        assert_eq!(keep.len(), self.of.len(), "one flag per individual");
        let of = self.of.iter().zip(keep);
        let folds = Folds {
            names: self.names.clone(),
            of: of.map(|(fold, &keep)| fold.filter(|_| keep)).collect(),
            notes: Vec::new(),
        };
        folds.check("after leaving out individuals without values: ")?;
        Ok(folds)
    }

    fn where_fold(&self, wanted: impl Fn(u32) -> bool) -> Vec<u32> {
        let all = (0..).zip(&self.of);
        all.filter_map(|(i, fold)| fold.filter(|&f| wanted(f)).map(|_| i))
            .collect()
    }

    fn check(&self, context: &str) -> Result<()> {
        let mut sizes = vec![0; self.count()];
        for &fold in self.of.iter().flatten() {
            sizes[fold as usize] += 1;
        }
        if sizes.len() < 2 {
            return Err(Error::inconsistent(format!(
                "{context}found {} folds ({}); cross-validation needs at least 2",
                self.count(),
                first_few(&self.names)
            )));
        }
        let empty = self
            .names
            .iter()
            .zip(&sizes)
            .filter(|(_, size)| **size == 0);
        let empty: Vec<String> = empty.map(|(name, _)| quoted(name)).collect();
        match empty.is_empty() {
            true => Ok(()),
            false => Err(Error::inconsistent(format!(
                "{context}folds without any individual of the cohort: {}. Join or remove them",
                first_few(&empty)
            ))),
        }
    }
}

fn check_number(k: usize, most: usize, of_what: &str) -> Result<()> {
    if k < 2 {
        return Err(Error::usage(format!(
            "{k} folds asked for; cross-validation needs at least 2"
        )));
    }
    if k > most {
        return Err(Error::usage(format!(
            "{k} folds asked for, but there are only {most} {of_what}. Ask for at most {most}"
        )));
    }
    Ok(())
}

fn numbered(k: usize) -> Vec<String> {
    (1..=k).map(|fold| fold.to_string()).collect()
}

/// By number if all are numbers, else by letters.
fn sort(names: &mut [String]) {
    let number = |name: &String| name.parse::<i64>().ok();
    match names.iter().all(|name| number(name).is_some()) {
        true => names.sort_by(|a, b| (number(a), a).cmp(&(number(b), b))),
        false => names.sort(),
    }
}

#[cfg(test)]
mod tests;
