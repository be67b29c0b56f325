//! Kernel tiles: stored statistics of chosen individuals gathered, the function applied.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use epitile_core::backend::Backend;
use epitile_core::conformance::sample::Sample;
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_cpu::Cpu;

use crate::inputs::{self, ACCUMULATORS, EDGE};

/// Individuals.
const N: usize = 1024;
/// SNPs.
const M: usize = 1024;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel_tile");
    group.throughput(Throughput::Elements((EDGE * EDGE) as u64));
    // Whole statistics are looked up in a table; with missing calls each entry is one exp.
    for (calls, missing) in [("table", false), ("exp", true)] {
        let genotypes = inputs::genotypes(N, M, missing);
        let statistic = PairStatistic::new(PairKind::Squared, genotypes.counts());
        let panel = Cpu::MEMORY.panel(genotypes.clone()).expect("a panel");
        let pairs = Cpu::MEMORY.pairs(&statistic, &panel, None).expect("pairs");
        let map = inputs::gaussian(&genotypes);
        let neighbours: Vec<u32> = (0..EDGE as u32).collect();
        let below: Vec<u32> = (N as u32 / 2..).take(EDGE).collect();
        let mut scattered = Sample::new(3).places(EDGE, N);
        scattered.sort_unstable();
        for (places, rows, cols) in [
            ("neighbours", &below, &neighbours),
            ("scattered", &scattered, &scattered),
        ] {
            for to in ACCUMULATORS {
                let id = BenchmarkId::new(format!("{calls}, {places}"), to);
                group.bench_function(id, |b| {
                    b.iter(|| Cpu::MEMORY.kernel_tile(black_box(&map), &pairs, rows, cols, to));
                });
            }
        }
    }
    group.finish();
}
