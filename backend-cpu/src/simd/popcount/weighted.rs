//! The same counts where every sixteen neighbouring SNPs have a weight of their own.
//!
//! With the weights of a chunk, |A| and |B| become sums of counts of sixteen bits times a weight
//! of 16 bits: two multiplications that add take the place of the two additions.

use epitile_core::pairs::GROUP as SHARED;

use super::{COLS, GROUP, Packed, Sums, sweep};
use crate::simd::count::Count;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::Level;
use crate::simd::level::{level, multiversion};
use crate::simd::line::{LINE, Line};

/// Weights in a line.
pub(crate) const WEIGHTS: usize = 64 * LINE / SHARED;

/// The weights of 512 SNPs, as they stand beside the counts.
pub(crate) fn line(weights: &[i16]) -> Line {
    assert!(weights.len() <= WEIGHTS, "weights of a line");
    let mut line = Line::default();
    for (k, &weight) in weights.iter().enumerate() {
        line.0[k / 4] |= u64::from(weight as u16) << (16 * (k % 4));
    }
    line
}

/// `sums[i · PAIR_EDGE + j]` −= (|A| + 2|B|)·2^shift of individual `i` of `a` and `j` of `b`; with
/// `lower`, perhaps not where j > i. Sums are those of the padded numbers of individuals.
///
/// The caller knows that weights of at most 2¹⁴ in magnitude are so few that the sums without
/// the shift fit 32 bits.
pub(crate) fn subtract<T: Count>(
    (a, b): (&Packed, &Packed),
    weights: &[Line],
    shift: u32,
    lower: bool,
    sums: &mut [T],
) {
    assert_eq!(a.stride, 2 * GROUP * weights.len(), "SNPs of a pair");
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx512::subtract` enables.
        Level::Avx512 => unsafe { avx512::subtract((a, b), weights, shift, lower, sums) },
        _ => each((a, b), weights, shift, lower, sums),
    }
}

/// Subtracts 32-bit sums, shifted, from a place on.
#[inline(always)]
fn less<T: Count>(sums: &mut [T], shift: u32, at: usize, new: &[u32; COLS]) {
    for (sum, &new) in sums[at..at + COLS].iter_mut().zip(new) {
        *sum = sum.plus(-(i64::from(new as i32) << shift));
    }
}

multiversion! {
    /// See [`subtract`].
    fn each<T: Count>(
        packed: (&Packed, &Packed),
        weights: &[Line],
        shift: u32,
        lower: bool,
        sums: &mut [T],
    ) = each_body::<T>, each_body::<T>
}

#[inline(always)]
fn each_body<T: Count>(
    packed: (&Packed, &Packed),
    weights: &[Line],
    shift: u32,
    lower: bool,
    sums: &mut [T],
) {
    sweep(
        packed,
        lower,
        |(a, _), (b, _), half| block(a, b, weights, half),
        |at, new| less(sums, shift, at, new),
    );
}

/// |A| + 2|B| of four rows and two columns.
#[inline(always)]
fn block(a: &[Line], b: &[Line], weights: &[Line], half: usize) -> Sums {
    let mut sums = [0i32; GROUP * COLS];
    let steps = a.chunks_exact(2 * GROUP).zip(b.chunks_exact(2 * GROUP));
    for ((a, b), weights) in steps.zip(weights) {
        let b = &b[half * 2 * COLS..][..2 * COLS];
        let weights: [i16; WEIGHTS] = bytemuck::cast(weights.0);
        for (k, sum) in sums.iter_mut().enumerate() {
            let (a, b) = (&a[k / COLS * 2..][..2], &b[k % COLS * 2..][..2]);
            let mut counts = [0u64; LINE];
            for (w, count) in counts.iter_mut().enumerate() {
                let either = a[0].0[w] | b[0].0[w];
                let differ = (a[1].0[w] ^ b[1].0[w]) & !either;
                *count = ones(either) + 2 * ones(differ);
            }
            let counts: [i16; WEIGHTS] = bytemuck::cast(counts);
            for (count, weight) in counts.into_iter().zip(weights) {
                *sum += i32::from(count) * i32::from(weight);
            }
        }
    }
    sums.map(|sum| sum as u32)
}

/// The one bits of every sixteen.
#[inline(always)]
fn ones(word: u64) -> u64 {
    let twos = word - (word >> 1 & 0x5555_5555_5555_5555);
    let fours = (twos & 0x3333_3333_3333_3333) + (twos >> 2 & 0x3333_3333_3333_3333);
    let eights = (fours + (fours >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    (eights + (eights >> 8)) & 0x00ff_00ff_00ff_00ff
}

#[cfg(target_arch = "x86_64")]
mod avx512;
