//! P = W − WX(XᵀWX)⁻¹XᵀW at one ρ, applied to one column after the other: what tests at the null
//! model's own ρ take.

use epitile_core::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};

use super::spectral::Last;

/// u_i v_i.
pub(crate) fn times(u: &[f64], v: &[f64]) -> Vec<f64> {
    u.iter().zip(v).map(|(u, v)| u * v).collect()
}

/// P and a trait, rotated.
#[derive(Clone, Debug)]
pub struct Projected {
    weights: Vec<f64>,
    wx: Vec<Vec<f64>>,
    /// Cholesky factor of XᵀWX.
    factor: Vec<f64>,
    py: Vec<f64>,
    ypy: f64,
}

impl Projected {
    /// At ρ = `ratio`; `None` if the columns of X depend on each other. c²·n operations.
    pub fn new(values: &[f64], y: &[f64], x: &[Vec<f64>], ratio: f64) -> Option<Self> {
        let weights: Vec<f64> = values.iter().map(|d| 1.0 / (ratio * d + 1.0)).collect();
        let wx: Vec<Vec<f64>> = x.iter().map(|x| times(&weights, x)).collect();
        let mut factor: Vec<f64> = wx
            .iter()
            .flat_map(|w| x.iter().map(move |x| dot(w, x)))
            .collect();
        cholesky(&mut factor, x.len(), 0.0).ok()?;
        let mut b: Vec<f64> = wx.iter().map(|w| dot(w, y)).collect();
        solve_lower(&factor, b.len(), &mut b);
        solve_lower_transposed(&factor, b.len(), &mut b);
        let mut residual = y.to_vec();
        for (x, b) in x.iter().zip(&b) {
            axpy(-b, x, &mut residual);
        }
        let py = times(&weights, &residual);
        Some(Projected {
            ypy: dot(&residual, &py),
            weights,
            wx,
            factor,
            py,
        })
    }

    /// P y, rotated: the dual weights of ridge regression, times ρ.
    pub fn py(&self) -> &[f64] {
        &self.py
    }

    /// yᵀPy.
    pub fn ypy(&self) -> f64 {
        self.ypy
    }

    /// Pz and zᵀPz of another trait, rotated. c·n operations.
    pub fn apply(&self, z: &[f64]) -> (Vec<f64>, f64) {
        let mut b: Vec<f64> = self.wx.iter().map(|w| dot(w, z)).collect();
        solve_lower(&self.factor, b.len(), &mut b);
        solve_lower_transposed(&self.factor, b.len(), &mut b);
        let mut pz = times(&self.weights, z);
        for (w, b) in self.wx.iter().zip(&b) {
            axpy(-b, w, &mut pz);
        }
        let size = dot(z, &pz);
        (pz, size)
    }

    /// A column more, rotated. c·n operations.
    pub fn last(&self, x: &[f64]) -> Last {
        let size = dot(&times(&self.weights, x), x);
        let mut shared: Vec<f64> = self.wx.iter().map(|w| dot(w, x)).collect();
        solve_lower(&self.factor, shared.len(), &mut shared);
        Last {
            xpx: size - dot(&shared, &shared),
            xpy: dot(&self.py, x),
            ypy: self.ypy,
            size,
        }
    }
}
