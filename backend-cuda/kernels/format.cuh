// Number formats: stored numbers to f64, and f64 to stored numbers, rounded once. The same bits
// as core/src/round.rs.
#pragma once
#include "common.cuh"

// The order of `Precision` in core/src/precision.rs.
enum Format { F64, F32, TF32, F16, BF16, F8E4M3, F8E5M2 };

// Values below this become zero in formats narrower than F64: 2^-63, FLUSH_BELOW.
#define FLUSH_BELOW of_bits((u64)(1023 - 63) << 52)

// A format as fields of bits: `fraction` bits, exponent `least` of the smallest normal value, the
// code `top` past which numbers become `over` (infinity, or the largest number), and NaN.
struct Layout {
    int fraction, least;
    u32 top, over, nan;
};

DEVICE Layout layout(int format) {
    Layout l;
    switch (format) {
        case F32: l = Layout{23, -126, 0x7f7fffff, 0x7f800000, 0x7fc00000}; break;
        // Ten fraction bits; moved up by thirteen when stored.
        case TF32: l = Layout{10, -126, 0x3fbff, 0x3fc00, 0x3fe00}; break;
        case F16: l = Layout{10, -14, 0x7bff, 0x7c00, 0x7e00}; break;
        case BF16: l = Layout{7, -126, 0x7f7f, 0x7f80, 0x7fc0}; break;
        case F8E4M3: l = Layout{3, -6, 0x7e, 0x7e, 0x7f}; break;
        default: l = Layout{2, -14, 0x7b, 0x7b, 0x7e}; break;
    }
    return l;
}

// Code of |x| in a format narrower than F64, to nearest, ties to even. |x| is zero or no
// subnormal of f64.
DEVICE u32 encode(double x, Layout l) {
    u64 magnitude = bits_of(x) & ~((u64)1 << 63);
    int biased = (int)(magnitude >> 52);
    u64 fraction = magnitude & (((u64)1 << 52) - 1);
    if (biased == 0x7ff) return fraction ? l.nan : l.over;
    int e = biased - 1023;
    u64 significand = fraction | (biased ? (u64)1 << 52 : 0);
    // Bits below the last that is kept; more of them where the format is subnormal.
    int drop = 52 - l.fraction + (e < l.least ? l.least - e : 0);
    if (drop > 54) return 0;
    u64 half = (u64)1 << (drop - 1);
    u64 odd = (significand >> drop) & 1;
    u64 rounded = (significand + (half - 1 + odd)) >> drop;
    // The implicit one of a normal number is the exponent field's last unit.
    u64 code = ((u64)(e < l.least ? 0 : e - l.least) << l.fraction) + rounded;
    return code > l.top ? l.over : (u32)code;
}

// Value of a code without sign.
DEVICE double decode(u32 code, Layout l) {
    if (code > l.top) return of_bits((u64)0x7ff << 52 | (code == l.over ? 0 : (u64)1 << 51));
    u32 field = code >> l.fraction;
    u32 significand = code & (((u32)1 << l.fraction) - 1);
    if (field) significand |= (u32)1 << l.fraction;
    return (double)significand * power_of_two((field ? (int)field - 1 : 0) + l.least - l.fraction);
}

// Stored number `at`, without the scale.
DEVICE double load(const void *from, int format, u64 at) {
    if (format == F64) return ((const double *)from)[at];
    if (format == F32 || format == TF32) return (double)((const float *)from)[at];
    u32 code, sign;
    if (format == F16 || format == BF16) {
        code = ((const u16 *)from)[at];
        sign = code >> 15;
        code &= 0x7fff;
    } else {
        code = ((const u8 *)from)[at];
        sign = code >> 7;
        code &= 0x7f;
    }
    Layout l = layout(format);
    // The one-byte format with infinities has several NaNs past its largest number.
    if (format == F8E5M2 && code > l.top) l.over = 0x7c;
    double magnitude = decode(code, l);
    return sign ? -magnitude : magnitude;
}

// Stores `x` as number `at`, rounded once, flushed.
DEVICE void store(void *to, int format, u64 at, double x) {
    if (format == F64) {
        ((double *)to)[at] = x;
        return;
    }
    u64 sign = bits_of(x) >> 63;
    double magnitude = sign ? -x : x;
    if (magnitude < FLUSH_BELOW) magnitude = 0.0;
    u32 code = encode(magnitude, layout(format));
    if (format == F32) ((u32 *)to)[at] = code | (u32)sign << 31;
    else if (format == TF32) ((u32 *)to)[at] = code << 13 | (u32)sign << 31;
    else if (format == F16 || format == BF16) ((u16 *)to)[at] = (u16)(code | sign << 15);
    else ((u8 *)to)[at] = (u8)(code | sign << 7);
}
