//! Rounding to a format: to nearest, ties to even, once, from f64.
//!
//! Rounding twice (f64 → f32 → f16) is wrong near midpoints, so all conversions start from the
//! f64 value. The integer arithmetic follows IEEE 754-2019 §4.3.1 and, for the 8-bit formats, the
//! OCP specification OFP8 rev. 1.0 with saturation.

use crate::precision::{Precision, exp2};

/// Values below this (after scaling) become zero when an f64 tile is demoted: they cannot matter
/// in a product, and as subnormals they slow every kernel down by orders of magnitude.
pub const FLUSH_BELOW: f64 = 1.0 / 9_223_372_036_854_775_808.0;

/// `x` rounded to the nearest value of format `p`, as f64.
///
/// NaN stays NaN, the sign of zero is kept. Past the largest finite value: formats of one byte
/// saturate (infinities too), the others go to infinity as IEEE 754 rounds. `I8` rounds to the
/// nearest integer in −127…127, NaN to 0.
pub fn round(x: f64, p: Precision) -> f64 {
    match p {
        Precision::F64 => x,
        Precision::F32 => f64::from(x as f32),
        Precision::I8 if x.is_nan() => 0.0,
        _ if x.is_nan() => x,
        _ => round_small(x, p),
    }
}

/// Formats with fewer digits than f64 by far: round the significand as an integer.
fn round_small(x: f64, p: Precision) -> f64 {
    let f = p.format();
    let magnitude = x.abs();
    if magnitude.is_infinite() {
        return if f.saturates { f.max.copysign(x) } else { x };
    }
    // Spacing of the format's values around x: 2^quantum.
    let fraction = if p == Precision::I8 {
        0
    } else {
        f.digits as i32 - 1
    };
    let quantum = if p == Precision::I8 {
        0
    } else {
        crate::precision::exponent(if magnitude == 0.0 {
            f64::MIN_POSITIVE
        } else {
            magnitude
        })
        .max(f.min_exponent)
            - fraction
    };
    // Exact: division by a power of two; a result that underflows is far below half a quantum.
    let scaled = if quantum < -1000 {
        magnitude * exp2(-quantum)
    } else {
        magnitude / exp2(quantum)
    };
    let rounded = ties_even(scaled) * exp2(quantum);
    let bounded = match rounded > f.max {
        false => rounded,
        true if f.saturates => f.max,
        true => f64::INFINITY,
    };
    bounded.copysign(x)
}

/// Non-negative `x` to the nearest integer, ties to even.
fn ties_even(x: f64) -> f64 {
    // Adding and taking away 2^52 rounds x < 2^52 at the units, in the default rounding mode.
    const UNITS: f64 = 4_503_599_627_370_496.0;
    if x < UNITS { (x + UNITS) - UNITS } else { x }
}

/// `x` to the nearest integer, ties to even.
pub fn nearest_integer(x: f64) -> f64 {
    ties_even(x.abs()).copysign(x)
}

/// Bits of `x` in the one-byte format `p`, after rounding.
///
/// NaN becomes the format's NaN of the same sign (E4M3: `0x7f`, E5M2: `0x7e`).
///
/// # Panics
/// If `p` is not `F8E4M3` or `F8E5M2`.
pub fn to_f8(x: f64, p: Precision) -> u8 {
    let (fraction, bias, nan) = f8_layout(p);
    let sign = u8::from(x.is_sign_negative()) << 7;
    if x.is_nan() {
        return sign | nan;
    }
    let magnitude = round(x, p).abs();
    if magnitude == 0.0 {
        return sign;
    }
    let e = crate::precision::exponent(magnitude).max(1 - bias);
    // An integer below 2^(fraction + 1): implicit one and fraction.
    let significand = (magnitude / exp2(e - fraction)) as i32;
    let biased = if significand < 1 << fraction {
        0
    } else {
        e + bias
    };
    let field = significand & ((1 << fraction) - 1);
    sign | ((biased << fraction) | field) as u8
}

/// Value of the bits of one-byte format `p`.
///
/// # Panics
/// If `p` is not `F8E4M3` or `F8E5M2`.
pub fn from_f8(bits: u8, p: Precision) -> f64 {
    let (fraction, bias, nan) = f8_layout(p);
    let (biased, field) = (
        i32::from(bits & 0x7f) >> fraction,
        i32::from(bits) & ((1 << fraction) - 1),
    );
    let magnitude = match p {
        Precision::F8E4M3 if bits & 0x7f == nan => f64::NAN,
        Precision::F8E5M2 if biased == 31 && field != 0 => f64::NAN,
        Precision::F8E5M2 if biased == 31 => f64::INFINITY,
        _ if biased == 0 => f64::from(field) * exp2(1 - bias - fraction),
        _ => f64::from(field + (1 << fraction)) * exp2(biased - bias - fraction),
    };
    if bits >> 7 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

/// Fraction bits, exponent bias and the bits of NaN.
fn f8_layout(p: Precision) -> (i32, i32, u8) {
    match p {
        Precision::F8E4M3 => (3, 7, 0x7f),
        Precision::F8E5M2 => (2, 15, 0x7e),
        _ => panic!("{p} is not an 8-bit floating-point format"),
    }
}

/// `x` as `half::f16`, rounded once.
pub fn to_f16(x: f64) -> half::f16 {
    // The value is exact in f32 and in f16, so this narrowing rounds nothing.
    half::f16::from_f32(round(x, Precision::F16) as f32)
}

/// `x` as `half::bf16`, rounded once.
pub fn to_bf16(x: f64) -> half::bf16 {
    half::bf16::from_f32(round(x, Precision::Bf16) as f32)
}

/// `x` as TF32 in 32-bit storage, rounded once.
pub fn to_tf32(x: f64) -> f32 {
    round(x, Precision::Tf32) as f32
}

#[cfg(test)]
mod tests;
