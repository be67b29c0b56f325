//! AMX: products of tiles of bytes; unpacking in AVX-512.

use core::arch::asm;
use core::arch::x86_64::*;

use super::{SQUARE, STEPS, STRIP, Sums, TILE};
use crate::simd::amx::{self, ROW, ROWS, Tiles};
use crate::simd::line::Line;

const _: () = assert!(size_of::<Line>() == ROW && TILE == ROWS && STRIP == ROWS);

/// Tile registers, configured.
pub(super) struct Unit {
    _tiles: Tiles,
}

impl Unit {
    /// # Safety
    /// [`Half::Amx`](crate::simd::level::Half::Amx) was found, and no other value with [`Tiles`]
    /// lives on this thread.
    pub(super) unsafe fn new() -> Self {
        Unit {
            // SAFETY: the caller's promise.
            _tiles: unsafe { Tiles::configure() },
        }
    }

    pub(super) fn unpack(&self, calls: &[Line], mask: u8, tiles: &mut [Line]) {
        // SAFETY: who made this value found every feature that `unpack` enables.
        unsafe { unpack(calls, mask, tiles) }
    }

    pub(super) fn weigh(&self, calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
        // SAFETY: as in `unpack`.
        unsafe { weigh(calls, weights, tiles) }
    }

    pub(super) fn turn(&self, calls: &[Line], mask: u8, tiles: &mut [Line]) {
        // SAFETY: as in `unpack`.
        unsafe { turn(calls, mask, tiles) }
    }

    pub(super) fn turn_weighted(&self, calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
        // SAFETY: as in `unpack`.
        unsafe { turn_weighted(calls, weights, tiles) }
    }

    /// See [`super::Unit::ask`].
    #[inline]
    pub(super) fn ask(&self, calls: &[Line]) {
        for line in calls {
            // SAFETY: every x86-64 processor has the instruction, and the line is there.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(core::ptr::from_ref(line).cast()) }
        }
    }

    /// See [`super::Unit::product`].
    pub(super) fn product(
        &self,
        rows: &[Line],
        cols: &[Line],
        steps: usize,
        sums: &mut [Sums; SQUARE],
    ) {
        let lines = steps * 2 * TILE;
        assert!(
            steps > 0 && rows.len() >= lines && cols.len() >= lines,
            "lines of a product"
        );
        // SAFETY: tiles are configured, and those named are lost; `lines` of both operands are there, and
        // all lines of the sums. What is past these is only asked for in advance, which reads nothing.
        unsafe {
            asm!(
                "tileloadd tmm0, [{c} + {s}]",
                "tileloadd tmm1, [{c} + {s} + {tile}]",
                "tileloadd tmm2, [{c} + {s} + 2 * {tile}]",
                "tileloadd tmm3, [{c} + {s} + 3 * {tile}]",
                "2:",
                // Rows come from the second-level cache once: let them not push out the columns.
                "tileloaddt1 tmm4, [{a} + {s}]",
                "tileloadd tmm6, [{b} + {s}]",
                "tdpbsud tmm0, tmm4, tmm6",
                "tileloaddt1 tmm5, [{a} + {s} + {tile}]",
                "tdpbsud tmm2, tmm5, tmm6",
                "tileloadd tmm7, [{b} + {s} + {tile}]",
                "prefetcht0 [{next}]",
                "prefetcht0 [{next} + 64]",
                "prefetcht0 [{next} + 128]",
                "prefetcht0 [{next} + 192]",
                "tdpbsud tmm1, tmm4, tmm7",
                "tdpbsud tmm3, tmm5, tmm7",
                "add {a}, 2 * {tile}",
                "add {b}, 2 * {tile}",
                "add {next}, 256",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {s}], tmm0",
                "tilestored [{c} + {s} + {tile}], tmm1",
                "tilestored [{c} + {s} + 2 * {tile}], tmm2",
                "tilestored [{c} + {s} + 3 * {tile}], tmm3",
                a = inout(reg) rows.as_ptr() => _,
                b = inout(reg) cols.as_ptr() => _,
                n = inout(reg) steps => _,
                next = inout(reg) sums.as_ptr().wrapping_add(SQUARE) => _,
                c = in(reg) sums.as_mut_ptr(),
                s = in(reg) ROW,
                tile = const amx::TILE,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }
}

/// Sixty-four calls of the 16 bytes `codes`, in the low two bits of a byte each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn bytes(codes: __m128i) -> __m512i {
    // Of each lane of 64 bits, with two bytes of codes in it, bytes from bits 0, 2, 4, 6 and 32, ….
    let places = _mm512_set1_epi64(0x2624_2220_0604_0200);
    _mm512_multishift_epi64_epi8(places, _mm512_cvtepu8_epi32(codes))
}

