//! Kernel functions of many pairs.

use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PAIR_EDGE;
use epitile_core::precision::exp2;

use crate::simd::level::multiversion;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Level, level};

/// A stored pair statistic.
pub(crate) trait Number: Copy + Default {
    /// The number, rounded once if f64 does not hold it.
    fn to_f64(self) -> f64;
    /// Numbers that are places in a table of values.
    fn places(numbers: &[Self]) -> Option<&[u32]>;
}

impl Number for u32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn places(numbers: &[u32]) -> Option<&[u32]> {
        Some(numbers)
    }
}

impl Number for i64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }

    fn places(_: &[i64]) -> Option<&[u32]> {
        None
    }
}

multiversion! {
    /// `out` ← values of `map` at `numbers` in units of 2^unit; `offsets`, unless empty, are those
    /// of the pairs ([`KernelMap::offset`]).
    fn apply<N: Number>(
        map: &KernelMap,
        unit: i32,
        numbers: &[N],
        offsets: &[f64],
        out: &mut [f64],
    ) = body::<N>, body::<N>
}

#[inline(always)]
fn body<N: Number>(map: &KernelMap, unit: i32, numbers: &[N], offsets: &[f64], out: &mut [f64]) {
    let unit = exp2(unit);
    // A function named here becomes a loop of its own, which vectorises.
    match map.kernel {
        Kernel::Linear => run(Kernel::Linear, map, unit, numbers, offsets, out),
        Kernel::Standardised => run(Kernel::Standardised, map, unit, numbers, offsets, out),
        Kernel::TwoPq => run(Kernel::TwoPq, map, unit, numbers, offsets, out),
        Kernel::Gaussian => run(Kernel::Gaussian, map, unit, numbers, offsets, out),
        Kernel::Laplacian => run(Kernel::Laplacian, map, unit, numbers, offsets, out),
        Kernel::Ibs => run(Kernel::Ibs, map, unit, numbers, offsets, out),
        Kernel::Poly(degree) => run(Kernel::Poly(degree), map, unit, numbers, offsets, out),
        Kernel::GrmSquared => run(Kernel::GrmSquared, map, unit, numbers, offsets, out),
    }
}

#[inline(always)]
fn run<N: Number>(
    kernel: Kernel,
    map: &KernelMap,
    unit: f64,
    numbers: &[N],
    offsets: &[f64],
    out: &mut [f64],
) {
    let map = KernelMap {
        kernel,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
        ..*map
    };
    if offsets.is_empty() {
        for (o, n) in out.iter_mut().zip(numbers) {
            *o = map.apply(n.to_f64() * unit, 0.0);
        }
    } else {
        for ((o, n), &offset) in out.iter_mut().zip(numbers).zip(offsets) {
            *o = map.apply(n.to_f64() * unit, offset);
        }
    }
}

multiversion! {
    /// `out` ← distances of covariates: Σ (own − other)², or Σ |own − other|, the terms added in order;
    /// of `others` one covariate after the other, `out.len()` values of each.
    fn distances(absolute: bool, own: &[f64], others: &[f64], out: &mut [f64])
        = distances_body, distances_body
}

#[inline(always)]
fn distances_body(absolute: bool, own: &[f64], others: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (own, others) in own.iter().zip(others.chunks_exact(out.len().max(1))) {
        for (o, other) in out.iter_mut().zip(others) {
            let difference = own - other;
            *o += match absolute {
                true => difference.abs(),
                false => difference * difference,
            };
        }
    }
}

multiversion! {
    /// `out` ← the numbers of `line` at the places `at` of individuals in a stored block.
    fn gather<N: Number>(line: &[N], at: &[u32], out: &mut [N]) = gather_body::<N>, gather_body::<N>
}

#[inline(always)]
fn gather_body<N: Number>(line: &[N], at: &[u32], out: &mut [N]) {
    for (o, &i) in out.iter_mut().zip(at) {
        *o = line[i as usize];
    }
}

/// Numbers from line to line of what is [turned](turn): a whole block, and a cache line more, so that
/// lines do not meet in the same sets of a cache.
pub(crate) const WIDE: usize = PAIR_EDGE + 16;

