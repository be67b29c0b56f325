//! Right-hand sides in FP64 or FP32: products with a tile and triangular solves, whose bits are
//! promised.
//!
//! A column's bits depend neither on its place nor on its neighbours, a row's not on how many rows
//! the tile has; see [`crate::simd::panel`]. Tiles of other formats than the panel's are decoded a
//! few columns at a time, once for all right-hand sides.

use epitile_core::backend::{Solve, Trans};
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{TileMut, TileRef};

use crate::error::CpuError;
use crate::operand::reciprocal;
use crate::simd::decode::{Decoded, decode};
use crate::simd::panel::{Lane, Matrix, Product, Triangle, add_to, from_columns, to_columns};

/// Columns decoded together: with 512 rows, 64 KiB (FP32) or 128 KiB of the second-level cache.
const DECODED: usize = 32;

/// Y ← Y + α·op(A)·X.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless op(A) is m × k, X k × t and Y m × t, both F64 or both F32, with scale 2⁰.
pub(crate) fn apply(
    alpha: f64,
    a: (TileRef<'_>, Trans),
    x: TileRef<'_>,
    y: TileMut<'_>,
) -> Result<(), CpuError> {
    match x.precision() {
        Precision::F32 => apply_in::<f32, 16>(alpha, a, x, y),
        _ => apply_in::<f64, 8>(alpha, a, x, y),
    }
}

fn apply_in<T: Decoded, const L: usize>(
    alpha: f64,
    (a, trans): (TileRef<'_>, Trans),
    x: TileRef<'_>,
    mut y: TileMut<'_>,
) -> Result<(), CpuError> {
    let transposed = trans == Trans::Yes;
    let (m, k) = match trans {
        Trans::No => (a.rows(), a.cols()),
        Trans::Yes => (a.cols(), a.rows()),
    };
    let (out, t) = (y.as_ref().ld(), x.cols());
    let shapes = (x.rows(), (y.as_ref().rows(), y.as_ref().cols()));
    assert_eq!(shapes, (k, (m, t)), "shapes of X, Y");
    check::<T>(x);
    check::<T>(y.as_ref());
    if m == 0 || k == 0 || t == 0 {
        return Ok(()); // No term is added.
    }
    let x = from_columns::<T, L>((T::stored(x).expect("checked"), x.ld()), (k, t));
    let mut sums = vec![[T::ZERO; L]; m * t.div_ceil(L)];
    blocks::<T>(a, |first, cols, values| {
        let a = Matrix {
            values,
            ld: a.ld(),
            transposed,
        };
        // Columns of A are terms of every sum, or have sums of their own.
        let (shape, term, sum) = match transposed {
            false => ((m, cols), first, 0),
            true => ((cols, k), 0, first),
        };
        let (x, sums) = ((&x[..], k, term), (&mut sums[..], m, sum));
        Product { a, shape, x, sums }.add();
    })?;
    // The scale of A multiplies the sums: the same bits as if it had multiplied the terms.
    let factors = (T::of_f64(alpha), exp2(a.scale()));
    let y = T::slice_mut(&mut y).expect("checked");
    add_to(&sums, factors, (y, out), (m, t));
    Ok(())
}

/// Calls `run` with blocks of the columns of `a`: the first one, their number, their numbers.
fn blocks<T: Decoded>(
    a: TileRef<'_>,
    mut run: impl FnMut(usize, usize, &[T]),
) -> Result<(), CpuError> {
    if let Some(values) = T::stored(a) {
        run(0, a.cols(), values);
        return Ok(());
    }
    let ld = a.ld();
    let mut decoded = vec![T::ZERO; ld * DECODED.min(a.cols())];
    for first in (0..a.cols()).step_by(DECODED) {
        let cols = DECODED.min(a.cols() - first);
        let len = (cols - 1) * ld + a.rows();
        let decoded = &mut decoded[..len];
        decode(a, first * ld..first * ld + len, "apply", decoded)?;
        run(first, cols, decoded);
    }
    Ok(())
}

/// Solves L X = B or Lᵀ X = B for right-hand sides B, which become X.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless `l` is n × n and B, F64 or F32 with scale 2⁰, has n rows; for
/// [`Solve::RightTransposed`].
pub(crate) fn trsm(solve: Solve, l: TileRef<'_>, b: TileMut<'_>) -> Result<(), CpuError> {
    match b.as_ref().precision() {
        Precision::F32 => trsm_in::<f32, 16>(solve, l, b),
        _ => trsm_in::<f64, 8>(solve, l, b),
    }
}

fn trsm_in<T: Decoded, const L: usize>(
    solve: Solve,
    l: TileRef<'_>,
    mut b: TileMut<'_>,
) -> Result<(), CpuError> {
    let (n, t) = (b.as_ref().rows(), b.as_ref().cols());
    assert_eq!((l.rows(), l.cols()), (n, n), "shapes of L and B");
    check::<T>(b.as_ref());
    let ld = b.as_ref().ld();
    if n == 0 || t == 0 {
        return Ok(());
    }
    let decoded;
    let values = match T::stored(l) {
        Some(values) => values,
        None => {
            let mut numbers = vec![T::ZERO; (n - 1) * l.ld() + n];
            decode(l, 0..numbers.len(), "trsm", &mut numbers)?;
            decoded = numbers;
            &decoded
        }
    };
    let matrix = Matrix {
        values,
        ld: l.ld(),
        transposed: match solve {
            Solve::Left => false,
            Solve::LeftTransposed => true,
            Solve::RightTransposed => panic!("right-hand sides are solved from the left"),
        },
    };
    let b = T::slice_mut(&mut b).expect("checked");
    let mut x = from_columns::<T, L>((b, ld), (n, t));
    Triangle {
        l: matrix,
        order: n,
        x: &mut x,
    }
    .solve();
    if l.scale() != 0 {
        let [first, second] = reciprocal(l.scale());
        for v in x.as_flattened_mut() {
            *v = T::of_f64(v.to_f64() * first * second);
        }
    }
    to_columns(&x, (b, ld), (n, t));
    Ok(())
}

/// Refuses what are no right-hand sides in `T`.
fn check<T: Lane>(panel: TileRef<'_>) {
    let is_panel = panel.precision() == T::PRECISION && panel.scale() == 0;
    assert!(
        is_panel,
        "right-hand sides are {} with scale 2⁰",
        T::PRECISION
    );
}

#[cfg(test)]
mod tests;
