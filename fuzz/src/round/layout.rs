//! Bits of the formats, and rounding to them in integers alone.

use epitile_core::precision::Precision;

/// Layout of a format's bits.
pub(super) struct Layout {
    pub(super) precision: Precision,
    /// Bits of the stored fraction.
    pub(super) fraction: i32,
    pub(super) bias: i32,
    /// Largest finite value, as fields without sign.
    pub(super) top: u64,
    /// What is past it: the same for a format that saturates, else the bits of ∞.
    pub(super) past: u64,
    /// A quiet NaN.
    pub(super) nan: u64,
}

/// IEEE 754-2019 table 3.5, the TF32 of NVIDIA in 32-bit storage, and OFP8 rev. 1.0 table 1.
pub(super) const LAYOUTS: [Layout; 7] = [
    layout(
        Precision::F64,
        52,
        1023,
        0x7fef_ffff_ffff_ffff,
        0x7ff0 << 48,
        0x7ff8 << 48,
    ),
    layout(
        Precision::F32,
        23,
        127,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7fc0_0000,
    ),
    layout(Precision::Tf32, 10, 127, 0x3_fbff, 0x3_fc00, 0x3_fe00),
    layout(Precision::F16, 10, 15, 0x7bff, 0x7c00, 0x7e00),
    layout(Precision::Bf16, 7, 127, 0x7f7f, 0x7f80, 0x7fc0),
    layout(Precision::F8E4M3, 3, 7, 0x7e, 0x7e, 0x7f),
    layout(Precision::F8E5M2, 2, 15, 0x7b, 0x7b, 0x7e),
];

const fn layout(
    precision: Precision,
    fraction: i32,
    bias: i32,
    top: u64,
    past: u64,
    nan: u64,
) -> Layout {
    Layout {
        precision,
        fraction,
        bias,
        top,
        past,
        nan,
    }
}

/// Fields (without sign) of |x|·2^shift rounded to nearest, ties to even.
pub(super) fn oracle(x: f64, shift: i32, to: &Layout) -> u64 {
    let bits = x.to_bits() & !(1 << 63);
    let (field, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    if field == 0x7ff {
        return if fraction == 0 { to.past } else { to.nan };
    }
    // |x|·2^shift = significand · 2^place.
    let (significand, place) = match field {
        0 => (fraction, shift - 1074),
        _ => (fraction | 1 << 52, shift + field - 1075),
    };
    if significand == 0 {
        return 0;
    }
    let leading = place + 63 - significand.leading_zeros() as i32;
    // Spacing of the format's values there: 2^spacing.
    let spacing = leading.max(1 - to.bias) - to.fraction;
    let drop = spacing - place;
    let kept = match drop {
        ..=0 => significand << -drop.max(-63),
        1..=63 => {
            let (kept, gone) = (significand >> drop, significand & ((1 << drop) - 1));
            let (guard, sticky) = (gone >> (drop - 1) & 1, gone & ((1 << (drop - 1)) - 1));
            kept + (guard & (u64::from(sticky != 0) | kept & 1))
        }
        _ => 0,
    };
    // An integer of fraction + 1 bits (or one more after a carry) joined to the exponent: adding
    // lets the carry run into it, and the implicit bit makes a subnormal normal.
    let exponent = (spacing + to.fraction + to.bias - 1) as i64;
    let fields = ((exponent as i128) << to.fraction) + i128::from(kept);
    if fields > i128::from(to.top) {
        to.past
    } else {
        fields as u64
    }
}

/// The fields of a value that the format holds exactly; a NaN's are the format's.
pub(super) fn fields(value: f64, of: &Layout) -> u64 {
    let fields = oracle(value, 0, of);
    if value.is_nan() {
        return of.nan;
    }
    assert_eq!(
        decoded(fields, of).to_bits(),
        value.abs().to_bits(),
        "{value:e} is no {}",
        of.precision
    );
    fields
}

/// Value of fields without sign, which are finite or ∞.
pub(super) fn decoded(fields: u64, of: &Layout) -> f64 {
    if fields == of.past && of.past != of.top {
        return f64::INFINITY;
    }
    let (exponent, fraction) = (
        (fields >> of.fraction) as i32,
        fields & ((1 << of.fraction) - 1),
    );
    let (significand, place) = match exponent {
        0 => (fraction, 1 - of.bias - of.fraction),
        e => (fraction | 1 << of.fraction, e - of.bias - of.fraction),
    };
    if significand == 0 {
        return 0.0;
    }
    // To the f64 fields, digit by digit: exact, since f64 is the widest format.
    let leading = 63 - significand.leading_zeros() as i32;
    let top = place + leading;
    if top < -1022 {
        return f64::from_bits(significand << (place + 1074));
    }
    let fraction = (significand << (52 - leading)) & ((1 << 52) - 1);
    f64::from_bits(((top + 1023) as u64) << 52 | fraction)
}
