//! One number per SNP and dosage, spread over individuals; and sums of such rows.

use crate::simd::level::multiversion;

/// One word of each plane of some individuals.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// Dosage ≥ 1.
    pub(crate) some: &'a [u64],
    /// Dosage = 2.
    pub(crate) two: &'a [u64],
    /// Missing.
    pub(crate) missing: &'a [u64],
}

/// An integer that holds the numbers spread.
pub(crate) trait Integer: Copy {
    /// `v`, which is in range.
    fn of(v: i64) -> Self;
}

impl Integer for i64 {
    #[inline(always)]
    fn of(v: i64) -> Self {
        v
    }
}

impl Integer for i32 {
    #[inline(always)]
    fn of(v: i64) -> Self {
        v as i32
    }
}

multiversion! {
    /// `out[j]` ← the number for the dosage that individual `j` has at bit `bit`, 0 if missing.
    fn spread<T: Integer>(words: Words<'_>, bit: u32, numbers: [i64; 3], out: &mut [T])
        = spread_body, spread_body
}

#[inline(always)]
fn spread_body<T: Integer>(words: Words<'_>, bit: u32, [zero, one, two]: [i64; 3], out: &mut [T]) {
    let n = out.len();
    let (some, twice, missing) = (&words.some[..n], &words.two[..n], &words.missing[..n]);
    let (first, second) = (one.wrapping_sub(zero), two.wrapping_sub(one));
    // All ones where the bit is set.
    let mask = |word: u64| ((word >> (bit & 63) & 1) as i64).wrapping_neg();
    for j in 0..n {
        let more = (mask(some[j]) & first).wrapping_add(mask(twice[j]) & second);
        out[j] = T::of(zero.wrapping_add(more) & !mask(missing[j]));
    }
}

multiversion! {
    /// `sums[j]` += Σ over `rows` of `spread[row · width + j]`, for the `width` sums (a multiple of
    /// [`LANES`]).
    fn accumulate(rows: &[u32], spread: &[i64], width: usize, sums: &mut [i64])
        = accumulate_body, accumulate_body
}

/// Sums kept in registers.
pub(crate) const LANES: usize = 64;

#[inline(always)]
fn accumulate_body(rows: &[u32], spread: &[i64], width: usize, sums: &mut [i64]) {
    assert!(width.is_multiple_of(LANES) && sums.len() == width);
    for (l, sums) in sums.chunks_exact_mut(LANES).enumerate() {
        let mut lanes = [0i64; LANES];
        for &row in rows {
            let row = &spread[row as usize * width + l * LANES..][..LANES];
            for (lane, v) in lanes.iter_mut().zip(row) {
                *lane = lane.wrapping_add(*v);
            }
        }
        for (s, v) in sums.iter_mut().zip(lanes) {
            *s = s.wrapping_add(v);
        }
    }
}
