//! V⁻¹ at a place, and what X leaves of it.

use epitile_core::dense::{axpy, dot};
use faer::Mat;

use super::super::logistic::solved;
use super::penalised::cross;
use crate::assoc::effect::Untested;
use crate::dense::{Factor, for_each_column, inner, transposed_product};
use crate::null::projected::times;

/// V⁻¹ = (W⁻¹ + τK)⁻¹, and P = V⁻¹ − V⁻¹X(XᵀV⁻¹X)⁻¹XᵀV⁻¹.
pub(super) struct Point {
    /// V⁻¹, if τ is not 0: W.
    inverse: Option<Mat<f64>>,
    weights: Vec<f64>,
    /// V⁻¹X.
    solved: Vec<Vec<f64>>,
    /// Cholesky factor of XᵀV⁻¹X.
    factor: Vec<f64>,
}

impl Point {
    /// V⁻¹ = W^½ (I + τW^½KW^½)⁻¹ W^½. N³ operations if τ is not 0.
    ///
    /// # Errors
    /// `NotConverged` if V is not positive definite, `Collinear`.
    pub(super) fn new(
        k: &Mat<f64>,
        x: &[Vec<f64>],
        weights: &[f64],
        tau: f64,
    ) -> Result<Self, Untested> {
        let roots: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
        let inverse = match tau > 0.0 {
            false => None,
            true => {
                let mut a = k.clone();
                for_each_column(&mut a, |j, column| {
                    for (v, root) in column.iter_mut().zip(&roots) {
                        *v *= tau * root * roots[j];
                    }
                    column[j] += 1.0;
                });
                let mut inverse = Factor::new(&a).ok_or(Untested::NotConverged)?.inverse();
                for_each_column(&mut inverse, |j, column| {
                    for (v, root) in column.iter_mut().zip(&roots) {
                        *v *= root * roots[j];
                    }
                });
                Some(inverse)
            }
        };
        let mut point = Point {
            inverse,
            weights: weights.to_vec(),
            solved: Vec::new(),
            factor: Vec::new(),
        };
        point.solved = x.iter().map(|x| point.apply(x)).collect();
        point.factor = cross(&point.solved, x)?;
        Ok(point)
    }

    /// V⁻¹v.
    fn apply(&self, v: &[f64]) -> Vec<f64> {
        match &self.inverse {
            Some(inverse) => transposed_product(inverse, v),
            None => times(&self.weights, v),
        }
    }

    /// Pv.
    pub(super) fn project(&self, v: &[f64]) -> Vec<f64> {
        let b = self.solved.iter().map(|x| dot(x, v)).collect();
        let mut left = self.apply(v);
        for (x, b) in self.solved.iter().zip(solved(&self.factor, b)) {
            axpy(-b, x, &mut left);
        }
        left
    }

    /// tr(PK).
    pub(super) fn trace(&self, k: &Mat<f64>) -> f64 {
        let whole = match &self.inverse {
            Some(inverse) => inner(inverse, k),
            None => (0..k.nrows()).map(|i| self.weights[i] * k[(i, i)]).sum(),
        };
        let own = |(j, x): (usize, &Vec<f64>)| {
            let moved = transposed_product(k, x);
            let b = self.solved.iter().map(|x| dot(x, &moved)).collect();
            solved(&self.factor, b)[j]
        };
        whole - self.solved.iter().enumerate().map(own).sum::<f64>()
    }

    /// P in place of V⁻¹; `None` where V⁻¹ is W.
    pub(super) fn into_projection(self) -> Option<Mat<f64>> {
        let mut p = self.inverse?;
        let c = self.solved.len();
        // Columns of V⁻¹XL⁻ᵀ.
        let mut halves: Vec<Vec<f64>> = Vec::with_capacity(c);
        for (j, x) in self.solved.into_iter().enumerate() {
            let mut half = x;
            for (k, done) in halves.iter().enumerate() {
                axpy(-self.factor[k * c + j], done, &mut half);
            }
            half.iter_mut().for_each(|v| *v /= self.factor[j * c + j]);
            halves.push(half);
        }
        for_each_column(&mut p, |j, column| {
            for half in &halves {
                axpy(-half[j], half, column);
            }
        });
        Some(p)
    }
}
