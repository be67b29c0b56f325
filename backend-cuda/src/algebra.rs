//! gemm, syrk, trsm, potrf and shift on accumulators, by NVIDIA's libraries.
//!
//! A product's operands are multiplied as they are where tensor cores take them (two of F16, BF16 or
//! TF32 into F32, and two of E4M3 if the device does, all sizes are multiples of 16 and the product
//! runs along the rows of both, as updates of a factor do); other FP8 is widened to F16, which holds
//! all its numbers; everything else is converted to the output's format first. The scales go into α.

use std::sync::Arc;

use epitile_core::backend::{Solve, Trans};
use epitile_core::precision::{Precision, exp2};

use crate::convert::{convert, restored, supported, valued};
use crate::error::CudaError;
use crate::sys::{Device, Matrix, Number, Side};
use crate::tile::CudaTile;

/// Refuses outputs that are no accumulators.
fn accumulator(c: &CudaTile, operation: &'static str) -> Result<Precision, CudaError> {
    assert_eq!(c.scale, 0, "scale of an accumulator");
    match c.precision {
        p @ (Precision::F64 | Precision::F32) => Ok(p),
        precision => Err(CudaError::Unsupported {
            operation,
            precision,
        }),
    }
}

/// A tile, or a converted copy of it.
enum Operand<'a> {
    Own(&'a CudaTile),
    Copy(CudaTile),
}

impl Operand<'_> {
    fn tile(&self) -> &CudaTile {
        match self {
            Operand::Own(tile) => tile,
            Operand::Copy(tile) => tile,
        }
    }
}

/// The tile in this precision, in its own layout: wide formats by value, without a scale; narrow ones
/// as stored.
fn converted<'a>(
    device: &Arc<Device>,
    tile: &'a CudaTile,
    precision: Precision,
) -> Result<Operand<'a>, CudaError> {
    let wide = matches!(precision, Precision::F64 | Precision::F32);
    if tile.precision == precision && (!wide || tile.scale == 0) {
        return Ok(Operand::Own(tile));
    }
    let copy = match wide {
        true => valued(device, tile, precision),
        false => restored(device, tile, precision, tile.turned),
    };
    copy.map(Operand::Copy)
}

/// How an F32 product of these formats is made: as what, and what its operands are converted to.
fn number(a: Precision, b: Precision) -> (Number, Precision) {
    use Precision::{Bf16, F8E4M3, F8E5M2, F16, F32, Tf32};
    let half = |p| matches!(p, F16 | F8E4M3 | F8E5M2);
    match (a, b) {
        (a, b) if half(a) && half(b) => (Number::F16, F16),
        (Bf16, Bf16) => (Number::Bf16, Bf16),
        (Tf32, Tf32) => (Number::Tf32, Tf32),
        _ => (Number::F32, F32),
    }
}

/// C ← C + α·op(A)·op(B).
///
/// # Errors
/// [`CudaError::Unsupported`] for I8 operands and for a C that is no accumulator.
///
/// # Panics
/// Unless op(A) is m × k, op(B) k × n and C m × n with scale 2⁰.
pub(crate) fn gemm(
    device: &Arc<Device>,
    alpha: f64,
    (a, ta): (&CudaTile, Trans),
    (b, tb): (&CudaTile, Trans),
    c: &CudaTile,
) -> Result<(), CudaError> {
    let shape = |t: &CudaTile, trans| match trans {
        Trans::No => (t.rows, t.cols),
        Trans::Yes => (t.cols, t.rows),
    };
    let ((m, k), (kb, n)) = (shape(a, ta), shape(b, tb));
    assert_eq!(((c.rows, c.cols), k), ((m, n), kb), "shapes of C, A·B");
    let to = accumulator(c, "gemm")?;
    supported(a.precision, "gemm")?;
    supported(b.precision, "gemm")?;
    if m * n * k == 0 {
        return Ok(());
    }
    let eights = [a.precision, b.precision] == [Precision::F8E4M3; 2]
        && device.multiplies_eights()
        && [a.transposed(ta), b.transposed(tb)] == [true, false]
        && [m, n, k].iter().all(|size| size.is_multiple_of(EIGHTS));
    let (number, each) = match to {
        Precision::F64 => (Number::F64, Precision::F64),
        _ if eights => (Number::F8E4M3, Precision::F8E4M3),
        _ => number(a.precision, b.precision),
    };
    let (x, y) = (converted(device, a, each)?, converted(device, b, each)?);
    // The scales of what is multiplied as stored; those on the device go with the matrices.
    let alpha = alpha * exp2(x.tile().scale) * exp2(y.tile().scale);
    let (x, y) = (matrix(x.tile(), ta), matrix(y.tile(), tb));
    device.multiply(number, (alpha, 1.0), x, y, matrix(c, Trans::No))
}

