//! The linear algebra of the reference, in f64 or in f32 throughout.

use alloc::vec::Vec;

use num_traits::Float;

use super::Reference;
use crate::backend::{Backend, ErrorKind, Solve, Trans};
use crate::precision::Precision;
use crate::tile::Tile;

/// Values of an operand in the precision `to` of an output.
fn operand<T: Float>(tile: &Tile, to: Precision) -> Result<Vec<T>, ErrorKind> {
    let values = match (tile.precision(), tile.scale()) == (to, 0) {
        true => tile.to_f64(),
        false => Reference.convert(tile, to, 0)?.to_f64(),
    };
    Ok(values.into_iter().map(float).collect())
}

/// Writes an accumulator back.
fn store<T: Float>(values: &[T], tile: &mut Tile) -> Result<(), ErrorKind> {
    assert_eq!(tile.scale(), 0, "scale of an accumulator");
    let wide = |v: &T| v.to_f64().expect("every float is an f64");
    let values: Vec<f64> = values.iter().map(wide).collect();
    tile.as_mut().write(&values);
    Ok(())
}

fn float<T: Float>(v: f64) -> T {
    T::from(v).expect("every float has a nearest value")
}

/// Σ over k in order, then α, then C.
pub(super) fn gemm<T: Float>(
    alpha: f64,
    (a, ta): (&Tile, Trans),
    (b, tb): (&Tile, Trans),
    c: &mut Tile,
) -> Result<(), ErrorKind> {
    let shape = |t: &Tile, trans| match trans {
        Trans::No => (t.rows(), t.cols(), 1, t.rows()),
        Trans::Yes => (t.cols(), t.rows(), t.rows(), 1),
    };
    let ((m, k, ar, ac), (bk, n, br, bc)) = (shape(a, ta), shape(b, tb));
    assert_eq!((m, k, n), (c.rows(), bk, c.cols()), "shapes of a product");
    let (p, alpha) = (c.precision(), float::<T>(alpha));
    let (a, b, mut out) = (
        operand::<T>(a, p)?,
        operand::<T>(b, p)?,
        operand::<T>(c, p)?,
    );
    for j in 0..n {
        for i in 0..m {
            let mut sum = T::zero();
            for l in 0..k {
                sum = sum + a[i * ar + l * ac] * b[l * br + j * bc];
            }
            out[j * m + i] = out[j * m + i] + alpha * sum;
        }
    }
    store(&out, c)
}

/// Substitution, one system after the other.
pub(super) fn trsm<T: Float>(solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), ErrorKind> {
    let (n, rows, cols) = (l.rows(), b.rows(), b.cols());
    // Systems of n unknowns: the rows of B from the right, its columns from the left.
    let (order, systems, next, step) = match solve {
        Solve::RightTransposed => (cols, rows, 1, rows),
        Solve::Left | Solve::LeftTransposed => (rows, cols, rows, 1),
    };
    assert_eq!((n, n), (l.cols(), order), "shapes of a triangular system");
    let (l, mut x) = (
        operand::<T>(l, b.precision())?,
        operand::<T>(b, b.precision())?,
    );
    for system in 0..systems {
        let at = |i| system * next + i * step;
        for place in 0..n {
            let i = match solve {
                Solve::LeftTransposed => n - 1 - place,
                _ => place,
            };
            let mut sum = x[at(i)];
            match solve {
                Solve::LeftTransposed => {
                    (i + 1..n).for_each(|j| sum = sum - l[i * n + j] * x[at(j)]);
                }
                _ => (0..i).for_each(|j| sum = sum - l[j * n + i] * x[at(j)]),
            }
            x[at(i)] = sum / l[i * n + i];
        }
    }
    store(&x, b)
}

/// Column by column, each entry by its inner product.
pub(super) fn potrf<T: Float>(tile: &mut Tile) -> Result<(), ErrorKind> {
    let n = tile.rows();
    assert_eq!(n, tile.cols(), "a square tile");
    let mut a = operand::<T>(tile, tile.precision())?;
    for j in 0..n {
        for i in j..n {
            for k in 0..j {
                a[j * n + i] = a[j * n + i] - a[k * n + i] * a[k * n + j];
            }
            if i > j {
                a[j * n + i] = a[j * n + i] / a[j * n + j];
                a[i * n + j] = T::zero();
            } else if a[j * n + j] > T::zero() && a[j * n + j].is_finite() {
                a[j * n + j] = a[j * n + j].sqrt();
            } else {
                return Err(ErrorKind::NotPositiveDefinite { pivot: j });
            }
        }
    }
    store(&a, tile)
}
