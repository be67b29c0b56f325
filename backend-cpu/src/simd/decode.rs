//! Stored numbers of every floating-point format as f64, exactly, or as f32, rounded at most once,
//! a block at a time.

use core::ops::Range;

use epitile_core::precision::Precision;
use epitile_core::round;
use epitile_core::tile::{Elements, TileRef};
use half::bf16;
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::CpuError;
use crate::simd::level::multiversion;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Level, level};
use crate::simd::panel::Lane;

/// A number that f64 holds.
pub(crate) trait Entry: Copy {
    /// The same number.
    fn to_f64(self) -> f64;
}

impl Entry for f64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

impl Entry for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Entry for bf16 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(f32::from_bits(u32::from(self.to_bits()) << 16))
    }
}

/// A number that tiles are decoded to.
pub(crate) trait Decoded: Lane {
    /// The stored numbers of a tile that holds this type.
    fn stored(tile: TileRef<'_>) -> Option<&[Self]>;
    /// `out` ← the numbers of `from`.
    fn fill<E: Entry>(from: &[E], out: &mut [Self]);
    /// Sixteen numbers.
    ///
    /// # Safety
    /// Needs AVX-512F.
    #[cfg(target_arch = "x86_64")]
    unsafe fn sixteen(single: core::arch::x86_64::__m512) -> [Self; 16];
}

impl Decoded for f64 {
    fn stored(tile: TileRef<'_>) -> Option<&[f64]> {
        match tile.elements() {
            Elements::F64(e) => Some(e),
            _ => None,
        }
    }

    fn fill<E: Entry>(from: &[E], out: &mut [f64]) {
        to_f64(from, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sixteen(single: core::arch::x86_64::__m512) -> [f64; 16] {
        use core::arch::x86_64::*;
        // SAFETY: the caller's promise; two vectors are as long as sixteen f64, any bits are valid.
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(single)));
            let double = [
                _mm512_cvtps_pd(_mm512_castps512_ps256(single)),
                _mm512_cvtps_pd(high),
            ];
            core::mem::transmute::<[__m512d; 2], [f64; 16]>(double)
        }
    }
}

impl Decoded for f32 {
    fn stored(tile: TileRef<'_>) -> Option<&[f32]> {
        match tile.elements() {
            Elements::F32(e) => Some(e),
            _ => None,
        }
    }

    fn fill<E: Entry>(from: &[E], out: &mut [f32]) {
        to_f32(from, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn sixteen(single: core::arch::x86_64::__m512) -> [f32; 16] {
        // SAFETY: a vector is as long as sixteen f32; any bits are valid.
        unsafe { core::mem::transmute::<core::arch::x86_64::__m512, [f32; 16]>(single) }
    }
}

multiversion! {
    /// `out` ← the numbers of `from`.
    fn to_f64<E: Entry>(from: &[E], out: &mut [f64]) = widen_body::<E, f64>, widen_body::<E, f64>
}

multiversion! {
    /// `out` ← the numbers of `from`, rounded at most once.
    fn to_f32<E: Entry>(from: &[E], out: &mut [f32]) = widen_body::<E, f32>, widen_body::<E, f32>
}

#[inline(always)]
fn widen_body<E: Entry, T: Lane>(from: &[E], out: &mut [T]) {
    for (o, v) in out.iter_mut().zip(from) {
        *o = T::of_f64(v.to_f64());
    }
}

/// Asks for the cache lines of `numbers`, which are needed soon.
#[inline(always)]
pub(crate) fn prefetch<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(64 / size_of::<T>()) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction changes nothing but what the caches hold, and every processor
        // has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// `out` ← the stored numbers of `tile` at the places `at`, without the scale.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8.
///
/// # Panics
/// Unless `at` are places of stored numbers, as many as `out` has.
pub(crate) fn decode<T: Decoded>(
    tile: TileRef<'_>,
    at: Range<usize>,
    operation: &'static str,
    out: &mut [T],
) -> Result<(), CpuError> {
    let precision = tile.precision();
    assert_eq!(at.len(), out.len(), "numbers decoded");
    // What is decoded next comes from memory while this is computed with.
    let next = at.end..at.end + at.len();
    match tile.elements() {
        Elements::F64(e) => T::fill(then(e, next, at), out),
        Elements::F32(e) => T::fill(then(e, next, at), out),
        Elements::Bf16(e) => T::fill(then(e, next, at), out),
        Elements::F16(e) => halves(then(e, next, at), out),
        Elements::F8(e) => codes(precision, then(e, next, at), out),
        Elements::I8(_) => {
            return Err(CpuError::Unsupported {
                operation,
                precision,
            });
        }
    }
    Ok(())
}

/// The numbers `at`, with those at `next` asked for, as far as there are any.
fn then<T>(numbers: &[T], next: Range<usize>, at: Range<usize>) -> &[T] {
    let end = next.end.min(numbers.len());
    prefetch(&numbers[next.start.min(end)..end]);
    &numbers[at]
}

fn halves<T: Decoded>(from: &[f16], out: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        // SAFETY: `level` has found the features that `wide::halves` enables.
        return unsafe { wide::halves(from, out) };
    }
    let mut single = [0.0; 64];
    for (out, from) in out.chunks_mut(64).zip(from.chunks(64)) {
        let single = &mut single[..from.len()];
        from.convert_to_f32_slice(single);
        T::fill(single, out);
    }
}

fn codes<T: Decoded>(precision: Precision, from: &[u8], out: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        // SAFETY: `level` has found the features that `wide::codes` enables.
        return unsafe { wide::codes(precision == Precision::F8E4M3, from, out) };
    }
    let table: [T; 256] = core::array::from_fn(|b| T::of_f64(round::from_f8(b as u8, precision)));
    for (o, &b) in out.iter_mut().zip(from) {
        *o = table[usize::from(b)];
    }
}

