//! A whole system: multiplication by the kernel, the factorisation under several policies, and
//! right-hand sides solved to FP64 accuracy with each factor.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use epitile_core::backend::Backend;
use epitile_core::columns::{Columns, WIDTH};
use epitile_core::conformance::sample::Sample;
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::System;
use epitile_cpu::{Cpu, Rayon};

use crate::inputs;

/// Individuals.
const N: usize = 768;
/// SNPs.
const M: usize = 1024;
/// Rows of a tile.
const EDGE: usize = 96;
/// λ.
const RIDGE: f64 = 0.1;
/// Policies of the factor.
const POLICIES: [&str; 4] = ["f64", "f32", "adaptive", "uniform:f8e4m3"];

pub(crate) fn bench(criterion: &mut Criterion) {
    let genotypes = inputs::genotypes(N, M, false);
    let statistic = PairStatistic::new(PairKind::Squared, genotypes.counts());
    let panel = Cpu::MEMORY.panel(genotypes.clone()).expect("a panel");
    let pairs = Cpu::MEMORY.pairs(&statistic, &panel, None).expect("pairs");
    let (map, index) = (inputs::gaussian(&genotypes), Vec::from_iter(0..N as u32));
    let system = System {
        backend: &Cpu::MEMORY,
        engine: &Rayon,
        pairs: &pairs,
        map: &map,
        index: &index,
        edge: EDGE,
    };
    let mut sample = Sample::new(4);
    let rhs: Vec<Vec<f64>> = (0..WIDTH)
        .map(|_| (0..N).map(|_| sample.uniform()).collect())
        .collect();
    let rhs: Vec<&[f64]> = rhs.iter().map(Vec::as_slice).collect();

    let mut group = criterion.benchmark_group("multiply");
    group.throughput(Throughput::Elements((N * N) as u64));
    let x = Columns::from_slices(N, rhs.iter().copied());
    group.bench_function(format!("{WIDTH} columns"), |b| {
        b.iter(|| system.multiply(&x))
    });
    group.finish();

    let mut group = criterion.benchmark_group("factor");
    group.throughput(Throughput::Elements((N * N * N / 3) as u64));
    for name in POLICIES {
        let options = options(name);
        let prepared = system.prepare(&options).expect("norms");
        let solver = || Solver::new(system, &prepared, RIDGE, options);
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let run = |solver: &mut Solver<'_, _, _>| solver.factorise();
            b.iter_batched_ref(solver, run, BatchSize::LargeInput);
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("solve");
    group.throughput(Throughput::Elements(WIDTH as u64));
    for name in POLICIES {
        let options = options(name);
        let prepared = system.prepare(&options).expect("norms");
        let mut solver = Solver::new(system, &prepared, RIDGE, options);
        solver.factorise().expect("a factor");
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| solver.solve(&rhs, None));
        });
    }
    group.finish();
}

fn options(policy: &str) -> SolveOptions {
    SolveOptions {
        policy: policy.parse().expect("a policy"),
        ..SolveOptions::default()
    }
}
