//! Pair statistics: integers, so equality is the only bound.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::failure::{Failure, How, succeed};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::genotypes::{Counts, Genotypes};
use crate::pairs::{PAIR_EDGE, PairKind, PairStatistic, Weighting};
use crate::precision::Precision;

/// Every statistic of SNPs with these calls, those that take weights with and without.
///
/// The weights are a few numbers, one of them zero, and, every third, of many digits; those of the last
/// the few alone.
pub fn statistics(counts: &[Counts]) -> [PairStatistic; 7] {
    const SD: PairKind = PairKind::Product(Weighting::SampleSd);
    let few = |m: usize| [1.0, 2.5, 0.0, 7.0][m / 3 % 4];
    let many = |m: usize| match m % 3 {
        0 => few(m),
        1 => 2.5,
        _ => 1e-3 * (m as f64 + 0.1) * (m as f64 + 0.1) % 3.0,
    };
    let with = |kind, weight: &dyn Fn(usize) -> f64| {
        let weights: Vec<f64> = (0..counts.len()).map(weight).collect();
        PairStatistic::weighted(kind, counts, &weights).expect("it takes weights")
    };
    let weighted = |kind| with(kind, &many);
    [
        PairStatistic::new(PairKind::Squared, counts),
        PairStatistic::new(PairKind::Absolute, counts),
        PairStatistic::new(SD, counts),
        weighted(PairKind::Squared),
        PairStatistic::new(PairKind::Product(Weighting::TwoPq), counts),
        weighted(SD),
        with(PairKind::Squared, &few),
    ]
}

/// (individuals, SNPs of each segment), awkward at words, registers and borders of segments.
const SETS: [(usize, &[usize]); 10] = [
    (1, &[1]),
    (2, &[3, 0, 2]),
    (5, &[64]),
    (3, &[]),
    (7, &[63, 65]),
    (2, &[512]),
    (2, &[511, 1, 513]),
    (16, &[30, 0, 7]),
    (33, &[9]),
    (65, &[3, 2]),
];

/// Demands [`PairStatistic::pair`] for all pairs `rows[r]`, `cols[c]` of `a` with `b`, or with
/// itself.
///
/// # Errors
/// If an integer is wrong, or the backend failed.
pub fn holds<B: Backend>(
    backend: &B,
    statistic: &PairStatistic,
    (a, b): (&Arc<Genotypes>, Option<&Arc<Genotypes>>),
    (rows, cols): (&[u32], &[u32]),
) -> Result<(), Failure> {
    let other = b.unwrap_or(a);
    let what = format!(
        "pair statistic {:?}, terms: {}, {} × {} individuals{}, {} SNPs in {} segments, missing calls: {}, {}",
        statistic.kind(),
        statistic.terms().len(),
        a.samples(),
        other.samples(),
        if b.is_none() { " (the same)" } else { "" },
        a.snps(),
        a.segments().len(),
        a.has_missing(),
        other.has_missing()
    );
    let x = succeed(&what, backend.panel(a.clone()))?;
    let y = b.map(|b| succeed(&what, backend.panel(b.clone())));
    let y = y.transpose()?;
    let pairs = succeed(&what, backend.pairs(statistic, &x, y.as_ref()))?;
    let got = succeed(&what, backend.pair_block(&pairs, rows, cols))?;
    if got.len() != rows.len() * cols.len() {
        let text = format!("{} numbers of {} × {}", got.len(), rows.len(), cols.len());
        return Err(Failure::other(&what, text));
    }
    for (at, got) in got.into_iter().enumerate() {
        let (r, c) = (at % rows.len(), at / rows.len());
        let (i, j) = (rows[r] as usize, cols[c] as usize);
        let expected = statistic.pair(a, i, other, j);
        if got != expected {
            return Err(Failure {
                what: format!("{what}, individuals {i} and {j}"),
                how: How::Bits {
                    entry: (r, c),
                    got: format!("{got}"),
                    expected: format!("{expected}"),
                },
            });
        }
    }
    Ok(())
}

/// All statistics on sets without a missing call, with themselves and with others.
///
/// # Errors
/// The first failing case.
pub fn pair_statistics_are_exact<B: Backend>(backend: &B, _: Precision) -> Result<(), Failure> {
    sweep(backend, 14, [(0, 0)])
}

/// The same with calls missing on both sides, or on one only.
///
/// # Errors
/// The first failing case.
pub fn pair_statistics_are_exact_with_missing_dosages<B: Backend>(
    backend: &B,
    _: Precision,
) -> Result<(), Failure> {
    sweep(backend, 15, [(30, 30), (0, 200), (200, 0)])
}

fn sweep<B: Backend, const K: usize>(
    backend: &B,
    seed: u64,
    missing: [(usize, usize); K],
) -> Result<(), Failure> {
    let mut sample = Sample::new(seed);
    for &(n, segments) in cases(&SETS, 2) {
        for (here, there) in missing {
            let a = sample.genotypes(n, segments, here);
            let b = sample.genotypes(n / 2 + 3, segments, there);
            let everyone: Vec<u32> = (0..n as u32).collect();
            let (few, others) = (sample.places(5, n), sample.places(6, b.samples()));
            for statistic in statistics(a.counts()) {
                holds(backend, &statistic, (&a, None), (&everyone, &everyone))?;
                holds(backend, &statistic, (&a, None), (&few, &everyone))?;
                holds(backend, &statistic, (&a, Some(&b)), (&everyone, &others))?;
                holds(backend, &statistic, (&b, Some(&a)), (&others, &few))?;
                holds(backend, &statistic, (&a, Some(&b)), (&[], &others))?;
            }
        }
    }
    Ok(())
}

/// Few SNPs, but individuals in several stored blocks.
///
/// # Errors
/// The first failing case.
pub fn pair_statistics_are_exact_across_blocks<B: Backend>(
    backend: &B,
    _: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(16);
    let edge = PAIR_EDGE as u32;
    for missing in [0, 40] {
        let a = sample.genotypes(PAIR_EDGE + 1, &[3, 2], missing);
        let b = sample.genotypes(2 * PAIR_EDGE + 1, &[3, 2], missing);
        let near = [edge, 0, edge - 1, 1, 17, edge / 2];
        let far = [2 * edge, 0, edge, edge - 1, 2 * edge - 1, edge + 1, 300];
        let run: Vec<u32> = (edge - 37..=edge).collect();
        for statistic in cases(&statistics(a.counts()), 1) {
            holds(backend, statistic, (&a, None), (&near, &near))?;
            holds(backend, statistic, (&a, None), (&run, &near))?;
            holds(backend, statistic, (&a, Some(&b)), (&near, &run))?;
            holds(backend, statistic, (&a, Some(&b)), (&near, &far))?;
            holds(backend, statistic, (&b, Some(&a)), (&far, &near))?;
        }
    }
    Ok(())
}
