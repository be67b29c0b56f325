//! Products in AVX512-FP16: short chains of FP16 multiply-adds, widened into FP32 sums.
//!
//! A chain has [`CHAIN`] terms: each of its additions rounds to FP16, so a sum is within
//! γ_CHAIN(2⁻¹¹) Σ|ab|, and each term loses at most 2⁻²⁵ more where it is subnormal. That is what
//! [`accumulator_roundoff`](epitile_core::backend::Backend::accumulator_roundoff) and
//! [`accumulator_underflow`](epitile_core::backend::Backend::accumulator_underflow) say. Operands
//! whose chains might overflow are left to FP32.

use core::arch::x86_64::*;
use core::ops::Range;

use epitile_core::tile::Elements;

use super::Operands;
use super::pack::Source;
use super::slabs::{Side, Slabs};
use crate::algebra::Output;

/// Terms that are summed in FP16 before they are added to an FP32 sum. Longer chains are little
/// faster, and lose more.
const CHAIN: usize = 32;

/// Numbers in a vector.
const LANES: usize = 32;

/// Vectors of rows and columns that are summed in registers.
const VECTORS: usize = 3;
const COLUMNS: usize = 8;

/// Largest finite FP16 number.
const MOST: f32 = 65504.0;

/// FP32 sums of [`VECTORS`] vectors of rows, by column.
#[repr(C, align(64))]
struct Block([[f32; VECTORS * LANES]; COLUMNS]);

/// Products of FP16 numbers.
pub(super) struct Fp16 {
    /// Largest magnitude that is packed on the left.
    left: f32,
}

impl Fp16 {
    /// For a product of these operands; none if they are not FP16 without a scale of their own.
    ///
    /// # Safety
    /// The processor has AVX-512 and AVX512-FP16.
    pub(super) unsafe fn of((a, b): Operands<'_, '_>) -> Option<Self> {
        let is_plain = |s: &Source<'_>| matches!(s.elements, Elements::F16(_)) && s.scale == 0;
        let is_there = is_plain(a) && b.is_none_or(is_plain);
        is_there.then_some(Fp16 { left: 0.0 })
    }
}

impl Slabs for Fp16 {
    const COLUMNS: usize = 64;
    const GROUP: usize = LANES;

    fn terms(&self) -> usize {
        usize::MAX
    }

    fn group(&self, side: Side, terms: usize) -> usize {
        match side {
            Side::Left => terms * LANES * size_of::<u16>(),
            Side::Right => terms * LANES * size_of::<u32>(),
        }
    }

    fn pack(
        &mut self,
        side: Side,
        source: &Source<'_>,
        rows: Range<usize>,
        out: &mut [u8],
    ) -> bool {
        // SAFETY: a value of this type is made where AVX512-FP16 was found.
        unsafe {
            match side {
                Side::Left => {
                    self.left = pack::<u16>(source, rows, bytemuck::cast_slice_mut(out));
                    self.left.is_finite()
                }
                Side::Right => {
                    let right = pack::<u32>(source, rows, bytemuck::cast_slice_mut(out));
                    // NaN where 0 meets infinity.
                    self.left * right * CHAIN as f32 <= MOST
                }
            }
        }
    }

    fn sums(
        &self,
        alpha: f32,
        [left, right]: [&[u8]; 2],
        terms: usize,
        c: Output<'_, f32>,
        _: bool,
    ) {
        let packed = (bytemuck::cast_slice(left), bytemuck::cast_slice(right));
        // SAFETY: as above.
        unsafe { sums(alpha, packed, terms, c) }
    }
}

/// What a packed number is: itself on the left; twice itself on the right, since only words of 32
/// bits are spread over a vector while they are loaded.
trait Unit: bytemuck::Pod {
    fn of(bits: u16) -> Self;
}

impl Unit for u16 {
    #[inline(always)]
    fn of(bits: u16) -> u16 {
        bits
    }
}

impl Unit for u32 {
    #[inline(always)]
    fn of(bits: u16) -> u32 {
        u32::from(bits) << 16 | u32::from(bits)
    }
}

