//! Kernels as a restricted likelihood sees them: their contrasts, with eigenvalues.

use faer::Mat;

use super::contrast::Contrasts;
use super::reml::Problem;
use crate::dense::Eigen;
use crate::error::{Error, Result};

/// Kernels of some samples, ready for null models of any trait of theirs.
pub struct KernelContrasts {
    /// What is orthogonal to the fixed effects.
    pub contrasts: Contrasts,
    /// Contrasts of the kernels.
    pub kernels: Vec<Mat<f64>>,
    /// Their eigenvalues and eigenvectors.
    pub eigen: Vec<Eigen>,
}

impl KernelContrasts {
    /// Without kernels yet, for fixed effects `x`, which must be independent.
    pub fn new(x: &[Vec<f64>]) -> Self {
        KernelContrasts {
            contrasts: Contrasts::new(x),
            kernels: Vec::new(),
            eigen: Vec::new(),
        }
    }

    /// Adds the kernel `k`. About 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate`, with its name, if its eigenvalues cannot be found.
    pub fn push(&mut self, name: &str, k: Mat<f64>) -> Result<()> {
        let k = self.contrasts.matrix(k);
        self.eigen.push(eigen(name, &k)?);
        self.kernels.push(k);
        Ok(())
    }

    /// Leaves the first `count` kernels.
    pub fn truncate(&mut self, count: usize) {
        self.kernels.truncate(count);
        self.eigen.truncate(count);
    }

    /// The null models of a trait with the contrasts `z`.
    pub fn problem(&self, z: &[f64]) -> Problem<'_> {
        Problem::new(z, &self.kernels, &self.eigen)
    }
}

/// Eigenvalues and eigenvectors of the kernel `name`.
///
/// # Errors
/// `Degenerate` if they cannot be found: it has entries that are no numbers.
pub fn eigen(name: &str, k: &Mat<f64>) -> Result<Eigen> {
    Eigen::new(k)
        .ok_or_else(|| Error::degenerate(format!("kernel {name}: its eigenvalues cannot be found")))
}
