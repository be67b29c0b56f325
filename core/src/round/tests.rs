//! Exhaustive: every value of every small format, every midpoint, one ulp to either side.

use super::*;
use alloc::vec::Vec;

/// All non-negative finite values of a format, ascending, from first principles.
fn values(p: Precision) -> Vec<f64> {
    let f = p.format();
    let fraction = f.digits as i32 - 1;
    let mut all: Vec<f64> = (0..1u32 << fraction)
        .map(|i| f64::from(i) * exp2(f.min_exponent - fraction))
        .collect();
    let mut e = f.min_exponent;
    loop {
        for i in 0..1u32 << fraction {
            let v = f64::from((1 << fraction) + i) * exp2(e - fraction);
            if v > f.max {
                return all;
            }
            all.push(v);
        }
        e += 1;
    }
}

fn next_up(x: f64) -> f64 {
    f64::from_bits(x.to_bits() + 1)
}

fn next_down(x: f64) -> f64 {
    f64::from_bits(x.to_bits() - 1)
}

/// Checks that `x` and `−x` round to `expected`.
fn check(x: f64, expected: f64, p: Precision) {
    for s in [1.0, -1.0] {
        let got = round(s * x, p);
        assert_eq!(
            got.to_bits(),
            (s * expected).to_bits(),
            "{p}: {:e} gave {got:e}",
            s * x
        );
    }
}

fn exhaust(p: Precision) {
    let all = values(p);
    // Every second value has an even significand; index parity is significand parity because
    // each binade holds an even number of values.
    for (i, w) in all.windows(2).enumerate() {
        let (low, high) = (w[0], w[1]);
        check(low, low, p);
        let mid = low + (high - low) / 2.0;
        check(mid, if i % 2 == 0 { low } else { high }, p);
        check(next_down(mid), low, p);
        check(next_up(mid), high, p);
        if low > 0.0 {
            check(next_up(low), low, p);
        }
        check(next_down(high), high, p);
    }
    let f = p.format();
    let last = *all.last().unwrap();
    assert_eq!(last, f.max);
    // Half a spacing past the largest value: the first that overflows (ties to even).
    let spacing = last - all[all.len() - 2];
    let past = if f.saturates { f.max } else { f64::INFINITY };
    check(next_down(last + spacing / 2.0), last, p);
    check(last + spacing / 2.0, past, p);
    check(f64::MAX, past, p);
    check(f64::INFINITY, past, p);
    check(f64::from_bits(1), 0.0, p);
    check(0.0, 0.0, p);
    assert!(round(f64::NAN, p).is_nan());
}

#[test]
#[cfg_attr(
    miri,
    ignore = "too slow under Miri; the eight-bit formats cover the code"
)]
fn f16_rounds_every_value_and_midpoint() {
    exhaust(Precision::F16);
    for bits in 0..=u16::MAX {
        let x = half::f16::from_bits(bits);
        assert!(to_f16(x.to_f64()).to_bits() == bits || x.is_nan());
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "too slow under Miri; the eight-bit formats cover the code"
)]
fn bf16_rounds_every_value_and_midpoint() {
    exhaust(Precision::Bf16);
    for bits in 0..=u16::MAX {
        let x = half::bf16::from_bits(bits);
        assert!(to_bf16(x.to_f64()).to_bits() == bits || x.is_nan());
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "too slow under Miri; the eight-bit formats cover the code"
)]
fn tf32_rounds_every_value_and_midpoint() {
    exhaust(Precision::Tf32);
}

#[test]
fn e4m3_rounds_every_value_and_midpoint() {
    exhaust(Precision::F8E4M3);
}

#[test]
fn e5m2_rounds_every_value_and_midpoint() {
    exhaust(Precision::F8E5M2);
}

#[test]
fn eight_bit_codes_are_inverse_to_their_values() {
    for p in [Precision::F8E4M3, Precision::F8E5M2] {
        for bits in 0..=u8::MAX {
            let x = from_f8(bits, p);
            let expected = match p {
                Precision::F8E5M2 if x.is_infinite() => (bits & 0x80) | 0x7b,
                Precision::F8E5M2 if x.is_nan() => (bits & 0x80) | 0x7e,
                _ => bits,
            };
            assert_eq!(to_f8(x, p), expected, "{p} {bits:#04x} = {x}");
        }
        assert_eq!(to_f8(-0.0, p), 0x80);
    }
    assert_eq!(to_f8(1e9, Precision::F8E4M3), 0x7e);
    assert_eq!(from_f8(0x7e, Precision::F8E4M3), 448.0);
    assert_eq!(from_f8(0x7b, Precision::F8E5M2), 57344.0);
}

#[test]
fn rounding_twice_would_differ_where_half_goes_through_f32() {
    // Just above a midpoint of f16 by less than half an ulp of f32.
    let x = 1.0 + exp2(-11) + exp2(-40);
    assert_eq!(to_f16(x).to_f64(), 1.0 + exp2(-10));
    assert_eq!(half::f16::from_f32(x as f32).to_f64(), 1.0);
}

#[test]
fn i8_rounds_to_integers_and_saturates() {
    for (x, r) in [
        (0.5, 0.0),
        (1.5, 2.0),
        (-2.5, -2.0),
        (126.6, 127.0),
        (-999.0, -127.0),
    ] {
        assert_eq!(round(x, Precision::I8), r);
    }
    assert_eq!(round(f64::NAN, Precision::I8), 0.0);
}
