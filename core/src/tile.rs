//! Tiles: small column-major matrices whose precision is a run-time value.
//!
//! A stored number v stands for v·2^scale, so that an 8- or 16-bit tile uses its format's range.
//! [`Tile`] owns its bytes, or reads them in the store that lends them (see [`crate::stored`]);
//! [`TileRef`] and [`TileMut`] borrow them from whoever has them (a tile, a distributed runtime),
//! with a leading dimension.

mod view;

use alloc::vec;
use alloc::vec::Vec;

use crate::precision::{Precision, exp2, exponent};
use crate::stored::Stored;

pub use view::{Elements, TileMut, TileRef};

/// Exponents a scale may have: those of the powers of two that f64 holds.
pub const SCALES: core::ops::RangeInclusive<i32> = -1074..=1023;

/// A `rows × cols` matrix, column-major without gaps, its bytes aligned to 8.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    rows: usize,
    cols: usize,
    precision: Precision,
    scale: i32,
    words: Stored<u64>,
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
            words: vec![0; words].into(),
        }
    }

    /// A tile with scale 2⁰ in memory that is there already, enlarged if it is too small. Its values
    /// are what that memory happens to hold.
    pub fn over(mut words: Vec<u64>, (rows, cols): (usize, usize), precision: Precision) -> Self {
        words.resize((rows * cols * precision.bytes()).div_ceil(8), 0);
        // Tiles are compared word by word: what no value fills up is zero.
        if let Some(last) = words.last_mut() {
            *last = 0;
        }
        Tile {
            rows,
            cols,
            precision,
            scale: 0,
            words: words.into(),
        }
    }

    /// The memory of the tile, if it is its own.
    pub fn into_words(self) -> Option<Vec<u64>> {
        match self.words {
            Stored::Own(words) => Some(words),
            Stored::Lent(_) => None,
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
        let fill = |stored: &mut [u8]| stored.copy_from_slice(bytes);
        Some(Tile::filled((rows, cols), precision, scale, fill))
    }

    /// A tile whose stored bytes `fill` writes, column by column, aligned to 8; they are zero
    /// before.
    ///
    /// # Panics
    /// If `scale` is not in [`SCALES`].
    pub fn filled(
        (rows, cols): (usize, usize),
        precision: Precision,
        scale: i32,
        fill: impl FnOnce(&mut [u8]),
    ) -> Self {
        assert!(SCALES.contains(&scale), "scale 2^{scale}");
        let mut tile = Tile::zeros(rows, cols, precision);
        tile.scale = scale;
        fill(tile.as_mut().bytes);
        tile
    }

    /// The same tile with its bytes in another place: `keep` gets them, padded to whole words, and
    /// gives back the same words, owned or lent.
    ///
    /// # Errors
    /// That of `keep`.
    ///
    /// # Panics
    /// If `keep` gives back another number of words.
    pub fn kept<E>(
        mut self,
        keep: impl FnOnce(Stored<u64>) -> Result<Stored<u64>, E>,
    ) -> Result<Self, E> {
        let count = self.words.len();
        self.words = keep(self.words)?;
        assert_eq!(self.words.len(), count, "words of a kept tile");
        Ok(self)
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

    /// A mutable view of the whole tile; lent bytes are copied first.
    pub fn as_mut(&mut self) -> TileMut<'_> {
        let bytes = self.rows * self.cols * self.precision.bytes();
        TileMut {
            rows: self.rows,
            cols: self.cols,
            ld: self.rows,
            precision: self.precision,
            scale: self.scale,
            bytes: &mut bytemuck::cast_slice_mut(self.words.to_mut())[..bytes],
        }
    }

    /// All values (scale applied), column-major.
    pub fn to_f64(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.rows * self.cols];
        self.as_ref().read_f64(&mut out);
        out
    }
}

/// Whether [`natural_scale`] depends on the values.
pub fn is_scaled(precision: Precision) -> bool {
    use Precision::{F8E4M3, F8E5M2, F16};
    matches!(precision, F16 | F8E4M3 | F8E5M2)
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
mod tests;
