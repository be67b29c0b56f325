//! Norms of tiles.

use epitile_core::backend::TileNorm;
use epitile_core::precision::{exp2, exponent};
use epitile_core::tile::TileRef;

use crate::error::CpuError;
use crate::operand::Operand;

/// Frobenius norm, largest magnitude and sums of magnitudes by row, in FP64.
///
/// Rows are summed from the first column on, |v| and v²; the sums of v² then from the first row
/// on. A NaN makes all three NaN where it stands.
pub(crate) fn norm(tile: TileRef<'_>) -> Result<TileNorm, CpuError> {
    let a = Operand::<f64>::of(tile, "norm")?;
    let mut rows = vec![0.0; a.rows];
    let mut max = vec![0.0; a.rows];
    for c in 0..a.cols {
        let column = &a.values[c * a.ld..][..a.rows];
        for ((sum, max), v) in rows.iter_mut().zip(&mut max).zip(column) {
            *sum += v.abs();
            // A NaN fails the comparison and stays out: it is seen in the sums.
            *max = if v.abs() > *max { v.abs() } else { *max };
        }
    }
    let mut max = max.into_iter().fold(0.0, f64::max);
    if rows.iter().any(|sum: &f64| sum.is_nan()) {
        max = f64::NAN;
    }
    Ok(TileNorm {
        frobenius: frobenius(&a, max),
        max,
        rows,
    })
}

/// √Σv², with v divided by a power of two first if the squares would leave the range.
fn frobenius(a: &Operand<'_, f64>, max: f64) -> f64 {
    const HUGE: f64 = 1e140;
    let e = if max > 0.0 && max.is_finite() && !(1.0 / HUGE..=HUGE).contains(&max) {
        exponent(max).max(-1021)
    } else {
        0
    };
    let (unit, inverse) = (exp2(e), exp2(-e));
    let mut squares = vec![0.0; a.rows];
    for c in 0..a.cols {
        for (sum, v) in squares.iter_mut().zip(&a.values[c * a.ld..][..a.rows]) {
            let v = v * inverse;
            *sum += v * v;
        }
    }
    squares.iter().sum::<f64>().sqrt() * unit
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
        assert_eq!((n.frobenius, n.max, n.rows), (13.0, 12.0, vec![3.0, 16.0]));
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
