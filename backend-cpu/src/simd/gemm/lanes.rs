//! What the kernels need of an instruction set.

use bytemuck::Pod;

use crate::operand::Real;

/// The most lanes there are.
pub(super) const MOST: usize = 16;

/// The most vectors of rows that a micro-kernel keeps.
pub(super) const VECTORS: usize = 3;

/// Vectors of one instruction set: sums of products of packed numbers.
///
/// A packed unit holds [`DEPTH`](Self::DEPTH) factors of one row, of as many consecutive terms.
///
/// # Safety
/// The methods may be called only where the processor has the instruction set; pointers must be
/// good for [`LANES`](Self::LANES) units or numbers ([`splat`](Self::splat): one).
pub(super) trait Lanes {
    /// Type of the sums.
    type Real: Real;
    /// What packed operands are made of.
    type Packed: Pod;
    /// Packed units of neighbouring rows.
    type Vector: Copy;
    /// Their sums.
    type Sums: Copy;
    /// Rows in a vector.
    const LANES: usize;
    /// Factors in a unit.
    const DEPTH: usize = 1;

    unsafe fn load(from: *const Self::Packed) -> Self::Vector;
    unsafe fn splat(from: *const Self::Packed) -> Self::Vector;
    unsafe fn sums(from: *const Self::Real) -> Self::Sums;
    unsafe fn store(sums: Self::Sums, to: *mut Self::Real);
    /// sums + a·b, term by term, each fused where the instruction set can.
    unsafe fn add(sums: Self::Sums, a: Self::Vector, b: Self::Vector) -> Self::Sums;
    /// sum + a·b of single numbers, fused where [`add`](Self::add) is.
    fn fused(a: Self::Real, b: Self::Real, sum: Self::Real) -> Self::Real;
    /// FP16 numbers as FP32.
    unsafe fn widen(bits: &[u16; MOST]) -> [f32; MOST];
    /// E4M3 numbers as FP32.
    unsafe fn widen_e4m3(codes: &[u8; MOST]) -> [f32; MOST];
    /// E5M2 numbers as FP32.
    unsafe fn widen_e5m2(codes: &[u8; MOST]) -> [f32; MOST];
    /// Packs one number of each row for each of the unit's terms.
    fn pack(terms: &[[Self::Real; MOST]; 2], to: &mut [Self::Packed]);
    /// The same for BF16 numbers, if units hold such; whether none of them is subnormal.
    unsafe fn pack_bf16(_terms: &[[u16; MOST]; 2], _to: &mut [Self::Packed]) -> Option<bool> {
        None
    }
}

/// The lanes that the compiler makes of plain loops.
pub(super) struct Portable<T>(core::marker::PhantomData<T>);

/// Lanes of [`Portable`].
const FEW: usize = 4;

impl<T: Real> Lanes for Portable<T> {
    type Real = T;
    type Packed = T;
    type Vector = [T; FEW];
    type Sums = [T; FEW];
    const LANES: usize = FEW;

    #[inline(always)]
    unsafe fn load(from: *const T) -> [T; FEW] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[T; FEW]>().read() }
    }

    #[inline(always)]
    unsafe fn splat(from: *const T) -> [T; FEW] {
        // SAFETY: the caller's promise.
        [unsafe { *from }; FEW]
    }

    #[inline(always)]
    unsafe fn sums(from: *const T) -> [T; FEW] {
        // SAFETY: the caller's promise.
        unsafe { from.cast::<[T; FEW]>().read() }
    }

    #[inline(always)]
    unsafe fn store(sums: [T; FEW], to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[T; FEW]>().write(sums) }
    }

    #[inline(always)]
    unsafe fn add(sums: [T; FEW], a: [T; FEW], b: [T; FEW]) -> [T; FEW] {
        core::array::from_fn(|i| sums[i] + a[i] * b[i])
    }

    #[inline(always)]
    fn fused(a: T, b: T, sum: T) -> T {
        sum + a * b
    }

    #[inline(always)]
    unsafe fn widen(bits: &[u16; MOST]) -> [f32; MOST] {
        bits.map(widen)
    }

    #[inline(always)]
    unsafe fn widen_e4m3(codes: &[u8; MOST]) -> [f32; MOST] {
        codes.map(|code| {
            let nan = if code & 0x7f == 0x7f { 0x7c00 } else { 0 };
            widen(fields(code) | nan) * E4M3
        })
    }

    #[inline(always)]
    unsafe fn widen_e5m2(codes: &[u8; MOST]) -> [f32; MOST] {
        // The upper half of FP16.
        codes.map(|code| widen(u16::from(code) << 8))
    }

    #[inline(always)]
    fn pack(terms: &[[T; MOST]; 2], to: &mut [T]) {
        to.copy_from_slice(&terms[0][..FEW]);
    }
}

/// The FP16 number with these bits.
#[inline(always)]
fn widen(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    // Exponents have another bias in FP32; the largest stands for infinity and NaN in both.
    let finite = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let special = if magnitude >= 0x7c00 << 13 {
        0x7f80_0000
    } else {
        0
    };
    f32::from_bits(finite.to_bits() | special | sign)
}

/// What an E4M3 number is to the FP16 number with the same fields: the exponents' biases are 8
/// apart.
pub(super) const E4M3: f32 = 256.0;

/// Sign, exponent and fraction of an E4M3 number where FP16 has them.
#[inline(always)]
fn fields(code: u8) -> u16 {
    u16::from(code & 0x80) << 8 | u16::from(code & 0x7f) << 7
}
