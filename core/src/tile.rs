//! Tiles: small column-major matrices whose precision is a run-time value.
//!
//! A stored number v stands for v·2^scale, so that an 8- or 16-bit tile uses its format's range.
//! [`Tile`] owns its bytes; [`TileRef`] and [`TileMut`] borrow them from whoever does (a tile, a
//! memory-mapped file, a distributed runtime), with a leading dimension.

use alloc::vec;
use alloc::vec::Vec;

use half::{bf16, f16};

use crate::precision::{Precision, exp2, exponent};
use crate::round;

/// Exponents a scale may have: those of the powers of two that f64 holds.
pub const SCALES: core::ops::RangeInclusive<i32> = -1074..=1023;

/// An owned `rows × cols` matrix, column-major without gaps, its bytes aligned to 8.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    rows: usize,
    cols: usize,
    precision: Precision,
    scale: i32,
    words: Vec<u64>,
}

impl Tile {
    /// A tile of zeros with scale 2⁰.
    pub fn zeros(rows: usize, cols: usize, precision: Precision) -> Self {
        let words = (rows * cols * precision.bytes()).div_ceil(8);
        Tile {
            rows,
            cols,
            precision,
            scale: 0,
            words: vec![0; words],
        }
    }

    /// A tile of the values `values` (column-major, `rows · cols` of them), each divided by
    /// 2^scale and rounded once to `precision`.
    ///
    /// # Panics
    /// If `values.len() != rows * cols`, or `scale` is not in [`SCALES`].
    pub fn from_f64(
        rows: usize,
        cols: usize,
        values: &[f64],
        precision: Precision,
        scale: i32,
    ) -> Self {
        assert_eq!(
            values.len(),
            rows * cols,
            "values of a {rows} × {cols} tile"
        );
        assert!(SCALES.contains(&scale), "scale 2^{scale}");
        let mut tile = Tile::zeros(rows, cols, precision);
        tile.scale = scale;
        tile.as_mut().write(values);
        tile
    }

    /// A tile over stored bytes, as [`bytes`](Self::bytes) gives them; `None` if their number is
    /// not that of the shape and precision, or the scale is not in [`SCALES`].
    pub fn from_bytes(
        rows: usize,
        cols: usize,
        precision: Precision,
        scale: i32,
        bytes: &[u8],
    ) -> Option<Self> {
        let expected = rows.checked_mul(cols)?.checked_mul(precision.bytes())?;
        if bytes.len() != expected || !SCALES.contains(&scale) {
            return None;
        }
        let mut tile = Tile::zeros(rows, cols, precision);
        tile.scale = scale;
        bytemuck::cast_slice_mut::<u64, u8>(&mut tile.words)[..expected].copy_from_slice(bytes);
        Some(tile)
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Format of the stored numbers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Exponent e of the scale 2^e.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// The stored bytes: `rows · cols · precision.bytes()` of them.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.rows * self.cols * self.precision.bytes()]
    }

    /// A view of the whole tile.
    pub fn as_ref(&self) -> TileRef<'_> {
        TileRef {
            rows: self.rows,
            cols: self.cols,
            ld: self.rows,
            precision: self.precision,
            scale: self.scale,
            bytes: self.bytes(),
        }
    }

    /// A mutable view of the whole tile.
    pub fn as_mut(&mut self) -> TileMut<'_> {
        let bytes = self.rows * self.cols * self.precision.bytes();
        TileMut {
            rows: self.rows,
            cols: self.cols,
            ld: self.rows,
            precision: self.precision,
            scale: self.scale,
            bytes: &mut bytemuck::cast_slice_mut(&mut self.words)[..bytes],
        }
    }

    /// All values (scale applied), column-major.
    pub fn to_f64(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.rows * self.cols];
        self.as_ref().read_f64(&mut out);
        out
    }
}

