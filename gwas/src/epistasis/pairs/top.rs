//! The largest of very many scores, without keeping them all.

use std::cmp::Ordering;

/// A pair of SNPs and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The SNPs, ascending.
    pub(super) snps: [usize; 2],
    /// Its score.
    pub(super) score: f64,
    /// Squared correlation of the dosages.
    pub(super) r2: f64,
}

impl Candidate {
    /// Larger scores first, whatever their sign; among equals the one that stands first in the
    /// file.
    fn order(&self, other: &Candidate) -> Ordering {
        let sizes = other.score.abs().total_cmp(&self.score.abs());
        sizes.then(self.snps.cmp(&other.snps))
    }
}

/// The best candidates so far. Which they are does not depend on the order in which they come.
#[derive(Clone, Debug)]
pub(super) struct Top {
    most: usize,
    kept: Vec<Candidate>,
    /// A score below this is not among the best.
    least: f64,
}

impl Top {
    /// Of `most` candidates at most.
    pub(super) fn new(most: usize) -> Top {
        Top {
            most,
            kept: Vec::new(),
            least: 0.0,
        }
    }

    /// The least score, whatever its sign, that could still be among the best.
    pub(super) fn least(&self) -> f64 {
        self.least
    }

    /// Adds `candidates`.
    pub(super) fn add(&mut self, candidates: impl IntoIterator<Item = Candidate>) {
        let least = self.least;
        let more = candidates.into_iter();
        self.kept.extend(more.filter(|c| c.score.abs() >= least));
        // Sorted rarely: a sort for twice as many costs no more than for one.
        if self.kept.len() / 2 >= self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.kept.sort_unstable_by(Candidate::order);
        self.kept.truncate(self.most);
        if let Some(last) = self.kept.get(self.most - 1) {
            self.least = last.score.abs();
        }
    }

    /// The best, in their order.
    pub(super) fn finish(mut self) -> Vec<Candidate> {
        self.cut();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_the_same_in_whatever_order_they_come() {
        let candidate = |k: usize| Candidate {
            snps: [k % 7, 10 + k / 7],
            // Many equal ones, of both signs.
            score: ((k * 13) % 11) as f64 * if k.is_multiple_of(2) { -1.0 } else { 1.0 },
            r2: 0.0,
        };
        let mut all: Vec<Candidate> = (0..200).map(candidate).collect();
        let run = |all: &[Candidate], size: usize| {
            let mut top = Top::new(9);
            for some in all.chunks(size) {
                top.add(some.iter().copied());
            }
            top.finish()
        };
        let forward = run(&all, 1);
        all.reverse();
        assert_eq!(forward, run(&all, 50));
        all.sort_by(Candidate::order);
        assert_eq!(forward, all[..9]);
        assert!(forward.iter().all(|c| c.score.abs() == 10.0));
        assert_eq!(run(&all[..4], 3), all[..4]);
    }
}
