//! AVX-512: products are looked up, not multiplied.
//!
//! A call has four codes, so with an individual's calls of two SNPs there are sixteen sums of
//! two products, which two registers hold; one instruction finds those of eight individuals. A
//! multiplication takes as long and makes half as many.

use core::arch::x86_64::*;

use epitile_core::pairs::PAIR_EDGE;

use crate::simd::line::{LINE, Line};
use crate::simd::lookup::avx512::{joined, load, more};
use crate::simd::product::Table;
use crate::simd::transpose::{Column, SNPS, transpose};

/// Pairs of neighbouring SNPs.
const PAIRS: usize = SNPS / 2;
/// Codes of two SNPs.
const CODES: usize = 16;
/// Rows of a register block, and the groups of eight columns.
const ROWS: usize = 4;
const GROUPS: usize = 4;
/// Register blocks beside each other for half of the columns.
const BLOCKS: usize = PAIR_EDGE / 2 / (GROUPS * LINE);

/// What 64 SNPs of a block need.
#[derive(Default)]
pub(super) struct Lookups {
    /// Codes of two SNPs of the columns: for either half, by pair of SNPs.
    codes: Vec<Line>,
    /// By pair of SNPs and the codes of a row: sums of products by the codes of a column.
    sums: Vec<[Line; 2]>,
    /// By row and pair of SNPs: its place among `sums`.
    places: Vec<[u16; PAIRS]>,
}

impl Lookups {
    /// See [`Products::add`](super::Products::add).
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt")]
    pub(super) fn add(
        &mut self,
        tables: &[Table; SNPS],
        (a, rows): (&Column, usize),
        b: &Column,
        lower: bool,
        sums: &mut [i64],
    ) {
        self.fill_codes(b);
        self.fill_sums(tables);
        self.fill_places(a);
        for row in (0..rows).step_by(ROWS) {
            for block in 0..2 * BLOCKS {
                let column = block * GROUPS * LINE;
                if lower && column >= row + ROWS {
                    break;
                }
                let sums = &mut sums[row * PAIR_EDGE + column..];
                self.block(row, block, sums);
            }
        }
    }

    /// Adds the sums of [`ROWS`] rows and the columns of a register block.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn block(&self, row: usize, block: usize, sums: &mut [i64]) {
        let mut lanes = [[_mm512_setzero_si512(); GROUPS]; ROWS];
        let codes = &self.codes[block / BLOCKS * PAIRS..][..PAIRS];
        let places: [&[u16; PAIRS]; ROWS] = core::array::from_fn(|r| &self.places[row + r]);
        let shift = _mm_cvtsi32_si128((block % BLOCKS * 4 * GROUPS) as i32);
        for (pair, codes) in codes.iter().enumerate() {
            let codes = _mm512_srl_epi64(load(codes), shift);
            let codes: [_; GROUPS] =
                core::array::from_fn(|g| _mm512_srlv_epi64(codes, _mm512_set1_epi64(4 * g as i64)));
            for r in 0..ROWS {
                let [low, high] = &self.sums[usize::from(places[r][pair])];
                let table = [load(low), load(high)];
                for g in 0..GROUPS {
                    lanes[r][g] = _mm512_add_epi64(lanes[r][g], look_up(table, codes[g]));
                }
            }
        }
        for (r, lanes) in lanes.iter().enumerate() {
            let sums = sums[r * PAIR_EDGE..].chunks_exact_mut(LINE);
            for (sums, lanes) in sums.zip(lanes) {
                more(sums, *lanes);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn fill_codes(&mut self, column: &Column) {
        let mut lines = [Line::default(); SNPS];
        transpose(column, &mut lines);
        self.codes.resize(2 * PAIRS, Line::default());
        for (half, codes) in self.codes.chunks_exact_mut(PAIRS).enumerate() {
            for (codes, [first, second]) in codes.iter_mut().zip(lines.as_chunks().0) {
                store(codes, joined(first, second, half));
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn fill_sums(&mut self, tables: &[Table; SNPS]) {
        self.sums.resize(PAIRS * CODES, [Line::default(); 2]);
        let pairs = self.sums.chunks_exact_mut(CODES);
        for (sums, [first, second]) in pairs.zip(tables.as_chunks().0) {
            let times = |table: &Table, code: usize| Table(table.0.map(|v| v * table.0[code]));
            let inner: [_; 4] = core::array::from_fn(|code| broadcast(&times(first, code)));
            for (code, sums) in sums.chunks_exact_mut(4).enumerate() {
                let [low, high] = outer(&times(second, code));
                for (sums, inner) in sums.iter_mut().zip(inner) {
                    store(&mut sums[0], _mm512_add_epi64(inner, low));
                    store(&mut sums[1], _mm512_add_epi64(inner, high));
                }
            }
        }
    }

    fn fill_places(&mut self, column: &Column) {
        self.places.resize(PAIR_EDGE, [0; PAIRS]);
        let words = column.low.iter().zip(&column.high);
        for (places, (&low, &high)) in self.places.iter_mut().zip(words) {
            for (pair, place) in places.iter_mut().enumerate() {
                let bit = |word: u64, at: usize| (word >> (2 * pair + at) & 1) as u16;
                let code = bit(low, 0) | bit(high, 0) << 1 | bit(low, 1) << 2 | bit(high, 1) << 3;
                *place = (pair * CODES) as u16 | code;
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(line: &mut Line, v: __m512i) {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), v) }
}

/// The numbers of the first SNP by the codes of both (twice the same eight).
#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast(table: &Table) -> __m512i {
    // SAFETY: a table is 32 bytes, aligned to 32.
    _mm512_broadcast_i64x4(unsafe { _mm256_load_si256(table.0.as_ptr().cast()) })
}

/// The numbers of the second SNP by the codes of both.
#[inline]
#[target_feature(enable = "avx512f")]
fn outer(table: &Table) -> [__m512i; 2] {
    let table = broadcast(table);
    [
        _mm512_permutexvar_epi64(_mm512_set_epi64(1, 1, 1, 1, 0, 0, 0, 0), table),
        _mm512_permutexvar_epi64(_mm512_set_epi64(3, 3, 3, 3, 2, 2, 2, 2), table),
    ]
}

/// Numbers of the codes in the low four bits of the lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn look_up([low, high]: [__m512i; 2], codes: __m512i) -> __m512i {
    _mm512_permutex2var_epi64(low, codes, high)
}
