//! Pair statistics: N²M/2 pairs of dosages, counted or multiplied as integers.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use epitile_core::backend::Backend;
use epitile_core::pairs::{PairKind, PairStatistic, Weighting};
use epitile_cpu::Cpu;

use crate::inputs;

/// Individuals.
const N: usize = 512;
/// SNPs.
const M: usize = 4096;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pairs");
    group.throughput(Throughput::Elements((N * N * M / 2) as u64));
    let kinds = [
        ("squared", PairKind::Squared),
        ("absolute", PairKind::Absolute),
        ("product", PairKind::Product(Weighting::SampleSd)),
    ];
    for (calls, missing) in [("complete", false), ("2 % missing", true)] {
        let genotypes = inputs::genotypes(N, M, missing);
        let panel = Cpu::MEMORY.panel(genotypes.clone()).expect("a panel");
        for (name, kind) in kinds {
            let statistic = PairStatistic::new(kind, genotypes.counts());
            group.bench_function(BenchmarkId::new(name, calls), |b| {
                b.iter(|| Cpu::MEMORY.pairs(black_box(&statistic), &panel, None));
            });
        }
    }
    group.finish();
}
