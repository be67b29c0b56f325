//! Packing for the matrix unit: numbers as sums of BF16 numbers, in the layouts of its operands.
//!
//! A group holds 16 rows; for every 32 terms it has one tile for each piece. As second operand a
//! tile has a line for every two terms, with both of each row; as first operand, a line for every
//! row.

use core::arch::x86_64::*;
use core::ops::Range;

use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::Elements;
use half::{bf16, f16};

use super::amx::DEPTH;
use super::lanes::MOST;
use super::pack::{Code, E4m3, E5m2, Source};
use super::slabs::Side;
use super::x86::Avx512;
use crate::simd::amx::{ROWS, TILE};
use crate::simd::panel::Lane;

/// A line of a tile: two BF16 numbers of each row.
type Line = [u32; ROWS];

type Tile = [Line; TILE / size_of::<Line>()];

/// What numbers that are split are multiplied by first: what FP32 factors usually hold then has
/// pieces, and products of pieces, far from subnormal ones.
pub(super) fn factor(pieces: usize) -> f32 {
    if pieces == 1 { 1.0 } else { 1_048_576.0 }
}

/// What first pieces were, as bits without their signs: the least that is not zero, less one, and the
/// most.
#[derive(Clone, Copy)]
struct Seen {
    least: __m512i,
    most: __m512i,
}

impl Seen {
    /// Nothing.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn nothing() -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            Seen {
                least: _mm512_set1_epi16(-1),
                most: _mm512_setzero_si512(),
            }
        }
    }

    /// A line of first pieces.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn add(&mut self, line: __m512i) {
        // SAFETY: the caller's promise.
        unsafe {
            let magnitude = _mm512_slli_epi16::<1>(line);
            let less = _mm512_add_epi16(magnitude, _mm512_set1_epi16(-1));
            self.least = _mm512_min_epu16(self.least, less);
            self.most = _mm512_max_epu16(self.most, magnitude);
        }
    }

    /// Whether the unit multiplies such numbers exactly: none is subnormal, and unless they are multiplied
    /// as they are stored all pieces, and products of pieces that matter, are far from it.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn is_exact(self, stored: bool) -> bool {
        // Sums of 2¹⁶ products of split numbers are finite.
        let [least, most] = match stored {
            true => [1 << 8, u16::MAX],
            false => [(127 - 48) << 8, ((127 + 55) << 8) - 1],
        };
        // SAFETY: the caller's promise.
        unsafe {
            let below = _mm512_set1_epi16((least - 1).cast_signed());
            let above = _mm512_set1_epi16(most.cast_signed());
            _mm512_cmplt_epu16_mask(self.least, below) == 0
                && _mm512_cmpgt_epu16_mask(self.most, above) == 0
        }
    }
}

/// Packs `rows` of all terms of `source`, as sums of `pieces` BF16 numbers each, times
/// `factor`, a power of two; rows and terms are filled up with zeros. Whether the unit multiplies all of them
/// exactly.
///
/// # Safety
/// The processor has AVX-512.
///
/// # Panics
/// If `out` is too short.
#[inline(always)]
pub(super) unsafe fn pack(
    source: &Source<'_>,
    rows: Range<usize>,
    (pieces, factor): (usize, f32),
    side: Side,
    out: &mut [u8],
) -> bool {
    let factor = (f64::from(factor) * exp2(source.scale)) as f32;
    if !factor.is_normal() {
        return false;
    }
    macro_rules! run {
        ($code:ty, $pieces:literal, $e:expr) => {{
            let from = (bytemuck::cast_slice($e), source, rows, factor);
            // SAFETY: the caller's promise.
            unsafe { fill::<$code, $pieces>(from, side, out) }
        }};
    }
    use Precision::F8E4M3;
    match (pieces, source.elements) {
        (_, Elements::F64(e)) => run!(f64, 3, e),
        (_, Elements::F32(e)) => run!(f32, 3, e),
        (2, Elements::F16(e)) => run!(f16, 2, e),
        (_, Elements::F16(e)) => run!(f16, 3, e),
        (1, Elements::Bf16(e)) => run!(bf16, 1, e),
        (2, Elements::Bf16(e)) => run!(bf16, 2, e),
        (_, Elements::Bf16(e)) => run!(bf16, 3, e),
        (1, Elements::F8(e)) if source.precision == F8E4M3 => run!(E4m3, 1, e),
        (1, Elements::F8(e)) => run!(E5m2, 1, e),
        (2, Elements::F8(e)) if source.precision == F8E4M3 => run!(E4m3, 2, e),
        (2, Elements::F8(e)) => run!(E5m2, 2, e),
        (_, Elements::F8(e)) if source.precision == F8E4M3 => run!(E4m3, 3, e),
        (_, Elements::F8(e)) => run!(E5m2, 3, e),
        (_, Elements::I8(_)) => unreachable!("I8 is no operand"),
    }
}

