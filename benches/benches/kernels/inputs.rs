//! What the benches compute on: the same numbers at every run.

use std::sync::Arc;

use epitile_core::conformance::sample::{Sample, stored};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

/// Rows of a tile: [`default_edge`](epitile_core::system::default_edge) of some thousand
/// individuals.
pub(crate) const EDGE: usize = 192;

/// Formats in which tiles of a factor are stored.
pub(crate) const FORMATS: [Precision; 5] = [
    Precision::F64,
    Precision::F32,
    Precision::F16,
    Precision::Bf16,
    Precision::F8E4M3,
];

/// Formats in which sums run.
pub(crate) const ACCUMULATORS: [Precision; 2] = [Precision::F64, Precision::F32];

/// `n` individuals at `snps` SNPs of one chromosome, 2 % of the calls missing if `missing`.
pub(crate) fn genotypes(n: usize, snps: usize, missing: bool) -> Arc<Genotypes> {
    Sample::new(1).genotypes(n, &[snps], if missing { 20 } else { 0 })
}

/// exp(−d²/M): calls at M random SNPs are about M apart.
pub(crate) fn gaussian(genotypes: &Genotypes) -> KernelMap {
    KernelMap {
        kernel: Kernel::Gaussian,
        gamma: 1.0 / genotypes.snps() as f64,
        scale: 1.0,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
    }
}

/// A matrix of numbers between −1 and 1.
pub(crate) fn tile((rows, cols): (usize, usize), precision: Precision) -> Tile {
    let mut sample = Sample::new(2);
    let values: Vec<f64> = (0..rows * cols).map(|_| sample.uniform()).collect();
    stored((rows, cols), &values, precision, 0)
}

/// A symmetric matrix dominated by its diagonal, hence positive definite; its lower triangle is
/// also a harmless triangular factor.
pub(crate) fn definite(n: usize, precision: Precision) -> Tile {
    let mut values = tile((n, n), Precision::F64).to_f64();
    for c in 0..n {
        for r in 0..c {
            values[c * n + r] = values[r * n + c];
        }
        values[c * n + c] = n as f64;
    }
    Tile::from_f64(n, n, &values, precision, 0)
}