/// Sizes of FP8 products are multiples of this (cuBLAS documentation, `cublasLtMatmul`: 16 bytes in
/// every dimension).
const EIGHTS: usize = 16;

/// op(tile) as the product takes it.
fn matrix(tile: &CudaTile, trans: Trans) -> Matrix<'_> {
    let stored = tile.stored();
    Matrix {
        rows: stored.rows,
        cols: stored.cols,
        ld: stored.rows,
        transposed: tile.transposed(trans),
        natural: stored.natural,
        buffer: stored.buffer,
    }
}

/// Lower triangle of C ← C + α·A·Aᵀ, by the product of the whole: diagonal tiles are few.
///
/// # Errors
/// As [`gemm`].
///
/// # Panics
/// Unless C is n × n with scale 2⁰ and A n × k.
pub(crate) fn syrk(
    device: &Arc<Device>,
    alpha: f64,
    a: &CudaTile,
    c: &CudaTile,
) -> Result<(), CudaError> {
    gemm(device, alpha, (a, Trans::No), (a, Trans::Yes), c)
}

/// Solves a triangular system with the lower triangle of `l`; B becomes X.
///
/// # Errors
/// As [`gemm`].
///
/// # Panics
/// Unless `l` is n × n and B, with scale 2⁰, has n rows (left) or n columns (right).
pub(crate) fn trsm(
    device: &Arc<Device>,
    solve: Solve,
    l: &CudaTile,
    b: &CudaTile,
) -> Result<(), CudaError> {
    let precision = accumulator(b, "trsm")?;
    supported(l.precision, "trsm")?;
    let side = match solve {
        Solve::RightTransposed => Side::RightTransposed,
        Solve::Left => Side::Left,
        Solve::LeftTransposed => Side::LeftTransposed,
    };
    let l = match (l.precision, l.scale) == (precision, 0) {
        true => Operand::Own(l),
        // Column by column, whatever it was.
        false => Operand::Copy(convert(device, l, precision, 0)?),
    };
    device.triangular(side, l.tile().stored(), b.stored())
}

/// Lower Cholesky factor of the lower triangle of A, in place; zeros above the diagonal. Waits for it.
///
/// # Errors
/// [`CudaError::NotPositiveDefinite`] if a pivot is not positive or not finite, and as [`gemm`].
///
/// # Panics
/// If the tile is not square or its scale is not 2⁰.
pub(crate) fn potrf(device: &Arc<Device>, a: &CudaTile) -> Result<(), CudaError> {
    let precision = accumulator(a, "potrf")?;
    match device.factor(a.stored())? {
        None => Ok(()),
        Some(pivot) => Err(CudaError::NotPositiveDefinite {
            pivot,
            rows: a.rows,
            precision,
        }),
    }
}

/// Adds `value` to the diagonal of an accumulator, rounding once.
///
/// # Errors
/// [`CudaError::Unsupported`] if it is no accumulator.
///
/// # Panics
/// If the tile is not square or its scale is not 2⁰.
pub(crate) fn shift(device: &Arc<Device>, a: &CudaTile, value: f64) -> Result<(), CudaError> {
    accumulator(a, "shift")?;
    device.shift(a.stored(), value)
}
