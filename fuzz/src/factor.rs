//! Solutions of near-singular and indefinite systems: an error or a certified answer, never a
//! wrong one. What the certificate says is computed again, naively and in twice f64's precision.

#[path = "factor/matrix.rs"]
mod matrix;

use std::sync::Arc;

use epitile::similarity::{Extras, Similarity};
use epitile_core::engine::InOrder;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_core::gls::{self, Fixed};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PairStatistic;
use epitile_core::policy::Policy;
use epitile_core::precision::Precision;
use epitile_core::solver::{SolveError, SolveOptions, Solver};
use epitile_core::system::System;
use epitile_cpu::Cpu;

use crate::refused::refused;
use crate::source::Source;
use matrix::{Cholesky, Matrix};

/// Most individuals and SNPs.
const SIZES: (usize, usize) = (40, 60);

const KERNELS: [Kernel; 9] = [
    Kernel::Gaussian,
    Kernel::Linear,
    Kernel::Standardised,
    Kernel::TwoPq,
    Kernel::Laplacian,
    Kernel::Ibs,
    Kernel::Poly(2),
    Kernel::Poly(5),
    Kernel::GrmSquared,
];

const POLICIES: [Policy; 11] = [
    Policy::Adaptive { tau: 0.5 },
    Policy::Uniform(Precision::F64),
    Policy::Uniform(Precision::F32),
    Policy::Uniform(Precision::F16),
    Policy::Uniform(Precision::Bf16),
    Policy::Uniform(Precision::F8E4M3),
    Policy::Adaptive { tau: 64.0 },
    Policy::Norm { epsilon: 1e-8 },
    Policy::Norm { epsilon: 1.0 },
    Policy::Banded { width: 1 },
    Policy::Banded { width: 2 },
];

const RIDGES: [f64; 12] = [
    1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12, 30.0, 1e6,
];

/// Inputs to start from: every kernel and policy, few and many individuals.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |k: u8| {
        let mut input = vec![
            k,
            k / 2,
            k.wrapping_mul(5) % 12,
            k % 4,
            7 + 3 * k % 33,
            11 + 5 * k % 49,
            4 + k,
        ];
        input.extend((0..80u8).map(|i| i.wrapping_mul(29 + 2 * k).wrapping_add(k)));
        input
    };
    (0..22).map(seed).collect()
}

/// Bytes for kernel, policy, λ, form (see the source), individuals, SNPs, rows of a tile,
/// bandwidth, deflation; then the genotypes, and at last the right-hand sides.
///
/// # Panics
/// If an answer is wrong, or what is said of it.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kernel = source.pick(&KERNELS);
    let policy = source.pick(&POLICIES);
    let ridge = source.pick(&RIDGES);
    let form = source.byte();
    let (n, m) = (source.below(SIZES.0) + 1, source.below(SIZES.1) + 1);
    let edge = source.below(17) + 1;
    let bandwidth = source.pick(&[1.0, 0.25, 4.0, 1e-3, 1e-7, 100.0]);
    let rank = source.pick(&[None, Some(0), Some(1), Some(5), Some(40)]);
    let genotypes = Arc::new(cohort(&mut source, n, m));
    let similarity = match Similarity::new(
        &Cpu::MEMORY,
        &InOrder,
        &genotypes,
        &[kernel],
        Extras::default(),
    ) {
        Ok(similarity) => similarity,
        Err(error) => return refused(&error),
    };
    let gamma = match kernel.has_gamma() {
        false => f64::NAN,
        true => match similarity.gamma(kernel, bandwidth) {
            Ok(gamma) => gamma,
            Err(error) => return refused(&error),
        },
    };
    let mut map = similarity.map(kernel, gamma);
    let broken = form & 0x70 == 0x70 && spoil(&mut map, &mut source);
    // Some of the individuals, in any order, perhaps twice.
    let index: Vec<u32> = match form & 4 {
        0 => (0..n as u32).collect(),
        _ => (0..n).map(|_| source.below(n) as u32).collect(),
    };
    let system = System {
        backend: &Cpu::MEMORY,
        engine: &InOrder,
        pairs: similarity.pairs(kernel),
        map: &map,
        index: &index,
        edge,
    };
    let options = SolveOptions {
        policy,
        rank,
        refine: form & 8 == 0,
        ..SolveOptions::default()
    };
    let statistic = PairStatistic::new(kernel.pair_kind(), genotypes.counts());
    let matrix = Matrix::new(&statistic, &genotypes, &map, &index, ridge);
    let columns: Vec<Vec<f64>> = (0..1 + usize::from(form & 3))
        .map(|_| (0..n).map(|_| source.number()).collect())
        .collect();
    let prepared = system.prepare(&options).expect("the CPU does not fail");
    let mut solver = Solver::new(system, &prepared, ridge, options);
    let b: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    match solver.solve(&b, None) {
        Ok(solved) => {
            for (b, (x, certificate)) in columns.iter().zip(&solved) {
                matrix.confirm(b, x, certificate, options, broken);
            }
        }
        Err(error) => failed(&matrix, &error),
    }
    if form & 0x80 != 0 && n > 1 && options.refine {
        with_an_intercept(&mut solver, &matrix, &b, (options, broken));
    }
}

