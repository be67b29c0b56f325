//! The founders' genealogy along a chromosome.
//!
//! At one place the F founder haplotypes are the leaves of Kingman's coalescent tree (Kingman
//! 1982, Stoch. Proc. Appl. 13:235). Along the chromosome the tree changes by recombination as in
//! the sequentially Markov coalescent SMC′ (Marjoram & Wall 2006, BMC Genetics 7:16): a point of
//! the tree, uniform over its length, is cut and the loose lineage finds the tree again. A SNP is
//! a mutation on a branch, uniform over the length: this gives the neutral frequency spectrum and
//! linkage disequilibrium that decays with distance. Time is in units of 2Nₑ generations.

use std::ops::RangeInclusive;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

/// No node.
const NONE: u32 = u32::MAX;

/// A tree after this many recombinations per founder is drawn anew instead. With 200 founders that
/// is ρ > 137, where the remaining σ²_d = (10 + ρ)/(22 + 13ρ + ρ²) is 0.007, about 1/F as by chance.
const FORGOTTEN: f64 = 4.0;

/// Binary tree over the founders; nodes below F are the leaves, the others joined pairs.
#[derive(Debug)]
pub(super) struct Genealogy {
    leaves: usize,
    parent: Vec<u32>,
    children: Vec<[u32; 2]>,
    time: Vec<f64>,
    /// Joined nodes, youngest first; the last one is the root.
    order: Vec<u32>,
    /// Founders below each node.
    below: Vec<u32>,
    length: f64,
}

impl Genealogy {
    /// A tree of `founders` ≥ 2 leaves from Kingman's coalescent.
    pub(super) fn new(founders: usize, rng: &mut ChaCha8Rng) -> Self {
        let nodes = 2 * founders - 1;
        let mut tree = Genealogy {
            leaves: founders,
            parent: vec![NONE; nodes],
            children: vec![[NONE; 2]; nodes],
            time: vec![0.0; nodes],
            order: Vec::with_capacity(founders - 1),
            below: vec![1; nodes],
            length: 0.0,
        };
        tree.coalesce(rng);
        tree
    }

    /// Draws the whole tree anew: k lineages join at rate k(k − 1)/2, any two alike.
    fn coalesce(&mut self, rng: &mut ChaCha8Rng) {
        let mut lineages: Vec<u32> = (0..self.leaves as u32).collect();
        self.order.clear();
        let mut now = 0.0;
        for node in self.leaves..self.parent.len() {
            let k = lineages.len();
            let e: f64 = Exp1.sample(rng);
            now += e / (0.5 * (k * (k - 1)) as f64);
            let a = lineages.swap_remove(rng.random_range(0..k));
            let b = lineages.swap_remove(rng.random_range(0..k - 1));
            let node = node as u32;
            self.join(node, a, b, now);
            self.order.push(node);
            lineages.push(node);
        }
        self.parent[lineages[0] as usize] = NONE;
        self.measure();
    }

    fn join(&mut self, node: u32, a: u32, b: u32, time: f64) {
        self.children[node as usize] = [a, b];
        self.parent[a as usize] = node;
        self.parent[b as usize] = node;
        self.time[node as usize] = time;
    }

    /// Length of the branch above a node; 0 above the root.
    fn branch(&self, node: usize) -> f64 {
        match self.parent[node] {
            NONE => 0.0,
            p => self.time[p as usize] - self.time[node],
        }
    }

    /// Updates the total length and the founders below each node.
    fn measure(&mut self) {
        self.length = (0..self.parent.len()).map(|v| self.branch(v)).sum();
        for &v in &self.order {
            let [a, b] = self.children[v as usize];
            self.below[v as usize] = self.below[a as usize] + self.below[b as usize];
        }
    }

