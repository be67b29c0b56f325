use super::*;
use crate::simd::level::tests::at_every_isa;
use crate::simd::line::LINE;
use epitile_core::conformance::pairs::statistics;
use epitile_core::genotypes::GenotypeBuilder;
use epitile_core::pairs::PairKind;

/// Calls that look random, every `missing`-th of them missing (none if 0).
pub(crate) fn cohort(n: usize, segments: &[usize], missing: u64, seed: u64) -> Genotypes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    };
    let mut builder = GenotypeBuilder::new(n);
    for (s, &snps) in segments.iter().enumerate() {
        builder.segment(format!("{s}"));
        for _ in 0..snps {
            let rare = next() % 7 + 2;
            builder.push((0..n).map(|_| match next() {
                r if missing > 0 && r % missing == 0 => None,
                r => Some(((r >> 8) % rare / (rare / 2).max(1)).min(2) as u8),
            }));
        }
    }
    builder.finish()
}

fn check(statistic: &PairStatistic, rows: &Genotypes, cols: Option<&Genotypes>) {
    let pairs = Pairs::new(statistic, rows, cols);
    let other = cols.unwrap_or(rows);
    let all = |g: &Genotypes| (0..g.samples() as u32).collect::<Vec<_>>();
    let (ri, ci) = (all(rows), all(other));
    let numbers = pairs.numbers(&ri, &ci);
    // The definition takes M steps a pair: look at every pair of few, at some pairs of many.
    let step = if ri.len() * ci.len() > 5000 { 37 } else { 1 };
    for at in (0..numbers.len()).step_by(step) {
        let (i, j) = (at % ri.len(), at / ri.len());
        let expected = statistic.pair(rows, i, other, j);
        assert_eq!(numbers[at], expected, "{:?} of {i}, {j}", statistic.kind());
    }
}

#[test]
fn pair_statistics_are_those_of_the_definition() {
    for n in [1, 15, 16, 17, 31, 32, 33, 65] {
        for (s, &snps) in [1, 63, 64, 65, 511, 512, 513].iter().enumerate() {
            // Each number of individuals meets every number of SNPs, kinds and gaps taking turns.
            for missing in [0, 9] {
                let g = cohort(n, &[snps], missing, (n + snps) as u64);
                let statistics = statistics(g.counts());
                check(
                    &statistics[(n + s + missing as usize) % statistics.len()],
                    &g,
                    None,
                );
            }
        }
    }
}

#[test]
fn all_kinds_across_segments_and_block_borders() {
    let segments = [65, 513, 1, 64];
    for missing in [0, 9, 500] {
        let (a, b) = (
            cohort(257, &segments, missing, 1),
            cohort(33, &segments, missing, 2),
        );
        for statistic in statistics(a.counts()) {
            check(&statistic, &a, None);
            check(&statistic, &a, Some(&b));
            check(&statistic, &b, Some(&a));
        }
    }
}

#[test]
fn one_set_may_be_complete_and_the_other_not() {
    let (a, b) = (cohort(20, &[130], 0, 3), cohort(30, &[130], 5, 4));
    for statistic in statistics(b.counts()) {
        check(&statistic, &a, Some(&b));
        check(&statistic, &b, Some(&a));
    }
}

#[test]
fn chunks_of_long_rows_add_up() {
    let g = cohort(70, &[64 * LINE * 16 + 700, 64 * LINE * 16], 0, 5);
    for statistic in statistics(g.counts()) {
        check(&statistic, &g, None);
    }
}

#[test]
fn every_instruction_set_gives_the_same_integers() {
    // On this thread only: the forced level is the thread's.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    let pool = pool.use_current_thread().build().unwrap();
    for missing in [0, 7] {
        let g = cohort(70, &[300, 700], missing, 6);
        for statistic in statistics(g.counts()) {
            let expected = pool.install(|| Pairs::new(&statistic, &g, None)).matrix;
            at_every_isa(|isa| {
                let got = pool.install(|| Pairs::new(&statistic, &g, None));
                assert_eq!(got.matrix, expected, "{isa}");
            });
        }
    }
}

#[test]
fn whole_values_are_stored_in_32_bits_and_read_in_the_statistic_s_unit() {
    let g = cohort(3, &[100], 0, 7);
    let statistic = PairStatistic::new(PairKind::Squared, g.counts());
    let pairs = Pairs::new(&statistic, &g, None);
    assert_eq!((pairs.matrix().unit(), statistic.unit()), (0, -32));
    let whole = pairs.matrix().get(2, 1);
    assert_eq!(pairs.numbers(&[2], &[1]), [whole << 32]);
    assert_eq!(
        pairs.max,
        Some(
            pairs
                .numbers(&[0, 1, 2], &[0, 1, 2])
                .iter()
                .max()
                .map(|m| (m >> 32) as u32)
                .unwrap()
        )
    );
}

