//! What is to be trained: one job per training set, kernel and γ.

use std::ops::Range;

use super::groups::Group;
use super::leave::is_cheaper;
use super::{CvData, CvOptions, Scheme};
use crate::settings::Bandwidth;

/// One training set with one kernel and γ, for all λ.
pub(super) struct Job {
    /// Group of traits.
    pub(super) group: usize,
    /// Folds left out: one, or two for nested selection.
    pub(super) folds: Vec<u32>,
    /// Kernel and γ, as an index.
    pub(super) bandwidth: usize,
    /// Training individuals; all members of the group where each is left out alone.
    pub(super) train: Vec<u32>,
    /// Individuals of the folds left out, ascending; by fold where each is left out in turn.
    pub(super) tested: Vec<u32>,
    /// The fold of each of them.
    tested_folds: Vec<u32>,
    /// Whether each of the folds is left out in turn, in closed form.
    pub(super) in_turn: bool,
}

impl Job {
    /// Individuals of `fold` with their places in `tested`.
    pub(super) fn test(&self, fold: u32) -> Vec<(usize, u32)> {
        let of_fold = |&(at, _): &(usize, u32)| self.tested_folds[at] == fold;
        self.tested
            .iter()
            .copied()
            .enumerate()
            .filter(of_fold)
            .collect()
    }

    /// Individuals that predict `fold`.
    pub(super) fn training(&self, fold: u32) -> Vec<u32> {
        if !self.in_turn {
            return self.train.clone();
        }
        let others = self.tested.iter().zip(&self.tested_folds);
        let mut others: Vec<u32> = others.filter(|o| *o.1 != fold).map(|o| *o.0).collect();
        others.sort_unstable();
        others
    }

    /// What is left out in turn, as places in `tested`.
    pub(super) fn parts(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let parts = self.tested_folds.chunk_by(|a, b| self.in_turn && a == b);
        let part = |of: &[u32]| {
            start += of.len();
            start - of.len()..start
        };
        parts.map(part).collect()
    }
}

/// Everything to be trained, largest training sets first within the order of the tables.
pub(super) fn list(
    data: CvData<'_>,
    groups: &[Group],
    bandwidths: &[Bandwidth],
    options: &CvOptions,
) -> Vec<Job> {
    let (count, scheme) = (data.folds.count() as u32, options.scheme);
    let mut left_out: Vec<Vec<u32>> = (0..count).map(|k| vec![k]).collect();
    if scheme == Scheme::Nested {
        left_out.extend((0..count).flat_map(|a| (a + 1..count).map(move |b| vec![a, b])));
    }
    let mut jobs = Vec::new();
    for (group, g) in groups.iter().enumerate() {
        let members: Vec<(u32, Vec<u32>)> = (0..count).map(|k| (k, g.test(data, k))).collect();
        let sizes: Vec<usize> = members
            .iter()
            .map(|m| m.1.len())
            .filter(|&n| n > 0)
            .collect();
        if is_cheaper(options, &sizes) {
            let each = members
                .iter()
                .flat_map(|(k, of)| of.iter().map(|&i| (i, *k)));
            let (tested, tested_folds): (Vec<u32>, Vec<u32>) = each.unzip();
            jobs.extend((0..bandwidths.len()).map(|bandwidth| {
                Job {
                    group,
                    folds: members
                        .iter()
                        .filter(|m| !m.1.is_empty())
                        .map(|m| m.0)
                        .collect(),
                    bandwidth,
                    train: tested.clone(),
                    tested: tested.clone(),
                    tested_folds: tested_folds.clone(),
                    in_turn: true,
                }
            }));
            continue;
        }
        for folds in &left_out {
            let is_out = |i: u32| data.folds.of[i as usize].is_some_and(|k| folds.contains(&k));
            let (tested, train): (Vec<u32>, Vec<u32>) = g.members.iter().partition(|&&i| is_out(i));
            let tested_folds: Vec<u32> = tested
                .iter()
                .filter_map(|&i| data.folds.of[i as usize])
                .collect();
            let train = match scheme {
                Scheme::LeaveOneOut => tested.clone(),
                _ => train,
            };
            if folds.iter().any(|k| !tested_folds.contains(k)) || train.is_empty() {
                continue;
            }
            for bandwidth in 0..bandwidths.len() {
                jobs.push(Job {
                    group,
                    folds: folds.clone(),
                    bandwidth,
                    train: train.clone(),
                    tested: tested.clone(),
                    tested_folds: tested_folds.clone(),
                    in_turn: false,
                });
            }
        }
    }
    jobs
}
