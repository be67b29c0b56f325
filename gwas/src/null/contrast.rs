//! Error contrasts: what of a trait and of its kernels is orthogonal to the fixed effects.
//!
//! With H orthogonal and H X = [R; 0], the last n − c rows of H y and of H K Hᵀ hold all that REML
//! sees of y and K: REML of (y, X, V) is ML of these, but for ½ ln|XᵀX|.

use epitile_core::dense::{axpy, dot, norm2};
use faer::Mat;

use crate::dense::for_each_column;

/// H as Householder reflections.
#[derive(Clone, Debug)]
pub struct Contrasts {
    /// Unit vectors v of I − 2vvᵀ, in the order they are applied.
    reflections: Vec<Vec<f64>>,
    log_determinant: f64,
}

impl Contrasts {
    /// For these columns of X, which must be independent. c²·n operations.
    pub fn new(x: &[Vec<f64>]) -> Self {
        let mut h = Contrasts {
            reflections: Vec::with_capacity(x.len()),
            log_determinant: 0.0,
        };
        for (k, column) in x.iter().enumerate() {
            let mut v = h.reflect(column);
            v[..k].fill(0.0);
            let size = norm2(&v);
            h.log_determinant += 2.0 * size.ln();
            // Away from zero: nothing cancels.
            v[k] += if v[k] < 0.0 { -size } else { size };
            let size = norm2(&v);
            v.iter_mut().for_each(|e| *e /= size);
            h.reflections.push(v);
        }
        h
    }

    /// ln|XᵀX|.
    pub fn log_determinant(&self) -> f64 {
        self.log_determinant
    }

    /// H y.
    fn reflect(&self, y: &[f64]) -> Vec<f64> {
        let mut y = y.to_vec();
        for v in &self.reflections {
            axpy(-2.0 * dot(v, &y), v, &mut y);
        }
        y
    }

    /// The n − c contrasts of `y`.
    pub fn vector(&self, y: &[f64]) -> Vec<f64> {
        self.reflect(y).split_off(self.reflections.len())
    }

    /// What least squares on X leave of `y`.
    pub fn residual(&self, y: &[f64]) -> Vec<f64> {
        let mut y = self.reflect(y);
        y[..self.reflections.len()].fill(0.0);
        for v in self.reflections.iter().rev() {
            axpy(-2.0 * dot(v, &y), v, &mut y);
        }
        y
    }

    /// b of least squares of `y` on the columns `x` it was made for.
    pub fn effects(&self, x: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
        let c = self.reflections.len();
        let mut b = self.reflect(y);
        b.truncate(c);
        let r: Vec<Vec<f64>> = x.iter().map(|x| self.reflect(x)).collect();
        // R is the upper triangle whose columns are the first c entries of H x.
        for k in (0..c).rev() {
            b[k] /= r[k][k];
            let (done, rest) = (b[k], &mut b[..k]);
            axpy(-done, &r[k][..k], rest);
        }
        b
    }

    /// The (n − c)² contrasts of the symmetric matrix `k`. 4·c·n² operations.
    pub fn matrix(&self, mut k: Mat<f64>) -> Mat<f64> {
        let n = k.nrows();
        for v in &self.reflections {
            // K ← K − 2vwᵀ − 2wvᵀ with w = Kv − v·vᵀKv
            let mut w = crate::dense::transposed_product(&k, v);
            axpy(-dot(v, &w), v, &mut w);
            for_each_column(&mut k, |j, column| {
                axpy(-2.0 * w[j], v, column);
                axpy(-2.0 * v[j], &w, column);
            });
        }
        let c = self.reflections.len();
        k.submatrix(c, c, n - c, n - c).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_see_nothing_of_the_fixed_effects_and_all_of_the_rest() {
        let n = 9;
        let x: Vec<Vec<f64>> = vec![
            vec![1.0; n],
            (0..n).map(|i| ((i * 7) % 5) as f64 - 2.0).collect(),
        ];
        let h = Contrasts::new(&x);
        let tiny = n as f64 * 16.0 * f64::EPSILON;
        for column in &x {
            assert!(norm2(&h.vector(column)) <= tiny * norm2(column));
        }
        // |XᵀX| of two columns.
        let (a, b, c) = (dot(&x[0], &x[0]), dot(&x[0], &x[1]), dot(&x[1], &x[1]));
        let determinant = (a * c - b * b).ln();
        assert!((h.log_determinant() - determinant).abs() <= tiny * 10.0);
        let both: Vec<f64> = (0..n).map(|i| 3.0 * x[0][i] - 0.5 * x[1][i]).collect();
        for (found, expected) in h.effects(&x, &both).into_iter().zip([3.0, -0.5]) {
            assert!((found - expected).abs() <= 10.0 * tiny);
        }
        let left = h.residual(&[7.0; 9]);
        assert!(norm2(&left) <= tiny * 7.0 * 3.0);
        // yyᵀ becomes the contrasts of y, squared.
        let y: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        let k = h.matrix(Mat::from_fn(n, n, |i, j| y[i] * y[j]));
        let z = h.vector(&y);
        for i in 0..n - 2 {
            for j in 0..n - 2 {
                assert!((k[(i, j)] - z[i] * z[j]).abs() <= tiny * dot(&y, &y));
            }
        }
    }
}