/// The stored numbers of a view by type. `F8` and `I8` are codes.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    /// F64.
    F64(&'a [f64]),
    /// F32 and TF32.
    F32(&'a [f32]),
    /// F16.
    F16(&'a [f16]),
    /// BF16.
    Bf16(&'a [bf16]),
    /// E4M3 and E5M2.
    F8(&'a [u8]),
    /// I8.
    I8(&'a [i8]),
}

/// A borrowed matrix: entry (r, c) is stored number `c · ld + r`.
#[derive(Clone, Copy, Debug)]
pub struct TileRef<'a> {
    rows: usize,
    cols: usize,
    ld: usize,
    precision: Precision,
    scale: i32,
    bytes: &'a [u8],
}

impl<'a> TileRef<'a> {
    /// A view of stored bytes.
    ///
    /// # Panics
    /// If `ld < rows`, the bytes are too few for `(cols − 1) · ld + rows` numbers, or their
    /// address is not a multiple of the number's size; if `scale` is not in [`SCALES`].
    pub fn new(
        (rows, cols, ld): (usize, usize, usize),
        precision: Precision,
        scale: i32,
        bytes: &'a [u8],
    ) -> Self {
        check_view((rows, cols, ld), precision, scale, bytes);
        TileRef {
            rows,
            cols,
            ld,
            precision,
            scale,
            bytes,
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between the starts of neighbouring columns, in stored numbers.
    pub fn ld(&self) -> usize {
        self.ld
    }

    /// Format of the stored numbers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Exponent e of the scale 2^e.
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// The stored numbers, gaps between columns included.
    pub fn elements(&self) -> Elements<'a> {
        match self.precision {
            Precision::F64 => Elements::F64(bytemuck::cast_slice(self.bytes)),
            Precision::F32 | Precision::Tf32 => Elements::F32(bytemuck::cast_slice(self.bytes)),
            Precision::F16 => Elements::F16(bytemuck::cast_slice(self.bytes)),
            Precision::Bf16 => Elements::Bf16(bytemuck::cast_slice(self.bytes)),
            Precision::F8E4M3 | Precision::F8E5M2 => Elements::F8(self.bytes),
            Precision::I8 => Elements::I8(bytemuck::cast_slice(self.bytes)),
        }
    }

    /// Writes all values (scale applied, exactly) to `out`, column-major without gaps.
    ///
    /// # Panics
    /// If `out.len() != rows * cols`.
    pub fn read_f64(&self, out: &mut [f64]) {
        assert_eq!(
            out.len(),
            self.rows * self.cols,
            "output of a {} × {} tile",
            self.rows,
            self.cols
        );
        let factor = exp2(self.scale);
        let (rows, ld) = (self.rows, self.ld);
        fn columns<T: Copy>(
            (rows, ld): (usize, usize),
            from: &[T],
            out: &mut [f64],
            value: impl Fn(T) -> f64,
        ) {
            for (c, column) in out.chunks_exact_mut(rows.max(1)).enumerate() {
                for (o, &v) in column.iter_mut().zip(&from[c * ld..][..rows]) {
                    *o = value(v);
                }
            }
        }
        match self.elements() {
            Elements::F64(e) => columns((rows, ld), e, out, |v| v * factor),
            Elements::F32(e) => columns((rows, ld), e, out, |v| f64::from(v) * factor),
            Elements::F16(e) => columns((rows, ld), e, out, |v| v.to_f64() * factor),
            Elements::Bf16(e) => columns((rows, ld), e, out, |v| v.to_f64() * factor),
            Elements::F8(e) => {
                let table: [f64; 256] =
                    core::array::from_fn(|b| round::from_f8(b as u8, self.precision) * factor);
                columns((rows, ld), e, out, |v| table[v as usize]);
            }
            Elements::I8(e) => columns((rows, ld), e, out, |v| f64::from(v) * factor),
        }
    }

    /// An owned copy without gaps, bit for bit.
    pub fn to_tile(&self) -> Tile {
        let size = self.precision.bytes();
        let mut tile = Tile::zeros(self.rows, self.cols, self.precision);
        tile.scale = self.scale;
        let out = tile.as_mut().bytes;
        for c in 0..self.cols {
            let (from, to) = (c * self.ld * size, c * self.rows * size);
            out[to..to + self.rows * size]
                .copy_from_slice(&self.bytes[from..from + self.rows * size]);
        }
        tile
    }
}

/// A borrowed matrix that may be written; layout as [`TileRef`].
#[derive(Debug)]
pub struct TileMut<'a> {
    rows: usize,
    cols: usize,
    ld: usize,
    precision: Precision,
    scale: i32,
    bytes: &'a mut [u8],
}

impl<'a> TileMut<'a> {
    /// A mutable view of stored bytes.
    ///
    /// # Panics
    /// As [`TileRef::new`].
    pub fn new(
        (rows, cols, ld): (usize, usize, usize),
        precision: Precision,
        scale: i32,
        bytes: &'a mut [u8],
    ) -> Self {
        check_view((rows, cols, ld), precision, scale, bytes);
        TileMut {
            rows,
            cols,
            ld,
            precision,
            scale,
            bytes,
        }
    }

    /// The same view, read-only.
    pub fn as_ref(&self) -> TileRef<'_> {
        TileRef {
            rows: self.rows,
            cols: self.cols,
            ld: self.ld,
            precision: self.precision,
            scale: self.scale,
            bytes: self.bytes,
        }
    }

    /// The stored numbers as f64, gaps included; `None` in another precision.
    pub fn f64s(&mut self) -> Option<&mut [f64]> {
        (self.precision == Precision::F64).then(|| bytemuck::cast_slice_mut(&mut *self.bytes))
    }

    /// The stored numbers as f32, gaps included; `None` in another precision.
    pub fn f32s(&mut self) -> Option<&mut [f32]> {
        matches!(self.precision, Precision::F32 | Precision::Tf32)
            .then(|| bytemuck::cast_slice_mut(&mut *self.bytes))
    }

    /// Stores `values` (column-major without gaps): each divided by 2^scale, rounded once.
    ///
    /// # Panics
    /// If `values.len() != rows * cols`.
    pub fn write(&mut self, values: &[f64]) {
        assert_eq!(
            values.len(),
            self.rows * self.cols,
            "values of a {} × {} tile",
            self.rows,
            self.cols
        );
        let divisor = exp2(self.scale);
        let (rows, ld, p) = (self.rows, self.ld, self.precision);
        fn columns<T>(
            (rows, ld): (usize, usize),
            from: &[f64],
            out: &mut [T],
            store: impl Fn(f64) -> T,
        ) {
            for (c, column) in from.chunks_exact(rows.max(1)).enumerate() {
                for (o, &v) in out[c * ld..][..rows].iter_mut().zip(column) {
                    *o = store(v);
                }
            }
        }
        // One correctly rounded division, also where the quotient is subnormal.
        let scaled = |v: f64| v / divisor;
        let shape = (rows, ld);
        match p {
            Precision::F64 => columns(shape, values, bytemuck::cast_slice_mut(self.bytes), scaled),
            Precision::F32 => columns(shape, values, bytemuck::cast_slice_mut(self.bytes), |v| {
                scaled(v) as f32
            }),
            Precision::Tf32 => columns(shape, values, bytemuck::cast_slice_mut(self.bytes), |v| {
                round::to_tf32(scaled(v))
            }),
            Precision::F16 => columns(shape, values, bytemuck::cast_slice_mut(self.bytes), |v| {
                round::to_f16(scaled(v))
            }),
            Precision::Bf16 => columns(shape, values, bytemuck::cast_slice_mut(self.bytes), |v| {
                round::to_bf16(scaled(v))
            }),
            Precision::F8E4M3 | Precision::F8E5M2 => {
                columns(shape, values, self.bytes, |v| round::to_f8(scaled(v), p))
            }
            Precision::I8 => columns(
                shape,
                values,
                bytemuck::cast_slice_mut::<u8, i8>(self.bytes),
                |v| round::round(scaled(v), p) as i8,
            ),
        }
    }
}

fn check_view(
    (rows, cols, ld): (usize, usize, usize),
    precision: Precision,
    scale: i32,
    bytes: &[u8],
) {
    assert!(SCALES.contains(&scale), "scale 2^{scale}");
    assert!(ld >= rows, "leading dimension {ld} of {rows} rows");
    let needed = if cols == 0 {
        0
    } else {
        ((cols - 1) * ld + rows) * precision.bytes()
    };
    assert!(
        bytes.len() >= needed,
        "{} bytes for {rows} × {cols} (ld {ld}) {precision}",
        bytes.len()
    );
    assert_eq!(
        bytes.len() % precision.bytes(),
        0,
        "whole {precision} numbers"
    );
    assert_eq!(
        bytes.as_ptr() as usize % precision.bytes(),
        0,
        "alignment of {precision}"
    );
}

/// Exponent of the scale with which values up to `max` in magnitude are stored in `precision`.
///
/// One-byte formats: the largest power of two that keeps `max` at or under the format's largest
/// value. F16: `max` lands in [2³, 2⁴), so that 128 products stay under 2¹⁵ in native FP16 sums.
/// The wide formats (and `max` = 0 or not finite) need none: 0.
pub fn natural_scale(max: f64, precision: Precision) -> i32 {
    if max == 0.0 || !max.is_finite() {
        return 0;
    }
    let e = exponent(max);
    let scale = match precision {
        Precision::F16 => e - 3,
        Precision::F8E4M3 | Precision::F8E5M2 => {
            let top = precision.format().max;
            let scale = e - exponent(top);
            // Compare significands: max·2^−scale may exceed the top by less than a factor of 2.
            let significand = |x: f64| x / exp2(exponent(x));
            if significand(max) > significand(top) {
                scale + 1
            } else {
                scale
            }
        }
        _ => 0,
    };
    scale.max(*SCALES.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strided_view_reads_what_its_owner_wrote() {
        let stored: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let view = TileRef::new((3, 4, 5), Precision::F32, 1, bytemuck::cast_slice(&stored));
        let mut out = [0.0; 12];
        view.read_f64(&mut out);
        assert_eq!(out[..6], [0.0, 2.0, 4.0, 10.0, 12.0, 14.0]);
        assert_eq!(view.to_tile().to_f64(), out);
    }

    #[test]
    fn bytes_round_trip_in_every_precision() {
        let values: Vec<f64> = (0..15).map(|i| f64::from(i - 7) * 0.37).collect();
        for p in Precision::ALL {
            let t = Tile::from_f64(5, 3, &values, p, -2);
            assert_eq!(Tile::from_bytes(5, 3, p, -2, t.bytes()), Some(t.clone()));
            assert_eq!(Tile::from_bytes(5, 2, p, -2, t.bytes()), None);
            for (v, r) in values.iter().zip(t.to_f64()) {
                assert_eq!(round::round(v * 4.0, p) / 4.0, r, "{p}");
            }
        }
    }

    #[test]
    fn the_natural_scale_fills_the_range_without_overflow() {
        for i in 1..2000 {
            let max = f64::from(i) * 1.37e-7;
            for p in [Precision::F8E4M3, Precision::F8E5M2] {
                let stored = max / exp2(natural_scale(max, p));
                assert!(stored <= p.format().max && stored > p.format().max / 2.0);
            }
            let stored = max / exp2(natural_scale(max, Precision::F16));
            assert!((8.0..16.0).contains(&stored));
        }
    }

    #[test]
    fn extreme_scales_do_not_lose_the_value() {
        let t = Tile::from_f64(1, 1, &[exp2(-1070)], Precision::F16, -1070);
        assert_eq!(t.to_f64(), [exp2(-1070)]);
    }

    #[test]
    #[should_panic(expected = "leading dimension")]
    fn a_view_with_overlapping_columns_is_a_bug() {
        TileRef::new((3, 2, 2), Precision::I8, 0, &[0; 8]);
    }
}