multiversion! {
    /// `out` ← `square`, `shape` of its lines and columns: line r becomes entries r of columns that
    /// are `ld` apart.
    fn turn<T: Copy>(square: &[T], shape: (usize, usize), ld: usize, out: &mut [T])
        = turn_body::<T>, turn_body::<T>
}

#[inline(always)]
fn turn_body<T: Copy>(square: &[T], (rows, cols): (usize, usize), ld: usize, out: &mut [T]) {
    let square = &square[..rows * WIDE];
    for c in 0..cols {
        let column = &mut out[c * ld..][..rows];
        for (o, line) in column.iter_mut().zip(square.chunks_exact(WIDE)) {
            *o = line[c];
        }
    }
}

/// `out` ← the entries of `table` at `numbers`.
///
/// # Panics
/// If a number is past the table.
pub(crate) fn look_up(table: &[f64], numbers: &[u32], out: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        // SAFETY: `level` has found the features that `wide::look_up` enables.
        return unsafe { wide::look_up(table, numbers, out) };
    }
    for (o, &n) in out.iter_mut().zip(numbers) {
        *o = table[n as usize];
    }
}

/// The same of FP32 values.
///
/// # Panics
/// If a number is past the table.
pub(crate) fn look_up_narrow(table: &[f32], numbers: &[u32], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        // SAFETY: `level` has found the features that `wide::look_up_narrow` enables.
        return unsafe { wide::look_up_narrow(table, numbers, out) };
    }
    for (o, &n) in out.iter_mut().zip(numbers) {
        *o = table[n as usize];
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use core::arch::x86_64::*;

    /// Numbers looked up together.
    const STEP: usize = 8;

    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    pub(super) fn look_up(table: &[f64], numbers: &[u32], out: &mut [f64]) {
        // Places are signed for the instruction.
        let end = i32::try_from(table.len()).expect("a table of less than 2³¹ values");
        let end = _mm256_set1_epi32(end);
        let (steps, rest) = numbers.as_chunks::<STEP>();
        let (out, out_rest) = out.as_chunks_mut::<STEP>();
        for (numbers, out) in steps.iter().zip(out) {
            // SAFETY: eight u32 are as long as the vector; any bits are valid.
            let at = unsafe { core::mem::transmute::<[u32; STEP], __m256i>(*numbers) };
            assert_eq!(
                _mm256_cmplt_epu32_mask(at, end),
                0xff,
                "numbers of the table"
            );
            // SAFETY: all eight places are inside the table.
            let values = unsafe { _mm512_i32gather_pd::<8>(at, table.as_ptr()) };
            // SAFETY: eight f64 are as long as the vector; any bits are valid.
            *out = unsafe { core::mem::transmute::<__m512d, [f64; STEP]>(values) };
        }
        for (o, &n) in out_rest.iter_mut().zip(rest) {
            *o = table[n as usize];
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn look_up_narrow(table: &[f32], numbers: &[u32], out: &mut [f32]) {
        // Places are signed for the instruction.
        let end = i32::try_from(table.len()).expect("a table of less than 2³¹ values");
        let end = _mm512_set1_epi32(end);
        let (steps, rest) = numbers.as_chunks::<{ 2 * STEP }>();
        let (out, out_rest) = out.as_chunks_mut::<{ 2 * STEP }>();
        for (numbers, out) in steps.iter().zip(out) {
            // SAFETY: sixteen u32 are as long as the vector; any bits are valid.
            let at = unsafe { core::mem::transmute::<[u32; 2 * STEP], __m512i>(*numbers) };
            assert_eq!(
                _mm512_cmplt_epu32_mask(at, end),
                0xffff,
                "numbers of the table"
            );
            // SAFETY: all sixteen places are inside the table.
            let values = unsafe { _mm512_i32gather_ps::<4>(at, table.as_ptr()) };
            // SAFETY: sixteen f32 are as long as the vector; any bits are valid.
            *out = unsafe { core::mem::transmute::<__m512, [f32; 2 * STEP]>(values) };
        }
        for (o, &n) in out_rest.iter_mut().zip(rest) {
            *o = table[n as usize];
        }
    }
}
