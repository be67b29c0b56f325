//! Products, triangular solves and Cholesky factors of tiles, on borrowed views.
//!
//! An output is an accumulator, F64 or F32 with scale 2⁰, and chooses the type that computes;
//! operands are widened (or rounded) to it. What computes is an [`Algebra`].

#[cfg(target_arch = "x86_64")]
use core::ops::Range;

use epitile_core::backend::{Solve, Trans};
use epitile_core::precision::Precision;
use epitile_core::tile::{TileMut, TileRef};

use crate::error::CpuError;
use crate::operand::Real;

/// A column-major matrix to be changed: entry (r, c) is `c · ld + r`.
pub(crate) struct Output<'a, T> {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) ld: usize,
    pub(crate) values: &'a mut [T],
}

#[cfg(target_arch = "x86_64")]
impl<T> Output<'_, T> {
    /// Some rows and columns of it.
    pub(crate) fn part(&mut self, rows: Range<usize>, cols: Range<usize>) -> Output<'_, T> {
        Output {
            rows: rows.len(),
            cols: cols.len(),
            ld: self.ld,
            values: &mut self.values[cols.start * self.ld + rows.start..],
        }
    }
}

/// Dense linear algebra on one thread, in one type. Operands have any precision but I8, and no
/// matrix is empty.
pub(crate) trait Algebra<T> {
    /// C ← C + α·op(A)·op(B).
    fn gemm(alpha: T, a: (TileRef<'_>, Trans), b: (TileRef<'_>, Trans), c: Output<'_, T>);
    /// Lower triangle of C ← C + α·A·Aᵀ.
    fn syrk(alpha: T, a: TileRef<'_>, c: Output<'_, T>);
    /// B becomes the solution of a triangular system.
    fn trsm(solve: Solve, l: TileRef<'_>, b: Output<'_, T>);
    /// Lower triangle of A becomes its Cholesky factor, or the failing pivot is told.
    fn potrf(a: Output<'_, T>) -> Result<(), usize>;
}

/// Calls `$body` with `$t` the type that `$c` accumulates in.
macro_rules! with_accumulator {
    ($c:expr, $operation:literal, $t:ident => $body:expr) => {
        match accumulator($c.as_ref(), $operation)? {
            Precision::F64 => {
                type $t = f64;
                $body
            }
            _ => {
                type $t = f32;
                $body
            }
        }
    };
}

/// Type of an accumulator.
fn accumulator(c: TileRef<'_>, operation: &'static str) -> Result<Precision, CpuError> {
    assert_eq!(c.scale(), 0, "scale of an accumulator");
    match c.precision() {
        p @ (Precision::F64 | Precision::F32) => Ok(p),
        precision => Err(CpuError::Unsupported {
            operation,
            precision,
        }),
    }
}

/// Refuses what is no operand.
fn operand(tile: TileRef<'_>, operation: &'static str) -> Result<(), CpuError> {
    match tile.precision() {
        precision @ Precision::I8 => Err(CpuError::Unsupported {
            operation,
            precision,
        }),
        _ => Ok(()),
    }
}

fn output<'a, T: Real>(c: &'a mut TileMut<'_>) -> Output<'a, T> {
    let view = c.as_ref();
    let (rows, cols, ld) = (view.rows(), view.cols(), view.ld());
    Output {
        rows,
        cols,
        ld,
        values: T::slice_mut(c).expect("the accumulator's type was looked up"),
    }
}

/// Shape of op(A).
pub(crate) fn shape((a, trans): (TileRef<'_>, Trans)) -> (usize, usize) {
    match trans {
        Trans::No => (a.rows(), a.cols()),
        Trans::Yes => (a.cols(), a.rows()),
    }
}

/// C ← C + α·op(A)·op(B).
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands and for a C that is no accumulator.
///
/// # Panics
/// Unless op(A) is m × k, op(B) k × n and C m × n with scale 2⁰.
pub(crate) fn gemm<A: Algebra<f64> + Algebra<f32>>(
    alpha: f64,
    a: (TileRef<'_>, Trans),
    b: (TileRef<'_>, Trans),
    mut c: TileMut<'_>,
) -> Result<(), CpuError> {
    let ((m, k), (kb, n)) = (shape(a), shape(b));
    let of_c = (c.as_ref().rows(), c.as_ref().cols());
    assert_eq!((of_c, k), ((m, n), kb), "shapes of C, A·B");
    with_accumulator!(c, "gemm", T => {
        operand(a.0, "gemm")?;
        operand(b.0, "gemm")?;
        if m * n * k > 0 {
            A::gemm(T::of_f64(alpha), a, b, output(&mut c));
        }
    });
    Ok(())
}

/// Lower triangle of C ← C + α·A·Aᵀ; what stands above the diagonal is unspecified afterwards.
///
/// # Errors
/// As [`gemm`].
///
/// # Panics
/// Unless C is n × n with scale 2⁰ and A n × k.
pub(crate) fn syrk<A: Algebra<f64> + Algebra<f32>>(
    alpha: f64,
    a: TileRef<'_>,
    mut c: TileMut<'_>,
) -> Result<(), CpuError> {
    let of_c = (c.as_ref().rows(), c.as_ref().cols());
    assert_eq!(of_c, (a.rows(), a.rows()), "shapes of C, A·Aᵀ");
    with_accumulator!(c, "syrk", T => {
        operand(a, "syrk")?;
        if a.rows() * a.cols() > 0 {
            A::syrk(T::of_f64(alpha), a, output(&mut c));
        }
    });
    Ok(())
}

/// Solves a triangular system with the lower triangle of `l`; B becomes X.
///
/// # Errors
/// As [`gemm`].
///
/// # Panics
/// Unless `l` is n × n and B, with scale 2⁰, has n rows (left) or n columns (right).
pub(crate) fn trsm<A: Algebra<f64> + Algebra<f32>>(
    solve: Solve,
    l: TileRef<'_>,
    mut b: TileMut<'_>,
) -> Result<(), CpuError> {
    check_triangle(solve, l, b.as_ref());
    with_accumulator!(b, "trsm", T => {
        operand(l, "trsm")?;
        let b = output::<T>(&mut b);
        if b.rows * b.cols > 0 {
            A::trsm(solve, l, b);
        }
    });
    Ok(())
}

/// Checks the shapes of [`trsm`].
pub(crate) fn check_triangle(solve: Solve, l: TileRef<'_>, b: TileRef<'_>) {
    let n = match solve {
        Solve::RightTransposed => b.cols(),
        Solve::Left | Solve::LeftTransposed => b.rows(),
    };
    assert_eq!((l.rows(), l.cols()), (n, n), "shape of the triangle");
}

/// Lower Cholesky factor of the lower triangle of A, in place; zeros above the diagonal.
///
/// # Errors
/// [`CpuError::NotPositiveDefinite`] if a pivot is not positive or not finite, and as [`gemm`].
///
/// # Panics
/// If the tile is not square or its scale is not 2⁰.
pub(crate) fn potrf<A: Algebra<f64> + Algebra<f32>>(mut a: TileMut<'_>) -> Result<(), CpuError> {
    let (rows, cols) = (a.as_ref().rows(), a.as_ref().cols());
    assert_eq!(rows, cols, "a square tile");
    if rows == 0 {
        return Ok(());
    }
    with_accumulator!(a, "potrf", T => {
        let precision = T::PRECISION;
        let failed = |pivot| CpuError::NotPositiveDefinite { pivot, rows, precision };
        A::potrf(output::<T>(&mut a)).map_err(failed)?;
        let a = output::<T>(&mut a);
        for c in 1..cols {
            a.values[c * a.ld..][..c].fill(T::of_f64(0.0));
        }
    });
    Ok(())
}

/// Adds `value` to the diagonal of an accumulator, rounding once.
///
/// # Errors
/// [`CpuError::Unsupported`] if it is no accumulator.
///
/// # Panics
/// If the tile is not square or its scale is not 2⁰.
pub(crate) fn shift(mut a: TileMut<'_>, value: f64) -> Result<(), CpuError> {
    let (rows, cols) = (a.as_ref().rows(), a.as_ref().cols());
    assert_eq!(rows, cols, "a square tile");
    with_accumulator!(a, "shift", T => {
        let a = output::<T>(&mut a);
        for i in 0..rows {
            let at = &mut a.values[i * a.ld + i];
            *at = T::of_f64(Real::to_f64(*at) + value);
        }
    });
    Ok(())
}
