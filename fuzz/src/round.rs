//! Rounding against an oracle in integers: significand, guard and sticky bits of the f64 itself.

#[path = "round/layout.rs"]
mod layout;

use epitile_core::precision::{Precision, exponent};
use epitile_core::round::{from_f8, nearest_integer, round, to_bf16, to_f8, to_f16, to_tf32};
use epitile_core::tile::{SCALES, Tile, TileMut, TileRef, natural_scale};

use crate::source::Source;
use layout::{LAYOUTS, Layout, decoded, fields, oracle};

/// Inputs to start from: ordinary values, midpoints and the ends of every format.
pub fn seeds() -> Vec<Vec<u8>> {
    let value = |scale: i16, values: &[f64]| {
        let mut input = scale.to_le_bytes().to_vec();
        input.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        input
    };
    let ulp = f64::EPSILON;
    vec![
        value(0, &[0.0, -0.0, 1.0, 0.1, f64::NAN, f64::INFINITY]),
        value(
            0,
            &[
                1.0 + 1.0 / 2048.0,
                1.0 + 1.0 / 2048.0 + ulp,
                1.0 + 1.0 / 2048.0 - ulp / 2.0,
            ],
        ),
        value(
            3,
            &[
                65504.0, 65519.99, 65520.0, 448.0, 464.0, 480.0, 57344.0, 61440.0,
            ],
        ),
        value(
            -5,
            &[
                5.96e-8,
                2.98e-8,
                6.1e-5,
                0.001953125,
                0.0009765625,
                7.6e-6,
                1e-45,
                7e-46,
            ],
        ),
        value(
            2,
            &[
                f64::MIN_POSITIVE,
                f64::from_bits(3),
                f64::from_bits(0xf_ffff_ffff_ffff),
            ],
        ),
        value(
            1100,
            &[f64::MAX, 1e300, -1e-300, 3.4028235e38, 3.4028236e38],
        ),
        value(
            -1070,
            &[f64::from_bits(1), 0.5, 126.5, 127.5, -127.49, -3.5, 2.5],
        ),
        value(
            1,
            &[
                f64::from_bits(0x7ff0_0000_0000_0001),
                f64::from_bits(0xfff8_dead_beef_0001),
            ],
        ),
    ]
}

/// Two bytes of scale, then f64 after f64.
///
/// # Panics
/// If a number is not rounded, stored or read as it must be.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let scale = i32::from(i16::from_le_bytes([source.byte(), source.byte()]));
    let scale = scale.clamp(*SCALES.start(), *SCALES.end());
    let mut values = Vec::new();
    while !source.is_empty() && values.len() < 64 {
        values.push(source.any_f64());
    }
    for &x in &values {
        for layout in &LAYOUTS {
            rounded(x, layout);
            natural(x, layout);
        }
        integer(x);
        codes(x.to_bits() as u8);
        codes((x.to_bits() >> 56) as u8);
    }
    for layout in &LAYOUTS {
        stored(&values, scale, layout);
    }
}

/// `round` and the conversions to storage types.
fn rounded(x: f64, layout: &Layout) {
    let p = layout.precision;
    let (value, expected) = (round(x, p), oracle(x, 0, layout));
    let sign = x.is_sign_negative();
    if x.is_nan() {
        assert!(value.is_nan(), "round({x:e}, {p})");
    } else {
        assert_eq!(
            fields(value, layout),
            expected,
            "round({x:e}, {p}) = {value:e}"
        );
        assert_eq!(value.is_sign_negative(), sign, "round({x:e}, {p})");
        assert_eq!(
            round(value, p).to_bits(),
            value.to_bits(),
            "round twice to {p}"
        );
    }
    let (stored, width) = match p {
        Precision::F16 => (u64::from(to_f16(x).to_bits()), 16),
        Precision::Bf16 => (u64::from(to_bf16(x).to_bits()), 16),
        // The 13 low bits of the 32 are not TF32's.
        Precision::Tf32 => (u64::from(to_tf32(x).to_bits()) >> 13, 19),
        Precision::F8E4M3 | Precision::F8E5M2 => (u64::from(to_f8(x, p)), 8),
        _ => return,
    };
    if p == Precision::Tf32 && !x.is_nan() {
        assert_eq!(to_tf32(x).to_bits() & 0x1fff, 0, "to_tf32({x:e})");
    }
    let magnitude = stored & ((1 << (width - 1)) - 1);
    if x.is_nan() && width > 8 {
        assert!(magnitude > layout.past, "NaN to {p}: {magnitude:#x}");
    } else {
        assert_eq!(magnitude, expected, "{x:e} to {p}");
    }
    assert_eq!(stored >> (width - 1) == 1, sign, "sign of {x:e} to {p}");
}

