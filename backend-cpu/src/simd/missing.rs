//! What missing calls add to the pair statistics.

use crate::simd::multiversion;

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

multiversion! {
    /// `out[j]` ← what a call missing in another individual adds to its pair with `j`:
    /// `corrections` by the dosage that `j` has at bit `bit`, nothing if `j` misses it too.
    fn spread(words: Words<'_>, bit: u32, corrections: [i64; 3], out: &mut [i64])
        = spread_body, spread_body
}

#[inline(always)]
fn spread_body(words: Words<'_>, bit: u32, [zero, one, two]: [i64; 3], out: &mut [i64]) {
    let n = out.len();
    let (s, t, m) = (&words.some[..n], &words.two[..n], &words.missing[..n]);
    // All ones where the bit is set.
    let mask = |word: u64| -((word >> bit & 1) as i64);
    for j in 0..n {
        let value = zero + (mask(s[j]) & (one - zero)) + (mask(t[j]) & (two - one));
        out[j] = value & !mask(m[j]);
    }
}

multiversion! {
    /// `sums[j]` += Σ over `snps` of `added[snp · width + j]`, for the `width` sums (a multiple of
    /// [`LANES`]).
    fn accumulate(snps: &[u32], added: &[i64], width: usize, sums: &mut [i64])
        = accumulate_body, accumulate_body
}

/// Sums kept in registers.
pub(crate) const LANES: usize = 64;

#[inline(always)]
fn accumulate_body(snps: &[u32], added: &[i64], width: usize, sums: &mut [i64]) {
    assert!(width.is_multiple_of(LANES) && sums.len() == width);
    for (l, sums) in sums.chunks_exact_mut(LANES).enumerate() {
        let mut lanes = [0i64; LANES];
        for &m in snps {
            let added = &added[m as usize * width + l * LANES..][..LANES];
            for (lane, v) in lanes.iter_mut().zip(added) {
                *lane += v;
            }
        }
        for (s, v) in sums.iter_mut().zip(lanes) {
            *s += v;
        }
    }
}
