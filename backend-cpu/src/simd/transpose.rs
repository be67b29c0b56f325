//! Calls of one SNP next to each other: planes of a block of individuals, transposed.
//!
//! A line holds two bits for each of [`PAIR_EDGE`] individuals. Those of individual
//! e·128 + g·8 + l stand in word l at 4g + 2e: shifted by 4g, the lanes of a register begin with
//! the calls of eight neighbours, and of the eight that are 128 further on.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::level::multiversion;
use crate::simd::line::{LINE, Line};

/// One word, 64 SNPs, of two bits per call of the individuals of a block: 0 is dosage 0, 1
/// dosage 1, 3 dosage 2 and 2 a missing call.
pub(crate) struct Column {
    pub(crate) low: [u64; PAIR_EDGE],
    pub(crate) high: [u64; PAIR_EDGE],
}

impl Column {
    /// Missing calls.
    pub(crate) const MISSING: Column = Column {
        low: [0; PAIR_EDGE],
        high: [u64::MAX; PAIR_EDGE],
    };
}

/// Which of the numbers of dosages 0, 1 and 2 and of a missing call stands at each code.
pub(crate) fn by_code([zero, one, two, missing]: [i64; 4]) -> [i64; 4] {
    [zero, one, missing, two]
}

/// SNPs of a word.
pub(crate) const SNPS: usize = u64::BITS as usize;

multiversion! {
    /// `lines[s]` ← the codes of SNP s.
    fn transpose(column: &Column, lines: &mut [Line; SNPS]) = body, body
}

#[inline(always)]
fn body(column: &Column, lines: &mut [Line; SNPS]) {
    for (k, line) in lines.iter_mut().enumerate() {
        let (plane, first) = stretch(k);
        let planes = [&column.low, &column.high];
        line.0.copy_from_slice(&planes[plane][first..first + LINE]);
    }
    turn(lines);
}

multiversion! {
    /// The reverse: `column` ← the planes of 64 SNPs, whose codes are `lines`; these become
    /// rubbish.
    fn restore(lines: &mut [Line; SNPS], column: &mut Column) = restore_body, restore_body
}

#[inline(always)]
fn restore_body(lines: &mut [Line; SNPS], column: &mut Column) {
    turn(lines);
    for (k, line) in lines.iter().enumerate() {
        let (plane, first) = stretch(k);
        let planes = [&mut column.low, &mut column.high];
        planes[plane][first..first + LINE].copy_from_slice(&line.0);
    }
}

/// Plane and first individual of the words that line `k` has on one side of [`turn`].
#[inline(always)]
fn stretch(k: usize) -> (usize, usize) {
    (k % 2, k / 2 % 2 * (PAIR_EDGE / 2) + k / 4 * LINE)
}

/// Eight 64 × 64 transpositions side by side: swaps the off-diagonal quarters of ever smaller
/// squares.
#[inline(always)]
fn turn(lines: &mut [Line; SNPS]) {
    let mut mask = u64::MAX;
    for half in [32, 16, 8, 4, 2, 1] {
        mask ^= mask << half;
        for k in (0..SNPS).filter(|k| k & half == 0) {
            for l in 0..LINE {
                let swap = ((lines[k].0[l] >> half) ^ lines[k + half].0[l]) & mask;
                lines[k + half].0[l] ^= swap;
                lines[k].0[l] ^= swap << half;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::level::tests::at_every_level;

    #[test]
    fn codes_of_every_individual_stand_where_the_map_says() {
        let word = |i: usize, salt: u64| (i as u64 + 1).wrapping_mul(salt).rotate_left(i as u32);
        let column = Column {
            low: core::array::from_fn(|i| word(i, 0x9e37_79b9_7f4a_7c15)),
            high: core::array::from_fn(|i| word(i, 0xc2b2_ae3d_27d4_eb4f)),
        };
        at_every_level(|level| {
            let mut lines = [Line::default(); SNPS];
            transpose(&column, &mut lines);
            for (i, s) in (0..PAIR_EDGE).flat_map(|i| (0..SNPS).map(move |s| (i, s))) {
                let (e, g, l) = (i / 128, i % 128 / 8, i % 8);
                let code = lines[s].0[l] >> (4 * g + 2 * e) & 3;
                let expected = (column.low[i] >> s & 1) | (column.high[i] >> s & 1) << 1;
                assert_eq!(code, expected, "{level:?}: individual {i}, SNP {s}");
            }
            let mut restored = Column {
                low: [0; PAIR_EDGE],
                high: [0; PAIR_EDGE],
            };
            restore(&mut lines, &mut restored);
            assert!(restored.low == column.low && restored.high == column.high);
        });
    }
}
