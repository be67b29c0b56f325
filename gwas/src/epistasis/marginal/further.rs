//! Kernels of the null beside the additive one, such as that of all pairs of SNPs: whole genome,
//! the SNP tested and its chromosome among it.

use epitile_core::dense::axpy;
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::background::{PROBES, without};
use crate::dense::Eigen;
use crate::error::{Error, Result};

/// A kernel E, centred, with mean diagonal 1.
pub(super) struct Further {
    pub(super) name: String,
    pub(super) matrix: Mat<f64>,
    /// Draws from N(0, E) without the fixed effects.
    pub(super) drawn: Vec<Vec<f64>>,
}

/// The draw from N(0, A) that `z` from N(0, I) gives.
pub(super) fn coloured(eigen: &Eigen, z: &[f64]) -> Vec<f64> {
    let mut f = vec![0.0; z.len()];
    for (j, (z, d)) in z.iter().zip(&eigen.values).enumerate() {
        axpy(z * d.sqrt(), eigen.vectors.col_as_slice(j), &mut f);
    }
    f
}

impl Further {
    /// The kernel `place` of the null (from 1), fixed effects `q` (orthonormal). 9·N³ operations.
    ///
    /// # Errors
    /// `Degenerate` if the kernel has no eigenvalues.
    pub(super) fn new(
        (name, matrix): (String, Mat<f64>),
        q: &[Vec<f64>],
        (seed, place): (u64, u64),
    ) -> Result<Self> {
        let eigen = Eigen::new(&matrix).ok_or_else(|| {
            Error::degenerate(format!(
                "kernel {name} has no eigenvalues: it is not finite"
            ))
        })?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Not the numbers of the background's draws, whatever kernels there are beside this one.
        rng.set_stream(place);
        let drawn = (0..PROBES).map(|_| {
            let z: Vec<f64> = matrix
                .row_iter()
                .map(|_| StandardNormal.sample(&mut rng))
                .collect();
            without(coloured(&eigen, &z), q)
        });
        Ok(Further {
            drawn: drawn.collect(),
            name,
            matrix,
        })
    }
}
