//! Several kernels in one null model: their variances by average information, and the one kernel
//! K = Σ w_k K_k, w_k = σ²_k/Σσ²_j, beside which SNPs are tested as beside any other.

use epitile_core::dense::{cholesky, solve_lower};
use faer::Mat;

use super::nullfit::NullFit;
use crate::dense::combine;
use crate::null::kernels::KernelContrasts;
use crate::null::likelihood::Contrasted;
use crate::null::reml::{Problem, climb};
use crate::null::spectral::Optimum;

/// Kernels of a set of samples, ready for any trait of theirs.
pub struct Mixture<'a> {
    kernels: &'a [Mat<f64>],
    x: &'a [Vec<f64>],
    inside: KernelContrasts,
}

/// Σ w_k K_k.
pub fn combined(kernels: &[Mat<f64>], weights: &[f64]) -> Mat<f64> {
    let terms: Vec<(f64, &Mat<f64>)> = weights.iter().copied().zip(kernels).collect();
    combine(&terms, 0.0, kernels[0].nrows())
}

impl<'a> Mixture<'a> {
    /// Of normalised kernels and fixed effects; `None` if eigenvalues cannot be found. About
    /// 9·N³ operations a kernel.
    pub fn new(kernels: &'a [Mat<f64>], x: &'a [Vec<f64>]) -> Option<Self> {
        let mut inside = KernelContrasts::new(x);
        for k in kernels {
            inside.push("of a mixture", k.clone()).ok()?;
        }
        Some(Mixture { kernels, x, inside })
    }

    /// Fits `y`: restricted likelihood from several starts, never below a nested model; from there
    /// full likelihood. `None` without a maximum. N³ for each step.
    pub fn fit(&self, y: &[f64]) -> Option<NullFit> {
        let z = self.inside.contrasts.vector(y);
        let spread = Problem::spread(&z);
        let problem = self.inside.problem(&z);
        let all: Vec<usize> = (0..self.kernels.len()).collect();
        let fit = problem.fit(&all);
        let shift = -(z.len() as f64) * spread.ln() - 0.5 * self.inside.contrasts.log_determinant();
        let (reml, reml_weights) = optimum(&fit.variances, fit.log_likelihood + shift, spread);
        let scaled: Vec<f64> = y.iter().map(|v| v / spread).collect();
        let kernels: Vec<&Mat<f64>> = self.kernels.iter().collect();
        let data = Contrasted {
            y: &scaled,
            x: self.x,
            kernels: &kernels,
        };
        let (variances, log_likelihood) = climb(data, fit.variances.clone())?;
        let shift = -(y.len() as f64) * spread.ln();
        let (ml, ml_weights) = optimum(&variances, log_likelihood + shift, spread);
        let slopes = problem.slopes(&fit.variances)?;
        Some(NullFit {
            reml,
            ml,
            reml_weights,
            ml_weights,
            share_error: share_error(&fit.variances, &slopes.information),
        })
    }
}

/// Variances (kernels, then residual) in units of `spread`² as one ratio and weights; equal weights
/// if all are zero.
fn optimum(variances: &[f64], log_likelihood: f64, spread: f64) -> (Optimum, Vec<f64>) {
    let count = variances.len() - 1;
    let (genetic, residual) = (&variances[..count], variances[count]);
    let sum: f64 = genetic.iter().sum();
    let weights = match sum > 0.0 {
        true => genetic.iter().map(|v| v / sum).collect(),
        false => vec![1.0 / count as f64; count],
    };
    let optimum = Optimum {
        ratio: sum / residual,
        residual: residual * spread * spread,
        log_likelihood,
        at_end: false,
    };
    (optimum, weights)
}

/// By the delta method from the information (row by row) of the variances that are not zero.
fn share_error(variances: &[f64], information: &[f64]) -> Option<f64> {
    let count = variances.len();
    let total: f64 = variances.iter().sum();
    let residual = variances[count - 1] / total;
    let free: Vec<usize> = (0..count).filter(|&k| variances[k] > 0.0).collect();
    let mut l = Vec::with_capacity(free.len() * free.len());
    for &i in &free {
        l.extend(free.iter().map(|&j| information[i * count + j]));
    }
    // ∂(S/(S + e)) is e/(S + e)² by a kernel's variance and −S/(S + e)² by the residual one.
    let slope = |&k: &usize| match k + 1 == count {
        true => (residual - 1.0) / total,
        false => residual / total,
    };
    let mut g: Vec<f64> = free.iter().map(slope).collect();
    cholesky(&mut l, free.len(), 0.0).ok()?;
    solve_lower(&l, g.len(), &mut g);
    Some(g.iter().map(|v| v * v).sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::Eigen;
    use crate::dense::product;
    use crate::null::contrast::Contrasts;
    use crate::null::matrix::normalise;
    use crate::null::spectral::{Likelihood, Profile};

    #[test]
    fn one_kernel_has_the_variances_that_its_eigenvalues_give() {
        let n = 80;
        let noise = |i: usize| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        let z = Mat::from_fn(n, 40, |i, j| noise(i * 41 + j * 17));
        let mut k = product(z.as_ref(), z.transpose());
        normalise(&mut k, "k").unwrap();
        let u: Vec<f64> = (0..40).map(|j| noise(5 * j + 3)).collect();
        let sum = |i: usize| (0..40).map(|j| z[(i, j)] * u[j]).sum::<f64>() / 4.0;
        let x = vec![vec![1.0; n], (0..n).map(|i| noise(3 * i)).collect()];
        let y: Vec<f64> = (0..n)
            .map(|i| 100.0 + 5.0 * (sum(i) + noise(11 * i + 7)))
            .collect();
        let y = Contrasts::new(&x).residual(&y);
        let kernels = [k];
        let fit = Mixture::new(&kernels, &x).unwrap().fit(&y).unwrap();
        let eigen = Eigen::new(&kernels[0]).unwrap();
        let rotated: Vec<Vec<f64>> = x.iter().map(|x| eigen.rotate(x)).collect();
        let y = eigen.rotate(&y);
        let profile = Profile::new(&eigen.values, &y, &rotated);
        for (found, kind) in [(fit.reml, Likelihood::Reml), (fit.ml, Likelihood::Ml)] {
            let best = profile.maximise(kind, 50).unwrap();
            assert!(best.ratio > 0.1, "{best:?}");
            // A climb ends 1e-10 below the maximum at most: variances are within 1e-5 of their
            // standard errors, which are not larger than themselves here.
            assert!(
                (found.log_likelihood - best.log_likelihood).abs() <= 1e-9,
                "{kind:?}"
            );
            assert!((found.ratio / best.ratio - 1.0).abs() <= 1e-4, "{kind:?}");
            assert!(
                (found.residual / best.residual - 1.0).abs() <= 1e-4,
                "{kind:?}"
            );
        }
        assert_eq!(fit.reml_weights, [1.0]);
        let error = profile.error(fit.reml.ratio).unwrap() / (1.0 + fit.reml.ratio).powi(2);
        // Average against observed information.
        assert!((fit.share_error.unwrap() / error - 1.0).abs() < 0.5);
    }
}
