//! What kernels take from the individuals that define them, and how often each SNP counts.

use epitile_core::engine::Engine;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::Kernel;
use epitile_core::pairs::{PairKind, PairStatistic, centred_norms, mean_centred_norm};

/// What kernels take from the individuals that define them: SNP means, scales. It is computed
/// from all individuals left by the filters, and stored in models.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Calls per SNP.
    pub counts: Vec<Counts>,
    /// How often each SNP counts, if not once (`--snp-weights`).
    pub weights: Option<Vec<f64>>,
    /// Mean over individuals of ‖x̂ − μ‖², the scale of `linear`.
    pub mean_diagonal: f64,
}

impl Moments {
    /// Moments of the individuals with these calls.
    ///
    /// # Panics
    /// If there are weights, but not one for each SNP.
    pub fn new(counts: Vec<Counts>, weights: Option<Vec<f64>>) -> Self {
        let mut moments = Moments {
            counts,
            weights,
            mean_diagonal: f64::NAN,
        };
        let weights = moments.rounded();
        moments.mean_diagonal = mean_centred_norm(&moments.counts, weights.as_deref());
        moments
    }

    /// The pair statistic of `kernel`.
    ///
    /// # Panics
    /// If SNPs have weights and the kernel takes none ([`takes_weights`]).
    pub fn statistic(&self, kernel: Kernel) -> PairStatistic {
        let kind = kernel.pair_kind();
        match &self.weights {
            None => PairStatistic::new(kind, &self.counts),
            Some(weights) => PairStatistic::weighted(kind, &self.counts, weights)
                .expect("weights only where the kernel takes them"),
        }
    }

    /// How often SNP `m` counts.
    pub fn weight(&self, m: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[m])
    }

    /// ‖x̂ − μ‖² of the individuals of `g`, for kernels that take it.
    pub(super) fn norms<E: Engine>(&self, engine: &E, g: &Genotypes) -> Vec<f64> {
        centred_norms(engine, g, &self.counts, self.rounded().as_deref())
    }

    /// The weights as distances round them: norms must be of the same.
    fn rounded(&self) -> Option<Vec<f64>> {
        self.weights.as_ref()?;
        self.statistic(Kernel::Linear).weights()
    }

    /// The divisor of `kernel` (see [`KernelMap::scale`](epitile_core::kernel::KernelMap::scale)).
    pub fn scale(&self, kernel: Kernel) -> f64 {
        match kernel {
            Kernel::Linear | Kernel::Poly(_) => self.mean_diagonal,
            Kernel::Standardised | Kernel::GrmSquared => {
                let vary = self.counts.iter().enumerate();
                let vary = vary.filter(|(_, c)| !c.is_monomorphic());
                vary.map(|(m, _)| self.weight(m)).sum()
            }
            Kernel::TwoPq | Kernel::Ibs => (0..self.counts.len()).map(|m| self.weight(m)).sum(),
            Kernel::Gaussian | Kernel::Laplacian => 1.0,
        }
    }
}

/// Whether SNPs may have weights in the kernel: not in those of absolute differences, which are no
/// sums of products of dosages.
pub fn takes_weights(kernel: Kernel) -> bool {
    kernel.pair_kind() != PairKind::Absolute
}
