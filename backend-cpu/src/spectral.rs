//! Sums that the likelihood of y = Xb + f + e is made of, once its kernel is diagonal.

use crate::simd::spectral;

/// With w_i = 1/(ρ·d_i + 1), ρ = `ratio` and d = `values`: Σw, followed by Σwuv and Σw²uv of every
/// pair of `columns` u and v, v up to u, row by row. c²·n operations in one pass; bits depend on
/// these columns and the instruction set alone.
///
/// # Panics
/// If a column has not as many entries as there are values.
pub fn rational_sums(values: &[f64], ratio: f64, columns: &[&[f64]]) -> Vec<f64> {
    for column in columns {
        assert_eq!(column.len(), values.len(), "entries of a column");
    }
    let c = columns.len();
    let mut sums = vec![0.0; 1 + c * (c + 1)];
    spectral::sums(values, ratio, columns, &mut sums);
    sums
}
