//! Right-hand sides in FP64 or FP32: products with a tile and triangular solves.
//!
//! A panel is held in rows: the numbers of as many columns as a vector holds stand side by side,
//! and columns are independent lanes. An entry is a chain of multiply-adds over the columns of
//! op(A) in ascending order (a solve with Lᵀ: first those past its block of eight rows, ascending,
//! then those in it, descending), fused exactly where the instruction set has it. Its bits
//! therefore depend on its own row of op(A) and its own column of the right-hand sides only.
//!
//! | file | does |
//! |---|---|
//! | `product.rs` | products |
//! | `triangle.rs` | triangular solves |
//! | `rows.rs`, `turn.rs` | columns to rows and back |

mod product;
mod rows;
mod triangle;
mod turn;

#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Level, level};

pub(crate) use product::Product;
pub(crate) use rows::{add_to, from_columns, to_columns};
pub(crate) use triangle::Triangle;

use crate::operand::Real;

/// A number of a panel.
pub(crate) trait Lane: Real {
    /// Zero.
    const ZERO: Self;
    /// a·b + sum, rounded once.
    fn fused(a: Self, b: Self, sum: Self) -> Self;
    /// Transposes a square as wide as a vector.
    ///
    /// # Safety
    /// Needs AVX-512F.
    unsafe fn turn<const L: usize>(square: &mut [[Self; L]; L]);
}

impl Lane for f64 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn fused(a: f64, b: f64, sum: f64) -> f64 {
        a.mul_add(b, sum)
    }

    #[inline(always)]
    unsafe fn turn<const L: usize>(square: &mut [[f64; L]; L]) {
        #[cfg(target_arch = "x86_64")]
        if let Ok(square) = square.as_flattened_mut().as_chunks_mut::<8>().0.try_into() {
            // SAFETY: the caller's promise.
            return unsafe { turn::wide::f64s(square) };
        }
        turn::turn(square);
    }
}

impl Lane for f32 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn fused(a: f32, b: f32, sum: f32) -> f32 {
        a.mul_add(b, sum)
    }

    #[inline(always)]
    unsafe fn turn<const L: usize>(square: &mut [[f32; L]; L]) {
        #[cfg(target_arch = "x86_64")]
        if let Ok(square) = square.as_flattened_mut().as_chunks_mut::<16>().0.try_into() {
            // SAFETY: the caller's promise.
            return unsafe { turn::wide::f32s(square) };
        }
        turn::turn(square);
    }
}

/// op(A) of a column-major A, whose entry (r, c) is `c · ld + r`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) ld: usize,
    /// Whether op(A) is Aᵀ.
    pub(crate) transposed: bool,
}

impl<T> Matrix<'_, T> {
    /// Places between neighbours in a column and in a row of op(A).
    #[inline(always)]
    fn steps(self) -> (usize, usize) {
        match self.transposed {
            false => (1, self.ld),
            true => (self.ld, 1),
        }
    }
}

/// Work with a body for each instruction set.
trait Work {
    /// Does it, with AVX-512 or without, multiply-adds fused or not, R rows of sums and V vectors of
    /// columns at a time.
    fn run<const WIDE: bool, const FUSED: bool, const R: usize, const V: usize>(self);
}

/// Does `work` with the best instructions there are.
fn dispatch<W: Work>(work: W) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt"
        )]
        fn avx512<W: Work>(work: W) {
            work.run::<true, true, 8, 2>();
        }
        #[target_feature(enable = "avx2,fma,popcnt")]
        fn avx2<W: Work>(work: W) {
            work.run::<false, true, 4, 1>();
        }
        match level() {
            // SAFETY: `level` has found every feature that `avx512` enables.
            Level::Avx512 => return unsafe { avx512(work) },
            // SAFETY: `level` has found every feature that `avx2` enables.
            Level::Avx2 => return unsafe { avx2(work) },
            Level::Portable => {}
        }
    }
    work.run::<false, false, 4, 1>();
}

/// `sum` + `a`·`b`, lane by lane.
#[inline(always)]
fn multiply_add<T: Lane, const L: usize, const FUSED: bool>(a: T, b: &[T; L], sum: &mut [T; L]) {
    for l in 0..L {
        sum[l] = match FUSED {
            true => T::fused(a, b[l], sum[l]),
            false => sum[l] + a * b[l],
        };
    }
}