/// Packs `rows` of an FP16 operand in groups of 32, term by term, the last filled up with zeros;
/// the largest magnitude, infinite if a number is not finite.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512fp16,f16c")]
unsafe fn pack<U: Unit>(source: &Source<'_>, rows: Range<usize>, out: &mut [U]) -> f32 {
    let Elements::F16(numbers) = source.elements else {
        unreachable!("operands are FP16");
    };
    let mut most = [0; LANES];
    let (down, along, terms) = (source.down, source.along, source.terms);
    // Along the columns where these are what is stored side by side.
    let groups = rows.len().div_ceil(LANES);
    for term in 0..terms {
        for g in 0..groups {
            let own = g * LANES..rows.len().min((g + 1) * LANES);
            let first = source.start + (rows.start + own.start) * down + term * along;
            let mut bits = [0; LANES];
            if down == 1 {
                let from = bytemuck::cast_slice::<_, u16>(&numbers[first..][..own.len()]);
                match own.len() {
                    LANES => bits.copy_from_slice(from),
                    _ => bits[..own.len()].copy_from_slice(from),
                }
            } else {
                for (r, bits) in bits[..own.len()].iter_mut().enumerate() {
                    *bits = numbers[first + r * down].to_bits();
                }
            }
            let to = &mut out[(g * terms + term) * LANES..][..LANES];
            for ((to, &bits), most) in to.iter_mut().zip(&bits).zip(&mut most) {
                *to = U::of(bits);
                *most = (bits & 0x7fff).max(*most);
            }
        }
    }
    match most.into_iter().max() {
        Some(bits) if bits < 0x7c00 => half::f16::from_bits(bits).to_f32(),
        _ => f32::INFINITY,
    }
}

/// C ← C + α·(packed rows of A) · (packed rows of B)ᵀ.
///
/// # Safety
/// The processor has AVX-512 and AVX512-FP16.
///
/// # Panics
/// If groups are missing.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512fp16,fma")]
unsafe fn sums(alpha: f32, (left, right): (&[u16], &[u32]), terms: usize, c: Output<'_, f32>) {
    let mut block = Block([[0.0; VECTORS * LANES]; COLUMNS]);
    for j0 in (0..c.cols).step_by(COLUMNS) {
        let cols = j0..c.cols.min(j0 + COLUMNS);
        let right = &right[j0 / LANES * terms * LANES..][..terms * LANES];
        for r0 in (0..c.rows).step_by(VECTORS * LANES) {
            let rows = r0..c.rows.min(r0 + VECTORS * LANES);
            let vectors = rows.len().div_ceil(LANES);
            let left = &left[r0 * terms..][..vectors * terms * LANES];
            block.0.as_flattened_mut().fill(0.0);
            // SAFETY: the caller's promise.
            unsafe {
                match vectors {
                    1 => chains::<1>(left, (right, j0 % LANES), terms, &mut block),
                    2 => chains::<2>(left, (right, j0 % LANES), terms, &mut block),
                    _ => chains::<VECTORS>(left, (right, j0 % LANES), terms, &mut block),
                }
            }
            for (j, sums) in cols.clone().zip(&block.0) {
                let column = &mut c.values[j * c.ld + rows.start..][..rows.len()];
                for (c, &sum) in column.iter_mut().zip(sums) {
                    *c = alpha.mul_add(sum, *c);
                }
            }
        }
    }
}

/// Adds the products of V groups of rows with 8 columns, from place `column` of their group on.
///
/// # Safety
/// The processor has AVX-512 and AVX512-FP16.
///
/// # Panics
/// If the groups are not as deep as `terms`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512fp16,fma")]
unsafe fn chains<const V: usize>(
    left: &[u16],
    (right, column): (&[u32], usize),
    terms: usize,
    block: &mut Block,
) {
    let group = terms * LANES;
    assert!(left.len() == V * group && right.len() == group && column + COLUMNS <= LANES);
    let (left, right) = (left.as_ptr(), right[column..].as_ptr());
    for from in (0..terms).step_by(CHAIN) {
        let mut sums = [[_mm512_setzero_ph(); V]; COLUMNS];
        for term in from..terms.min(from + CHAIN) {
            let mut rows = [_mm512_setzero_ph(); V];
            for (v, row) in rows.iter_mut().enumerate() {
                // SAFETY: groups were seen to have `terms` vectors.
                let bits = unsafe { _mm512_loadu_si512(left.add(v * group + term * LANES).cast()) };
                *row = _mm512_castsi512_ph(bits);
            }
            for (j, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as above, and the columns were seen to lie in the group.
                let both = unsafe { *right.add(term * LANES + j) };
                let number = _mm512_castsi512_ph(_mm512_set1_epi32(both.cast_signed()));
                for (sum, &row) in sums.iter_mut().zip(&rows) {
                    *sum = _mm512_fmadd_ph(row, number, *sum);
                }
            }
        }
        for (sums, column) in sums.iter().zip(&mut block.0) {
            for (sum, column) in sums.iter().zip(column.as_chunks_mut::<LANES>().0) {
                let bits = _mm512_castph_si512(*sum);
                let halves = [
                    _mm512_castsi512_si256(bits),
                    _mm512_extracti64x4_epi64::<1>(bits),
                ];
                for (half, column) in halves.into_iter().zip(column.as_chunks_mut::<16>().0) {
                    let wide = _mm512_cvtph_ps(half);
                    // SAFETY: 16 numbers are read and written.
                    unsafe {
                        let to = column.as_mut_ptr();
                        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), wide));
                    }
                }
            }
        }
    }
}