    /// Moves along the chromosome by the scaled recombination distance ρ = 4Nₑr: recombinations
    /// come at rate ρ/2 per unit of tree length.
    pub(super) fn advance(&mut self, rho: f64, rng: &mut ChaCha8Rng) {
        if 0.5 * rho * self.length > FORGOTTEN * self.leaves as f64 {
            return self.coalesce(rng);
        }
        let mut left = 0.5 * rho;
        let mut changed = false;
        loop {
            let e: f64 = Exp1.sample(rng);
            left -= e / self.length;
            if left < 0.0 {
                break;
            }
            self.recombine(rng);
            self.length = (0..self.parent.len()).map(|v| self.branch(v)).sum();
            changed = true;
        }
        if changed {
            self.measure();
        }
    }

    /// Cuts the tree at a uniform point and joins the loose lineage to it again, further back.
    fn recombine(&mut self, rng: &mut ChaCha8Rng) {
        let Some((cut, height)) = self.point(rng, |_| true) else {
            return;
        };
        let mut now = self.time[cut] + height;
        // While k lineages exist, the loose one meets one of them at rate k.
        let mut next = self
            .order
            .partition_point(|&v| self.time[v as usize] <= now);
        loop {
            let k = self.order.len() - next + 1;
            let e: f64 = Exp1.sample(rng);
            let met = now + e / k as f64;
            match self.order.get(next).map(|&v| self.time[v as usize]) {
                Some(event) if met >= event => {
                    now = event;
                    next += 1;
                }
                _ => {
                    let target = self.lineage(met, rng.random_range(0..k));
                    return self.regraft(cut as u32, target, met);
                }
            }
        }
    }

    /// The `k`-th of the nodes whose branch exists at `time`.
    fn lineage(&self, time: f64, mut k: usize) -> u32 {
        for (v, &p) in self.parent.iter().enumerate() {
            if self.time[v] <= time && (p == NONE || time < self.time[p as usize]) {
                if k == 0 {
                    return v as u32;
                }
                k -= 1;
            }
        }
        // As many branches exist as the caller counted; the root's is the last.
        self.order[self.order.len() - 1]
    }

    /// Takes `cut` from its place and attaches it to the branch above `target` at `time`.
    fn regraft(&mut self, cut: u32, target: u32, time: f64) {
        let joint = self.parent[cut as usize];
        if target == cut || joint == NONE {
            return; // It met its own old branch: nothing changes.
        }
        let [a, b] = self.children[joint as usize];
        let sibling = if a == cut { b } else { a };
        // Remove the joint: the sibling takes its place.
        self.relink(joint, sibling);
        let target = if target == joint { sibling } else { target };
        // Insert it above the target.
        self.relink(target, joint);
        self.join(joint, cut, target, time);
        self.order.retain(|&v| v != joint);
        let at = self
            .order
            .partition_point(|&v| self.time[v as usize] <= time);
        self.order.insert(at, joint);
    }

    /// Puts `new` under the parent of `old`.
    fn relink(&mut self, old: u32, new: u32) {
        let above = self.parent[old as usize];
        self.parent[new as usize] = above;
        if above != NONE {
            for child in &mut self.children[above as usize] {
                if *child == old {
                    *child = new;
                }
            }
        }
    }

    /// A point uniform over the branches that `take` accepts: the node below and the height
    /// above it. `None` if there is no such branch.
    fn point(&self, rng: &mut ChaCha8Rng, take: impl Fn(u32) -> bool) -> Option<(usize, f64)> {
        let branches = || {
            (0..self.parent.len())
                .filter(|&v| take(self.below[v]))
                .map(|v| (v, self.branch(v)))
                .filter(|&(_, length)| length > 0.0)
        };
        let total: f64 = branches().map(|(_, length)| length).sum();
        let mut at = rng.random::<f64>() * total;
        let mut last = None;
        for (v, length) in branches() {
            last = Some((v, at.min(length)));
            if at < length {
                break;
            }
            at -= length;
        }
        last
    }

