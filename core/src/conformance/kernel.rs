//! Kernel tiles: the bits of [`KernelMap::value`], rounded once.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::failure::{Failure, get, succeed};
use super::gauge::{converted, same_tile};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::engine::InOrder;
use crate::genotypes::Genotypes;
use crate::kernel::{Kernel, KernelCovariates, KernelMap};
use crate::pairs::{PAIR_EDGE, PairStatistic, centred_norms};
use crate::precision::Precision;
use crate::tile::Tile;

/// Every kernel function.
pub const KERNELS: [Kernel; 10] = [
    Kernel::Linear,
    Kernel::Standardised,
    Kernel::TwoPq,
    Kernel::Gaussian,
    Kernel::Laplacian,
    Kernel::Ibs,
    Kernel::Poly(1),
    Kernel::Poly(2),
    Kernel::Poly(5),
    Kernel::GrmSquared,
];

/// (individuals, SNPs of each segment).
const SETS: [(usize, &[usize]); 6] = [
    (1, &[1]),
    (5, &[40, 0, 3]),
    (2, &[65, 513]),
    (17, &[64]),
    (33, &[10]),
    (65, &[3, 5]),
];

/// Demands of the tile `rows` × `cols` the bits of [`KernelMap::value`] on the exact statistic, in
/// F32 rounded once and flushed.
///
/// # Errors
/// If an entry differs in a bit, or the backend failed.
pub fn holds<B: Backend>(
    backend: &B,
    map: &KernelMap,
    (a, b): (&Arc<Genotypes>, Option<&Arc<Genotypes>>),
    (rows, cols): (&[u32], &[u32]),
    precision: Precision,
) -> Result<(), Failure> {
    let other = b.unwrap_or(a);
    // Means and deviations are those of the column individuals: of the training set.
    let statistic = PairStatistic::new(map.kernel.pair_kind(), other.counts());
    let what = format!(
        "kernel {} (γ = {}, {} covariates), {} × {} entries of {} × {} individuals, {} SNPs, \
         {precision}",
        map.kernel,
        map.gamma,
        map.covariates.as_ref().map_or(0, |c| c.count),
        rows.len(),
        cols.len(),
        a.samples(),
        other.samples(),
        a.snps()
    );
    let x = succeed(&what, backend.panel(a.clone()))?;
    let y = b.map(|b| succeed(&what, backend.panel(b.clone())));
    let y = y.transpose()?;
    let pairs = succeed(&what, backend.pairs(&statistic, &x, y.as_ref()))?;
    let tile = succeed(
        &what,
        backend.kernel_tile(map, &pairs, rows, cols, precision),
    )?;
    let entry = |(i, j): (usize, usize)| {
        let raw = statistic.pair(a, i, other, j);
        converted(map.value(raw, statistic.unit(), i, j), precision, 0)
    };
    let places = cols
        .iter()
        .flat_map(|&j| rows.iter().map(move |&i| (i as usize, j as usize)));
    let values: Vec<f64> = places.map(entry).collect();
    let expected = Tile::from_f64(rows.len(), cols.len(), &values, precision, 0);
    same_tile(&what, &get(backend, &what, &tile)?, &expected)
}

/// All kernels on sets without a missing call.
///
/// # Errors
/// The first failing case.
pub fn kernel_tiles_keep_every_bit<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    sweep(backend, 17, &KERNELS, (0, 0), precision)
}

/// All kernels with calls missing.
///
/// # Errors
/// The first failing case.
pub fn kernel_tiles_keep_every_bit_with_missing_dosages<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    sweep(backend, 18, &KERNELS, (0, 40), precision)
}

/// The distance kernels with covariates inside, with and without missing calls.
///
/// # Errors
/// The first failing case.
pub fn kernel_tiles_keep_every_bit_with_covariates<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let distances = [Kernel::Gaussian, Kernel::Laplacian];
    for (covariates, missing) in [(1, 0), (3, 40)] {
        sweep(backend, 19, &distances, (covariates, missing), precision)?;
    }
    Ok(())
}

/// Tiles that reach over the borders of stored blocks, in a run and scattered.
///
/// # Errors
/// The first failing case.
pub fn kernel_tiles_keep_every_bit_across_blocks<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let (mut sample, edge) = (Sample::new(20), PAIR_EDGE as u32);
    for (kernel, missing) in [(Kernel::Gaussian, 0), (Kernel::Linear, 40)] {
        let a = sample.genotypes(PAIR_EDGE + 1, &[3, 2], missing);
        let new = sample.genotypes(2 * PAIR_EDGE + 1, &[3, 2], missing);
        let run: Vec<u32> = (edge - 37..=edge).collect();
        let far = [2 * edge, 0, edge, edge - 1, 2 * edge - 1, edge + 1, 300];
        let square = map(&mut sample, kernel, 0.3, 0, (&a, &a));
        holds(
            backend,
            &square,
            (&a, None),
            (&run, &[edge, 0, 255]),
            precision,
        )?;
        holds(
            backend,
            &square,
            (&a, None),
            (&[1, edge, 17], &run),
            precision,
        )?;
        let tall = map(&mut sample, kernel, 0.3, 0, (&new, &a));
        holds(backend, &tall, (&new, Some(&a)), (&far, &run), precision)?;
    }
    Ok(())
}

fn sweep<B: Backend>(
    backend: &B,
    seed: u64,
    kernels: &[Kernel],
    (covariates, missing): (usize, usize),
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(seed);
    for &(n, segments) in cases(&SETS, 2) {
        let a = sample.genotypes(n, segments, missing);
        let new = sample.genotypes(n / 2 + 2, segments, missing / 2);
        let everyone: Vec<u32> = (0..n as u32).collect();
        let (few, others) = (sample.places(5, n), sample.places(9, new.samples()));
        for &kernel in kernels {
            // Ordinary values, then a kernel so sharp that far pairs are flushed.
            for gamma in [1.0, 300.0].map(|g| g / a.snps() as f64) {
                let map = map(&mut sample, kernel, gamma, covariates, (&a, &a));
                holds(backend, &map, (&a, None), (&everyone, &few), precision)?;
                holds(backend, &map, (&a, None), (&few, &few), precision)?;
                let map = self::map(&mut sample, kernel, gamma, covariates, (&new, &a));
                holds(
                    backend,
                    &map,
                    (&new, Some(&a)),
                    (&others, &everyone),
                    precision,
                )?;
                holds(backend, &map, (&new, Some(&a)), (&others, &[]), precision)?;
                if !kernel.has_gamma() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A map for these sets, with covariates of its own if it is a distance kernel.
fn map(
    sample: &mut Sample,
    kernel: Kernel,
    gamma: f64,
    covariates: usize,
    (rows, cols): (&Genotypes, &Genotypes),
) -> KernelMap {
    let norms = |g: &Genotypes| match kernel {
        Kernel::Linear | Kernel::Poly(_) => centred_norms(&InOrder, g, cols.counts(), None),
        _ => Vec::new(),
    };
    KernelMap {
        kernel,
        gamma,
        scale: cols.snps() as f64 * 0.7,
        rows: norms(rows),
        cols: norms(cols),
        covariates: (covariates > 0).then(|| {
            let mut of = |g: &Genotypes| sample.values(g.samples() * covariates, 2);
            let rows_values = of(rows);
            let same = core::ptr::eq(rows, cols);
            let cols_values = if same { rows_values.clone() } else { of(cols) };
            KernelCovariates {
                count: covariates,
                rows: rows_values,
                cols: cols_values,
            }
        }),
    }
}
