//! Small dense FP64 algebra on the host: orders of a deflation or of the covariates.
//!
//! Column-major slices, plain loops in a fixed order.

use alloc::vec::Vec;

/// xᵀy, summed in eight lanes, which are then added up in order: no slower than memory, and
/// rounding errors grow with N/8.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    const LANES: usize = 8;
    let len = x.len().min(y.len());
    let (x, x_rest) = x[..len].as_chunks::<LANES>();
    let (y, y_rest) = y[..len].as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            lanes[l] += x[l] * y[l];
        }
    }
    let rest = x_rest.iter().zip(y_rest).map(|(x, y)| x * y);
    lanes.into_iter().chain(rest).fold(0.0, |sum, v| sum + v)
}

/// y ← y + a·x.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// ‖x‖₂.
pub fn norm2(x: &[f64]) -> f64 {
    num_traits::Float::sqrt(dot(x, x))
}

/// max |x_i|; NaN if any entry is NaN.
pub fn norm_max(x: &[f64]) -> f64 {
    if x.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    x.iter()
        .fold(0.0, |m, v| if v.abs() > m { v.abs() } else { m })
}

/// Lower Cholesky factor of the `n × n` matrix `a`, in place; the upper triangle is untouched.
///
/// # Errors
/// The index of the first pivot that is not above `floor`.
pub fn cholesky(a: &mut [f64], n: usize, floor: f64) -> Result<(), usize> {
    for k in 0..n {
        for j in 0..k {
            let l = a[j * n + k];
            for i in k..n {
                a[k * n + i] -= a[j * n + i] * l;
            }
        }
        let pivot = a[k * n + k];
        if pivot.is_nan() || pivot <= floor || pivot.is_infinite() {
            return Err(k);
        }
        let root = num_traits::Float::sqrt(pivot);
        for i in k..n {
            a[k * n + i] /= root;
        }
    }
    Ok(())
}

/// Solves L x = b in place with the lower triangle of `l`.
pub fn solve_lower(l: &[f64], n: usize, b: &mut [f64]) {
    for k in 0..n {
        b[k] /= l[k * n + k];
        let x = b[k];
        for i in k + 1..n {
            b[i] -= l[k * n + i] * x;
        }
    }
}

/// Solves Lᵀ x = b in place with the lower triangle of `l`.
pub fn solve_lower_transposed(l: &[f64], n: usize, b: &mut [f64]) {
    for k in (0..n).rev() {
        for i in k + 1..n {
            b[k] -= l[k * n + i] * b[i];
        }
        b[k] /= l[k * n + k];
    }
}

/// Orthonormalises the columns (each `rows` long) in place by twice-repeated modified
/// Gram–Schmidt; columns that depend on earlier ones are dropped.
pub fn orthonormalise(columns: &mut Vec<Vec<f64>>) {
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(columns.len());
    for mut v in core::mem::take(columns) {
        let before = norm2(&v);
        for _ in 0..2 {
            for q in &kept {
                axpy(-dot(q, &v), q, &mut v);
            }
        }
        let after = norm2(&v);
        if after > before * v.len() as f64 * f64::EPSILON && after.is_finite() {
            v.iter_mut().for_each(|x| *x /= after);
            kept.push(v);
        }
    }
    *columns = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_solves_its_system() {
        // A = L Lᵀ with L = [2 0 0; 1 3 0; −1 2 1].
        let mut a = [4.0, 2.0, -2.0, 2.0, 10.0, 5.0, -2.0, 5.0, 6.0];
        let mut x = [4.0 + 4.0 - 6.0, 2.0 + 20.0 + 15.0, -2.0 + 10.0 + 18.0];
        cholesky(&mut a, 3, 0.0).unwrap();
        assert_eq!(
            [a[0], a[1], a[2], a[4], a[5], a[8]],
            [2.0, 1.0, -1.0, 3.0, 2.0, 1.0]
        );
        solve_lower(&a, 3, &mut x);
        solve_lower_transposed(&a, 3, &mut x);
        assert_eq!(x, [1.0, 2.0, 3.0]);
        assert_eq!(cholesky(&mut [1.0, 2.0, 2.0, 1.0], 2, 0.0), Err(1));
        assert_eq!(cholesky(&mut [f64::NAN], 1, 0.0), Err(0));
    }

    #[test]
    fn dependent_columns_are_dropped() {
        let mut v: Vec<Vec<f64>> = [[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
            .map(|c| c.to_vec())
            .to_vec();
        orthonormalise(&mut v);
        assert_eq!(v.len(), 2);
        assert!(dot(&v[0], &v[1]).abs() <= 3.0 * f64::EPSILON);
    }
}
