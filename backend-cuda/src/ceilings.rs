//! What this device can do at most: products by cuBLASLt and factors by cuSOLVER, on their own.

use std::time::Instant;

use epitile_core::backend::{Backend, Trans};
use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

use crate::backend::Cuda;
use crate::error::CudaError;
use crate::sys::{Matrix, Number};

/// Products in a row; the best of so many measurements counts.
const ROW: usize = 4;
const TIMES: usize = 3;

/// 10⁹ operations a second by kind of work, square matrices of `edge` rows (a multiple of 16).
///
/// Products are 2·edge³ operations: `i8` of bytes with 32-bit sums (`pairs`, the same, is what counts
/// pairs of dosages), `f8` (E4M3, where the device multiplies it), `f16` and `bf16` with F32 sums, `tf32`, `f32`, `f64`. Cholesky factors by
/// cuSOLVER, `potrf f32` and `potrf f64`, are edge³/3. Each after one that is not counted.
///
/// # Errors
/// If the device fails or has no memory for them.
///
/// # Panics
/// If `edge` is no multiple of 16.
pub fn ceilings(cuda: &Cuda, edge: usize) -> Result<Vec<(&'static str, f64)>, CudaError> {
    assert!(edge > 0 && edge.is_multiple_of(16), "an edge in sixteens");
    let n = edge as f64;
    let bytes = products(cuda, edge)?;
    let mut rates = vec![("i8", bytes), ("pairs", bytes)];
    let eights = ("f8", Precision::F8E4M3, Precision::F32);
    let eights = cuda.device.multiplies_eights().then_some(eights);
    let formats = [
        ("f16", Precision::F16, Precision::F32),
        ("bf16", Precision::Bf16, Precision::F32),
        ("tf32", Precision::Tf32, Precision::F32),
        ("f32", Precision::F32, Precision::F32),
        ("f64", Precision::F64, Precision::F64),
    ];
    for (work, from, to) in eights.into_iter().chain(formats) {
        // Numbers that look like none: a device computes faster, and cooler, on zeros.
        let values: Vec<f64> = (0..edge * edge).map(|at| noise(at as u64)).collect();
        let a = Tile::from_f64(edge, edge, &values, from, 0);
        let a = cuda.upload(a.as_ref())?;
        let mut c = cuda.upload(Tile::zeros(edge, edge, to).as_ref())?;
        let seconds = best(cuda, || {
            (0..ROW).try_for_each(|_| cuda.gemm(-1.0, (&a, Trans::No), (&a, Trans::Yes), &mut c))
        })?;
        rates.push((work, 2.0 * n.powi(3) * ROW as f64 / seconds / 1e9));
    }
    for (work, p) in [("potrf f32", Precision::F32), ("potrf f64", Precision::F64)] {
        let mut values = vec![0.5; edge * edge];
        (0..edge).for_each(|i| values[i * edge + i] = n);
        let tile = Tile::from_f64(edge, edge, &values, p, 0);
        let mut least = f64::INFINITY;
        for _ in 0..=TIMES {
            let mut a = cuda.upload(tile.as_ref())?;
            cuda.synchronize()?;
            let start = Instant::now();
            cuda.potrf(&mut a)?;
            least = least.min(start.elapsed().as_secs_f64());
        }
        rates.push((work, n.powi(3) / 3.0 / least / 1e9));
    }
    Ok(rates)
}

/// Products of bytes.
fn products(cuda: &Cuda, edge: usize) -> Result<f64, CudaError> {
    let device = &cuda.device;
    let bytes: Vec<u8> = (0..edge * edge).map(|at| (at * 7 % 3) as u8).collect();
    let (a, c) = (device.upload(&bytes)?, device.buffer(edge * edge * 4)?);
    let matrix = |buffer, transposed| Matrix {
        rows: edge,
        cols: edge,
        ld: edge,
        transposed,
        natural: None,
        buffer,
    };
    let seconds = best(cuda, || {
        (0..ROW).try_for_each(|_| {
            let (x, y) = (matrix(&a, true), matrix(&a, false));
            device.multiply(Number::I8, (1.0, 0.0), x, y, matrix(&c, false))
        })
    })?;
    Ok(2.0 * (edge as f64).powi(3) * ROW as f64 / seconds / 1e9)
}

/// Seconds of the fastest of some runs, after one that is not counted.
fn best(cuda: &Cuda, mut work: impl FnMut() -> Result<(), CudaError>) -> Result<f64, CudaError> {
    let mut least = f64::INFINITY;
    for time in 0..=TIMES {
        cuda.synchronize()?;
        let start = Instant::now();
        work()?;
        cuda.synchronize()?;
        if time > 0 {
            least = least.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(least)
}

/// A number in −1…1 (the mixing step of splitmix64).
fn noise(at: u64) -> f64 {
    let z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
