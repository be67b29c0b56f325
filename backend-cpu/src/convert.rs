//! Conversion between precisions and scales: value / 2^scale, rounded once.
//!
//! Everything but F64 passes through f32. From a format of at most 32 bits that is exact: a power
//! of two only moves the exponent, and what leaves f32's range is flushed or past every narrower
//! format anyway. From F64 the f32 is rounded *to odd* (Boldo and Melquiond, IEEE Trans. Comput.
//! 57, 2008): with two more digits than the target it then rounds to the target as the f64 would.

use epitile_core::precision::{Precision, exp2};
use epitile_core::round::FLUSH_BELOW;
use epitile_core::tile::{Tile, TileRef};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::CpuError;
use crate::operand::Stored;

/// `tile` in another precision and scale.
///
/// # Errors
/// [`CpuError::Unsupported`] from and to I8.
pub(crate) fn convert(
    tile: TileRef<'_>,
    precision: Precision,
    scale: i32,
) -> Result<Tile, CpuError> {
    if precision == tile.precision() && scale == tile.scale() && precision == Precision::F64 {
        return Ok(tile.to_tile());
    }
    let stored = Stored::of(tile, "convert")?;
    // The quotient is the stored number times 2^shift.
    let shift = tile.scale() - scale;
    let [first, second] = factors(shift);
    let scaled = |v: f64| v * first * second;
    let (rows, cols, ld) = (tile.rows(), tile.cols(), tile.ld());
    let bytes = match precision {
        Precision::F64 => {
            let values = match &stored {
                Stored::F64(e) => columns(e, (rows, cols, ld), |v| scaled(v)),
                Stored::F32(e) => columns(e, (rows, cols, ld), |v| scaled(f64::from(v))),
            };
            bytemuck::cast_slice(&values).to_vec()
        }
        Precision::I8 => {
            return Err(CpuError::Unsupported {
                operation: "convert",
                precision,
            });
        }
        _ => {
            let odd = precision != Precision::F32;
            let values: Vec<f32> = match &stored {
                Stored::F64(e) if odd => {
                    columns(e, (rows, cols, ld), |v| to_odd(flushed(scaled(v))))
                }
                Stored::F64(e) => columns(e, (rows, cols, ld), |v| flushed(scaled(v)) as f32),
                Stored::F32(e) if (-126..=127).contains(&shift) => {
                    let factor = exp2(shift) as f32;
                    columns(e, (rows, cols, ld), |v| flushed_f32(v * factor))
                }
                Stored::F32(e) => columns(e, (rows, cols, ld), |v| {
                    flushed(scaled(f64::from(v))) as f32
                }),
            };
            narrow(values, precision)
        }
    };
    Ok(Tile::from_bytes(rows, cols, precision, scale, &bytes).expect("as many bytes as numbers"))
}

/// `of` each entry, without the gaps between columns.
fn columns<S: Copy, D>(
    from: &[S],
    (rows, cols, ld): (usize, usize, usize),
    of: impl Fn(S) -> D + Copy,
) -> Vec<D> {
    if ld == rows {
        return from[..rows * cols].iter().map(|&v| of(v)).collect();
    }
    let mut out = Vec::with_capacity(rows * cols);
    for c in 0..cols {
        out.extend(from[c * ld..][..rows].iter().map(|&v| of(v)));
    }
    out
}

/// Two factors whose product is 2^shift: one, where that is in range. The first product is exact
/// then, unless the result is 0 or ∞ all the same.
fn factors(shift: i32) -> [f64; 2] {
    let first = shift.clamp(-1022, 1023);
    [first, (shift - first).clamp(-1022, 1023)].map(exp2)
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

#[inline(always)]
fn flushed_f32(v: f32) -> f32 {
    if v.abs() < FLUSH_BELOW as f32 {
        0f32.copysign(v)
    } else {
        v
    }
}

/// The f32 next to `v` towards zero, its last bit set if that is inexact.
#[inline(always)]
fn to_odd(v: f64) -> f32 {
    let near = v as f32;
    let (past, inexact) = (f64::from(near).abs() > v.abs(), f64::from(near) != v);
    f32::from_bits((near.to_bits() - u32::from(past)) | u32::from(inexact))
}

/// Stored bytes of `values` in a format other than F64 and I8.
fn narrow(values: Vec<f32>, precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F16 => {
            let mut out = vec![f16::ZERO; values.len()];
            out.convert_from_f32_slice(&values);
            bytemuck::cast_slice(&out).to_vec()
        }
        Precision::Tf32 => {
            let out: Vec<u32> = values.iter().map(|v| nearest::<13>(*v) << 13).collect();
            bytemuck::cast_slice(&out).to_vec()
        }
        Precision::Bf16 => {
            let out: Vec<u16> = values.iter().map(|v| nearest::<16>(*v) as u16).collect();
            bytemuck::cast_slice(&out).to_vec()
        }
        Precision::F8E4M3 => values.iter().map(|&v| f8::<3, 0x7e, 0x7f>(v)).collect(),
        Precision::F8E5M2 => values.iter().map(|&v| f8::<2, 0x7b, 0x7e>(v)).collect(),
        _ => bytemuck::cast_slice(&values).to_vec(),
    }
}

/// Bits of `v` without the last `DROPPED`, to nearest, ties to even; a NaN stays quiet.
#[inline(always)]
fn nearest<const DROPPED: u32>(v: f32) -> u32 {
    let bits = v.to_bits();
    let kept = bits >> DROPPED;
    if v.is_nan() {
        return kept | (1 << (22 - DROPPED));
    }
    (bits + (1 << (DROPPED - 1)) - 1 + (kept & 1)) >> DROPPED
}

