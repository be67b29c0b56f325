//! Who is validated together: traits with the same individuals.

use std::collections::BTreeSet;

use super::{CvData, Scheme};
use crate::phenotypes::Trait;

/// Traits with the same individuals.
pub(super) struct Group {
    /// Indices of the traits.
    pub(super) traits: Vec<usize>,
    /// Individuals that have them, all covariates, and a fold.
    pub(super) members: Vec<u32>,
}

impl Group {
    /// Members of fold `fold`.
    pub(super) fn test(&self, data: CvData<'_>, fold: u32) -> Vec<u32> {
        let of = &data.folds.of;
        self.members
            .iter()
            .copied()
            .filter(|&i| of[i as usize] == Some(fold))
            .collect()
    }
}

/// Why a trait cannot be validated on these folds, if it cannot: words that follow its name.
pub fn obstacle(data: CvData<'_>, of: &Trait, scheme: Scheme) -> Option<String> {
    let fold = |i: u32| data.folds.of[i as usize];
    let mut members = of.observed();
    members.retain(|&i| data.complete[i as usize] && fold(i).is_some());
    if let Some(why) = data.fixed.obstacle(&of.values, &members) {
        return Some(why);
    }
    if scheme == Scheme::LeaveOneOut {
        let why = data.fixed.shortage_without_one(&members)?;
        return Some(format!("{why}, without one individual"));
    }
    let folds: BTreeSet<u32> = members.iter().filter_map(|&i| fold(i)).collect();
    if folds.len() < 2 {
        return Some(format!(
            "has values in {} of the folds, expected at least 2",
            folds.len()
        ));
    }
    let shortage = |a: u32, b: u32| {
        let stays = |i: &u32| fold(*i) != Some(a) && fold(*i) != Some(b);
        let train: Vec<u32> = members.iter().copied().filter(stays).collect();
        let why = data.fixed.shortage(&train).filter(|_| !train.is_empty())?;
        let name = |k: u32| &data.folds.names[k as usize];
        Some(match a == b {
            true => format!("{why}, without fold {}", name(a)),
            false => format!("{why}, without folds {} and {}", name(a), name(b)),
        })
    };
    let pairs = folds
        .iter()
        .flat_map(|&a| folds.range(a..).map(move |&b| (a, b)));
    pairs
        .filter(|(a, b)| scheme == Scheme::Nested || a == b)
        .find_map(|(a, b)| shortage(a, b))
}

/// Gathers traits by the individuals that have them.
pub(super) fn groups(data: CvData<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (t, of) in data.traits.iter().enumerate() {
        let mut members = of.observed();
        members.retain(|&i| data.complete[i as usize] && data.folds.of[i as usize].is_some());
        match groups.iter_mut().find(|g| g.members == members) {
            Some(group) => group.traits.push(t),
            None => groups.push(Group {
                traits: vec![t],
                members,
            }),
        }
    }
    groups
}
