//! The lanes of AVX-512 and of AVX2 with FMA and F16C.

use core::arch::x86_64::*;

use super::lanes::{E4M3, Lanes, MOST};

/// 512-bit vectors.
pub(super) struct Avx512<T>(core::marker::PhantomData<T>);

/// 256-bit vectors.
pub(super) struct Avx2<T>(core::marker::PhantomData<T>);

macro_rules! lanes {
    (
        $level:ident, $real:ty, $lanes:literal, $vector:ty,
        $load:ident, $store:ident, $splat:ident, $fma:ident, $widen:ident
    ) => {
        impl Lanes for $level<$real> {
            type Real = $real;
            type Packed = $real;
            type Vector = $vector;
            type Sums = $vector;
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn load(from: *const $real) -> $vector {
                // SAFETY: the caller's promises.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn splat(from: *const $real) -> $vector {
                // SAFETY: the caller's promises.
                unsafe { $splat(*from) }
            }

            #[inline(always)]
            unsafe fn sums(from: *const $real) -> $vector {
                // SAFETY: the caller's promises.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn store(sums: $vector, to: *mut $real) {
                // SAFETY: the caller's promises.
                unsafe { $store(to, sums) }
            }

            #[inline(always)]
            unsafe fn add(sums: $vector, a: $vector, b: $vector) -> $vector {
                // SAFETY: the caller's promises.
                unsafe { $fma(a, b, sums) }
            }

            #[inline(always)]
            fn fused(a: $real, b: $real, sum: $real) -> $real {
                a.mul_add(b, sum)
            }

            #[inline(always)]
            unsafe fn widen(bits: &[u16; MOST]) -> [f32; MOST] {
                // SAFETY: the caller's promises.
                unsafe { $widen(_mm256_loadu_si256(bits.as_ptr().cast()), 1.0) }
            }

            #[inline(always)]
            unsafe fn widen_e4m3(codes: &[u8; MOST]) -> [f32; MOST] {
                // SAFETY: the caller's promises.
                unsafe { $widen(fields(codes), E4M3) }
            }

            #[inline(always)]
            unsafe fn widen_e5m2(codes: &[u8; MOST]) -> [f32; MOST] {
                // SAFETY: the caller's promises.
                unsafe {
                    let codes = _mm_loadu_si128(codes.as_ptr().cast());
                    // The upper half of FP16.
                    $widen(_mm256_slli_epi16::<8>(_mm256_cvtepu8_epi16(codes)), 1.0)
                }
            }

            #[inline(always)]
            fn pack(terms: &[[$real; MOST]; 2], to: &mut [$real]) {
                to.copy_from_slice(&terms[0][..$lanes]);
            }
        }
    };
}

lanes!(
    Avx512,
    f32,
    16,
    __m512,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    widen_512
);
lanes!(
    Avx512,
    f64,
    8,
    __m512d,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    widen_512
);
lanes!(
    Avx2,
    f32,
    8,
    __m256,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    widen_256
);
lanes!(
    Avx2,
    f64,
    4,
    __m256d,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_fmadd_pd,
    widen_256
);

/// FP16 numbers times a power of two.
///
/// # Safety
/// Needs AVX-512F.
#[inline(always)]
unsafe fn widen_512(halves: __m256i, factor: f32) -> [f32; MOST] {
    let mut wide = [0.0; MOST];
    // SAFETY: the caller's promise; a vector of 16 numbers is stored in as many.
    unsafe {
        let numbers = _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(factor));
        _mm512_storeu_ps(wide.as_mut_ptr(), numbers);
    }
    wide
}

/// FP16 numbers times a power of two.
///
/// # Safety
/// Needs AVX2 and F16C.
#[inline(always)]
unsafe fn widen_256(halves: __m256i, factor: f32) -> [f32; MOST] {
    let mut wide = [0.0; MOST];
    // SAFETY: the caller's promise; two vectors of 8 numbers are stored in 16.
    unsafe {
        let factor = _mm256_set1_ps(factor);
        let low = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
        let high = _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(halves));
        _mm256_storeu_ps(wide.as_mut_ptr(), _mm256_mul_ps(low, factor));
        _mm256_storeu_ps(wide[MOST / 2..].as_mut_ptr(), _mm256_mul_ps(high, factor));
    }
    wide
}

/// E4M3 numbers' signs, exponents and fractions where FP16 has them; NaN where they are NaN.
///
/// # Safety
/// Needs AVX2.
#[inline(always)]
unsafe fn fields(codes: &[u8; MOST]) -> __m256i {
    // SAFETY: the caller's promise, and 16 codes are read.
    unsafe {
        let codes = _mm_loadu_si128(codes.as_ptr().cast());
        // The sign fills the upper byte: one copy of it lands where it belongs, one is cut out.
        let moved = _mm256_slli_epi16::<7>(_mm256_cvtepi8_epi16(codes));
        let magnitude = _mm256_and_si256(moved, _mm256_set1_epi16(0x3f80));
        let sign = _mm256_and_si256(moved, _mm256_set1_epi16(i16::MIN));
        let is_nan = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(0x3f80));
        let special = _mm256_and_si256(is_nan, _mm256_set1_epi16(0x7c00));
        _mm256_or_si256(_mm256_or_si256(magnitude, sign), special)
    }
}
