//! Cases and controls of a trait.

use super::model::Model;
use crate::assoc::effect::Untested;
use crate::assoc::scan::Group;
use crate::phenotypes::Trait;
use crate::training::FixedEffects;

/// Places in the `.fam` of the cases of each trait of `traits`, those of its group.
pub fn places(traits: &[Trait], groups: &[Group]) -> Vec<Vec<u32>> {
    let mut all = vec![Vec::new(); traits.len()];
    for group in groups {
        for &t in &group.traits {
            let pairs = group.rows.iter().zip(&group.places);
            let cases = pairs.filter(|(i, _)| traits[t].values[**i as usize] == 1.0);
            all[t] = cases.map(|(_, &place)| place).collect();
        }
    }
    all
}

/// Why a trait cannot be tested as a binary one with at least `least` cases and controls, if so:
/// words that follow its name.
pub fn obstacle(
    of: &Trait,
    (fixed, complete): (&FixedEffects, &[bool]),
    least: usize,
) -> Option<String> {
    let mut rows = of.observed();
    rows.retain(|&i| complete[i as usize]);
    let y: Vec<f64> = rows.iter().map(|&i| of.values[i as usize]).collect();
    if let Some(other) = y.iter().find(|y| **y != 0.0 && **y != 1.0) {
        return Some(format!(
            "is not binary: found {other}, expected 0 or 1 (with --1: 1 for controls, 2 for cases)"
        ));
    }
    let cases = y.iter().filter(|y| **y == 1.0).count();
    let controls = y.len() - cases;
    if cases.min(controls) < least {
        return Some(format!(
            "has {cases} cases and {controls} controls, expected at least {least} of each \
             (--min-cases)"
        ));
    }
    match Model::new(fixed.independent(&rows).1, y) {
        Ok(_) => None,
        Err(Untested::Separated) => Some(
            "has covariates that separate cases from controls: there is no logistic model; leave \
             some out"
                .into(),
        ),
        Err(_) => Some("has no logistic model with these covariates; use fewer".into()),
    }
}
