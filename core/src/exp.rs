//! The exponential of the kernel functions: the same bits on every machine.
//!
//! Cody–Waite reduction x = n·ln 2 + r with |r| ≤ ½ ln 2 and the Taylor polynomial of degree 13,
//! whose truncation error at that r is 2⁻⁵⁸ relative. No fused operations, no library call, no
//! branch inside: compilers vectorise it and every target agrees on the result.

use crate::precision::exp2;

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Below this e^x is subnormal; it is given as zero.
const LOWEST: f64 = -708.0;
const HIGHEST: f64 = 709.0;
/// 1.5 · 2⁵²: adding it leaves the nearest integer in the low bits.
const UNITS: f64 = 6_755_399_441_055_744.0;

/// e^x within 2 ulp for −708 ≤ x ≤ 709; 0 below, +∞ above, NaN for NaN.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let clamped = x.clamp(LOWEST, HIGHEST);
    let shifted = clamped * core::f64::consts::LOG2_E + UNITS;
    let n = shifted - UNITS;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    // Even and odd powers apart: two short chains of operations instead of a long one.
    const EVEN: [f64; 6] = [
        1.0 / 479_001_600.0,
        1.0 / 3_628_800.0,
        1.0 / 40_320.0,
        1.0 / 720.0,
        1.0 / 24.0,
        0.5,
    ];
    const ODD: [f64; 6] = [
        1.0 / 6_227_020_800.0,
        1.0 / 39_916_800.0,
        1.0 / 362_880.0,
        1.0 / 5_040.0,
        1.0 / 120.0,
        1.0 / 6.0,
    ];
    let square = r * r;
    let horner = |c: &[f64; 6]| c[1..].iter().fold(c[0], |sum, c| sum * square + c);
    let tail = horner(&EVEN) + r * horner(&ODD);
    // The low bits of `shifted` are n; NaN makes the first factor NaN.
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    let value = (1.0 + (r + square * tail)) * power;
    match x {
        x if x < LOWEST => 0.0,
        x if x > HIGHEST => exp2(1024),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        extern crate std;
        let mut worst = 0;
        for i in 0..200_000 {
            let x = -700.0 + 1400.0 * f64::from(i) / 200_000.0 + 1e-3 * f64::from(i % 17);
            for x in [x, x / 500.0, x / 1e5] {
                let ulps =
                    (exp(x).to_bits() as i64 - std::primitive::f64::exp(x).to_bits() as i64).abs();
                worst = worst.max(ulps);
            }
        }
        assert!(worst <= 2, "{worst} ulp");
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!(exp(0.0).to_bits(), 1f64.to_bits());
        assert_eq!(exp(-0.0).to_bits(), 1f64.to_bits());
        assert_eq!(
            (exp(-709.0), exp(f64::NEG_INFINITY), exp(710.0)),
            (0.0, 0.0, f64::INFINITY)
        );
        assert!(exp(f64::NAN).is_nan());
    }
}