    /// A mutation on a branch with as many founders below as `carriers` allows: sets `alleles` to
    /// 1 in those founders and to 0 in the others. `false` if the tree has no such branch.
    pub(super) fn mutate(
        &self,
        carriers: &RangeInclusive<u32>,
        alleles: &mut [u8],
        rng: &mut ChaCha8Rng,
    ) -> bool {
        let Some((node, _)) = self.point(rng, |below| carriers.contains(&below)) else {
            return false;
        };
        alleles.fill(0);
        let mut stack = vec![node as u32];
        while let Some(v) = stack.pop() {
            if (v as usize) < self.leaves {
                alleles[v as usize] = 1;
            } else {
                stack.extend(self.children[v as usize]);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, stream};
    use super::*;

    fn check(tree: &Genealogy) {
        let root = tree.order[tree.order.len() - 1] as usize;
        assert_eq!(tree.parent[root], NONE);
        assert_eq!(tree.below[root] as usize, tree.leaves);
        assert!(
            tree.order
                .is_sorted_by(|&a, &b| tree.time[a as usize] <= tree.time[b as usize])
        );
        for v in (0..tree.parent.len()).filter(|&v| v != root) {
            let p = tree.parent[v] as usize;
            assert!(tree.children[p].contains(&(v as u32)), "node {v}");
            assert!(
                tree.time[v] <= tree.time[p],
                "node {v} is older than its parent"
            );
        }
    }

    #[test]
    fn recombination_keeps_the_tree_a_tree() {
        let mut rng = stream(3, Stream::Genealogy, 0);
        for founders in [2, 3, 17] {
            let mut tree = Genealogy::new(founders, &mut rng);
            for _ in 0..300 {
                tree.advance(0.7, &mut rng);
                check(&tree);
            }
        }
    }

    #[test]
    fn the_mean_tree_length_is_watterson_s_before_and_after_recombination() {
        // E[length] = 2 Σ_{i<F} 1/i and Var = 4 Σ_{i<F} 1/i², in units of 2Nₑ generations.
        let (founders, rounds) = (12, 3000);
        let mean: f64 = (1..founders).map(|i| 2.0 / i as f64).sum();
        let variance: f64 = (1..founders).map(|i| 4.0 / (i * i) as f64).sum();
        let mut rng = stream(4, Stream::Genealogy, 0);
        for rho in [0.0, 1.0] {
            let total: f64 = (0..rounds)
                .map(|_| {
                    let mut tree = Genealogy::new(founders, &mut rng);
                    tree.advance(rho, &mut rng);
                    tree.length
                })
                .sum();
            let error = (total / f64::from(rounds) - mean).abs();
            assert!(
                error < 5.0 * (variance / f64::from(rounds)).sqrt(),
                "ρ {rho}: {error}"
            );
        }
    }

    #[test]
    fn mutations_have_the_neutral_frequency_spectrum() {
        // The expected length of branches with i carriers is 2/i (Fu 1995); the mean over trees
        // of lengths, not of fractions, is what is compared.
        let (founders, rounds) = (8, 6000);
        let mut rng = stream(5, Stream::Genealogy, 0);
        let mut lengths = vec![0.0; founders + 1];
        for _ in 0..rounds {
            let tree = Genealogy::new(founders, &mut rng);
            for v in 0..tree.parent.len() {
                lengths[tree.below[v] as usize] += tree.branch(v) / f64::from(rounds);
            }
        }
        for (i, &length) in lengths.iter().enumerate().take(founders).skip(1) {
            // The variance, 4σ_ii of Fu (1995, Eq. 2), is below 2 for F = 8; five deviations.
            assert!((length - 2.0 / i as f64).abs() < 5.0 * (2.0 / f64::from(rounds)).sqrt());
        }
        let tree = Genealogy::new(founders, &mut rng);
        let mut alleles = vec![0; founders];
        assert!(tree.mutate(&(1..=1), &mut alleles, &mut rng));
        assert_eq!(alleles.iter().sum::<u8>(), 1);
        assert!(!tree.mutate(&(9..=9), &mut alleles, &mut rng));
    }
}
