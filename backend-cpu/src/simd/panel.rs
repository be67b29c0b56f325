//! Right-hand sides in FP64: products with a tile and triangular solves.
//!
//! Columns are independent lanes. A product sums over the columns of A in ascending order, over
//! its rows (transposed) in eight lanes that are added up as ((0+1)+(2+3))+((4+5)+(6+7)); a solve
//! runs over k in ascending (transposed: descending) order; one multiply-add a step, fused exactly
//! where the instruction set has it. The bits of an entry therefore depend on its own row of
//! op(A) and its own column of the right-hand sides only.

use crate::simd::level::multiversion;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Level, level};

/// Columns of a panel that is solved at a time.
pub(crate) const WIDTH: usize = 8;

/// One row of a panel.
pub(crate) type Row = [f64; WIDTH];

/// Rows summed side by side.
const ROWS: usize = 8;

/// Numbers of a vector.
const LANES: usize = 8;

/// Columns of A after which sums are put aside, so that those of X stay in the first-level cache.
const DEPTH: usize = 64;

/// A column-major matrix: entry (r, c) is `c · ld + r`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) ld: usize,
}

/// `sums` (m × t without gaps) ← `sums` + A·X for the m × k matrix A and the k × t matrix X.
pub(crate) fn add_product(
    a: Matrix<'_>,
    x: Matrix<'_>,
    (m, k, t): (usize, usize, usize),
    sums: &mut [f64],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt"
        )]
        fn avx512(a: Matrix<'_>, x: Matrix<'_>, shape: (usize, usize, usize), sums: &mut [f64]) {
            product_body::<true, 2, 8>(a, x, shape, sums);
        }
        #[target_feature(enable = "avx2,fma,popcnt")]
        fn avx2(a: Matrix<'_>, x: Matrix<'_>, shape: (usize, usize, usize), sums: &mut [f64]) {
            product_body::<true, 1, 4>(a, x, shape, sums);
        }
        match level() {
            // SAFETY: `level` has found every feature that `avx512` enables.
            Level::Avx512 => return unsafe { avx512(a, x, (m, k, t), sums) },
            // SAFETY: `level` has found every feature that `avx2` enables.
            Level::Avx2 => return unsafe { avx2(a, x, (m, k, t), sums) },
            Level::Portable => {}
        }
    }
    product_body::<false, 1, 4>(a, x, (m, k, t), sums);
}

/// `sums` (k × t, with leading dimension `ld`) ← Aᵀ·X for the m × k matrix A and the m × t matrix
/// X.
pub(crate) fn transposed_product(
    a: Matrix<'_>,
    x: Matrix<'_>,
    (m, k, t): (usize, usize, usize),
    (sums, ld): (&mut [f64], usize),
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(
            enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt"
        )]
        fn avx512(
            a: Matrix<'_>,
            x: Matrix<'_>,
            shape: (usize, usize, usize),
            sums: (&mut [f64], usize),
        ) {
            transposed_body::<true, 4>(a, x, shape, sums, |lanes| fold_512(lanes));
        }
        #[target_feature(enable = "avx2,fma,popcnt")]
        fn avx2(
            a: Matrix<'_>,
            x: Matrix<'_>,
            shape: (usize, usize, usize),
            sums: (&mut [f64], usize),
        ) {
            transposed_body::<true, 2>(a, x, shape, sums, fold);
        }
        match level() {
            // SAFETY: `level` has found every feature that `avx512` enables.
            Level::Avx512 => return unsafe { avx512(a, x, (m, k, t), (sums, ld)) },
            // SAFETY: `level` has found every feature that `avx2` enables.
            Level::Avx2 => return unsafe { avx2(a, x, (m, k, t), (sums, ld)) },
            Level::Portable => {}
        }
    }
    transposed_body::<false, 2>(a, x, (m, k, t), (sums, ld), fold);
}

multiversion! {
    /// `y` ← `y` + α·(`unit`·`sums`), each operation rounded.
    fn add_scaled(alpha: f64, unit: f64, sums: &[f64], y: &mut [f64])
        = add_scaled_body, add_scaled_body
}

#[inline(always)]
fn add_scaled_body(alpha: f64, unit: f64, sums: &[f64], y: &mut [f64]) {
    for (y, sum) in y.iter_mut().zip(sums) {
        *y += alpha * (unit * sum);
    }
}

/// `sum` + `a`·`b`, lane by lane.
#[inline(always)]
fn multiply_add<const FUSED: bool>(a: &[f64; LANES], b: &[f64; LANES], sum: &mut [f64; LANES]) {
    for l in 0..LANES {
        sum[l] = if FUSED {
            a[l].mul_add(b[l], sum[l])
        } else {
            sum[l] + a[l] * b[l]
        };
    }
}