/// The codes of individual `row` of a strip.
#[inline]
#[target_feature(enable = "avx512f")]
fn codes(calls: &[Line; TILE / 4], row: usize) -> __m128i {
    let words = &calls[row / 4].0[row % 4 * 2..][..2];
    // SAFETY: two words are 16 bytes; no alignment is asked.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

/// Asks for the calls of the next 16 individuals.
#[inline]
#[target_feature(enable = "avx512f")]
fn ahead(calls: &[Line; TILE / 4]) {
    for line in calls {
        let later = core::ptr::from_ref(line).wrapping_add(STEPS * TILE / 4);
        _mm_prefetch::<_MM_HINT_T0>(later.cast());
    }
}

/// Calls of every step, and its tile, one of two.
fn steps<'a>(
    calls: &'a [Line],
    tiles: &'a mut [Line],
) -> impl Iterator<Item = (&'a [Line; TILE / 4], &'a mut [Line; TILE])> {
    let calls = calls.as_chunks().0.iter();
    // The last pair of tiles may lack its second.
    let tiles = tiles.as_chunks_mut().0.iter_mut().step_by(2);
    calls.zip(tiles)
}

/// See [`super::Unit::unpack`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn unpack(calls: &[Line], mask: u8, tiles: &mut [Line]) {
    let mask = _mm512_set1_epi8(mask as i8);
    for (calls, tile) in steps(calls, tiles) {
        ahead(calls);
        for (row, line) in tile.iter_mut().enumerate() {
            store(line, _mm512_and_si512(bytes(codes(calls, row)), mask));
        }
    }
}

/// See [`super::Unit::weigh`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn weigh(calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
    for ((calls, tile), weights) in steps(calls, tiles).zip(weights) {
        ahead(calls);
        // SAFETY: a line is 64 bytes, aligned to 64.
        let once = unsafe { _mm512_load_si512(weights.0.as_ptr().cast()) };
        let twice = _mm512_add_epi8(once, once);
        for (row, line) in tile.iter_mut().enumerate() {
            store(line, times(bytes(codes(calls, row)), once, twice));
        }
    }
}

/// Calls times weights.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn times(calls: __m512i, once: __m512i, twice: __m512i) -> __m512i {
    let ones = _mm512_test_epi8_mask(calls, _mm512_set1_epi8(1));
    let twos = _mm512_test_epi8_mask(calls, _mm512_set1_epi8(2));
    _mm512_mask_mov_epi8(_mm512_maskz_mov_epi8(ones, once), twos, twice)
}

/// See [`super::Unit::turn`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn turn(calls: &[Line], mask: u8, tiles: &mut [Line]) {
    let mask = _mm512_set1_epi8(mask as i8);
    for (calls, tile) in steps(calls, tiles) {
        ahead(calls);
        for (k, codes) in turned(calls).into_iter().enumerate() {
            for (l, codes) in lanes(codes).into_iter().enumerate() {
                store(&mut tile[4 * l + k], _mm512_and_si512(bytes(codes), mask));
            }
        }
    }
}

/// See [`super::Unit::turn_weighted`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn turn_weighted(calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
    for ((calls, tile), weights) in steps(calls, tiles).zip(weights) {
        ahead(calls);
        let weights: &[i32; TILE] = bytemuck::cast_ref(&weights.0);
        for (k, codes) in turned(calls).into_iter().enumerate() {
            for (l, codes) in lanes(codes).into_iter().enumerate() {
                // Twice a byte of seven bits stays in its byte.
                let weights = weights[4 * l + k];
                let [once, twice] = [weights, weights << 1].map(|w| _mm512_set1_epi32(w));
                store(&mut tile[4 * l + k], times(bytes(codes), once, twice));
            }
        }
    }
}

/// Codes of 16 individuals, byte by byte: lane l of the k-th holds byte 4l + k of all of them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn turned(calls: &[Line; TILE / 4]) -> [__m512i; 4] {
    // Byte k of four individuals next to each other.
    const FOURS: [u8; 64] = {
        let mut fours = [0; 64];
        let mut at = 0;
        while at < 64 {
            fours[at] = (at % 4 * STRIP + at / 4) as u8;
            at += 1;
        }
        fours
    };
    // SAFETY: any bytes are a vector.
    let fours = unsafe { core::mem::transmute::<[u8; 64], __m512i>(FOURS) };
    let [a, b, c, d] = core::array::from_fn(|k| {
        // SAFETY: a line is 64 bytes, aligned to 64.
        let line = unsafe { _mm512_load_si512(calls[k].0.as_ptr().cast()) };
        _mm512_permutexvar_epi8(fours, line)
    });
    let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
    let (ef, gh) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(ab, cd),
        _mm512_unpackhi_epi64(ab, cd),
        _mm512_unpacklo_epi64(ef, gh),
        _mm512_unpackhi_epi64(ef, gh),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn lanes(v: __m512i) -> [__m128i; 4] {
    [
        _mm512_extracti32x4_epi32::<0>(v),
        _mm512_extracti32x4_epi32::<1>(v),
        _mm512_extracti32x4_epi32::<2>(v),
        _mm512_extracti32x4_epi32::<3>(v),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(line: &mut Line, v: __m512i) {
    // SAFETY: a line is 64 bytes, aligned to 64.
    unsafe { _mm512_store_si512(line.0.as_mut_ptr().cast(), v) }
}
