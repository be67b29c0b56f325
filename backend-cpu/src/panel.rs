//! Right-hand sides in FP64: products with a tile and triangular solves, whose bits are promised.
//!
//! A column's bits depend neither on its place nor on its neighbours, a row's not on how many rows
//! the tile has; see [`crate::simd::panel`]. Tiles of other formats than F64 are decoded a few
//! columns at a time, once for all right-hand sides.

use epitile_core::backend::{Solve, Trans};
use epitile_core::precision::exp2;
use epitile_core::tile::{Elements, TileMut, TileRef};

use crate::error::CpuError;
use crate::operand::reciprocal;
use crate::simd::decode::decode;
use crate::simd::panel::{
    Matrix, Row, WIDTH, add_product, add_scaled, backward, forward, transposed_product,
};

/// Columns decoded together: with 256 rows, 64 KiB of the second-level cache.
const DECODED: usize = 32;

/// Y ← Y + α·op(A)·X.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless op(A) is m × k, X k × t and Y m × t, both F64 with scale 2⁰.
pub(crate) fn apply(
    alpha: f64,
    (a, trans): (TileRef<'_>, Trans),
    x: TileRef<'_>,
    mut y: TileMut<'_>,
) -> Result<(), CpuError> {
    let (m, k) = match trans {
        Trans::No => (a.rows(), a.cols()),
        Trans::Yes => (a.cols(), a.rows()),
    };
    let (out, t) = (check(y.as_ref()), x.cols());
    assert_eq!(
        (x.rows(), (y.as_ref().rows(), y.as_ref().cols())),
        (k, (m, t)),
        "shapes of X, Y"
    );
    check(x);
    if m == 0 || k == 0 || t == 0 {
        return Ok(()); // No term is added.
    }
    let Elements::F64(values) = x.elements() else {
        unreachable!("checked to be F64");
    };
    let x = Matrix { values, ld: x.ld() };
    let mut sums = vec![0.0; m * t];
    blocks(a, |first, cols, block| match trans {
        Trans::No => {
            let values = &x.values[first..];
            add_product(block, Matrix { values, ..x }, (m, cols, t), &mut sums);
        }
        Trans::Yes => transposed_product(block, x, (k, cols, t), (&mut sums[first..], m)),
    })?;
    // The scale of A multiplies the sums: the same bits as if it had multiplied the terms.
    let unit = exp2(a.scale());
    let y = y.f64s().expect("checked to be F64");
    for (c, sums) in sums.chunks_exact(m).enumerate() {
        add_scaled(alpha, unit, sums, &mut y[c * out..][..m]);
    }
    Ok(())
}

/// Calls `run` with blocks of the columns of `a`: the first one, their number, their numbers.
fn blocks(a: TileRef<'_>, mut run: impl FnMut(usize, usize, Matrix<'_>)) -> Result<(), CpuError> {
    let ld = a.ld();
    if let Elements::F64(values) = a.elements() {
        run(0, a.cols(), Matrix { values, ld });
        return Ok(());
    }
    let mut decoded = vec![0.0; ld * DECODED.min(a.cols())];
    for first in (0..a.cols()).step_by(DECODED) {
        let cols = DECODED.min(a.cols() - first);
        let len = (cols - 1) * ld + a.rows();
        decode(
            a,
            first * ld..first * ld + len,
            "apply",
            &mut decoded[..len],
        )?;
        let values = &decoded[..len];
        run(first, cols, Matrix { values, ld });
    }
    Ok(())
}

/// Solves L X = B or Lᵀ X = B for right-hand sides B, which become X.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless `l` is n × n and B, F64 with scale 2⁰, has n rows; for [`Solve::RightTransposed`].
pub(crate) fn trsm(solve: Solve, l: TileRef<'_>, mut b: TileMut<'_>) -> Result<(), CpuError> {
    let (n, t) = (b.as_ref().rows(), b.as_ref().cols());
    assert_eq!((l.rows(), l.cols()), (n, n), "shapes of L and B");
    let ld = check(b.as_ref());
    let b = b.f64s().expect("checked to be F64");
    let decoded;
    let values = match l.elements() {
        Elements::F64(values) => values,
        _ => {
            let mut numbers = vec![0.0; n.saturating_sub(1) * l.ld() + n];
            decode(l, 0..numbers.len(), "trsm", &mut numbers)?;
            decoded = numbers;
            &decoded
        }
    };
    let l_of = Matrix { values, ld: l.ld() };
    let [first, second] = reciprocal(l.scale());
    let mut rows: Vec<Row> = vec![[0.0; WIDTH]; n];
    for columns in (0..t).step_by(WIDTH) {
        let width = WIDTH.min(t - columns);
        for c in 0..width {
            for (row, b) in rows.iter_mut().zip(&b[(columns + c) * ld..]) {
                row[c] = *b;
            }
        }
        match solve {
            Solve::Left => forward(l_of, &mut rows),
            Solve::LeftTransposed => backward(l_of, &mut rows),
            Solve::RightTransposed => panic!("right-hand sides are solved from the left"),
        }
        for c in 0..width {
            for (b, row) in b[(columns + c) * ld..].iter_mut().zip(&rows) {
                *b = row[c] * first * second;
            }
        }
    }
    Ok(())
}

/// The leading dimension of F64 right-hand sides.
fn check(panel: TileRef<'_>) -> usize {
    let is_panel = matches!(panel.elements(), Elements::F64(_)) && panel.scale() == 0;
    assert!(is_panel, "right-hand sides are F64 with scale 2⁰");
    panel.ld()
}

#[cfg(test)]
mod tests;
