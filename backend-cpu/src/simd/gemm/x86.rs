//! The lanes of AVX-512 and of AVX2 with FMA and F16C.

use core::arch::x86_64::*;

use super::lanes::{Lanes, MOST};

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
                unsafe { $widen(bits) }
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

/// # Safety
/// Needs AVX-512F.
#[inline(always)]
pub(super) unsafe fn widen_512(bits: &[u16; MOST]) -> [f32; MOST] {
    let mut wide = [0.0; MOST];
    // SAFETY: the caller's promise, and as many numbers on either side.
    unsafe {
        let narrow = _mm256_loadu_si256(bits.as_ptr().cast());
        _mm512_storeu_ps(wide.as_mut_ptr(), _mm512_cvtph_ps(narrow));
    }
    wide
}

/// # Safety
/// Needs AVX and F16C.
#[inline(always)]
unsafe fn widen_256(bits: &[u16; MOST]) -> [f32; MOST] {
    let mut wide = [0.0; MOST];
    for half in [0, MOST / 2] {
        // SAFETY: the caller's promise, and as many numbers on either side.
        unsafe {
            let narrow = _mm_loadu_si128(bits[half..half + MOST / 2].as_ptr().cast());
            _mm256_storeu_ps(wide[half..].as_mut_ptr(), _mm256_cvtph_ps(narrow));
        }
    }
    wide
}
