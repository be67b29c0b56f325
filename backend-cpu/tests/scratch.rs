//! In a file or in memory: the same bits.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PairStatistic;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::System;
use epitile_core::tile::Tile;
use epitile_cpu::{Cpu, Rayon, Scratch};

const SNPS: usize = 300;

/// Calls that look random; every `missing`-th is missing, none if it is 0.
fn cohort(n: usize, missing: u64) -> Arc<Genotypes> {
    let mut builder = GenotypeBuilder::new(n);
    builder.segment("1");
    for m in 0..SNPS as u64 {
        builder.push((0..n as u64).map(|i| {
            let mixed = (i * SNPS as u64 + m + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let call = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
            (missing == 0 || !call.is_multiple_of(missing)).then_some((call % 7 % 3) as u8)
        }));
    }
    Arc::new(builder.finish())
}

/// The factor's tiles, solutions and backward errors of nine right-hand sides.
type Outcome = (Vec<Tile>, Vec<(Vec<f64>, f64)>);

fn solve<E: Engine>(
    backend: &Cpu,
    engine: &E,
    calls: &Arc<Genotypes>,
    (kernel, policy): (Kernel, &str),
) -> Outcome {
    let statistic = PairStatistic::new(kernel.pair_kind(), calls.counts());
    let panel = backend.panel(calls.clone()).unwrap();
    let pairs = backend.pairs(&statistic, &panel, None).unwrap();
    let map = KernelMap {
        kernel,
        gamma: 2.0 / SNPS as f64,
        scale: SNPS as f64,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
    };
    let index: Vec<u32> = (0..calls.samples() as u32).collect();
    let system = System {
        backend,
        engine,
        pairs: &pairs,
        map: &map,
        index: &index,
        edge: 96,
    };
    let options = SolveOptions {
        policy: policy.parse().unwrap(),
        ..SolveOptions::default()
    };
    let prepared = system.prepare(&options).unwrap();
    let mut solver = Solver::new(system, &prepared, 0.5, options);
    let column = |c: usize| move |i: usize| ((i * (c + 3)) % 17) as f64 - 8.0;
    let b: Vec<Vec<f64>> = (0..9)
        .map(|c| (0..index.len()).map(column(c)).collect())
        .collect();
    let b: Vec<&[f64]> = b.iter().map(Vec::as_slice).collect();
    let solved = solver.solve(&b, None).unwrap();
    let factor = solver.factor().unwrap().cholesky();
    let tiles = factor.iter().map(|(_, tile)| tile.clone()).collect();
    let solved = solved.into_iter().map(|(x, c)| (x, c.after)).collect();
    (tiles, solved)
}

#[test]
fn factors_and_solutions_are_the_same_in_a_file_bit_for_bit() {
    let window = 200_000;
    let scratch = || Some(Scratch::new(&std::env::temp_dir(), window).unwrap());
    for (kernel, policy, missing) in [
        (Kernel::Gaussian, "f64", 0),
        (Kernel::Gaussian, "f32", 31),
        (Kernel::Laplacian, "adaptive", 0),
        (Kernel::Gaussian, "uniform:f16", 29),
        (Kernel::Gaussian, "uniform:f8e4m3", 0),
        (Kernel::Standardised, "banded:2", 23),
    ] {
        let calls = cohort(601, missing);
        let setting = (kernel, policy);
        let expected = solve(&Cpu::MEMORY, &Rayon, &calls, setting);
        for (pairs, tiles) in [(true, false), (false, true), (true, true)] {
            let cpu = Cpu {
                pairs: scratch().filter(|_| pairs),
                tiles: scratch().filter(|_| tiles),
            };
            let got = solve(&cpu, &Rayon, &calls, setting);
            assert!(got == expected, "{kernel}, {policy}, {pairs} {tiles}");
            for file in [&cpu.pairs, &cpu.tiles].into_iter().flatten() {
                assert!(file.written() > 0 && file.read() >= file.written());
            }
        }
    }
}
