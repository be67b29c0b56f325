//! A kernel over a trait's samples, as a whole matrix.

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::KernelMap;
use epitile_core::precision::Precision;
use epitile_core::sym::Blocks;
use faer::Mat;

use crate::backend::device_error;
use crate::dense::for_each_column;
use crate::error::{Error, Result};

/// Columns in flight between the backend and the matrix.
const STRIPE: usize = 256;

/// Columns made by one task of the engine.
const CHUNK: usize = 16;

/// The kernel `map` of `pairs` over the individuals `rows`. n² kernel values.
///
/// # Errors
/// Failures of the device.
pub fn kernel_matrix<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    pairs: &B::Pairs,
    map: &KernelMap,
    rows: &[u32],
) -> Result<Mat<f64>> {
    let n = rows.len();
    let mut matrix = Mat::zeros(n, n);
    for stripe in Blocks::new(n, STRIPE).iter() {
        let chunks = Blocks::new(stripe.len(), CHUNK);
        let mut made = vec![Vec::new(); chunks.count()];
        engine.for_each(&mut made, |k, made| -> Result<()> {
            let of = chunks.range(k);
            let columns = &rows[stripe.start + of.start..stripe.start + of.end];
            *made = backend
                .kernel_tile(map, pairs, rows, columns, Precision::F64)
                .and_then(|tile| backend.download(&tile))
                .map_err(device_error)?
                .to_f64();
            Ok(())
        })?;
        for (k, made) in made.iter().enumerate() {
            for (column, j) in made.chunks_exact(n).zip(chunks.range(k)) {
                matrix
                    .col_as_slice_mut(stripe.start + j)
                    .copy_from_slice(column);
            }
        }
    }
    Ok(matrix)
}

/// Gower-centres `k` (rows and columns sum to zero) and divides it by the mean of its diagonal,
/// so that its variance is that of a trait; returns the mean it had.
///
/// # Errors
/// `Degenerate` if nothing is left, for the kernel `name`.
pub fn normalise(k: &mut Mat<f64>, name: &str) -> Result<f64> {
    let n = k.nrows();
    let before = (0..n).map(|i| k[(i, i)].abs()).fold(0.0, f64::max);
    let sum = |j| k.col_as_slice(j).iter().sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..n).map(sum).collect();
    let grand = means.iter().sum::<f64>() / n as f64;
    for_each_column(k, |j, column| {
        for (value, mean) in column.iter_mut().zip(&means) {
            *value -= mean + (means[j] - grand);
        }
    });
    let scale = (0..n).map(|i| k[(i, i)]).sum::<f64>() / n as f64;
    // Entries err by a few N·u of the largest.
    if scale.is_nan() || scale <= 16.0 * n as f64 * f64::EPSILON * before {
        return Err(Error::degenerate(format!(
            "kernel {name} is constant over the {n} individuals: it has no variance"
        )));
    }
    for_each_column(k, |_, column| column.iter_mut().for_each(|v| *v /= scale));
    Ok(scale)
}
