//! Tiles from one format to another, and their norms.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use epitile_core::backend::Backend;
use epitile_core::precision::Precision;
use epitile_core::tile::natural_scale;
use epitile_cpu::Cpu;

use crate::inputs::{ACCUMULATORS, EDGE, FORMATS, tile};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convert");
    group.throughput(Throughput::Elements((EDGE * EDGE) as u64));
    for from in ACCUMULATORS {
        let wide = tile((EDGE, EDGE), from);
        for to in FORMATS.into_iter().filter(|to| to.bytes() < from.bytes()) {
            let id = BenchmarkId::new(format!("{from} rounded to"), to);
            let scale = natural_scale(1.0, to);
            group.bench_function(id, |b| {
                b.iter(|| Cpu::MEMORY.convert(black_box(&wide), to, scale));
            });
        }
    }
    for from in FORMATS.into_iter().filter(|from| from.bytes() < 4) {
        let narrow = tile((EDGE, EDGE), from);
        group.bench_function(BenchmarkId::new("f32 from", from), |b| {
            b.iter(|| Cpu::MEMORY.convert(black_box(&narrow), Precision::F32, 0));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("norm");
    group.throughput(Throughput::Elements((EDGE * EDGE) as u64));
    for of in FORMATS {
        let a = tile((EDGE, EDGE), of);
        group.bench_function(BenchmarkId::from_parameter(of), |b| {
            b.iter(|| Cpu::MEMORY.norm(black_box(&a)));
        });
    }
    group.finish();
}
