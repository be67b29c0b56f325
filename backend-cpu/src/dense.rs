//! Tile operations by the kernels of [`crate::simd::gemm`], on the calling thread.

use epitile_core::backend::{Solve, Trans};
use epitile_core::tile::TileRef;

use crate::algebra::{Algebra, Output};
use crate::operand::{Operand, Real};
use crate::simd::gemm::{Kernels, Source};

/// This crate's blocked kernels.
pub(crate) struct Blocked;

impl<T: Kernels> Algebra<T> for Blocked {
    fn gemm(alpha: T, a: (TileRef<'_>, Trans), b: (TileRef<'_>, Trans), c: Output<'_, T>) {
        T::product(alpha, Source::rows(a), Some(Source::columns(b)), c);
    }

    fn syrk(alpha: T, a: TileRef<'_>, c: Output<'_, T>) {
        T::product(alpha, Source::rows((a, Trans::No)), None, c);
    }

    fn trsm(solve: Solve, l: TileRef<'_>, b: Output<'_, T>) {
        match solve {
            Solve::RightTransposed => T::solve(Source::rows((l, Trans::No)), b),
            // L X = B is Xᵀ Lᵀ = Bᵀ.
            Solve::Left => transposed(b, |at| at, |b| T::solve(Source::rows((l, Trans::No)), b)),
            // With the order of the rows reversed, Lᵀ is lower triangular.
            Solve::LeftTransposed => {
                let last = b.rows - 1;
                let l = Operand::<T>::of(l, "trsm").expect("I8 was refused");
                let mut reversed = vec![T::of_f64(0.0); (last + 1) * (last + 1)];
                for c in 0..=last {
                    for r in c..=last {
                        reversed[c * (last + 1) + r] = l.values[(last - r) * l.ld + last - c];
                    }
                }
                let shape = (last + 1, last + 1, last + 1);
                let bytes = bytemuck::cast_slice(&reversed);
                let l = TileRef::new(shape, T::PRECISION, 0, bytes);
                transposed(
                    b,
                    |at| last - at,
                    |b| T::solve(Source::rows((l, Trans::No)), b),
                );
            }
        }
    }

    fn potrf(a: Output<'_, T>) -> Result<(), usize> {
        T::factor(a)
    }
}

/// Runs `solve` on the transpose of B, row r of B being its column `place(r)`.
fn transposed<T: Real>(
    b: Output<'_, T>,
    place: impl Fn(usize) -> usize,
    solve: impl FnOnce(Output<'_, T>),
) {
    let (rows, cols) = (b.cols, b.rows);
    let mut values = vec![T::of_f64(0.0); rows * cols];
    for c in 0..b.cols {
        for r in 0..b.rows {
            values[place(r) * rows + c] = b.values[c * b.ld + r];
        }
    }
    solve(Output {
        rows,
        cols,
        ld: rows,
        values: &mut values,
    });
    for c in 0..b.cols {
        for r in 0..b.rows {
            b.values[c * b.ld + r] = values[place(r) * rows + c];
        }
    }
}

#[cfg(test)]
mod tests;