#[test]
fn weights_that_are_small_multiples_of_a_number_give_whole_values() {
    let g = cohort(300, &[65, 900], 0, 10);
    let few = |m: usize| [0.75, 1.5, 0.0, 4.5][m % 4];
    let weighted = |of: &dyn Fn(usize) -> f64| {
        let weights: Vec<f64> = (0..g.snps()).map(of).collect();
        PairStatistic::weighted(PairKind::Squared, g.counts(), &weights).unwrap()
    };
    let statistic = weighted(&few);
    let pairs = Pairs::new(&statistic, &g, None);
    // Multiples of ¾ are whole in units of ¼.
    assert_eq!(pairs.matrix().unit(), -2);
    assert!(matches!(pairs.matrix().blocks()[0], PairTile::Whole(_)));
    check(&statistic, &g, None);
    check(&statistic, &g, Some(&cohort(20, &[65, 900], 0, 11)));
    // Sums of these do not fit, in the unit of the least.
    let far = |m: usize| if m == 0 { 1.0 / 1024.0 } else { 4095.0 };
    let many = |m: usize| 0.1 + m as f64;
    for of in [&far as &dyn Fn(usize) -> f64, &many] {
        let statistic = weighted(of);
        assert_eq!(statistic.whole_unit(&g, &g), None);
        check(&statistic, &g, None);
    }
    // A missing call is no whole number.
    assert_eq!(
        statistic.whole_unit(&g, &cohort(300, &[65, 900], 7, 10)),
        None
    );
}

#[test]
#[should_panic(expected = "segments of a pair")]
fn sets_with_other_segments_are_a_bug() {
    let (a, b) = (cohort(3, &[600], 0, 8), cohort(3, &[300, 300], 0, 8));
    Pairs::new(
        &PairStatistic::new(PairKind::Squared, a.counts()),
        &a,
        Some(&b),
    );
}

#[test]
fn sums_stay_exact_where_every_snp_adds_as_much_as_it_can() {
    // All alleles, none, or no calls at all: means of 2, 0 and between, all calls opposite, more
    // missing calls than parts of sums hold, and a last register that is not full.
    const M: usize = 9_001;
    let calls: [fn(usize) -> Option<u8>; 5] = [
        |_| Some(2),
        |_| Some(0),
        |_| None,
        |m| (m % 3 == 0).then_some(2),
        |m| Some(if m % 2 == 0 { 2 } else { 1 }),
    ];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    let pool = pool.use_current_thread().build().unwrap();
    for members in [&[0, 1][..], &[0, 2], &[1, 2], &[0, 1, 2, 3, 4]] {
        let mut builder = GenotypeBuilder::new(members.len());
        builder.segment("1");
        for m in 0..M {
            builder.push(members.iter().map(|&i: &usize| calls[i](m)));
        }
        let g = builder.finish();
        for statistic in statistics(g.counts()) {
            at_every_isa(|_| pool.install(|| check(&statistic, &g, None)));
        }
    }
}

#[test]
fn blocks_that_are_summed_together_or_kept_elsewhere_are_the_same() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    let pool = pool.use_current_thread().build().unwrap();
    // So many that neighbours are summed together, the last rows and columns with fewer.
    let n = if cfg!(miri) { 300 } else { 8 * PAIR_EDGE + 5 };
    for missing in [0, 50] {
        let g = cohort(n, &[70], missing, 9);
        for statistic in &statistics(g.counts())[..4] {
            let together = pool.install(|| Pairs::new(statistic, &g, None));
            let keep = &Ok::<PairTile, Infallible>;
            let Ok(kept) = pool.install(|| Pairs::kept(statistic, &g, None, keep));
            assert_eq!(together.matrix, kept.matrix, "{:?}", statistic.kind());
            let shift = together.matrix.unit() - statistic.unit();
            for k in 0..300 {
                let (i, j) = (k * 7919 % n, k * 104_729 % n);
                let got = together.matrix.get(i, j) << shift;
                assert_eq!(
                    got,
                    statistic.pair(&g, i, &g, j),
                    "{:?} {i} {j}",
                    statistic.kind()
                );
            }
        }
    }
}
