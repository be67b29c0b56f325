//! Epistasis: is there variance that no additive model explains, and which SNPs carry it?
//!
//! | module | question it answers |
//! |---|---|
//! | [`global`] | is there variance of a kernel beside the null model? |
//! | [`marginal`] | does a SNP interact with the others together? |
//! | [`pairs`] | which pairs of SNPs interact? |
//! | [`report`] | what is written |

pub mod global;
pub mod marginal;
pub mod pairs;
pub mod report;

use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::training::FixedEffects;

/// Of whom and what.
#[derive(Clone, Copy, Debug)]
pub struct EpistasisData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
}

/// Traits with the same samples, which share what is made of genotypes.
struct Group {
    /// The samples, as individuals of the cohort.
    rows: Vec<u32>,
    /// The traits.
    traits: Vec<usize>,
}

impl EpistasisData<'_> {
    /// Every trait in one group, in the order of their first traits.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (t, of) in self.traits.iter().enumerate() {
            let mut rows = of.observed();
            rows.retain(|&i| self.complete[i as usize]);
            match groups.iter_mut().find(|g| g.rows == rows) {
                Some(group) => group.traits.push(t),
                None => groups.push(Group {
                    rows,
                    traits: vec![t],
                }),
            }
        }
        groups
    }

    /// Values of trait `t` for `rows`.
    fn values(&self, t: usize, rows: &[u32]) -> Vec<f64> {
        let values = &self.traits[t].values;
        rows.iter().map(|&i| values[i as usize]).collect()
    }

    /// Warns that `traits` are left out, and remembers why.
    fn leave_out(&self, traits: &[usize], why: &str, reasons: &mut Vec<String>, log: &RunLog) {
        for &t in traits {
            let name = &self.traits[t].name;
            log.warn(format!("phenotype {name}: {why}: it is left out"));
            reasons.push(format!("{name}: {why}"));
        }
    }
}