/// [`pack`] for one kind of stored numbers.
///
/// # Safety
/// The processor has AVX-512 and AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn fill<C: Pieces, const P: usize>(
    (elements, source, rows, factor): (&[C], &Source<'_>, Range<usize>, f32),
    side: Side,
    out: &mut [u8],
) -> bool {
    let steps = source.terms.div_ceil(DEPTH);
    let group = steps * P;
    let tiles: &mut [Tile] = bytemuck::cast_slice_mut(out);
    let groups = rows.len().div_ceil(ROWS);
    // Along the columns where these are what is stored side by side.
    let strip = if source.down == 1 { groups } else { 1 };
    // SAFETY: the caller's promise.
    let mut seen = unsafe { Seen::nothing() };
    for g0 in (0..groups).step_by(strip) {
        for step in 0..steps {
            let terms = step * DEPTH..source.terms.min((step + 1) * DEPTH);
            for g in g0..groups.min(g0 + strip) {
                let first = rows.start + g * ROWS;
                let own = first..rows.end.min(first + ROWS);
                let tiles = &mut tiles[g * group + step * P..][..P];
                let tiles: &mut [_; P] = tiles.try_into().expect("P tiles");
                let from = (elements, source, own, terms.clone(), factor);
                // SAFETY: the caller's promise.
                unsafe {
                    match source.down == 1 && from.2.len() == ROWS && terms.len() == DEPTH {
                        true => tile::<C, P, true>(from, &mut seen, tiles),
                        false => tile::<C, P, false>(from, &mut seen, tiles),
                    }
                }
                if side == Side::Right {
                    for tile in tiles {
                        // SAFETY: the caller's promise.
                        unsafe { f32::turn(bytemuck::cast_mut::<Tile, [[f32; ROWS]; ROWS]>(tile)) };
                    }
                }
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { seen.is_exact(C::IS_BF16 && P == 1) }
}

/// One tile for each piece; `WHOLE` if it has all its rows, neighbours in storage, and terms.
///
/// # Safety
/// The processor has AVX-512 and AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn tile<C: Pieces, const P: usize, const WHOLE: bool>(
    (elements, source, rows, terms, factor): (&[C], &Source<'_>, Range<usize>, Range<usize>, f32),
    seen: &mut Seen,
    tiles: &mut [Tile; P],
) {
    let (down, along) = (source.down, source.along);
    for pair in 0..DEPTH / 2 {
        let mut codes = [[C::zeroed(); MOST]; 2];
        for (t, codes) in codes.iter_mut().enumerate() {
            let term = terms.start + 2 * pair + t;
            let first = source.start + rows.start * down + term * along;
            if WHOLE {
                codes.copy_from_slice(&elements[first..][..ROWS]);
            } else if term < terms.end {
                for (r, code) in codes[..rows.len()].iter_mut().enumerate() {
                    *code = elements[first + r * down];
                }
            }
        }
        // SAFETY: the caller's promise.
        let lines = unsafe { C::lines::<P>(&codes, factor, seen) };
        for (tile, line) in tiles.iter_mut().zip(lines) {
            tile[pair] = line;
        }
    }
}

/// Stored numbers that can be split.
trait Pieces: Code {
    /// Whether one piece is what is stored, whatever it is.
    const IS_BF16: bool = false;

    /// Two terms of 16 rows, times `factor`, as a line of each piece.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn lines<const P: usize>(
        codes: &[[Self; MOST]; 2],
        factor: f32,
        seen: &mut Seen,
    ) -> [Line; P] {
        // SAFETY: the caller's promise; 16 numbers are loaded.
        unsafe {
            let mut terms = [_mm512_setzero_ps(); 2];
            for (term, codes) in terms.iter_mut().zip(codes) {
                *term = _mm512_loadu_ps(Self::singles(codes, factor).as_ptr());
            }
            split(terms, seen)
        }
    }

    /// The numbers times `factor` in FP32, rounded at most once.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn singles(codes: &[Self; MOST], factor: f32) -> [f32; MOST] {
        // SAFETY: the caller's promise.
        let wide = unsafe { Self::widen::<Avx512<f32>>(codes) };
        let mut singles = [0.0; MOST];
        for (single, wide) in singles.iter_mut().zip(wide) {
            let wide: f64 = wide.into();
            *single = wide as f32 * factor;
        }
        singles
    }
}

impl Pieces for f32 {}
impl Pieces for f16 {}
impl Pieces for E4m3 {}
impl Pieces for E5m2 {}

impl Pieces for f64 {
    #[inline(always)]
    unsafe fn singles(codes: &[f64; MOST], factor: f32) -> [f32; MOST] {
        let mut singles = [0.0; MOST];
        for (single, code) in singles.iter_mut().zip(codes) {
            *single = (code * f64::from(factor)) as f32;
        }
        singles
    }
}

impl Pieces for bf16 {
    const IS_BF16: bool = true;

    #[inline(always)]
    unsafe fn lines<const P: usize>(
        codes: &[[bf16; MOST]; 2],
        factor: f32,
        seen: &mut Seen,
    ) -> [Line; P] {
        // SAFETY: the caller's promise; 16 numbers are loaded.
        unsafe {
            if P == 1 {
                let [first, second] = codes;
                let first = _mm512_cvtepu16_epi32(_mm256_loadu_si256(first.as_ptr().cast()));
                let second = _mm512_cvtepu16_epi32(_mm256_loadu_si256(second.as_ptr().cast()));
                let line = _mm512_or_si512(first, _mm512_slli_epi32::<16>(second));
                seen.add(line);
                return [stored(line); P];
            }
            let mut terms = [_mm512_setzero_ps(); 2];
            for (term, codes) in terms.iter_mut().zip(codes) {
                *term = _mm512_loadu_ps(Self::singles(codes, factor).as_ptr());
            }
            split(terms, seen)
        }
    }
}

/// Lines of pieces: of what is left the nearest number of 8 bits, ties away from zero; the last is
/// what is left. Three pieces are all of an FP32 number, two all of an FP16 one.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn split<const P: usize>(mut terms: [__m512; 2], seen: &mut Seen) -> [Line; P] {
    let mut lines = [[0; ROWS]; P];
    // SAFETY: the caller's promise.
    unsafe {
        let upper = _mm512_set1_epi32(0xffff_0000u32.cast_signed());
        let half = _mm512_set1_epi32(0x8000);
        for (p, line) in lines.iter_mut().enumerate() {
            let mut bits = terms.map(|term| _mm512_castps_si512(term));
            if p + 1 < P {
                bits = bits.map(|bits| _mm512_add_epi32(bits, half));
            }
            // The upper half of the first below that of the second.
            let [first, second] = bits;
            let first = _mm512_srli_epi32::<16>(first);
            let both = _mm512_ternarylogic_epi32::<0b1111_1000>(first, second, upper);
            if p == 0 {
                seen.add(both);
            }
            *line = stored(both);
            for (term, bits) in terms.iter_mut().zip(bits) {
                let piece = _mm512_and_si512(bits, upper);
                *term = _mm512_sub_ps(*term, _mm512_castsi512_ps(piece));
            }
        }
    }
    lines
}

/// The numbers of a vector.
///
/// # Safety
/// The processor has AVX-512.
#[inline(always)]
unsafe fn stored(vector: __m512i) -> Line {
    // SAFETY: the caller's promise; both are 64 bytes of any bits.
    unsafe { core::mem::transmute(vector) }
}
