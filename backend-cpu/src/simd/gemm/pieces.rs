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
use super::bf16::Bf16;
use super::lanes::{Lanes, MOST};
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

/// Exponents of numbers, multiplied so, all of whose pieces and products of pieces are normal; sums
/// of 2¹⁶ products are finite.
const LEAST: u32 = (127 - 49) << 23;
const BEYOND: u32 = (127 + 55) << 23;

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
    let mut is_exact = true;
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
                is_exact &= unsafe {
                    match source.down == 1 && from.2.len() == ROWS && terms.len() == DEPTH {
                        true => tile::<C, P, true>(from, tiles),
                        false => tile::<C, P, false>(from, tiles),
                    }
                };
                if side == Side::Right {
                    for tile in tiles {
                        // SAFETY: the caller's promise.
                        unsafe { f32::turn(bytemuck::cast_mut::<Tile, [[f32; ROWS]; ROWS]>(tile)) };
                    }
                }
            }
        }
    }
    is_exact
}

/// One tile for each piece; `WHOLE` if it has all its rows, neighbours in storage, and terms.
///
/// # Safety
/// The processor has AVX-512 and AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn tile<C: Pieces, const P: usize, const WHOLE: bool>(
    (elements, source, rows, terms, factor): (&[C], &Source<'_>, Range<usize>, Range<usize>, f32),
    tiles: &mut [Tile; P],
) -> bool {
    let (down, along) = (source.down, source.along);
    let mut is_exact = true;
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
        let (lines, exact) = unsafe { C::lines::<P>(&codes, factor) };
        is_exact &= exact;
        for (tile, line) in tiles.iter_mut().zip(lines) {
            tile[pair] = line;
        }
    }
    is_exact
}

/// Stored numbers that can be split.
trait Pieces: Code {
    /// Two terms of 16 rows, times `factor`, as a line of each piece, and whether they are what the
    /// unit multiplies exactly.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    unsafe fn lines<const P: usize>(codes: &[[Self; MOST]; 2], factor: f32) -> ([Line; P], bool) {
        // SAFETY: the caller's promise; 16 numbers are loaded.
        unsafe {
            let mut terms = [_mm512_setzero_ps(); 2];
            for (term, codes) in terms.iter_mut().zip(codes) {
                let wide = Self::singles(codes, factor);
                *term = _mm512_loadu_ps(wide.as_ptr());
            }
            split(terms)
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
    #[inline(always)]
    unsafe fn lines<const P: usize>(codes: &[[bf16; MOST]; 2], factor: f32) -> ([Line; P], bool) {
        let mut lines = [[0; ROWS]; P];
        // SAFETY: the caller's promise; 16 numbers are loaded.
        unsafe {
            if P == 1 {
                let packed = Bf16::pack_bf16(bytemuck::cast_ref(codes), &mut lines[0]);
                return (lines, packed == Some(true));
            }
            let mut terms = [_mm512_setzero_ps(); 2];
            for (term, codes) in terms.iter_mut().zip(codes) {
                *term = _mm512_loadu_ps(Self::singles(codes, factor).as_ptr());
            }
            split(terms)
        }
    }
}

/// Lines of pieces: of what is left the nearest number of 8 bits, ties away from zero. Three pieces
/// are all of an FP32 number; whether each number is zero or far from the ends of the range.
///
/// # Safety
/// The processor has AVX-512 and AVX512-BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn split<const P: usize>(mut terms: [__m512; 2]) -> ([Line; P], bool) {
    let mut lines = [[0; ROWS]; P];
    // SAFETY: the caller's promise; a line is as long as a vector.
    unsafe {
        let upper = _mm512_set1_epi32(0xffff_0000u32.cast_signed());
        let half = _mm512_set1_epi32(0x8000);
        let mut is_exact = true;
        for term in terms {
            let magnitude = _mm512_slli_epi32::<1>(_mm512_castps_si512(term));
            let above = _mm512_sub_epi32(magnitude, _mm512_set1_epi32((LEAST << 1).cast_signed()));
            let range = _mm512_set1_epi32(((BEYOND - LEAST) << 1).cast_signed());
            let outside = _mm512_cmpge_epu32_mask(above, range);
            if outside != 0 {
                is_exact &= _mm512_mask_test_epi32_mask(outside, magnitude, magnitude) == 0;
            }
        }
        for line in &mut lines {
            let pieces = terms.map(|term| {
                let bits = _mm512_add_epi32(_mm512_castps_si512(term), half);
                _mm512_and_si512(bits, upper)
            });
            let both = _mm512_or_si512(_mm512_srli_epi32::<16>(pieces[0]), pieces[1]);
            _mm512_storeu_si512(line.as_mut_ptr().cast(), both);
            for (term, piece) in terms.iter_mut().zip(pieces) {
                *term = _mm512_sub_ps(*term, _mm512_castsi512_ps(piece));
            }
        }
        (lines, is_exact)
    }
}