/// The first numbers of `from`, as many as a vector holds.
#[inline(always)]
fn vector(from: &[f64]) -> [f64; LANES] {
    *from.first_chunk().expect("a whole vector")
}

/// `len` numbers of `from`, then zeros.
#[inline(always)]
fn part(from: &[f64], len: usize) -> [f64; LANES] {
    let mut vector = [0.0; LANES];
    vector[..len].copy_from_slice(&from[..len]);
    vector
}

/// R vectors of rows and C columns at a time.
#[inline(always)]
fn product_body<const FUSED: bool, const R: usize, const C: usize>(
    a: Matrix<'_>,
    x: Matrix<'_>,
    (m, k, t): (usize, usize, usize),
    sums: &mut [f64],
) {
    let mut rest = [0.0; LANES * DEPTH];
    for first in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - first);
        let from = |r: usize| Matrix {
            values: &a.values[first * a.ld + r..],
            ld: a.ld,
        };
        let x = Matrix {
            values: x.values.get(first..).unwrap_or(&[]),
            ld: x.ld,
        };
        let mut r = 0;
        while r + R * LANES <= m {
            strip::<FUSED, R, C>(from(r), x, (R * LANES, depth, t), (&mut sums[r..], m));
            r += R * LANES;
        }
        while r + LANES <= m {
            strip::<FUSED, 1, C>(from(r), x, (LANES, depth, t), (&mut sums[r..], m));
            r += LANES;
        }
        if r < m {
            for (k, rest) in rest[..depth * LANES].chunks_exact_mut(LANES).enumerate() {
                rest[..m - r].copy_from_slice(&from(r).values[k * a.ld..][..m - r]);
            }
            let rest = Matrix {
                values: &rest,
                ld: LANES,
            };
            strip::<FUSED, 1, C>(rest, x, (m - r, depth, t), (&mut sums[r..], m));
        }
    }
}

/// A few rows of the product: whole vectors, or fewer rows than one, filled up in A.
#[inline(always)]
fn strip<const FUSED: bool, const R: usize, const C: usize>(
    a: Matrix<'_>,
    x: Matrix<'_>,
    (rows, depth, t): (usize, usize, usize),
    (sums, ld): (&mut [f64], usize),
) {
    for first in (0..t).step_by(C) {
        // Past the last column its numbers again, whose sums are not stored.
        let column = |c: usize| (first + c).min(t - 1);
        let x: [&[f64]; C] = core::array::from_fn(|c| &x.values[column(c) * x.ld..][..depth]);
        let mut held = [[[0.0; LANES]; R]; C];
        for (c, held) in held.iter_mut().enumerate() {
            for (r, held) in held.iter_mut().enumerate() {
                let from = &sums[column(c) * ld + r * LANES..];
                *held = if rows < LANES {
                    part(from, rows)
                } else {
                    vector(from)
                };
            }
        }
        for k in 0..depth {
            let a = &a.values[k * a.ld..][..R * LANES];
            for c in 0..C {
                let x = [x[c][k]; LANES];
                for r in 0..R {
                    multiply_add::<FUSED>(&vector(&a[r * LANES..]), &x, &mut held[c][r]);
                }
            }
        }
        for (c, held) in held.iter().take(t - first).enumerate() {
            for (r, held) in held.iter().enumerate() {
                let len = rows.min(LANES);
                sums[(first + c) * ld + r * LANES..][..len].copy_from_slice(&held[..len]);
            }
        }
    }
}

/// Four columns of A and C columns of X at a time.
#[inline(always)]
fn transposed_body<'a, const FUSED: bool, const C: usize>(
    a: Matrix<'a>,
    x: Matrix<'a>,
    (m, k, t): (usize, usize, usize),
    (sums, ld): (&mut [f64], usize),
    fold: impl Fn(&[[f64; LANES]; LANES]) -> [f64; LANES],
) {
    const K: usize = LANES / 2;
    // As many vectors of each column: nothing to check inside the loop.
    let steps = |column: &'a [f64]| &column.as_chunks::<LANES>().0[..m / LANES];
    let whole = m / LANES * LANES;
    for first_k in (0..k).step_by(K) {
        // Past the last column its numbers again, whose sums are not stored.
        let a: [&[f64]; K] =
            core::array::from_fn(|i| &a.values[(first_k + i).min(k - 1) * a.ld..][..m]);
        for first in (0..t).step_by(C) {
            let x: [&[f64]; C] =
                core::array::from_fn(|c| &x.values[(first + c).min(t - 1) * x.ld..][..m]);
            let mut held = [[[0.0; LANES]; K]; C];
            let (a_steps, x_steps) = (a.map(steps), x.map(steps));
            for r in 0..m / LANES {
                for c in 0..C {
                    for i in 0..K {
                        multiply_add::<FUSED>(&a_steps[i][r], &x_steps[c][r], &mut held[c][i]);
                    }
                }
            }
            if whole < m {
                for c in 0..C {
                    let x = part(&x[c][whole..], m - whole);
                    for i in 0..K {
                        let a = part(&a[i][whole..], m - whole);
                        multiply_add::<FUSED>(&a, &x, &mut held[c][i]);
                    }
                }
            }
            for (pair, held) in held.chunks_exact(2).enumerate() {
                let folded = fold(&core::array::from_fn(|i| held[i / K][i % K]));
                for (c, folded) in folded.chunks_exact(K).enumerate() {
                    let c = first + 2 * pair + c;
                    if c < t {
                        let few = K.min(k - first_k);
                        sums[c * ld + first_k..][..few].copy_from_slice(&folded[..few]);
                    }
                }
            }
        }
    }
}

