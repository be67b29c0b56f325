//! Right-hand-side panels: products and triangular solves with at most [`WIDTH`] columns in FP64.
//!
//! A sum runs over k in ascending (transposed solves: descending) order, one multiply-add a step,
//! fused exactly where the instruction set has it. Columns are padded to the fixed width and each
//! is its own lane, rows are independent: the bits of an entry depend on its own row of A and its
//! own column of B only.

use crate::simd::level::multiversion;

/// Columns of a panel.
pub(crate) const WIDTH: usize = 8;

/// One row of a panel.
pub(crate) type Row = [f64; WIDTH];

/// Rows summed side by side.
const ROWS: usize = 8;

/// A matrix of f64 or f32: entry (r, c) is `r · strides.0 + c · strides.1`.
pub(crate) struct Strided<'a, E> {
    pub(crate) values: &'a [E],
    pub(crate) strides: (usize, usize),
}

multiversion! {
    /// out ← A·B for the `out.len() × b.len()` matrix A.
    fn multiply<E: Entry>(a: &Strided<'_, E>, b: &[Row], out: &mut [Row])
        = multiply_body::<true, E>, multiply_body::<false, E>
}

multiversion! {
    /// x ← L⁻¹ x for lower triangular L of order `x.len()`.
    fn forward<E: Entry>(l: &Strided<'_, E>, x: &mut [Row])
        = forward_body::<true, E>, forward_body::<false, E>
}

multiversion! {
    /// x ← L⁻ᵀ x for lower triangular L of order `x.len()`.
    fn backward<E: Entry>(l: &Strided<'_, E>, x: &mut [Row])
        = backward_body::<true, E>, backward_body::<false, E>
}

/// An entry that widens to f64.
pub(crate) trait Entry: Copy + Into<f64> {}
impl Entry for f64 {}
impl Entry for f32 {}

/// sum + a·b in every column.
#[inline(always)]
fn add<const FUSED: bool>(sum: &mut Row, a: f64, b: &Row) {
    for c in 0..WIDTH {
        sum[c] = if FUSED {
            a.mul_add(b[c], sum[c])
        } else {
            sum[c] + a * b[c]
        };
    }
}

#[inline(always)]
fn multiply_body<const FUSED: bool, E: Entry>(a: &Strided<'_, E>, b: &[Row], out: &mut [Row]) {
    let (down, along) = a.strides;
    let mut r = 0;
    while r < out.len() {
        let from = &a.values[r * down..];
        if r + ROWS <= out.len() {
            let mut sums = [[0.0; WIDTH]; ROWS];
            for (k, b) in b.iter().enumerate() {
                let from = &from[k * along..][..(ROWS - 1) * down + 1];
                for i in 0..ROWS {
                    add::<FUSED>(&mut sums[i], from[i * down].into(), b);
                }
            }
            out[r..r + ROWS].copy_from_slice(&sums);
            r += ROWS;
        } else {
            let mut sum = [0.0; WIDTH];
            for (k, b) in b.iter().enumerate() {
                add::<FUSED>(&mut sum, from[k * along].into(), b);
            }
            out[r] = sum;
            r += 1;
        }
    }
}

/// (x − sum) / pivot in every column.
#[inline(always)]
fn finish(x: &mut Row, sum: &Row, pivot: f64) {
    for c in 0..WIDTH {
        x[c] = (x[c] - sum[c]) / pivot;
    }
}

#[inline(always)]
fn forward_body<const FUSED: bool, E: Entry>(l: &Strided<'_, E>, x: &mut [Row]) {
    let (down, along) = l.strides;
    let n = x.len();
    for first in (0..n).step_by(ROWS) {
        let rows = ROWS.min(n - first);
        let mut sums = [[0.0; WIDTH]; ROWS];
        // Columns left of the block for all its rows at once, then the triangle row by row.
        let left = &l.values[first * down..];
        if rows == ROWS {
            for (k, x) in x[..first].iter().enumerate() {
                let left = &left[k * along..][..(ROWS - 1) * down + 1];
                for i in 0..ROWS {
                    add::<FUSED>(&mut sums[i], left[i * down].into(), x);
                }
            }
        } else {
            for i in 0..rows {
                for (k, x) in x[..first].iter().enumerate() {
                    add::<FUSED>(&mut sums[i], left[i * down + k * along].into(), x);
                }
            }
        }
        for i in 0..rows {
            for k in first..first + i {
                add::<FUSED>(&mut sums[i], left[i * down + k * along].into(), &x[k]);
            }
            let pivot = left[i * down + (first + i) * along].into();
            finish(&mut x[first + i], &sums[i], pivot);
        }
    }
}

#[inline(always)]
fn backward_body<const FUSED: bool, E: Entry>(l: &Strided<'_, E>, x: &mut [Row]) {
    // Row r of Lᵀ is column r of L.
    let (along, down) = l.strides;
    let n = x.len();
    let mut end = n;
    while end > 0 {
        let rows = if end.is_multiple_of(ROWS) {
            ROWS
        } else {
            end % ROWS
        };
        let first = end - rows;
        let mut sums = [[0.0; WIDTH]; ROWS];
        let block = &l.values[first * down..];
        for k in (end..n).rev() {
            if rows == ROWS {
                let block = &block[k * along..][..(ROWS - 1) * down + 1];
                for i in 0..ROWS {
                    add::<FUSED>(&mut sums[i], block[i * down].into(), &x[k]);
                }
            } else {
                for i in 0..rows {
                    add::<FUSED>(&mut sums[i], block[i * down + k * along].into(), &x[k]);
                }
            }
        }
        for i in (0..rows).rev() {
            for k in (first + i + 1..end).rev() {
                add::<FUSED>(&mut sums[i], block[i * down + k * along].into(), &x[k]);
            }
            let pivot = block[i * down + (first + i) * along].into();
            finish(&mut x[first + i], &sums[i], pivot);
        }
        end = first;
    }
}
