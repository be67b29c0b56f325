//! The lanes of AVX512-BF16: dot products of pairs, exact, added to FP32 sums.
//!
//! BF16 and FP8 numbers are BF16 numbers, and a product of two of those is an FP32 number. The
//! instruction takes subnormal factors for zero and makes zeros of subnormal sums: FP8 numbers are
//! all normal in BF16, and rows packed together that hold subnormals are left to FP32.

use core::arch::x86_64::*;

use super::lanes::{Lanes, MOST};
use super::x86::Avx512;

/// Pairs of BF16 numbers in 512-bit vectors.
pub(super) struct Bf16;

impl Lanes for Bf16 {
    type Real = f32;
    type Packed = u32;
    type Vector = __m512i;
    type Sums = __m512;
    const LANES: usize = 16;
    const DEPTH: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const u32) -> __m512i {
        // SAFETY: the caller's promises.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const u32) -> __m512i {
        // SAFETY: the caller's promises.
        unsafe { _mm512_set1_epi32((*from).cast_signed()) }
    }

    #[inline(always)]
    unsafe fn sums(from: *const f32) -> __m512 {
        // SAFETY: the caller's promises.
        unsafe { Avx512::<f32>::sums(from) }
    }

    #[inline(always)]
    unsafe fn store(sums: __m512, to: *mut f32) {
        // SAFETY: the caller's promises.
        unsafe { Avx512::<f32>::store(sums, to) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m512, a: __m512i, b: __m512i) -> __m512 {
        // SAFETY: the caller's promises; the types are names for the same bits.
        unsafe {
            let (a, b) = (
                core::mem::transmute::<__m512i, __m512bh>(a),
                core::mem::transmute::<__m512i, __m512bh>(b),
            );
            _mm512_dpbf16_ps(sums, a, b)
        }
    }

    #[inline(always)]
    fn fused(a: f32, b: f32, sum: f32) -> f32 {
        Avx512::<f32>::fused(a, b, sum)
    }

    #[inline(always)]
    unsafe fn widen(bits: &[u16; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promises.
        unsafe { Avx512::<f32>::widen(bits) }
    }

    #[inline(always)]
    unsafe fn widen_e4m3(codes: &[u8; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promises.
        unsafe { Avx512::<f32>::widen_e4m3(codes) }
    }

    #[inline(always)]
    unsafe fn widen_e5m2(codes: &[u8; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promises.
        unsafe { Avx512::<f32>::widen_e5m2(codes) }
    }

    #[inline(always)]
    fn pack([first, second]: &[[f32; MOST]; 2], to: &mut [u32]) {
        for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
            *to = first.to_bits() >> 16 | second.to_bits() & 0xffff_0000;
        }
    }

    #[inline(always)]
    unsafe fn pack_bf16(terms: &[[u16; MOST]; 2], to: &mut [u32]) -> Option<bool> {
        let to = &mut to[..MOST];
        // SAFETY: the caller's promise; 16 numbers are read twice and 16 pairs written.
        unsafe {
            let [first, second] = terms.each_ref().map(|term| term.as_ptr().cast());
            let first = _mm512_cvtepu16_epi32(_mm256_loadu_si256(first));
            let second = _mm512_cvtepu16_epi32(_mm256_loadu_si256(second));
            let pairs = _mm512_or_si512(first, _mm512_slli_epi32::<16>(second));
            _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
            let tiny = _mm512_testn_epi16_mask(pairs, _mm512_set1_epi16(0x7f80));
            let subnormal = _mm512_mask_test_epi16_mask(tiny, pairs, _mm512_set1_epi16(0x7f));
            Some(subnormal == 0)
        }
    }
}
