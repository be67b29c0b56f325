//! Cross-validation by the library on a handful of calls, for property tests.

use std::sync::Arc;

use epitile::similarity::{Extras, Similarity};
use epitile::training::{FixedEffects, Intercept, Problem};
use epitile_core::backend::Backend;
use epitile_core::columns::Columns;
use epitile_core::engine::InOrder;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_core::kernel::Kernel;
use epitile_core::precision::Precision;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::System;
use epitile_cpu::{Cpu, Rayon};

/// λ of all fits here.
pub(super) const RIDGE: f64 = 0.5;

/// Calls by SNP, in segments of these sizes.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) segments: Vec<usize>,
    pub(super) snps: Vec<Vec<Option<u8>>>,
}

impl Calls {
    fn genotypes(&self) -> Genotypes {
        let mut builder = GenotypeBuilder::new(self.snps[0].len());
        let mut snps = self.snps.iter();
        for (s, &size) in self.segments.iter().enumerate() {
            builder.segment(format!("{s}"));
            snps.by_ref()
                .take(size)
                .for_each(|calls| builder.push(calls.iter().copied()));
        }
        builder.finish()
    }
}

/// The solution on all individuals but every fourth, and the predictions of those.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solution {
    /// γ.
    pub(super) gamma: f64,
    /// Predictions of the individuals left out.
    pub(super) predicted: Vec<f64>,
    /// Kernel of all individuals, column by column.
    pub(super) kernel: Vec<f64>,
    /// α.
    pub(super) weights: Vec<f64>,
    /// Bound on ‖Δα‖₂.
    pub(super) weight_bound: f64,
}

/// Trains and predicts; `train_rows` and `test_rows` are individuals. `None` if no SNP varies or
/// the median distance is zero.
pub(super) fn solve(
    calls: &Calls,
    kernel: Kernel,
    y: &[f64],
    (train_rows, test_rows): (&[u32], &[u32]),
) -> Option<Solution> {
    let genotypes = Arc::new(calls.genotypes());
    let similarity = Similarity::new(
        &Cpu::MEMORY,
        &InOrder,
        &genotypes,
        &[kernel],
        Extras::default(),
    )
    .ok()?;
    let gamma = match kernel.has_gamma() {
        true => similarity.gamma(kernel, 1.0).ok()?,
        false => f64::NAN,
    };
    let map = similarity.map(kernel, gamma);
    let system = System {
        backend: &Cpu::MEMORY,
        engine: &Rayon,
        pairs: similarity.pairs(kernel),
        map: &map,
        index: train_rows,
        edge: 5,
    };
    let options = SolveOptions::default();
    let prepared = system.prepare(&options).unwrap();
    let mut solver = Solver::new(system, &prepared, RIDGE, options);
    let none = epitile::covariates::Design::empty(y.len());
    let fixed = FixedEffects::new(Intercept::Mean, &none, y.len()).unwrap();
    let problem = Problem::new(&[y], train_rows, &fixed).unwrap();
    let training = problem.train(&mut solver, None).unwrap();
    let trained = &training.traits[0];
    let panel = Columns::from_slices(train_rows.len(), [trained.weights.as_slice()]);
    let random = system.cross(test_rows, &panel).unwrap();
    let fixed_part = |&i: &u32| fixed.at(&trained.effects, i as usize);
    let predicted = random
        .column(0)
        .iter()
        .zip(test_rows.iter().map(fixed_part));
    let all: Vec<u32> = (0..y.len() as u32).collect();
    let tile = Cpu::MEMORY.kernel_tile(&map, system.pairs, &all, &all, Precision::F64);
    let tile = Cpu::MEMORY.download(&tile.unwrap()).unwrap();
    Some(Solution {
        gamma,
        predicted: predicted.map(|(a, b)| a + b).collect(),
        kernel: tile.to_f64(),
        weights: trained.weights.clone(),
        weight_bound: trained.certificate.weight_bound,
    })
}
