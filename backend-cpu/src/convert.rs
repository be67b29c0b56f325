//! Conversion between precisions and scales: value / 2^scale, rounded once.
//!
//! To everything but F64 the way leads through f32, rounded *to odd* (Boldo and Melquiond, IEEE
//! Trans. Comput. 57, 2008): with two digits more than the target, that rounds to the target as
//! the f64 would. From a format of at most 32 bits the f32 is exact: a power of two only moves the
//! exponent, and what leaves the range of f32 is flushed or past every narrower format anyway.

use bytemuck::{Pod, Zeroable, cast_slice};
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Tile, TileRef};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::CpuError;
use crate::operand::{Stored, reciprocal};
use crate::simd::convert::{Bf16, E4m3, E5m2, Narrow, Tf32, narrow, scale as scaled};
use crate::simd::convert::{to_nearest, to_odd};

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
    // To the value, and to its quotient.
    let [first, second] = reciprocal(scale);
    let factors = [exp2(tile.scale()), first, second];
    let nearest = || match &stored {
        Stored::F64(e) => columns(tile, e, |e, out| to_nearest(e, factors, out)),
        Stored::F32(e) => columns(tile, e, |e, out| to_nearest(e, factors, out)),
    };
    let odd = || match &stored {
        Stored::F64(e) => columns(tile, e, |e, out| to_odd(e, factors, out)),
        Stored::F32(e) => columns(tile, e, |e, out| to_odd(e, factors, out)),
    };
    let bytes = match precision {
        Precision::F64 => bytes(&match &stored {
            Stored::F64(e) => columns(tile, e, |e, out| scaled(e, factors, out)),
            Stored::F32(e) => columns(tile, e, |e, out| scaled(e, factors, out)),
        }),
        Precision::F32 => bytes(&nearest()),
        Precision::Tf32 => bytes(&in_format::<Tf32>(&odd())),
        Precision::F16 => {
            let values = odd();
            let mut out = vec![f16::ZERO; values.len()];
            out.convert_from_f32_slice(&values);
            bytes(&out)
        }
        Precision::Bf16 => bytes(&in_format::<Bf16>(&odd())),
        Precision::F8E4M3 => in_format::<E4m3>(&odd()),
        Precision::F8E5M2 => in_format::<E5m2>(&odd()),
        Precision::I8 => {
            return Err(CpuError::Unsupported {
                operation: "convert",
                precision,
            });
        }
    };
    let converted = Tile::from_bytes(tile.rows(), tile.cols(), precision, scale, &bytes);
    Ok(converted.expect("as many bytes as numbers"))
}

/// `run` on the stored numbers of each column, without the gaps between them.
fn columns<S, D: Zeroable + Clone>(
    tile: TileRef<'_>,
    from: &[S],
    run: impl Fn(&[S], &mut [D]),
) -> Vec<D> {
    let (rows, cols, ld) = (tile.rows(), tile.cols(), tile.ld());
    let mut out = vec![D::zeroed(); rows * cols];
    if ld == rows {
        run(&from[..rows * cols], &mut out);
    } else if rows > 0 {
        for (c, out) in out.chunks_exact_mut(rows).enumerate() {
            run(&from[c * ld..][..rows], out);
        }
    }
    out
}

fn in_format<F: Narrow>(values: &[f32]) -> Vec<F::Bits> {
    let mut out = vec![F::Bits::zeroed(); values.len()];
    narrow::<F>(values, &mut out);
    out
}

fn bytes<T: Pod>(values: &[T]) -> Vec<u8> {
    cast_slice(values).to_vec()
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
