//! The tile operations of the factorisation, operands in every format of a factor.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use epitile_core::backend::{Backend, Solve, Trans};
use epitile_cpu::Cpu;

use crate::inputs::{ACCUMULATORS, EDGE, FORMATS, definite, tile};

const SQUARE: (usize, usize) = (EDGE, EDGE);
const CUBE: u64 = (EDGE * EDGE * EDGE) as u64;

pub(crate) fn bench(criterion: &mut Criterion) {
    gemm(criterion);
    syrk(criterion);
    trsm(criterion);
    potrf(criterion);
}

/// C ← C − A Bᵀ in the accumulator of the operands' format.
fn gemm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    group.throughput(Throughput::Elements(2 * CUBE));
    for format in FORMATS {
        let (a, mut c) = (tile(SQUARE, format), tile(SQUARE, format.accumulator()));
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            b.iter(|| Cpu::MEMORY.gemm(-1.0, (black_box(&a), Trans::No), (&a, Trans::Yes), &mut c));
        });
    }
    group.finish();
}

/// Lower triangle of C ← C − A Aᵀ.
fn syrk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("syrk");
    group.throughput(Throughput::Elements(CUBE));
    for format in FORMATS {
        let (a, mut c) = (tile(SQUARE, format), tile(SQUARE, format.accumulator()));
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            b.iter(|| Cpu::MEMORY.syrk(-1.0, black_box(&a), &mut c));
        });
    }
    group.finish();
}

/// X Lᵀ = B.
fn trsm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trsm");
    group.throughput(Throughput::Elements(CUBE));
    for format in ACCUMULATORS {
        let (l, rhs) = (definite(EDGE, format), tile(SQUARE, format));
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            let run = |x: &mut _| Cpu::MEMORY.trsm(Solve::RightTransposed, black_box(&l), x);
            b.iter_batched_ref(|| rhs.clone(), run, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A = L Lᵀ.
fn potrf(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("potrf");
    group.throughput(Throughput::Elements(CUBE / 3));
    for format in ACCUMULATORS {
        let a = definite(EDGE, format);
        Cpu::MEMORY
            .potrf(&mut a.clone())
            .expect("a definite matrix");
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            let run = |a: &mut _| Cpu::MEMORY.potrf(black_box(a));
            b.iter_batched_ref(|| a.clone(), run, BatchSize::SmallInput);
        });
    }
    group.finish();
}
