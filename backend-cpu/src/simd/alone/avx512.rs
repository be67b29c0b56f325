//! AVX-512 with VNNI.

use core::arch::x86_64::*;
use core::ops::Range;

use epitile_core::genotypes::Genotypes;

use crate::simd::line::Line;
use crate::simd::lookup::avx512::load;
use crate::simd::transpose::SNPS;

/// Digits that are summed together.
const DIGITS: usize = 5;
/// Words summed before 32-bit sums are added up: their digits take 20 KiB of the first-level cache.
const WORDS: usize = 32;

/// Digits of the numbers of the SNPs of a word: of what the bits of the plane `some` add, then those of
/// `two`.
type Word = [[Line; DIGITS]; 2];

/// Numbers by SNP and call.
pub(super) struct Digits {
    /// What all missing bits would add: every call is 0.
    none: i128,
    /// By SNP, what a missing call adds to that. Empty if none is missing.
    gone: Vec<i64>,
    /// The lowest digits of every word, then the next.
    words: Vec<Vec<Word>>,
}

impl Digits {
    pub(super) fn new(genotypes: &Genotypes, numbers: &[[i64; 4]]) -> Self {
        let bits = genotypes.words() * SNPS;
        let gone = |&[none, _, _, missing]: &[i64; 4]| missing - none;
        let gone = match genotypes.has_missing() {
            true => numbers.iter().map(gone).collect(),
            false => Vec::new(),
        };
        // What the bits of both planes add.
        let mut rest = vec![[0; 2]; bits];
        for segment in genotypes.segments() {
            let first = segment.words.start * SNPS;
            for (bit, &[none, one, two, _]) in (first..).zip(&numbers[segment.snps.clone()]) {
                rest[bit] = [one - none, two - one];
            }
        }
        let mut words = Vec::new();
        while rest.as_flattened().iter().any(|&v| v != 0) {
            words.push(rest.as_chunks_mut().0.iter_mut().map(word).collect());
        }
        let none = numbers.iter().map(|of| i128::from(of[0])).sum();
        Digits { none, gone, words }
    }

    /// The sums of some individuals.
    pub(super) fn sums(&self, genotypes: &Genotypes, individuals: Range<usize>) -> Vec<i128> {
        let mut sums = vec![self.none; individuals.len()];
        for (level, words) in self.words.iter().enumerate() {
            for (part, words) in words.chunks(WORDS).enumerate() {
                let range = part * WORDS..part * WORDS + words.len();
                for (sum, i) in sums.iter_mut().zip(individuals.clone()) {
                    let planes = [genotypes.some(i), genotypes.two(i)].map(|p| &p[range.clone()]);
                    // SAFETY: who made these digits found every feature that `multiply` enables.
                    let digits = unsafe { multiply(planes, words) };
                    // The lowest digit last.
                    let number = digits
                        .iter()
                        .rev()
                        .fold(0, |v, d| (v << 8) + i128::from(*d));
                    *sum += number << (8 * DIGITS * level);
                }
            }
        }
        if !self.gone.is_empty() {
            for (sum, i) in sums.iter_mut().zip(individuals) {
                let missing = genotypes.missing_snps(i);
                *sum += missing
                    .map(|(m, ..)| i128::from(self.gone[m]))
                    .sum::<i128>();
            }
        }
        sums
    }
}

/// Digits of the numbers of a word, and what is left of the numbers.
fn word(rest: &mut [[i64; 2]; SNPS]) -> Word {
    let mut word = Word::default();
    for (s, rest) in rest.iter_mut().enumerate() {
        for (lines, rest) in word.iter_mut().zip(rest) {
            for line in lines {
                let digit = *rest as i8;
                let bytes: &mut [i8] = bytemuck::cast_slice_mut(&mut line.0);
                bytes[s] = digit;
                *rest = (*rest - i64::from(digit)) >> 8;
            }
        }
    }
    word
}

/// Σ of the digits at the bits of the planes.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply([some, two]: [&[u64]; 2], words: &[Word]) -> [i32; DIGITS] {
    let one = _mm512_set1_epi8(1);
    let mut sums = [_mm512_setzero_si512(); DIGITS];
    for ((some, two), word) in some.iter().zip(two).zip(words) {
        for (bits, digits) in [some, two].into_iter().zip(word) {
            let bytes = _mm512_maskz_mov_epi8(*bits, one);
            for (sum, digits) in sums.iter_mut().zip(digits) {
                *sum = _mm512_dpbusd_epi32(*sum, bytes, load(digits));
            }
        }
    }
    sums.map(|sum| _mm512_reduce_add_epi32(sum))
}
