//! Right-hand-side panels: F64 with at most [`WIDTH`] columns, whose bits are promised.
//!
//! A column's bits depend neither on its place nor on its neighbours, a row's not on how many rows
//! the tile has; see [`crate::simd::panel`]. Padding columns are zero. 16·m·k operations in a
//! product, whatever the number of columns.

use epitile_core::backend::{Solve, Trans};
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{TileMut, TileRef};

use crate::algebra;
use crate::error::CpuError;
use crate::operand::{Operand, Stored, reciprocal};
use crate::simd::panel::{Row, Strided, WIDTH, backward, forward, multiply};

/// Whether `tile` is a panel.
pub(crate) fn is_panel(tile: TileRef<'_>) -> bool {
    tile.precision() == Precision::F64 && tile.cols() <= WIDTH
}

/// C ← C + α·op(A)·op(B) for a panel C.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless op(A) is m × k, op(B) k × n and C, a panel with scale 2⁰, m × n.
pub(crate) fn gemm(
    alpha: f64,
    a: (TileRef<'_>, Trans),
    b: (TileRef<'_>, Trans),
    mut c: TileMut<'_>,
) -> Result<(), CpuError> {
    let ((m, k), (kb, n)) = (algebra::shape(a), algebra::shape(b));
    let (of_c, ld) = check(c.as_ref());
    assert_eq!((of_c, k), ((m, n), kb), "shapes of C, A·B");
    let operand = Operand::<f64>::of(b.0, "gemm")?;
    let strides = oriented(operand.ld, b.1);
    let rows = gather((k, n), strides, &operand.values);
    let mut out = vec![[0.0; WIDTH]; m];
    let stored = Stored::of(a.0, "gemm")?;
    if k == 0 {
        return Ok(()); // No term is added, and A has no entry to start from.
    }
    match stored {
        Stored::F64(values) => {
            let strides = oriented(a.0.ld(), a.1);
            multiply(&Strided { values, strides }, &rows, &mut out);
        }
        Stored::F32(values) => {
            let (values, strides) = (&*values, oriented(a.0.ld(), a.1));
            multiply(&Strided { values, strides }, &rows, &mut out);
        }
    }
    // The scale of A multiplies the sums: the same bits as if it had multiplied the terms.
    let unit = exp2(a.0.scale());
    let c = c.f64s().expect("a panel is F64");
    for j in 0..n {
        for (c, row) in c[j * ld..][..m].iter_mut().zip(&out) {
            *c += alpha * (unit * row[j]);
        }
    }
    Ok(())
}

/// Solves L X = B or Lᵀ X = B for a panel B, which becomes X.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8 operands.
///
/// # Panics
/// Unless `l` is n × n and B, a panel with scale 2⁰, has n rows; for [`Solve::RightTransposed`].
pub(crate) fn trsm(solve: Solve, l: TileRef<'_>, mut b: TileMut<'_>) -> Result<(), CpuError> {
    algebra::check_triangle(solve, l, b.as_ref());
    let (shape, ld) = check(b.as_ref());
    let stored = Stored::of(l, "trsm")?;
    let b = b.f64s().expect("a panel is F64");
    let mut x = gather(shape, (1, ld), b);
    let strides = (1, l.ld());
    let run = |x: &mut [Row]| match (&stored, solve) {
        (Stored::F64(values), Solve::Left) => forward(&Strided { values, strides }, x),
        (Stored::F64(values), _) => backward(&Strided { values, strides }, x),
        (Stored::F32(values), Solve::Left) => forward(&Strided { values, strides }, x),
        (Stored::F32(values), _) => backward(&Strided { values, strides }, x),
    };
    assert_ne!(
        solve,
        Solve::RightTransposed,
        "panels are solved from the left"
    );
    run(&mut x);
    let [first, second] = reciprocal(l.scale());
    for j in 0..shape.1 {
        for (b, row) in b[j * ld..].iter_mut().zip(&x) {
            *b = row[j] * first * second;
        }
    }
    Ok(())
}

fn check(panel: TileRef<'_>) -> ((usize, usize), usize) {
    assert_eq!(panel.scale(), 0, "scale of an accumulator");
    ((panel.rows(), panel.cols()), panel.ld())
}

/// Strides of the rows and columns of op(A).
fn oriented(ld: usize, trans: Trans) -> (usize, usize) {
    match trans {
        Trans::No => (1, ld),
        Trans::Yes => (ld, 1),
    }
}

/// Rows of a strided panel, padded with zero columns.
fn gather((m, n): (usize, usize), (down, along): (usize, usize), values: &[f64]) -> Vec<Row> {
    let mut rows = vec![[0.0; WIDTH]; m];
    for j in 0..n {
        for (r, row) in rows.iter_mut().enumerate() {
            row[j] = values[r * down + j * along];
        }
    }
    rows
}

#[cfg(test)]
mod tests;
