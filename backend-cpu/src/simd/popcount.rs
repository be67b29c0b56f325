//! Counting differences of bit planes.

use crate::simd::level::multiversion;

/// Bit planes of some individuals over a chunk of SNPs, packed: `words` words each.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a> {
    /// Words of an individual.
    pub(crate) words: usize,
    /// Dosage ≥ 1.
    pub(crate) some: &'a [u64],
    /// Dosage = 2.
    pub(crate) two: &'a [u64],
}

impl<'a> Planes<'a> {
    fn len(&self) -> usize {
        self.some.len() / self.words
    }

    #[inline(always)]
    fn of(&self, i: usize) -> (&'a [u64], &'a [u64]) {
        let at = i * self.words..(i + 1) * self.words;
        (&self.some[at.clone()], &self.two[at])
    }
}

multiversion! {
    /// `sums[i · width + j]` += Σ(x−y)² of individual `i` of `a` and `j` of `b`.
    ///
    /// With p and q the differing bits of the planes, that is |p ∨ q| + 3·|p ∧ q|.
    fn squared(a: Planes<'_>, b: Planes<'_>, width: usize, sums: &mut [u32])
        = sum::<true>, sum::<true>
}

multiversion! {
    /// `sums[i · width + j]` += Σ|x−y| of individual `i` of `a` and `j` of `b`: |p| + |q|.
    fn absolute(a: Planes<'_>, b: Planes<'_>, width: usize, sums: &mut [u32])
        = sum::<false>, sum::<false>
}

/// Individuals of a register block: 2 · 8 sums, and 12 loads shared by 8 pairs.
const ROWS: usize = 4;
const COLS: usize = 2;

#[inline(always)]
fn sum<const SQUARED: bool>(a: Planes<'_>, b: Planes<'_>, width: usize, sums: &mut [u32]) {
    let mut j = 0;
    while j < b.len() {
        let cols = if j + COLS <= b.len() { COLS } else { 1 };
        let mut i = 0;
        while i < a.len() {
            let rows = if i + ROWS <= a.len() { ROWS } else { 1 };
            let sums = &mut sums[i * width + j..];
            match (rows, cols) {
                (ROWS, COLS) => block::<SQUARED, ROWS, COLS>(a, i, b, j, width, sums),
                (ROWS, _) => block::<SQUARED, ROWS, 1>(a, i, b, j, width, sums),
                (_, COLS) => block::<SQUARED, 1, COLS>(a, i, b, j, width, sums),
                _ => block::<SQUARED, 1, 1>(a, i, b, j, width, sums),
            }
            i += rows;
        }
        j += cols;
    }
}

#[inline(always)]
fn block<const SQUARED: bool, const R: usize, const C: usize>(
    a: Planes<'_>,
    i: usize,
    b: Planes<'_>,
    j: usize,
    width: usize,
    sums: &mut [u32],
) {
    let words = a.words;
    let a: [(&[u64], &[u64]); R] = core::array::from_fn(|r| a.of(i + r));
    let b: [(&[u64], &[u64]); C] = core::array::from_fn(|c| b.of(j + c));
    let mut once = [[0u64; C]; R];
    let mut thrice = [[0u64; C]; R];
    for w in 0..words {
        for r in 0..R {
            for c in 0..C {
                let (p, q) = (a[r].0[w] ^ b[c].0[w], a[r].1[w] ^ b[c].1[w]);
                let (x, y) = if SQUARED { (p | q, p & q) } else { (p, q) };
                once[r][c] = once[r][c].wrapping_add(x.count_ones().into());
                thrice[r][c] = thrice[r][c].wrapping_add(y.count_ones().into());
            }
        }
    }
    let weight = if SQUARED { 3 } else { 1 };
    for r in 0..R {
        for c in 0..C {
            sums[r * width + c] += (once[r][c] + weight * thrice[r][c]) as u32;
        }
    }
}