/// Individuals drawn from the input: calls of two bits, its bytes used again and again; some
/// individuals are copies of others, some SNPs do not vary, some calls are missing.
fn cohort(source: &mut Source<'_>, n: usize, m: usize) -> Genotypes {
    let flags = source.byte();
    let given = source.below(48) + 1;
    let given: Vec<u8> = (0..given).map(|_| source.byte()).collect();
    // A step that is odd against the length mixes the bytes.
    let call = |i: usize, s: usize| {
        let at = i * 31 + s * 7 + i * s * usize::from(flags >> 4);
        let byte = given[at % given.len()] >> (2 * (at / given.len() % 4)) & 3;
        (byte < 3).then_some(byte)
    };
    let copy = |i: usize| match flags & 3 {
        0 => i,
        1 => i / 2,
        2 => i % 3,
        _ => i * i % n,
    };
    let mut builder = GenotypeBuilder::new(n);
    builder.segment("1");
    for s in 0..m {
        let calls = (0..n).map(|i| match flags >> 2 & 3 {
            // Every third SNP does not vary; no calls are missing; as they are.
            1 if s % 3 == 0 => Some(1),
            2 => Some(call(copy(i), s).unwrap_or(0)),
            _ => call(copy(i), s),
        });
        builder.push(calls);
    }
    builder.finish()
}

/// Makes the kernel something else than a kernel: a negative scale, or diagonals that are not
/// those of the distances. Returns whether it did.
fn spoil(map: &mut KernelMap, source: &mut Source<'_>) -> bool {
    if source.byte() & 1 == 0 {
        map.scale = -map.scale;
    }
    for i in 0..map.rows.len() {
        map.rows[i] += source.number();
        map.cols[i] = map.rows[i];
    }
    true
}

/// A refusal needs a reason: a system that FP64 finds hard.
fn failed<E: std::fmt::Debug + std::fmt::Display>(matrix: &Matrix, error: &SolveError<E>) {
    assert!(!matches!(error, SolveError::Backend(_)), "{error}");
    // κ(K + λI) below 2⁴⁰ is no reason, if K is definite to a thousandth of λ.
    let easy = matrix.norm / matrix.ridge < f64::powi(2.0, 40);
    let definite = Cholesky::new(&matrix.k, matrix.n, matrix.ridge / 1024.0).is_some();
    assert!(
        !easy || !definite,
        "{error}, κ ≤ {:e}",
        matrix.norm / matrix.ridge
    );
}

/// The same with an intercept by generalised least squares: A α = y − X b̂ and Xᵀα = 0.
fn with_an_intercept(
    solver: &mut Solver<'_, Cpu, InOrder>,
    matrix: &Matrix,
    y: &[&[f64]],
    (options, broken): (SolveOptions, bool),
) {
    let ones = vec![vec![1.0; matrix.n]];
    let fits = match gls::fit(solver, y, Fixed::Gls(&ones)) {
        Ok(fits) => fits,
        Err(_) => return,
    };
    for (y, fit) in y.iter().zip(&fits.traits) {
        let right: Vec<f64> = y.iter().map(|y| y - fit.effects[0]).collect();
        matrix.confirm(&right, &fit.weights, &fit.certificate, options, broken);
    }
}
