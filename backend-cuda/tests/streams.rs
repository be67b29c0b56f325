//! Several threads issue work on several streams, which the fake device runs as late as they may, or
//! mixed at random: every result has the bits of one stream.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::conformance::sample::Sample;
use epitile_core::engine::{Engine, InOrder};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PairStatistic;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::System;
use epitile_cpu::Rayon;
use epitile_cuda::Cuda;

mod fake;

/// Solves a small problem whose tiles have mixed formats.
fn solved<E: Engine>(
    (backend, engine): (&Cuda, &E),
    genotypes: &Arc<Genotypes>,
    columns: &[Vec<f64>],
) -> Vec<Vec<u64>> {
    let statistic = PairStatistic::new(Kernel::Gaussian.pair_kind(), genotypes.counts());
    let panel = backend.panel(genotypes.clone()).unwrap();
    let pairs = backend.pairs(&statistic, &panel, None).unwrap();
    let map = KernelMap {
        kernel: Kernel::Gaussian,
        gamma: 0.01,
        scale: 1.0,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
    };
    let index: Vec<u32> = (0..genotypes.samples() as u32).collect();
    let system = System {
        backend,
        engine,
        pairs: &pairs,
        map: &map,
        index: &index,
        edge: 32,
    };
    let mut bits = Vec::new();
    for policy in [
        Policy::Uniform(Precision::F16),
        Policy::Uniform(Precision::F8E4M3),
        Policy::Adaptive { tau: 0.5 },
    ] {
        let options = SolveOptions {
            policy,
            ..SolveOptions::default()
        };
        let prepared = system.prepare(&options).unwrap();
        let mut solver = Solver::new(system, &prepared, 0.1, options);
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        for (x, certificate) in solver.solve(&columns, None).unwrap() {
            assert!(certificate.is_certified());
            bits.push(x.iter().map(|v| v.to_bits()).collect());
        }
    }
    bits
}

#[test]
fn solutions_have_the_same_bits_on_one_stream_and_on_four() {
    let mut sample = Sample::new(1);
    let genotypes = sample.genotypes(150, &[64, 200], 20);
    let columns: Vec<Vec<f64>> = (0..3).map(|_| sample.values(150, 0)).collect();
    let expected = solved((fake::cuda(), &InOrder), &genotypes, &columns);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(6)
        .build()
        .unwrap();
    for _ in 0..3 {
        let got = pool.install(|| solved((fake::cuda(), &Rayon), &genotypes, &columns));
        assert_eq!(got, expected);
    }
}

#[test]
fn fits_have_the_same_bits_with_statistics_that_are_kept_and_made_again() {
    let mut sample = Sample::new(2);
    for missing in [0, 20] {
        let genotypes = sample.genotypes(130, &[64, 200], missing);
        let columns: Vec<Vec<f64>> = (0..2).map(|_| sample.values(130, 0)).collect();
        let kept = fake::cuda();
        let before = kept.pairs_made_again();
        let expected = solved((kept, &InOrder), &genotypes, &columns);
        assert_eq!(kept.pairs_made_again(), before);
        let again = fake::another().without_stored_pairs();
        let got = solved((&again, &InOrder), &genotypes, &columns);
        assert_eq!(got, expected);
        // At least ‖K‖ and a residual of every policy took every pair of the lower triangle.
        assert!(again.pairs_made_again() > 2 * 3 * 130 * 130 / 2);
    }
}

#[test]
fn streams_may_run_in_any_order() {
    for order in ["0", "2", "3", "4"] {
        let output = fake::child("solutions_have", &[("FAKE_ORDER", order)]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{order}: {said}"
        );
    }
}
