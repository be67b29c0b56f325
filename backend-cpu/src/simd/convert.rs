//! Rounding of many numbers.

use epitile_core::round::FLUSH_BELOW;

use crate::simd::decode::Entry;
use crate::simd::level::multiversion;

multiversion! {
    /// `out` ← the numbers times the factors, from the first on.
    fn scale<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f64])
        = scale_body::<E>, scale_body::<E>
}

#[inline(always)]
fn scale_body<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f64]) {
    for (o, &v) in out.iter_mut().zip(from) {
        *o = scaled(v.to_f64(), factors);
    }
}

multiversion! {
    /// `out` ← the numbers times the factors, from the first on, flushed and rounded to nearest.
    fn to_nearest<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f32])
        = nearest_body::<E>, nearest_body::<E>
}

#[inline(always)]
fn nearest_body<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f32]) {
    for (o, &v) in out.iter_mut().zip(from) {
        *o = flushed(scaled(v.to_f64(), factors)) as f32;
    }
}

multiversion! {
    /// `out` ← the numbers times the factors, from the first on, flushed and rounded to odd: towards zero, and the
    /// last bit set if that is inexact.
    fn to_odd<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f32])
        = odd_body::<E>, odd_body::<E>
}

#[inline(always)]
fn odd_body<E: Entry>(from: &[E], factors: [f64; 3], out: &mut [f32]) {
    for (o, &v) in out.iter_mut().zip(from) {
        let v = flushed(scaled(v.to_f64(), factors));
        let near = v as f32;
        let past = u32::from(f64::from(near).abs() > v.abs());
        let inexact = u32::from(f64::from(near) != v);
        *o = f32::from_bits(near.to_bits().wrapping_sub(past) | inexact);
    }
}

#[inline(always)]
fn scaled(v: f64, factors: [f64; 3]) -> f64 {
    v * factors[0] * factors[1] * factors[2]
}

/// Zero, of the same sign, for what is below [`FLUSH_BELOW`].
#[inline(always)]
fn flushed(v: f64) -> f64 {
    if v.abs() < FLUSH_BELOW {
        0f64.copysign(v)
    } else {
        v
    }
}

/// A format of fewer digits than f32.
pub(crate) trait Narrow {
    /// Its stored bits.
    type Bits: bytemuck::Pod;
    /// `v` rounded to nearest, ties to even.
    fn of(v: f32) -> Self::Bits;
}

/// TF32 in 32-bit storage.
pub(crate) struct Tf32;
/// The upper half of an f32.
pub(crate) struct Bf16;
/// OFP8 E4M3.
pub(crate) struct E4m3;
/// OFP8 E5M2.
pub(crate) struct E5m2;

impl Narrow for Tf32 {
    type Bits = u32;

    #[inline(always)]
    fn of(v: f32) -> u32 {
        without::<13>(v) << 13
    }
}

impl Narrow for Bf16 {
    type Bits = u16;

    #[inline(always)]
    fn of(v: f32) -> u16 {
        without::<16>(v) as u16
    }
}

impl Narrow for E4m3 {
    type Bits = u8;

    #[inline(always)]
    fn of(v: f32) -> u8 {
        ofp8::<3, 0x7e, 0x7f>(v)
    }
}

impl Narrow for E5m2 {
    type Bits = u8;

    #[inline(always)]
    fn of(v: f32) -> u8 {
        ofp8::<2, 0x7b, 0x7e>(v)
    }
}

multiversion! {
    /// `out` ← the numbers in a narrow format.
    fn narrow<F: Narrow>(from: &[f32], out: &mut [F::Bits]) = narrow_body::<F>, narrow_body::<F>
}

#[inline(always)]
fn narrow_body<F: Narrow>(from: &[f32], out: &mut [F::Bits]) {
    for (o, &v) in out.iter_mut().zip(from) {
        *o = F::of(v);
    }
}

multiversion! {
    /// `out` ← the numbers times `factor`, flushed, in a narrow format: rounded once where they are
    /// FP32 numbers.
    fn narrow_single<F: Narrow>(from: &[f32], factor: f32, out: &mut [F::Bits])
        = narrow_single_body::<F>, narrow_single_body::<F>
}

#[inline(always)]
fn narrow_single_body<F: Narrow>(from: &[f32], factor: f32, out: &mut [F::Bits]) {
    for (o, &v) in out.iter_mut().zip(from) {
        *o = F::of(flushed_single(v * factor));
    }
}

multiversion! {
    /// `out` ← the numbers times `factor`, flushed.
    fn scale_single(from: &[f32], factor: f32, out: &mut [f32])
        = scale_single_body, scale_single_body
}

#[inline(always)]
fn scale_single_body(from: &[f32], factor: f32, out: &mut [f32]) {
    for (o, &v) in out.iter_mut().zip(from) {
        *o = flushed_single(v * factor);
    }
}

/// [`flushed`] of an FP32 number; [`FLUSH_BELOW`] is one.
#[inline(always)]
fn flushed_single(v: f32) -> f32 {
    if v.abs() < FLUSH_BELOW as f32 {
        0f32.copysign(v)
    } else {
        v
    }
}

/// Bits of `v` without the last `DROPPED`; a NaN stays quiet.
#[inline(always)]
fn without<const DROPPED: u32>(v: f32) -> u32 {
    let bits = v.to_bits();
    let kept = bits >> DROPPED;
    let rounded = bits.wrapping_add((1 << (DROPPED - 1)) - 1 + (kept & 1)) >> DROPPED;
    let quiet = kept | (1 << (22 - DROPPED));
    if v.is_nan() { quiet } else { rounded }
}

/// OFP8 bits of `v` with `FRACTION` fraction bits, saturating at the code `MAX`.
#[inline(always)]
fn ofp8<const FRACTION: u32, const MAX: u32, const NAN: u32>(v: f32) -> u8 {
    let sign = v.to_bits() >> 24 & 0x80;
    let magnitude = v.abs();
    let bits = magnitude.to_bits();
    // Exponent bias 2^(6−FRACTION) − 1 and the smallest normal value 2^(1−bias).
    let bias = (1u32 << (6 - FRACTION)) - 1;
    let normal = f32::from_bits((128 - bias) << 23);
    // Adding 2^(23 − bias + 1 − FRACTION) rounds subnormals at their last place.
    let units = f32::from_bits((127 + 23 + 1 - bias - FRACTION) << 23);
    let subnormal = (magnitude + units).to_bits().wrapping_sub(units.to_bits());
    let dropped = 23 - FRACTION;
    let even = (bits >> dropped) & 1;
    let rounded = bits.wrapping_add((1 << (dropped - 1)) - 1 + even) >> dropped;
    let rebased = rounded.wrapping_sub((127 - bias) << FRACTION).min(MAX);
    let code = if magnitude < normal {
        subnormal
    } else {
        rebased
    };
    (sign | if v.is_nan() { NAN } else { code }) as u8
}
