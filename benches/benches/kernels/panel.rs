//! Products and solves of right-hand sides in F64, whose columns do not see each other: as many as
//! share a pass.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use epitile_core::backend::{Backend, Solve, Trans};
use epitile_core::columns::WIDTH;
use epitile_core::precision::Precision;
use epitile_cpu::Cpu;

use crate::inputs::{ACCUMULATORS, EDGE, FORMATS, definite, tile};

const PANEL: (usize, usize) = (EDGE, WIDTH);

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("panel_apply");
    group.throughput(Throughput::Elements((2 * EDGE * EDGE * WIDTH) as u64));
    let (x, mut y) = (tile(PANEL, Precision::F64), tile(PANEL, Precision::F64));
    for format in FORMATS {
        let l = tile((EDGE, EDGE), format);
        for (name, trans) in [("L x", Trans::No), ("Lᵀ x", Trans::Yes)] {
            group.bench_function(BenchmarkId::new(name, format), |b| {
                b.iter(|| Cpu::MEMORY.apply(-1.0, (black_box(&l), trans), &x, &mut y));
            });
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("panel_trsm");
    group.throughput(Throughput::Elements((EDGE * EDGE * WIDTH) as u64));
    for format in ACCUMULATORS {
        let l = definite(EDGE, format);
        for (name, solve) in [("L⁻¹ x", Solve::Left), ("L⁻ᵀ x", Solve::LeftTransposed)] {
            group.bench_function(BenchmarkId::new(name, format), |b| {
                let run = |x: &mut _| Cpu::MEMORY.trsm(solve, black_box(&l), x);
                b.iter_batched_ref(|| x.clone(), run, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}
