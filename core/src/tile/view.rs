//! Borrowed tiles.

use half::{bf16, f16};

use super::{SCALES, Tile};
use crate::precision::{Precision, exp2};
use crate::round;

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
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) ld: usize,
    pub(super) precision: Precision,
    pub(super) scale: i32,
    pub(super) bytes: &'a [u8],
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
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) ld: usize,
    pub(super) precision: Precision,
    pub(super) scale: i32,
    pub(super) bytes: &'a mut [u8],
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
