//! Counting differences of bit planes.
//!
//! With h the heterozygous calls (dosage 1) and t the plane of dosage 2, two individuals have
//! A = h ∨ h′ and B = (t ⊕ t′) ∧ ¬A, the SNPs at which they are opposite homozygotes. One call
//! of two heterozygous: |x−y| = 1, so
//!
//! Σ|x−y| = 2|A| − |h| − |h′| + 2|B|,  Σ(x−y)² = 2|A| − |h| − |h′| + 4|B|:
//!
//! two logical operations, two counts and two additions for 512 SNPs of a pair, where counting
//! the differences of the planes themselves takes seven instructions. AVX2 cannot count bits: it
//! looks up the distance of two SNPs at a time instead.

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::level::{Level, level, multiversion};
use crate::simd::line::{LINE, Line};

/// Individuals packed together: rows of a register block; columns are half of them.
const GROUP: usize = 4;
const COLS: usize = 2;
/// Groups of columns counted against all rows: with a group of rows, what the first-level cache
/// holds.
const COLUMN_GROUPS: usize = 3;
/// Sums of a register block, row by row.
type Sums = [u32; GROUP * COLS];

/// Planes of some individuals over a chunk of SNPs, packed for the level in use: for [`GROUP`]
/// individuals, for every 512 SNPs, two lines of each individual.
pub(crate) struct Packed {
    lines: Vec<Line>,
    /// |h| of every individual.
    het: Vec<u32>,
    /// Lines of a group.
    stride: usize,
}

impl Packed {
    /// Packs some words of the planes `x ≥ 1` and `x = 2` of individuals.
    pub(crate) fn new<'a>(
        planes: impl ExactSizeIterator<Item = [&'a [u64]; 2]>,
        words: &[Words],
    ) -> Self {
        let mut packed = Packed::zeros(planes.len(), words.len());
        let coding = Coding::in_use();
        for (i, planes) in planes.enumerate() {
            let lines = &mut packed.lines[i / GROUP * packed.stride..][..packed.stride];
            let lines = &mut lines[i % GROUP * 2..];
            encode(coding, planes, words, lines, &mut packed.het[i]);
        }
        packed
    }

    /// Lines of zeros, two of each individual for every 512 SNPs.
    pub(crate) fn zeros(individuals: usize, steps: usize) -> Self {
        let groups = individuals.div_ceil(GROUP);
        Packed {
            lines: vec![Line::default(); groups * 2 * GROUP * steps],
            het: vec![0; groups * GROUP],
            stride: 2 * GROUP * steps,
        }
    }

    /// The lines h and t of individual `i` at the `step`-th 512 SNPs.
    pub(crate) fn planes_mut(&mut self, i: usize, step: usize) -> &mut [Line; 2] {
        let at = i / GROUP * self.stride + step * 2 * GROUP + i % GROUP * 2;
        let (lines, _) = self.lines[at..].as_chunks_mut();
        &mut lines[0]
    }

    fn groups(&self) -> usize {
        self.het.len() / GROUP
    }

    fn group(&self, g: usize) -> &[Line] {
        &self.lines[g * self.stride..][..self.stride]
    }

    fn het(&self, g: usize) -> [u32; GROUP] {
        core::array::from_fn(|r| self.het[g * GROUP + r])
    }
}

/// What the two lines of an individual hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// h and t.
    Planes,
    /// Four bits for every two SNPs: x ≥ 1 of both, x = 2 of both.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Pairs,
}

impl Coding {
    fn in_use() -> Self {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Coding::Pairs,
            _ => Coding::Planes,
        }
    }
}

/// Which words of a row stand in a line; [`NO_WORD`] where there are fewer.
pub(crate) type Words = [u32; LINE];

/// No word.
pub(crate) const NO_WORD: u32 = u32::MAX;

multiversion! {
    /// Writes the two lines of one individual, for every 512 SNPs, to the first of the lines of
    /// its group; and |h|.
    fn encode(
        coding: Coding,
        planes: [&[u64]; 2],
        words: &[Words],
        lines: &mut [Line],
        het: &mut u32,
    ) = encode_body, encode_body
}

