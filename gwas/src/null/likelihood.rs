//! ln L of several kernels, its slopes and its curvature.

use epitile_core::dense::dot;
use faer::Mat;
use rayon::prelude::*;

use crate::dense::{Factor, combine, inner, transposed_product};

/// Contrasts of a trait and of its kernels: z ~ N(0, Σ_k σ²_k K_k + σ²_e I).
#[derive(Clone, Copy, Debug)]
pub struct Contrasted<'a> {
    /// Contrasts of the trait.
    pub y: &'a [f64],
    /// Contrasts of the kernels.
    pub kernels: &'a [&'a Mat<f64>],
}

/// V at some variances, factored.
pub struct Point {
    factor: Factor,
    /// V⁻¹z.
    weights: Vec<f64>,
    /// ln L, without the constant.
    pub log_likelihood: f64,
}

/// How ln L changes.
pub struct Slopes {
    /// ∂ ln L / ∂σ², the kernels in their order, then the residual.
    pub score: Vec<f64>,
    /// The average-information matrix ½ zᵀV⁻¹K_iV⁻¹K_jV⁻¹z, row by row.
    pub information: Vec<f64>,
}

impl Contrasted<'_> {
    /// Variances, the residual among them.
    pub fn count(&self) -> usize {
        self.kernels.len() + 1
    }

    /// V at `variances` (kernels, then residual); `None` if it is not positive definite.
    /// N³/3 operations.
    ///
    /// # Panics
    /// If there are not as many as [`count`](Self::count) says.
    pub fn at(&self, variances: &[f64]) -> Option<Point> {
        assert_eq!(variances.len(), self.count(), "variances");
        let (residual, genetic) = variances.split_last()?;
        let terms = genetic.iter().copied().zip(self.kernels.iter().copied());
        let terms: Vec<(f64, &Mat<f64>)> = terms.filter(|(v, _)| *v != 0.0).collect();
        let factor = Factor::new(&combine(&terms, *residual, self.y.len()))?;
        let weights = factor.solve(self.y);
        let log_likelihood = -0.5 * (factor.log_determinant() + dot(self.y, &weights));
        log_likelihood.is_finite().then_some(Point {
            factor,
            weights,
            log_likelihood,
        })
    }

    /// Slopes there. 2N³/3 operations.
    pub fn slopes(&self, point: &Point) -> Slopes {
        let inverse = point.factor.inverse();
        let u = &point.weights;
        // K_k V⁻¹z, the identity last.
        let mut moved: Vec<Vec<f64>> = self
            .kernels
            .iter()
            .map(|k| transposed_product(k, u))
            .collect();
        moved.push(u.clone());
        let mut traces: Vec<f64> = self.kernels.iter().map(|k| inner(k, &inverse)).collect();
        traces.push((0..u.len()).map(|i| inverse[(i, i)]).sum());
        let solved: Vec<Vec<f64>> = moved.par_iter().map(|m| point.factor.solve(m)).collect();
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
