//! Conversion between precisions and scales: value / 2^scale, rounded once.
//!
//! To everything but F64 the way leads through f32, rounded *to odd* (Boldo and Melquiond, IEEE
//! Trans. Comput. 57, 2008): with two digits more than the target, that rounds to the target as
//! the f64 would. From a format of at most 32 bits the f32 is exact: a power of two only moves the
//! exponent, and what leaves the range of f32 is flushed or past every narrower format anyway.

use bytemuck::{Pod, cast_slice_mut};
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Tile, TileRef};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::CpuError;
use crate::operand::{Stored, reciprocal};
use crate::simd::convert::{Bf16, E4m3, E5m2, Narrow, Tf32, narrow, scale as scaled};
use crate::simd::convert::{narrow_single, scale_single, to_nearest, to_odd};
use crate::simd::decode::Entry;
use crate::spare;

/// `tile` in another precision and scale.
///
/// # Errors
/// [`CpuError::Unsupported`] from and to I8.
pub(crate) fn convert(
    tile: TileRef<'_>,
    precision: Precision,
    scale: i32,
) -> Result<Tile, CpuError> {
    let stored = Stored::of(tile, "convert")?;
    if precision == Precision::I8 {
        return Err(CpuError::Unsupported {
            operation: "convert",
            precision,
        });
    }
    // To the value, and to its quotient.
    let [first, second] = reciprocal(scale);
    let factors = [exp2(tile.scale()), first, second];
    let mut converted = spare::tile((tile.rows(), tile.cols()), precision, scale);
    let out = converted.bytes_mut();
    match &stored {
        Stored::F64(e) => write(tile, e, factors, precision, out),
        Stored::F32(e) => match single(factors) {
            Some(factor) if precision.bytes() < 4 => shorten(tile, e, factor, precision, out),
            _ => write(tile, e, factors, precision, out),
        },
    }
    Ok(converted)
}

/// `out` ← the numbers times the factors in `precision`.
fn write<E: Entry>(
    tile: TileRef<'_>,
    from: &[E],
    factors: [f64; 3],
    precision: Precision,
    out: &mut [u8],
) {
    match precision {
        Precision::F64 => pieces(tile, from, out, |e, out| scaled(e, factors, out)),
        Precision::F32 => pieces(tile, from, out, |e, out| to_nearest(e, factors, out)),
        Precision::Tf32 => pieces(tile, from, out, |e, out| {
            narrowed::<E, Tf32>(e, factors, out)
        }),
        Precision::F16 => pieces(tile, from, out, |e, out: &mut [f16]| {
            let mut odd = [0.0; PIECE];
            let odd = &mut odd[..e.len()];
            to_odd(e, factors, odd);
            out.convert_from_f32_slice(odd);
        }),
        Precision::Bf16 => pieces(tile, from, out, |e, out| {
            narrowed::<E, Bf16>(e, factors, out)
        }),
        Precision::F8E4M3 => pieces(tile, from, out, |e, out| {
            narrowed::<E, E4m3>(e, factors, out)
        }),
        Precision::F8E5M2 => pieces(tile, from, out, |e, out| {
            narrowed::<E, E5m2>(e, factors, out)
        }),
        Precision::I8 => unreachable!("I8 was refused"),
    }
}

/// The product of the factors, if FP32 numbers times it are FP32 numbers, but for those that are
/// flushed or past every narrower format.
fn single([value, first, second]: [f64; 3]) -> Option<f32> {
    let factor = (value * first * second) as f32;
    factor.is_normal().then_some(factor)
}

/// [`write`] from FP32 to a narrower format: without a way through f64.
fn shorten(tile: TileRef<'_>, from: &[f32], factor: f32, precision: Precision, out: &mut [u8]) {
    match precision {
        Precision::F16 => pieces(tile, from, out, |e, out: &mut [f16]| {
            let mut quotients = [0.0; PIECE];
            let quotients = &mut quotients[..e.len()];
            scale_single(e, factor, quotients);
            out.convert_from_f32_slice(quotients);
        }),
        Precision::Bf16 => pieces(tile, from, out, |e, out| {
            narrow_single::<Bf16>(e, factor, out);
        }),
        Precision::F8E4M3 => pieces(tile, from, out, |e, out| {
            narrow_single::<E4m3>(e, factor, out);
        }),
        Precision::F8E5M2 => pieces(tile, from, out, |e, out| {
            narrow_single::<E5m2>(e, factor, out);
        }),
        _ => unreachable!("formats of less than 32 bits"),
    }
}

/// Numbers converted at a time: on the way they stay in the first-level cache.
const PIECE: usize = 1024;

/// `run` on pieces of the columns, without the gaps between them.
fn pieces<S, D: Pod>(tile: TileRef<'_>, from: &[S], out: &mut [u8], run: impl Fn(&[S], &mut [D])) {
    let (rows, cols, ld) = (tile.rows(), tile.cols(), tile.ld());
    let out: &mut [D] = cast_slice_mut(out);
    let (height, columns, step) = match ld == rows {
        true => (rows * cols, 1, 0),
        false if rows == 0 => (0, 0, 0),
        false => (rows, cols, ld),
    };
    for c in 0..columns {
        let from = from[c * step..].chunks(PIECE);
        let out = out[c * height..][..height].chunks_mut(PIECE);
        for (from, out) in from.zip(out) {
            run(&from[..out.len()], out);
        }
    }
}

/// `out` ← the numbers times the factors, rounded once.
fn narrowed<E: Entry, F: Narrow>(from: &[E], factors: [f64; 3], out: &mut [F::Bits]) {
    let mut odd = [0.0; PIECE];
    let odd = &mut odd[..from.len()];
    to_odd(from, factors, odd);
    narrow::<F>(odd, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::round::{self, FLUSH_BELOW};

    const NARROW: [Precision; 6] = [
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::F8E4M3,
        Precision::F8E5M2,
    ];

    /// Values and midpoints of BF16 and some of TF32, densest where the smaller formats have
    /// theirs, and what is one and a few units of f32 and of f64 away from those.
    fn awkward() -> Vec<f64> {
        let mut values = vec![0.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE];
        // From 2^−30 to 2^20 all of them.
        let dense = |b: &u32| (97 << 8..147 << 8).contains(b) || b.is_multiple_of(13);
        let every_bf16 = (0..0xff00u32).filter(dense).map(|b| b << 15);
        let some_tf32 = (0..0x3_fc00u32).step_by(37).map(|b| b << 13);
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
        let flushed = |v: f64| {
            if v.abs() < FLUSH_BELOW {
                0f64.copysign(v)
            } else {
                v
            }
        };
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
                for scale in [0, -7] {
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
