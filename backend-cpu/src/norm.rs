//! Norms of tiles.

use epitile_core::backend::TileNorm;
use epitile_core::precision::{exp2, exponent};
use epitile_core::tile::TileRef;

use crate::error::CpuError;
use crate::operand::Stored;
use crate::simd::norm::{Sums, add};

/// Frobenius norm, largest magnitude and sums of magnitudes by row, in FP64.
///
/// Rows are summed from the first column on, |v| and v²; the sums of v² then from the first row
/// on; columns in eight lanes. A NaN makes all three NaN where it stands.
///
/// # Errors
/// [`CpuError::Unsupported`] for I8.
pub(crate) fn norm(tile: TileRef<'_>) -> Result<TileNorm, CpuError> {
    let stored = Stored::of(tile, "norm")?;
    let sums = sums(tile, &stored, exp2(tile.scale()));
    let mut max = sums.largest.into_iter().fold(0.0, f64::max);
    if sums.magnitudes.iter().any(|sum| sum.is_nan()) {
        max = f64::NAN;
    }
    // Squares that left the range of f64 are summed again, with the largest number near 1.
    const SAFE: f64 = 1e140;
    let frobenius = if max > 0.0 && max.is_finite() && !(1.0 / SAFE..=SAFE).contains(&max) {
        let e = exponent(max).max(-1021);
        let near_one = self::sums(tile, &stored, exp2(tile.scale() - e));
        near_one.squares.iter().sum::<f64>().sqrt() * exp2(e)
    } else {
        sums.squares.iter().sum::<f64>().sqrt()
    };
    Ok(TileNorm {
        frobenius,
        max,
        rows: sums.magnitudes,
        cols: sums.columns,
    })
}

fn sums(tile: TileRef<'_>, stored: &Stored<'_>, factor: f64) -> Sums {
    let [magnitudes, squares, largest] = core::array::from_fn(|_| vec![0.0; tile.rows()]);
    let mut sums = Sums {
        magnitudes,
        squares,
        largest,
        columns: Vec::with_capacity(tile.cols()),
    };
    for c in 0..tile.cols() {
        let at = c * tile.ld()..c * tile.ld() + tile.rows();
        match stored {
            Stored::F64(e) => add(&e[at], factor, &mut sums),
            Stored::F32(e) => add(&e[at], factor, &mut sums),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::precision::Precision;
    use epitile_core::tile::Tile;

    fn of(values: &[f64]) -> TileNorm {
        let tile = Tile::from_f64(2, values.len() / 2, values, Precision::F64, 0);
        norm(tile.as_ref()).unwrap()
    }

    #[test]
    fn norms_of_a_small_matrix() {
        let n = of(&[3.0, -4.0, 0.0, 12.0]);
        assert_eq!((n.frobenius, n.max), (13.0, 12.0));
        assert_eq!((n.rows, n.cols), (vec![3.0, 16.0], vec![7.0, 12.0]));
        let n = of(&[]);
        assert_eq!((n.frobenius, n.max, n.rows), (0.0, 0.0, vec![0.0, 0.0]));
    }

    #[test]
    fn the_frobenius_norm_does_not_overflow_or_vanish() {
        let close = |x: f64, y: f64| (x - y).abs() <= 2.0 * f64::EPSILON * y;
        assert!(close(of(&[3e300, 4e300]).frobenius, 5e300));
        assert!(close(of(&[3e-300, -4e-300]).frobenius, 5e-300));
        assert!(of(&[5e-324, 0.0]).frobenius > 0.0);
        assert_eq!(of(&[f64::INFINITY, 1.0]).frobenius, f64::INFINITY);
        let n = of(&[1.0, f64::NAN]);
        assert!(n.frobenius.is_nan() && n.max.is_nan() && n.rows[0] == 1.0);
    }

    #[test]
    fn the_scale_is_applied() {
        let tile = Tile::from_f64(1, 2, &[3.0, 4.0], Precision::F16, -5);
        assert_eq!(norm(tile.as_ref()).unwrap().frobenius, 5.0);
    }
}