/// `natural_scale` makes `x` as large as the format allows, and no larger.
fn natural(x: f64, layout: &Layout) {
    let p = layout.precision;
    let (x, scale) = (x.abs(), natural_scale(x.abs(), p));
    if x == 0.0 || !x.is_finite() {
        assert_eq!(scale, 0);
        return;
    }
    // What f64 cannot hold as a power of two is no scale.
    let least = scale == *SCALES.start();
    match p {
        // [2³, 2⁴).
        Precision::F16 if least => assert!(exponent(x) - scale <= 3, "{x:e}"),
        Precision::F16 => assert_eq!(exponent(x) - scale, 3, "{x:e}"),
        Precision::F8E4M3 | Precision::F8E5M2 => {
            // At most the largest value, and past it if the scale were one less: by exponent, then
            // by significand.
            let top = decoded(layout.top, layout);
            let significand = |v: f64| {
                let bits = v.to_bits() & ((1 << 52) - 1);
                let whole = bits | u64::from(v >= f64::MIN_POSITIVE) << 52;
                whole << whole.leading_zeros()
            };
            let fits = |s: i32| (s, significand(x)) <= (exponent(top), significand(top));
            let s = exponent(x) - scale;
            assert!(
                fits(s) && (least || !fits(s + 1)),
                "natural_scale({x:e}, {p}) = {scale}"
            );
        }
        _ => assert_eq!(scale, 0),
    }
}

/// I8: the nearest integer within ±127, ties to even.
fn integer(x: f64) {
    let expected = match x {
        x if x.is_nan() => 0,
        x if x.abs() >= 127.0 => 127,
        x => {
            let (whole, doubled) = (x.abs() as i64, (x.abs() * 2.0) as i64);
            let tie = x.abs() * 2.0 == doubled as f64 && doubled % 2 == 1;
            match tie {
                true => whole + whole % 2,
                false => (doubled + 1) / 2,
            }
        }
    };
    let signed = if x < 0.0 { -expected } else { expected };
    assert_eq!(round(x, Precision::I8), signed as f64, "{x:e} to i8");
    if x.abs() < 126.0 {
        assert_eq!(nearest_integer(x), signed as f64, "{x:e}");
    }
}

/// Every code of a one-byte format is read as it is and written back as it was.
fn codes(code: u8) {
    for layout in &LAYOUTS[5..] {
        let (p, magnitude) = (layout.precision, u64::from(code & 0x7f));
        let value = from_f8(code, p);
        let infinite = p == Precision::F8E5M2 && magnitude == 0x7c;
        if magnitude > layout.top && !infinite {
            assert!(value.is_nan(), "{code:#x} of {p}");
            assert_eq!(to_f8(value, p) & 0x7f, layout.nan as u8);
            continue;
        }
        let expected = match infinite {
            true => f64::INFINITY,
            false => decoded(magnitude, layout),
        };
        assert_eq!(
            value.abs().to_bits(),
            expected.to_bits(),
            "{code:#x} of {p}"
        );
        assert_eq!(value.is_sign_negative(), code >> 7 == 1, "{code:#x} of {p}");
        if !infinite {
            assert_eq!(to_f8(value, p), code, "{code:#x} of {p}");
        }
    }
}

/// A tile divides by its scale and rounds once; it multiplies by its scale, and rounds only what
/// leaves f64.
fn stored(values: &[f64], scale: i32, layout: &Layout) {
    let (p, double) = (layout.precision, &LAYOUTS[0]);
    let (rows, cols, ld) = (values.len().div_ceil(2), 2, values.len() + 1);
    let mut padded = values.to_vec();
    padded.resize(rows * cols, -1.5);
    let tile = Tile::from_f64(rows, cols, &padded, p, scale);
    let raw = Tile::from_bytes(rows, cols, p, 0, tile.bytes()).expect("the tile's own bytes");
    for (&x, v) in padded.iter().zip(raw.to_f64()) {
        if x.is_nan() {
            assert!(v.is_nan(), "NaN in {p}");
            continue;
        }
        let expected = oracle(x, -scale, layout);
        assert_eq!(
            fields(v, layout),
            expected,
            "{x:e} / 2^{scale} in {p}: {v:e}"
        );
        assert_eq!(
            v.is_sign_negative(),
            x.is_sign_negative(),
            "{x:e} / 2^{scale} in {p}"
        );
    }
    for (v, read) in raw.to_f64().into_iter().zip(tile.to_f64()) {
        if v.is_nan() {
            assert!(read.is_nan(), "NaN of {p}");
            continue;
        }
        let expected = oracle(v, scale, double);
        assert_eq!(
            read.abs().to_bits(),
            expected,
            "{v:e} · 2^{scale} of {p}: {read:e}"
        );
        assert_eq!(
            read.is_sign_negative(),
            v.is_sign_negative(),
            "{v:e} · 2^{scale} of {p}"
        );
    }
    // The same through a view with gaps, which are left alone.
    let size = p.bytes();
    let mut words = vec![0x5555_5555_5555_5555u64; (cols * ld * size).div_ceil(8)];
    let bytes = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..cols * ld * size];
    TileMut::new((rows, cols, ld), p, scale, bytes).write(&padded);
    let view = TileRef::new((rows, cols, ld), p, scale, bytes).to_tile();
    assert_eq!(view.bytes(), tile.bytes(), "a strided view of {p}");
    for c in 0..cols {
        let gap = &bytes[(c * ld + rows) * size..(c + 1) * ld * size];
        assert!(
            gap.iter().all(|&b| b == 0x55),
            "gap of a strided view of {p}"
        );
    }
}
