//! The factor's loop stays on the device: the host learns of pivots, and of nothing else.

use epitile_core::backend::Backend;
use epitile_core::conformance::sample::Sample;
use epitile_core::engine::InOrder;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::Precision;
use epitile_core::sym::SymTiles;
use epitile_core::system::System;

mod fake;

use fake::cuda;

const EDGE: usize = 32;
const ORDER: usize = 4;

/// Started by the test below: a factor with tiles of every format below the diagonal.
#[test]
#[ignore = "the test starts it"]
fn one_factor() {
    let samples = EDGE * ORDER;
    let genotypes = Sample::new(1).genotypes(samples, &[64, 200], 20);
    let statistic = PairStatistic::new(Kernel::Gaussian.pair_kind(), genotypes.counts());
    let panel = cuda().panel(genotypes).unwrap();
    let map = KernelMap {
        kernel: Kernel::Gaussian,
        gamma: 0.01,
        scale: 1.0,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
    };
    let index: Vec<u32> = (0..samples as u32).collect();
    let system = System {
        backend: cuda(),
        engine: &InOrder,
        pairs: &cuda().pairs(&statistic, &panel, None).unwrap(),
        map: &map,
        index: &index,
        edge: EDGE,
    };
    let below = [
        Precision::F8E4M3,
        Precision::F16,
        Precision::F32,
        Precision::Bf16,
    ];
    let plan = SymTiles::from_fn(ORDER, |i, j| match i == j {
        true => Precision::F32,
        false => below[(i + 2 * j) % below.len()],
    });
    system.factor(1.0, &plan, None).unwrap();
}

#[test]
fn a_factor_copies_nothing_to_the_host_but_its_pivots() {
    let with = |copy: usize| {
        let variables = [("FAKE_FAIL_COPY", copy.to_string())];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        fake::child("one_factor", &variables).status.success()
    };
    // One for each diagonal tile: the last of them fails, one more is never made.
    assert!(!with(ORDER));
    assert!(with(ORDER + 1));
}
