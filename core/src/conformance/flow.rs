//! The whole flow on a small cohort: plan, factor, refine, certificate.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::failure::{Failure, succeed};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::certificate::{Certificate, UNIT};
use crate::dense;
use crate::engine::InOrder;
use crate::genotypes::Genotypes;
use crate::kernel::{Kernel, KernelMap};
use crate::pairs::{PairStatistic, centred_norms};
use crate::policy::Policy;
use crate::precision::Precision;
use crate::solver::{SolveOptions, Solver};
use crate::system::System;

/// A kernel of the cohort with plausible constants.
fn map(kernel: Kernel, g: &Genotypes) -> KernelMap {
    let norms = centred_norms(&InOrder, g, g.counts(), None);
    let mean = norms.iter().sum::<f64>() / norms.len() as f64;
    let with_norms = matches!(kernel, Kernel::Linear | Kernel::Poly(_));
    let scale = match kernel {
        Kernel::Linear | Kernel::Poly(_) => mean,
        Kernel::Ibs | Kernel::TwoPq => g.snps() as f64,
        _ => g.counts().iter().filter(|c| !c.is_monomorphic()).count() as f64,
    };
    let rows = if with_norms { norms } else { Vec::new() };
    // The expected squared distance of two individuals is twice the mean squared norm.
    KernelMap {
        kernel,
        gamma: 0.5 / mean,
        scale,
        cols: rows.clone(),
        rows,
        covariates: None,
    }
}

/// Solves `columns` with one policy and checks each certificate against a dense FP64 solution.
///
/// # Errors
/// The first promise that does not hold.
pub fn holds<B: Backend>(
    backend: &B,
    genotypes: &alloc::sync::Arc<Genotypes>,
    (kernel, ridge): (Kernel, f64),
    (policy, edge): (Policy, usize),
    columns: &[Vec<f64>],
) -> Result<(), Failure> {
    let what = format!("{kernel}, λ = {ridge}, {policy}, tiles of {edge}");
    let n = genotypes.samples();
    let statistic = PairStatistic::new(kernel.pair_kind(), genotypes.counts());
    let panel = succeed(&what, backend.panel(genotypes.clone()))?;
    let pairs = succeed(&what, backend.pairs(&statistic, &panel, None))?;
    let map = map(kernel, genotypes);
    let index: Vec<u32> = (0..n as u32).collect();
    let engine = &InOrder;
    let system = System {
        backend,
        engine,
        pairs: &pairs,
        map: &map,
        index: &index,
        edge,
    };
    let options = SolveOptions {
        policy,
        ..SolveOptions::default()
    };
    let prepared = succeed(&what, system.prepare(&options))?;
    let solve = |columns: &[Vec<f64>]| {
        let mut solver = Solver::new(system, &prepared, ridge, options);
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        solver
            .solve(&columns, None)
            .map_err(|e| Failure::other(&what, format!("{e}")))
    };
    let solved = solve(columns)?;

    let mut a = vec![0.0; n * n];
    for j in 0..n {
        for i in 0..n {
            let raw = statistic.pair(genotypes, i, genotypes, j);
            a[j * n + i] = map.value(raw, statistic.unit(), i, j);
        }
    }
    let top = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    (0..n).for_each(|i| a[i * n + i] += ridge);
    let mut factor = a.clone();
    if dense::cholesky(&mut factor, n, 0.0).is_err() {
        return Err(Failure::other(
            &what,
            "the dense matrix is not positive definite",
        ));
    }
    for (b, (x, certificate)) in columns.iter().zip(&solved) {
        let mut exact = b.clone();
        dense::solve_lower(&factor, n, &mut exact);
        dense::solve_lower_transposed(&factor, n, &mut exact);
        check(&what, &a, (b, x, &exact), certificate, (ridge, top))?;
    }
    // Alone, a column gets the bits it gets in company.
    let alone = solve(&columns[columns.len() - 1..])?;
    if alone.first() != solved.last() {
        return Err(Failure::other(&what, "a column depends on its neighbours"));
    }
    Ok(())
}