/// By way of F16, which the processor widens.
#[cfg(target_arch = "x86_64")]
mod wide {
    use core::arch::x86_64::*;

    use half::f16;

    use super::Decoded;

    /// Numbers widened together.
    const STEP: usize = 16;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
    pub(super) fn halves<O: Decoded>(from: &[f16], out: &mut [O]) {
        each(from, out, f16::ZERO, |from| {
            // SAFETY: sixteen numbers of 16 bits are as long as the vector; any bits are valid.
            unsafe { core::mem::transmute::<[f16; STEP], __m256i>(*from) }
        });
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
    pub(super) fn codes<O: Decoded>(e4m3: bool, from: &[u8], out: &mut [O]) {
        if !e4m3 {
            // E5M2 is the upper half of an F16.
            return each(from, out, 0, |from| _mm256_slli_epi16::<8>(load(from)));
        }
        each(from, out, 0, |from| {
            let code = load(from);
            let sign = _mm256_slli_epi16::<8>(_mm256_and_si256(code, _mm256_set1_epi16(0x80)));
            let size = _mm256_and_si256(code, _mm256_set1_epi16(0x7f));
            let nan = _mm256_cmpeq_epi16_mask(size, _mm256_set1_epi16(0x7f));
            let bits = _mm256_or_si256(sign, _mm256_slli_epi16::<7>(size));
            _mm256_mask_mov_epi16(bits, nan, _mm256_set1_epi16(0x7e00))
        });
        // The exponents' biases, 7 and 15, differ.
        let factor = O::of_f64(256.0);
        out.iter_mut().for_each(|v| *v = *v * factor);
    }

    /// Sixteen bytes, each in 16 bits.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
    fn load(from: &[u8; STEP]) -> __m256i {
        // SAFETY: sixteen bytes are as long as the vector; any bits are valid.
        _mm256_cvtepu8_epi16(unsafe { core::mem::transmute::<[u8; STEP], __m128i>(*from) })
    }

    /// Widens what `halves` makes of the numbers.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
    #[inline]
    fn each<T: Copy, O: Decoded>(
        from: &[T],
        out: &mut [O],
        zero: T,
        halves: impl Fn(&[T; STEP]) -> __m256i,
    ) {
        let widen = |from: &[T; STEP]| {
            let single = _mm512_cvtph_ps(halves(from));
            // SAFETY: the features of this function hold what `sixteen` needs.
            unsafe { O::sixteen(single) }
        };
        let (steps, rest) = from.as_chunks::<STEP>();
        let (out, out_rest) = out.as_chunks_mut::<STEP>();
        for (out, from) in out.iter_mut().zip(steps) {
            *out = widen(from);
        }
        if !rest.is_empty() {
            let mut last = [zero; STEP];
            last[..rest.len()].copy_from_slice(rest);
            out_rest.copy_from_slice(&widen(&last)[..rest.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::level::tests::at_every_level;
    use epitile_core::tile::Tile;

    #[test]
    fn every_code_of_every_format_is_decoded_exactly() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&all);
        at_every_level(|level| {
            for p in Precision::ALL {
                if p == Precision::I8 {
                    continue;
                }
                let tile = Tile::from_bytes(bytes.len() / p.bytes(), 1, p, 0, bytes).unwrap();
                let expected = tile.to_f64();
                // Whole steps, and a rest.
                for range in [0..expected.len(), 3..expected.len() - 2] {
                    let (mut out, mut single) = (vec![0f64; range.len()], vec![0f32; range.len()]);
                    decode(tile.as_ref(), range.clone(), "test", &mut out).unwrap();
                    decode(tile.as_ref(), range.clone(), "test", &mut single).unwrap();
                    for ((got, single), e) in out.iter().zip(single).zip(&expected[range]) {
                        let same = got.to_bits() == e.to_bits() || got.is_nan() && e.is_nan();
                        assert!(same, "{p} {level:?}: {got} {e}");
                        let rounded = *e as f32;
                        let same = single.to_bits() == rounded.to_bits()
                            || single.is_nan() && rounded.is_nan();
                        assert!(same, "{p} {level:?}: {single} {rounded}");
                    }
                }
            }
        });
    }
}