#[inline(always)]
fn encode_body(
    coding: Coding,
    planes: [&[u64]; 2],
    words: &[Words],
    lines: &mut [Line],
    het: &mut u32,
) {
    const LOW: u64 = 0x3333_3333_3333_3333;
    let steps = lines.chunks_mut(2 * GROUP);
    let mut counts = [0; LINE];
    for (step, words) in steps.zip(words) {
        let [a, b] = &mut step[..2] else {
            unreachable!("two lines of an individual")
        };
        // Past the end there are no alleles.
        let [some, two] =
            planes.map(|plane| words.map(|w| plane.get(w as usize).copied().unwrap_or(0)));
        for w in 0..LINE {
            let het = some[w] ^ two[w];
            counts[w] += u64::from(het.count_ones());
            (a.0[w], b.0[w]) = match coding {
                Coding::Planes => (het, two[w]),
                Coding::Pairs => (
                    some[w] & LOW | (two[w] & LOW) << 2,
                    some[w] >> 2 & LOW | two[w] & (LOW << 2),
                ),
            };
        }
    }
    *het = counts.iter().sum::<u64>() as u32;
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distance {
    /// Σ(x−y)².
    Squared,
    /// Σ|x−y|.
    Absolute,
}

impl Distance {
    /// |B| is counted 2ˢ times as often as |A|.
    fn shift(self) -> u32 {
        match self {
            Distance::Squared => 1,
            Distance::Absolute => 0,
        }
    }
}

multiversion! {
    /// `max` ← the largest of it and `values`.
    fn largest(values: &[u32], max: &mut u32) = largest_body, largest_body
}

#[inline(always)]
fn largest_body(values: &[u32], max: &mut u32) {
    *max = values.iter().fold(*max, |max, &v| max.max(v));
}

/// `sums[i · PAIR_EDGE + j]` += the distance of individual `i` of `a` and `j` of `b`; with
/// `lower`, perhaps not those with j > i. Sums are those of the padded numbers of individuals.
pub(crate) fn count(a: &Packed, b: &Packed, distance: Distance, lower: bool, sums: &mut [u32]) {
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx512::count` enables.
        Level::Avx512 => unsafe { avx512::count(a, b, distance, lower, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx2::count` enables.
        Level::Avx2 => unsafe { avx2::count(a, b, distance, lower, sums) },
        #[cfg(target_arch = "aarch64")]
        Level::Portable => neon::count(a, b, distance, lower, sums),
        #[cfg(not(target_arch = "aarch64"))]
        Level::Portable => portable::count(a, b, distance, lower, sums),
    }
}

/// Calls `block` with all register blocks: lines and heterozygous counts of [`GROUP`] rows, those
/// of as many columns, and which of the two halves of these; then `store` with what it returns
/// and the place of the first sum.
#[inline(always)]
fn sweep(
    (a, b): (&Packed, &Packed),
    lower: bool,
    block: impl Fn((&[Line], [u32; GROUP]), (&[Line], [u32; GROUP]), usize) -> Sums,
    mut store: impl FnMut(usize, &[u32; COLS]),
) {
    assert_eq!(a.stride, b.stride, "SNPs of a pair");
    for first in (0..b.groups()).step_by(COLUMN_GROUPS) {
        for i in 0..a.groups() {
            let last = b.groups().min(first + COLUMN_GROUPS);
            let last = if lower { last.min(i + 1) } else { last };
            for j in first..last {
                for half in 0..GROUP / COLS {
                    let new = block((a.group(i), a.het(i)), (b.group(j), b.het(j)), half);
                    let at = i * GROUP * PAIR_EDGE + j * GROUP + half * COLS;
                    for (r, new) in new.as_chunks().0.iter().enumerate() {
                        store(at + r * PAIR_EDGE, new);
                    }
                }
            }
        }
    }
}

/// Adds distances to `sums` from a place on.
#[inline(always)]
fn add(sums: &mut [u32], at: usize, new: &[u32; COLS]) {
    for (sum, new) in sums[at..at + COLS].iter_mut().zip(new) {
        // Pairs::new bounds the SNPs so that sums fit.
        *sum = sum.wrapping_add(*new);
    }
}

/// 2·counts − |h| − |h′|, counts being |A| + |B|·2ˢ; modulo 2³², as the result is not negative
/// and fits.
#[inline(always)]
fn without_het(counts: Sums, a: [u32; GROUP], b: [u32; GROUP], half: usize) -> Sums {
    core::array::from_fn(|k| {
        let het = a[k / COLS].wrapping_add(b[half * COLS + k % COLS]);
        counts[k].wrapping_mul(2).wrapping_sub(het)
    })
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(not(target_arch = "aarch64"))]
mod portable;
pub(crate) mod weighted;
