//! AVX-512: two registers hold the sixteen sums of two SNPs, and one instruction looks up eight.

use core::arch::x86_64::*;

use epitile_core::pairs::PAIR_EDGE;

use super::Table;
use crate::simd::line::{LINE, Line};

/// Places of a line's word at which the codes of two SNPs stand.
const PLACES: usize = 16;

/// See [`add`](super::add).
#[target_feature(enable = "avx512f")]
pub(super) fn add(lines: &[Line], tables: &[Table], snps: &[u32], sums: &mut [i64; PAIR_EDGE]) {
    for (half, sums) in sums.chunks_exact_mut(PAIR_EDGE / 2).enumerate() {
        let mut lanes = [_mm512_setzero_si512(); PLACES];
        let mut add = |[first, second]: [u32; 2], tables: [&Table; 2]| {
            let codes = joined(&lines[first as usize], &lines[second as usize], half);
            let table = table(tables[0], tables[1]);
            for (place, lanes) in lanes.iter_mut().enumerate() {
                let codes = _mm512_srlv_epi64(codes, _mm512_set1_epi64(4 * place as i64));
                *lanes = _mm512_add_epi64(*lanes, look_up(table, codes));
            }
        };
        let (pairs, last) = snps.as_chunks();
        for &pair in pairs {
            add(pair, pair.map(|snp| &tables[snp as usize]));
        }
        for &snp in last {
            add([snp; 2], [&tables[snp as usize], &Table([0; 4])]);
        }
        for (sums, lanes) in sums.chunks_exact_mut(LINE).zip(lanes) {
            // SAFETY: a chunk has the eight numbers loaded and stored; no alignment is asked.
            unsafe {
                let sum = _mm512_add_epi64(_mm512_loadu_epi64(sums.as_ptr()), lanes);
                _mm512_storeu_epi64(sums.as_mut_ptr(), sum);
            }
        }
    }
}

/// Codes of two SNPs in four bits, for every place of one half of the individuals.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn joined(first: &Line, second: &Line, half: usize) -> __m512i {
    let low = _mm512_set1_epi8(0x33);
    let (first, second) = (load(first), load(second));
    let (first, second) = match half {
        0 => (first, _mm512_slli_epi64::<2>(second)),
        _ => (_mm512_srli_epi64::<2>(first), second),
    };
    // By the bits of (mask, first, second): the first where the mask is set, else the second.
    _mm512_ternarylogic_epi64::<0b1100_1010>(low, first, second)
}

/// Sums of the numbers of two SNPs, by the codes of both.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn table(first: &Table, second: &Table) -> [__m512i; 2] {
    let first = broadcast(first);
    let [low, high] = outer(second);
    [_mm512_add_epi64(first, low), _mm512_add_epi64(first, high)]
}

/// The numbers of the first SNP by the codes of both (twice the same eight).
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn broadcast(table: &Table) -> __m512i {
    // SAFETY: a table is 32 bytes, aligned to 32.
    _mm512_broadcast_i64x4(unsafe { _mm256_load_si256(table.0.as_ptr().cast()) })
}

/// The numbers of the second SNP by the codes of both.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn outer(table: &Table) -> [__m512i; 2] {
    let table = broadcast(table);
    [
        _mm512_permutexvar_epi64(_mm512_set_epi64(1, 1, 1, 1, 0, 0, 0, 0), table),
        _mm512_permutexvar_epi64(_mm512_set_epi64(3, 3, 3, 3, 2, 2, 2, 2), table),
    ]
}

/// Numbers of the codes in the low four bits of the lanes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn look_up([low, high]: [__m512i; 2], codes: __m512i) -> __m512i {
    _mm512_permutex2var_epi64(low, codes, high)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(line.0.as_ptr().cast()) }
}