/// OFP8 bits of `v` with `FRACTION` fraction bits, saturating at the code `MAX`.
#[inline(always)]
fn f8<const FRACTION: u32, const MAX: u32, const NAN: u8>(v: f32) -> u8 {
    let sign = (v.to_bits() >> 24) as u8 & 0x80;
    let magnitude = v.abs();
    // Exponent bias 2^(6−FRACTION)−1 and the smallest normal value 2^(1−bias).
    let bias = (1u32 << (6 - FRACTION)) - 1;
    let normal = f32::from_bits((128 - bias) << 23);
    // Adding 2^(23 − bias + 1 − FRACTION) rounds subnormals at their last place.
    let units = f32::from_bits((127 + 23 + 1 - bias - FRACTION) << 23);
    let subnormal = (magnitude + units).to_bits() - units.to_bits();
    let dropped = 23 - FRACTION;
    let bits = magnitude.to_bits();
    let rounded = (bits + (1 << (dropped - 1)) - 1 + ((bits >> dropped) & 1)) >> dropped;
    let rebased = rounded.wrapping_sub((127 - bias) << FRACTION).min(MAX);
    let code = if magnitude < normal {
        subnormal
    } else {
        rebased
    };
    sign | if v.is_nan() { NAN } else { code as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::round;

    const NARROW: [Precision; 6] = [
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::F8E4M3,
        Precision::F8E5M2,
    ];

    /// All values of the 8-bit formats and BF16 and some of F16 and TF32, their midpoints, and
    /// what is one and a few units of f32 and of f64 away from those.
    fn awkward() -> Vec<f64> {
        let mut values = vec![0.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE];
        let every_bf16 = (0..0x7f80u32).map(|b| b << 16);
        let some_tf32 = (0..0x3_fc00u32).step_by(7).map(|b| b << 13);
        for bits in every_bf16.chain(some_tf32) {
            let v = f64::from(f32::from_bits(bits));
            let next = f64::from(f32::from_bits(bits + (1 << 13)));
            for v in [v, v + (next - v) / 2.0, v + (next - v) / 4.0] {
                let bits = v.to_bits();
                for near in [bits.saturating_sub(1), bits, bits + 1] {
                    values.push(f64::from_bits(near));
                }
                for near in [-3, -1, 1, 2] {
                    let bits = (v as f32).to_bits().saturating_add_signed(near);
                    values.push(f64::from(f32::from_bits(bits)));
                }
            }
        }
        let negative: Vec<f64> = values.iter().map(|v| -v).collect();
        values.extend(negative);
        values
    }

    fn oracle(values: &[f64], precision: Precision, scale: i32) -> Tile {
        let quotient = |v: &f64| flushed(v * exp2(-scale)) * exp2(scale);
        let quotients: Vec<f64> = values.iter().map(quotient).collect();
        Tile::from_f64(values.len(), 1, &quotients, precision, scale)
    }

    #[test]
    fn every_format_rounds_once_from_f64_and_f32() {
        let values = awkward();
        let singles: Vec<f64> = values
            .iter()
            .map(|&v| round::round(v, Precision::F32))
            .collect();
        for (values, from) in [(&values, Precision::F64), (&singles, Precision::F32)] {
            let tile = Tile::from_f64(values.len(), 1, values, from, 0);
            for to in NARROW {
                for scale in [0, -7, 12] {
                    let got = convert(tile.as_ref(), to, scale).unwrap();
                    let expected = oracle(values, to, scale);
                    if got != expected {
                        let at = |t: &Tile| t.to_f64();
                        let (g, e) = (at(&got), at(&expected));
                        for (i, v) in values.iter().enumerate() {
                            let same = g[i].to_bits() == e[i].to_bits();
                            assert!(
                                same || v.is_nan() && g[i].is_nan(),
                                "{v:e} {from} → {to}, scale {scale}: {} not {}",
                                g[i],
                                e[i]
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn small_formats_come_back_and_change_scale_exactly() {
        for from in NARROW {
            let values: Vec<f64> = (-60..60).map(|i| f64::from(i) / 16.0).collect();
            let tile = Tile::from_f64(values.len(), 1, &values, from, -3);
            for to in [Precision::F64, Precision::F32] {
                let wide = convert(tile.as_ref(), to, 2).unwrap();
                assert_eq!(wide.to_f64(), tile.to_f64(), "{from} → {to}");
                assert_eq!(convert(wide.as_ref(), from, -3).unwrap(), tile);
            }
        }
    }

    #[test]
    fn values_far_below_the_scale_are_flushed_with_their_sign() {
        let tiny = FLUSH_BELOW * (1.0 - f64::EPSILON);
        let tile = Tile::from_f64(3, 1, &[tiny, -tiny, FLUSH_BELOW], Precision::F64, 0);
        let to = |p, s| convert(tile.as_ref(), p, s).unwrap().to_f64();
        let flushed: Vec<u64> = to(Precision::F32, 0).iter().map(|v| v.to_bits()).collect();
        assert_eq!(flushed, [0, 1 << 63, FLUSH_BELOW.to_bits()]);
        assert_eq!(
            to(Precision::F32, -1),
            [tiny as f32 as f64, -(tiny as f32 as f64), FLUSH_BELOW]
        );
        assert_eq!(to(Precision::F64, 0), [tiny, -tiny, FLUSH_BELOW]);
    }

    #[test]
    fn gaps_between_columns_are_left_out() {
        let stored: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let view = TileRef::new((2, 3, 4), Precision::F32, 0, bytemuck::cast_slice(&stored));
        let got = convert(view, Precision::F16, 0).unwrap();
        assert_eq!(got.to_f64(), [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]);
    }
}