/// Sums over the lanes of each vector. Not inlined: mixed with the loops before it, it keeps
/// compilers from leaving their vectors whole.
#[inline(never)]
fn fold(vectors: &[[f64; LANES]; LANES]) -> [f64; LANES] {
    vectors.map(|v| ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7])))
}

/// The same.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn fold_512(vectors: &[[f64; LANES]; LANES]) -> [f64; LANES] {
    use core::arch::x86_64::*;
    // SAFETY: eight f64 are as long as a vector, and every bit pattern is valid for both.
    let v = vectors.map(|v| unsafe { core::mem::transmute::<[f64; LANES], __m512d>(v) });
    // Vectors 2p and 2p + 1 in turn, each the sum of two lanes.
    let two = |p: usize| {
        let (a, b) = (v[2 * p], v[2 * p + 1]);
        _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b))
    };
    // Neighbouring quarters of a and of b added.
    let add = |a, b| {
        let even = _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
        _mm512_add_pd(even, _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b))
    };
    let sums = add(add(two(0), two(1)), add(two(2), two(3)));
    // SAFETY: as above.
    unsafe { core::mem::transmute::<__m512d, [f64; LANES]>(sums) }
}

multiversion! {
    /// x ← L⁻¹ x for lower triangular L of order `x.len()`.
    fn forward(l: Matrix<'_>, x: &mut [Row]) = forward_body::<true>, forward_body::<false>
}

multiversion! {
    /// x ← L⁻ᵀ x for lower triangular L of order `x.len()`.
    fn backward(l: Matrix<'_>, x: &mut [Row]) = backward_body::<true>, backward_body::<false>
}

/// sum + a·b in every column.
#[inline(always)]
fn add<const FUSED: bool>(sum: &mut Row, a: f64, b: &Row) {
    multiply_add::<FUSED>(&[a; WIDTH], b, sum);
}

/// (x − sum) / pivot in every column.
#[inline(always)]
fn finish(x: &mut Row, sum: &Row, pivot: f64) {
    for c in 0..WIDTH {
        x[c] = (x[c] - sum[c]) / pivot;
    }
}

#[inline(always)]
fn forward_body<const FUSED: bool>(l: Matrix<'_>, x: &mut [Row]) {
    let (down, along) = (1, l.ld);
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
                    add::<FUSED>(&mut sums[i], left[i * down], x);
                }
            }
        } else {
            for i in 0..rows {
                for (k, x) in x[..first].iter().enumerate() {
                    add::<FUSED>(&mut sums[i], left[i * down + k * along], x);
                }
            }
        }
        for i in 0..rows {
            for k in first..first + i {
                add::<FUSED>(&mut sums[i], left[i * down + k * along], &x[k]);
            }
            let pivot = left[i * down + (first + i) * along];
            finish(&mut x[first + i], &sums[i], pivot);
        }
    }
}

#[inline(always)]
fn backward_body<const FUSED: bool>(l: Matrix<'_>, x: &mut [Row]) {
    // Row r of Lᵀ is column r of L.
    let (along, down) = (1, l.ld);
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
                    add::<FUSED>(&mut sums[i], block[i * down], &x[k]);
                }
            } else {
                for i in 0..rows {
                    add::<FUSED>(&mut sums[i], block[i * down + k * along], &x[k]);
                }
            }
        }
        for i in (0..rows).rev() {
            for k in (first + i + 1..end).rev() {
                add::<FUSED>(&mut sums[i], block[i * down + k * along], &x[k]);
            }
            let pivot = block[i * down + (first + i) * along];
            finish(&mut x[first + i], &sums[i], pivot);
        }
        end = first;
    }
}