/// One solution against the dense one.
fn check(
    what: &str,
    a: &[f64],
    (b, x, exact): (&[f64], &[f64], &[f64]),
    certificate: &Certificate,
    (ridge, top): (f64, f64),
) -> Result<(), Failure> {
    let n = b.len();
    let fail = |text: alloc::string::String| Err(Failure::other(what, text));
    if !certificate.is_certified() {
        return fail(format!("not certified: {certificate:?}"));
    }
    let mut r = b.to_vec();
    let mut row_sums = vec![0.0; n];
    for (j, column) in a.chunks_exact(n).enumerate() {
        dense::axpy(-x[j], column, &mut r);
        for (sum, v) in row_sums.iter_mut().zip(column) {
            *sum += v.abs();
        }
    }
    // Both residuals carry the rounding of their sums: γ_{n+1}(|A||x| + |b|), row by row at most
    // this much.
    let size = dense::norm_max(&row_sums) * dense::norm_max(x) + dense::norm_max(b);
    let rounding = (n + 2) as f64 * UNIT * size;
    if dense::norm_max(&r) > certificate.after * size + 2.0 * rounding {
        return fail(format!(
            "‖r‖ = {:e}, certified {:e}",
            dense::norm_max(&r),
            certificate.after
        ));
    }
    // The dense solution errs by its own backward error, n²u‖A‖ (Higham, Thm 10.4), over λ.
    let root = num_traits::Float::sqrt(n as f64);
    let norm = n as f64 * (top + ridge);
    let dense_error = 4.0 * (n * n) as f64 * UNIT * norm * dense::norm2(exact) / ridge;
    let difference: Vec<f64> = x.iter().zip(exact).map(|(x, e)| x - e).collect();
    let bound = certificate.weight_bound + dense_error + root * rounding / ridge;
    if dense::norm2(&difference) > bound {
        return fail(format!(
            "‖Δα‖ = {:e} exceeds {bound:e}",
            dense::norm2(&difference)
        ));
    }
    Ok(())
}

/// Every kernel solved with all tiles in one format is certified, and the bounds of the
/// certificate hold; promotions are allowed.
///
/// # Errors
/// The first promise that does not hold.
pub fn solutions_are_certified<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    if !precision.is_factor() {
        return Ok(());
    }
    let mut sample = Sample::new(17);
    let policy = Policy::Uniform(precision);
    let kernels = [
        Kernel::Gaussian,
        Kernel::Linear,
        Kernel::Laplacian,
        Kernel::Ibs,
        Kernel::Standardised,
        Kernel::TwoPq,
        Kernel::GrmSquared,
        Kernel::Poly(2),
    ];
    for (k, &kernel) in cases(&kernels, 1).iter().enumerate() {
        let genotypes = sample.genotypes(33 + 16 * (k % 2), &[65, 30], 40 * (k % 2));
        let n = genotypes.samples();
        let columns: Vec<Vec<f64>> = (0..3).map(|_| sample.values(n, 0)).collect();
        for (ridge, edge) in [(0.5, 16), (0.01, 13)] {
            holds(
                backend,
                &genotypes,
                (kernel, ridge),
                (policy, edge),
                &columns,
            )?;
        }
    }
    Ok(())
}

/// Plans that mix formats give certified solutions too.
///
/// # Errors
/// The first promise that does not hold.
pub fn mixed_plans_are_certified<B: Backend>(backend: &B, _: Precision) -> Result<(), Failure> {
    let mut sample = Sample::new(23);
    let genotypes = sample.genotypes(65, &[64, 40], 50);
    let columns: Vec<Vec<f64>> = (0..2).map(|_| sample.values(65, 0)).collect();
    let policies = [
        Policy::Adaptive { tau: 0.5 },
        Policy::Norm { epsilon: 1e-4 },
        Policy::Banded { width: 1 },
    ];
    for &policy in cases(&policies, 1) {
        for ridge in [1.0, 1e-3] {
            holds(
                backend,
                &genotypes,
                (Kernel::Gaussian, ridge),
                (policy, 16),
                &columns,
            )?;
        }
    }
    Ok(())
}
