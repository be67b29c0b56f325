//! ln L of several kernels, its slopes and its curvature.
//!
//! Restricted: of error contrasts, without fixed effects. Full: of the trait itself, with fixed
//! effects X in it and P = V⁻¹ − V⁻¹X(XᵀV⁻¹X)⁻¹XᵀV⁻¹ in place of V⁻¹ wherever that meets y.

use epitile_core::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};
use faer::Mat;
use rayon::prelude::*;

use crate::dense::{Factor, combine, inner, transposed_product};

/// A trait and its kernels: y ~ N(Xb, Σ_k σ²_k K_k + σ²_e I).
#[derive(Clone, Copy, Debug)]
pub struct Contrasted<'a> {
    /// The trait, or contrasts of it.
    pub y: &'a [f64],
    /// Columns of X; none beside contrasts.
    pub x: &'a [Vec<f64>],
    /// The kernels, or contrasts of them.
    pub kernels: &'a [&'a Mat<f64>],
}

/// V at some variances, factored.
pub struct Point {
    factor: Factor,
    /// V⁻¹X, and the Cholesky factor of XᵀV⁻¹X.
    fixed: (Vec<Vec<f64>>, Vec<f64>),
    /// Py.
    weights: Vec<f64>,
    /// ln L, without the constant.
    pub log_likelihood: f64,
}

/// How ln L changes.
pub struct Slopes {
    /// ∂ ln L / ∂σ², the kernels in their order, then the residual.
    pub score: Vec<f64>,
    /// The average-information matrix ½ yᵀPK_iPK_jPy, row by row.
    pub information: Vec<f64>,
}

impl Contrasted<'_> {
    /// Variances, the residual among them.
    pub fn count(&self) -> usize {
        self.kernels.len() + 1
    }

    /// V at `variances` (kernels, then residual); `None` if it is not positive definite, or
    /// columns of X depend on each other. N³/3 operations.
    ///
    /// # Panics
    /// If there are not as many as [`count`](Self::count) says.
    pub fn at(&self, variances: &[f64]) -> Option<Point> {
        assert_eq!(variances.len(), self.count(), "variances");
        let (residual, genetic) = variances.split_last()?;
        let terms = genetic.iter().copied().zip(self.kernels.iter().copied());
        let terms: Vec<(f64, &Mat<f64>)> = terms.filter(|(v, _)| *v != 0.0).collect();
        let factor = Factor::new(&combine(&terms, *residual, self.y.len()))?;
        let moved: Vec<Vec<f64>> = self.x.iter().map(|x| factor.solve(x)).collect();
        let mut gram: Vec<f64> = moved
            .iter()
            .flat_map(|m| self.x.iter().map(move |x| dot(m, x)))
            .collect();
        cholesky(&mut gram, self.x.len(), 0.0).ok()?;
        let mut point = Point {
            weights: Vec::new(),
            log_likelihood: f64::NAN,
            fixed: (moved, gram),
            factor,
        };
        point.weights = point.project(self.y);
        let size = dot(self.y, &point.weights);
        point.log_likelihood = -0.5 * (point.factor.log_determinant() + size);
        point.log_likelihood.is_finite().then_some(point)
    }

    /// Slopes there. 2N³/3 operations.
    pub fn slopes(&self, point: &Point) -> Slopes {
        let inverse = point.factor.inverse();
        let u = &point.weights;
        // K_k Py, the identity last.
        let mut moved: Vec<Vec<f64>> = self
            .kernels
            .iter()
            .map(|k| transposed_product(k, u))
            .collect();
        moved.push(u.clone());
        let mut traces: Vec<f64> = self.kernels.iter().map(|k| inner(k, &inverse)).collect();
        traces.push((0..u.len()).map(|i| inverse[(i, i)]).sum());
        let solved: Vec<Vec<f64>> = moved.par_iter().map(|m| point.project(m)).collect();
        let score = moved.iter().zip(traces);
        Slopes {
            score: score.map(|(m, t)| 0.5 * (dot(m, u) - t)).collect(),
            information: moved
                .iter()
                .flat_map(|a| solved.iter().map(move |b| 0.5 * dot(a, b)))
                .collect(),
        }
    }
}

impl Point {
    /// P b.
    fn project(&self, b: &[f64]) -> Vec<f64> {
        let mut solved = self.factor.solve(b);
        let (moved, gram) = &self.fixed;
        let mut effects: Vec<f64> = moved.iter().map(|m| dot(m, b)).collect();
        solve_lower(gram, effects.len(), &mut effects);
        solve_lower_transposed(gram, effects.len(), &mut effects);
        for (m, effect) in moved.iter().zip(&effects) {
            axpy(-effect, m, &mut solved);
        }
        solved
    }
}
