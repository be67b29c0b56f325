//! Operands: tiles of any precision, widened to the type that computes.
//!
//! Nothing is copied where the stored numbers already are what is wanted.

use std::borrow::Cow;
use std::ops::{Add, Div, Mul, Neg, Sub};

use bytemuck::Pod;
use epitile_core::precision::{Precision, exp2};
use epitile_core::round;
use epitile_core::tile::{Elements, TileMut, TileRef};
use half::slice::HalfFloatSliceExt;

use crate::error::CpuError;

/// A type that computes: `f64` or `f32`.
pub(crate) trait Real:
    Pod
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The precision of tiles of this type.
    const PRECISION: Precision;
    /// `x` rounded once.
    fn of_f64(x: f64) -> Self;
    /// The same value, exactly.
    fn to_f64(self) -> f64;
    /// The square root, rounded once.
    fn root(self) -> Self;
    /// Whether it has full precision: not zero, subnormal, infinite or NaN.
    fn is_full(self) -> bool;
    /// The stored numbers of an accumulator; `None` in another precision.
    fn slice_mut<'a>(tile: &'a mut TileMut<'_>) -> Option<&'a mut [Self]>;
    /// The numbers 2^scale · stored of an operand, each rounded at most once.
    fn widen(stored: Stored<'_>, scale: i32) -> Cow<'_, [Self]>;
}

/// Stored numbers as a type of the machine, gaps between columns included, without the scale.
pub(crate) enum Stored<'a> {
    /// F64.
    F64(&'a [f64]),
    /// The floating-point formats of at most 32 bits, exactly.
    F32(Cow<'a, [f32]>),
}

impl<'a> Stored<'a> {
    /// The stored numbers of `tile`.
    pub(crate) fn of(tile: TileRef<'a>, operation: &'static str) -> Result<Self, CpuError> {
        let precision = tile.precision();
        Ok(match tile.elements() {
            Elements::F64(e) => Stored::F64(e),
            Elements::F32(e) => Stored::F32(Cow::Borrowed(e)),
            Elements::F16(e) => {
                let mut wide = vec![0.0; e.len()];
                e.convert_to_f32_slice(&mut wide);
                Stored::F32(Cow::Owned(wide))
            }
            Elements::Bf16(e) => {
                let wide = |v: &half::bf16| f32::from_bits(u32::from(v.to_bits()) << 16);
                Stored::F32(e.iter().map(wide).collect())
            }
            Elements::F8(e) => {
                let table: [f32; 256] =
                    core::array::from_fn(|b| round::from_f8(b as u8, precision) as f32);
                Stored::F32(e.iter().map(|&b| table[usize::from(b)]).collect())
            }
            Elements::I8(_) => {
                return Err(CpuError::Unsupported {
                    operation,
                    precision,
                });
            }
        })
    }
}

impl Real for f64 {
    const PRECISION: Precision = Precision::F64;

    fn of_f64(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn root(self) -> Self {
        self.sqrt()
    }

    fn is_full(self) -> bool {
        self.is_normal()
    }

    fn slice_mut<'a>(tile: &'a mut TileMut<'_>) -> Option<&'a mut [Self]> {
        tile.f64s()
    }

    fn widen(stored: Stored<'_>, scale: i32) -> Cow<'_, [Self]> {
        let factor = exp2(scale);
        match stored {
            Stored::F64(e) if scale == 0 => Cow::Borrowed(e),
            Stored::F64(e) => e.iter().map(|v| v * factor).collect(),
            Stored::F32(e) => e.iter().map(|&v| f64::from(v) * factor).collect(),
        }
    }
}

impl Real for f32 {
    const PRECISION: Precision = Precision::F32;

    fn of_f64(x: f64) -> Self {
        x as f32
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn root(self) -> Self {
        self.sqrt()
    }

    fn is_full(self) -> bool {
        self.is_normal()
    }

    fn slice_mut<'a>(tile: &'a mut TileMut<'_>) -> Option<&'a mut [Self]> {
        let is_accumulator = tile.as_ref().precision() == Precision::F32;
        tile.f32s().filter(|_| is_accumulator)
    }

    fn widen(stored: Stored<'_>, scale: i32) -> Cow<'_, [Self]> {
        let factor = exp2(scale);
        match stored {
            Stored::F32(e) if scale == 0 => e,
            // A factor that f32 itself holds: one multiplication, which rounds once.
            Stored::F32(Cow::Owned(mut e)) if (-126..=127).contains(&scale) => {
                let factor = factor as f32;
                e.iter_mut().for_each(|v| *v *= factor);
                Cow::Owned(e)
            }
            Stored::F32(e) => e.iter().map(|&v| (f64::from(v) * factor) as f32).collect(),
            Stored::F64(e) => e.iter().map(|v| (v * factor) as f32).collect(),
        }
    }
}

/// Two factors whose product is 2^−`scale`, which may itself be out of range.
pub(crate) fn reciprocal(scale: i32) -> [f64; 2] {
    let first = (-scale).min(1023);
    [exp2(first), exp2(-scale - first)]
}

/// A column-major matrix of `T`, perhaps borrowed from a tile: entry (r, c) is `c · ld + r`.
pub(crate) struct Operand<'a, T: Clone> {
    pub(crate) ld: usize,
    pub(crate) values: Cow<'a, [T]>,
}

impl<'a, T: Real> Operand<'a, T> {
    /// The values of `tile` (scale applied) as `T`.
    pub(crate) fn of(tile: TileRef<'a>, operation: &'static str) -> Result<Self, CpuError> {
        Ok(Operand {
            ld: tile.ld(),
            values: T::widen(Stored::of(tile, operation)?, tile.scale()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::tile::Tile;

    #[test]
    fn every_stored_value_widens_to_itself_times_the_scale() {
        let all_f16: Vec<u16> = (0..=u16::MAX).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&all_f16);
        for p in Precision::ALL {
            if p == Precision::I8 {
                continue;
            }
            let rows = bytes.len() / p.bytes();
            for scale in [0, -9, 3, 130] {
                let tile = Tile::from_bytes(rows, 1, p, scale, bytes).unwrap();
                let expected = tile.to_f64();
                let wide = Operand::<f64>::of(tile.as_ref(), "test").unwrap();
                let narrow = Operand::<f32>::of(tile.as_ref(), "test").unwrap();
                for (r, e) in expected.iter().enumerate() {
                    let same = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan();
                    assert!(same(wide.values[r], *e), "{p} {r}");
                    assert!(same(narrow.values[r].into(), (*e as f32).into()), "{p} {r}");
                }
            }
        }
    }
}
