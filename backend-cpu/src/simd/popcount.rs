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

use crate::simd::level::{Level, level};

/// A register's worth of a plane: 512 SNPs, as segments are padded to.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; LINE]);

/// Words of a [`Line`].
pub(crate) const LINE: usize = 8;

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
#[derive(Default)]
pub(crate) struct Packed {
    lines: Vec<Line>,
    /// |h| of every individual.
    het: Vec<u32>,
    /// Lines of a group.
    stride: usize,
}

impl Packed {
    /// Packs the lines `x ≥ 1` and `x = 2` of individuals, as many of each.
    pub(crate) fn fill<'a>(&mut self, planes: impl ExactSizeIterator<Item = [&'a [u64]; 2]>) {
        let individuals = planes.len();
        self.lines.clear();
        self.het.clear();
        self.het.resize(individuals.next_multiple_of(GROUP), 0);
        let encode = match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => pairs_of_snps,
            _ => heterozygous,
        };
        for (i, [some, two]) in planes.enumerate() {
            if i == 0 {
                self.stride = 2 * GROUP * (some.len() / LINE);
                let groups = individuals.div_ceil(GROUP);
                self.lines.resize(groups * self.stride, Line::default());
            }
            let lines = &mut self.lines[i / GROUP * self.stride..][..self.stride];
            let steps = lines.chunks_exact_mut(2 * GROUP);
            let (some, two) = (some.chunks_exact(LINE), two.chunks_exact(LINE));
            for (step, (some, two)) in steps.zip(some.zip(two)) {
                let [a, b] = &mut step[i % GROUP * 2..][..2] else {
                    unreachable!("two lines")
                };
                for w in 0..LINE {
                    (a.0[w], b.0[w]) = encode(some[w], two[w]);
                    self.het[i] += (some[w] ^ two[w]).count_ones();
                }
            }
        }
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

/// h and t.
#[inline(always)]
fn heterozygous(some: u64, two: u64) -> (u64, u64) {
    (some ^ two, two)
}

/// Four bits for every two SNPs: x ≥ 1 of both, x = 2 of both.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pairs_of_snps(some: u64, two: u64) -> (u64, u64) {
    const LOW: u64 = 0x3333_3333_3333_3333;
    (
        some & LOW | (two & LOW) << 2,
        some >> 2 & LOW | two & (LOW << 2),
    )
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

/// `sums[i · PAIR_EDGE + j]` += the distance of individual `i` of `a` and `j` of `b`; with
/// `lower`, perhaps not those with j > i. Sums are those of the padded numbers of individuals.
pub(crate) fn count(a: &Packed, b: &Packed, distance: Distance, lower: bool, sums: &mut [u32]) {
    assert_eq!(a.stride, b.stride, "SNPs of a pair");
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx512::count` enables.
        Level::Avx512 => unsafe { avx512::count(a, b, distance, lower, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` has found every feature that `avx2::count` enables.
        Level::Avx2 => unsafe { avx2::count(a, b, distance, lower, sums) },
        Level::Portable => portable::count(a, b, distance, lower, sums),
    }
}

/// Runs `block` over all register blocks: lines of [`GROUP`] rows, those of as many columns, and
/// which of the two halves of these.
#[inline(always)]
fn sweep(
    (a, b): (&Packed, &Packed),
    lower: bool,
    sums: &mut [u32],
    block: impl Fn((&[Line], [u32; GROUP]), (&[Line], [u32; GROUP]), usize) -> Sums,
) {
    for first in (0..b.groups()).step_by(COLUMN_GROUPS) {
        for i in 0..a.groups() {
            let last = b.groups().min(first + COLUMN_GROUPS);
            let last = if lower { last.min(i + 1) } else { last };
            for j in first..last {
                for half in 0..GROUP / COLS {
                    let new = block((a.group(i), a.het(i)), (b.group(j), b.het(j)), half);
                    let at = i * GROUP * PAIR_EDGE + j * GROUP + half * COLS;
                    for (r, new) in new.chunks_exact(COLS).enumerate() {
                        let sums = &mut sums[at + r * PAIR_EDGE..][..COLS];
                        for (sum, new) in sums.iter_mut().zip(new) {
                            // Pairs::new bounds the SNPs so that sums fit.
                            *sum = sum.wrapping_add(*new);
                        }
                    }
                }
            }
        }
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
mod portable;
