//! Pairs that stand for others.

use super::*;

/// A candidate of this score.
fn pair(snps: [usize; 2], score: f64) -> Candidate {
    Candidate {
        snps,
        score,
        r2: 0.0,
    }
}

/// What is kept of `all`, and how many are dropped, for SNPs within `kilobases` and r² above `r2`.
fn kept(all: &[Candidate], most: usize, kilobases: u64, r2: f64) -> (Vec<[usize; 2]>, usize) {
    let cohort = cohort(N);
    let thinning = Thinning {
        cohort: &cohort,
        calls: &cohort.genotypes,
        distance: 1000 * kilobases,
        r2,
    };
    let (kept, dropped) = thinning.keep(all, most);
    (kept.iter().map(|c| c.snps).collect(), dropped)
}

#[test]
fn the_best_of_pairs_with_both_ends_in_disequilibrium_stays() {
    // SNPs 13 and 14, 3 Mb apart, are the same; others are drawn alone.
    let all = [
        pair([14, 30], -9.0),
        pair([3, 20], 8.0),
        pair([13, 30], 7.0),
        pair([13, 31], 6.0),
        pair([3, 13], 5.0),
        pair([3, 14], -4.0),
        pair([4, 14], 3.0),
    ];
    let thinned = vec![[14, 30], [3, 20], [13, 31], [3, 13], [4, 14]];
    assert_eq!(kept(&all, 10, 3000, 0.5), (thinned.clone(), 2));
    // What is further away stays, and so does all if r² cannot be larger.
    let every: Vec<[usize; 2]> = all.iter().map(|c| c.snps).collect();
    assert_eq!(kept(&all, 10, 2999, 0.5), (every.clone(), 0));
    assert_eq!(kept(&all, 10, 3000, 1.0), (every, 0));
    // Only what is dropped before the last that is kept counts.
    assert_eq!(kept(&all, 3, 3000, 0.5), (thinned[..3].to_vec(), 1));
    assert_eq!(kept(&all, 2, 3000, 0.5), (thinned[..2].to_vec(), 0));
}

#[test]
fn disequilibrium_is_that_of_the_nominating_individuals() {
    let cohort = cohort(N);
    // Among these few, SNPs that are drawn alone are alike.
    let calls = |m: usize, i: &u32| cohort.genotypes.dosage(*i as usize, m);
    let rows: Vec<u32> = (0..N as u32)
        .filter(|i| calls(3, i).is_some() && calls(3, i) == calls(4, i))
        .collect();
    let own = cohort.genotypes.select(&rows);
    assert!(!own.counts()[3].is_monomorphic());
    let all = [pair([3, 20], 2.0), pair([4, 20], 1.0)];
    let keep = |calls: &Genotypes| {
        let thinning = Thinning {
            cohort: &cohort,
            calls,
            distance: 3_000_000,
            r2: 0.9,
        };
        thinning.keep(&all, 2).1
    };
    assert_eq!((keep(&own), keep(&cohort.genotypes)), (1, 0));
}
