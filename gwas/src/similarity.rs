//! Similarities of the individuals of a cohort: pair statistics computed once, and the kernel
//! functions of them with every constant resolved.

mod cross;

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::distances::Distances;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::{Kernel, KernelCovariates, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic, centred_norms, mean_centred_norm};

use crate::backend::device_error;
use crate::error::{Error, Result};

pub use cross::Cross;

/// What kernels take from the individuals that define them: SNP means, scales. It is computed
/// from all individuals left by the filters, and stored in models.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Calls per SNP.
    pub counts: Vec<Counts>,
    /// Mean over individuals of ‖x̂ − μ‖², the scale of `linear`.
    pub mean_diagonal: f64,
}

impl Moments {
    /// The divisor of `kernel` (see [`KernelMap::scale`]).
    pub fn scale(&self, kernel: Kernel) -> f64 {
        match kernel {
            Kernel::Linear | Kernel::Poly(_) => self.mean_diagonal,
            Kernel::Standardised | Kernel::GrmSquared => {
                self.counts.iter().filter(|c| !c.is_monomorphic()).count() as f64
            }
            Kernel::TwoPq | Kernel::Ibs => self.counts.len() as f64,
            Kernel::Gaussian | Kernel::Laplacian => 1.0,
        }
    }
}

/// Covariates inside the kernel: values per individual, standardised, with their weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// Columns, each with one value per individual.
    pub columns: Vec<Vec<f64>>,
    /// What each squared (or absolute) difference is multiplied by.
    pub weight: f64,
}

impl Inside {
    /// Values individual by individual, the weight folded in.
    fn flat(&self, kernel: Kernel) -> Vec<f64> {
        let factor = match kernel {
            Kernel::Laplacian => self.weight,
            _ => self.weight.sqrt(),
        };
        let n = self.columns.first().map_or(0, Vec::len);
        (0..n)
            .flat_map(|i| self.columns.iter().map(move |c| c[i] * factor))
            .collect()
    }
}

/// Whether the kernel takes ‖x̂ − μ‖² of the individuals.
fn has_norms(kernel: Kernel) -> bool {
    matches!(kernel, Kernel::Linear | Kernel::Poly(_))
}

/// One pair statistic of the cohort.
struct Store<B: Backend> {
    kind: PairKind,
    pairs: B::Pairs,
    /// Order statistics, for distances between at least two individuals.
    distances: Option<Distances>,
}

/// All pair statistics that the kernels asked for need.
pub struct Similarity<'a, B: Backend> {
    backend: &'a B,
    moments: Moments,
    /// ‖x̂ − μ‖² of the individuals, if a kernel asked for takes them.
    norms: Vec<f64>,
    stores: Vec<Store<B>>,
    inside: Option<Inside>,
}

impl<'a, B: Backend> Similarity<'a, B> {
    /// Computes the statistics for `kernels` over all individuals of `genotypes`.
    ///
    /// # Errors
    /// `Usage` for covariates inside a kernel that has no distance, `Degenerate` if no SNP varies,
    /// and failures of the device.
    pub fn new<E: Engine>(
        backend: &'a B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernels: &[Kernel],
        inside: Option<Inside>,
    ) -> Result<Self> {
        if let (Some(_), Some(k)) = (&inside, kernels.iter().find(|k| !k.has_gamma())) {
            return Err(Error::usage(format!(
                "covariates inside the kernel (--kernel-covar) need a distance: found --kernel {k}, \
                 expected gaussian or laplacian; put them into --covar instead"
            )));
        }
        let mut similarity = Self::plain(backend, engine, genotypes, kernels)?;
        for store in &mut similarity.stores {
            if !matches!(store.kind, PairKind::Product(_)) {
                store.distances =
                    Distances::count(backend, engine, &store.pairs, genotypes.samples())
                        .map_err(device_error)?;
            }
        }
        similarity.inside = inside;
        Ok(similarity)
    }

    /// The same without order statistics of the distances, for kernels without bandwidth.
    ///
    /// # Errors
    /// `Degenerate` if no SNP varies, and failures of the device.
    pub fn plain<E: Engine>(
        backend: &'a B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernels: &[Kernel],
    ) -> Result<Self> {
        let counts = genotypes.counts().to_vec();
        if counts.iter().all(Counts::is_monomorphic) {
            return Err(Error::degenerate(format!(
                "none of the {} SNPs varies among the {} individuals: every kernel is constant; \
                 check the sample and SNP filters",
                counts.len(),
                genotypes.samples()
            )));
        }
        let norms = match kernels.iter().any(|k| has_norms(*k)) {
            true => centred_norms(engine, genotypes, &counts),
            false => Vec::new(),
        };
        let moments = Moments {
            mean_diagonal: mean_centred_norm(&counts),
            counts,
        };
        let mut similarity = Similarity {
            backend,
            moments,
            norms,
            stores: Vec::new(),
            inside: None,
        };
        let panel = backend.panel(genotypes.clone()).map_err(device_error)?;
        for kernel in kernels {
            let kind = kernel.pair_kind();
            if similarity.stores.iter().all(|s| s.kind != kind) {
                let statistic = PairStatistic::new(kind, &similarity.moments.counts);
                let pairs = backend
                    .pairs(&statistic, &panel, None)
                    .map_err(device_error)?;
                similarity.stores.push(Store {
                    kind,
                    pairs,
                    distances: None,
                });
            }
        }
        Ok(similarity)
    }

    /// Where the statistics live.
    pub fn backend(&self) -> &'a B {
        self.backend
    }

    /// What the kernels take from the individuals.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The pair statistic of `kernel`.
    ///
    /// # Panics
    /// If the kernel was not asked for.
    pub fn pairs(&self, kernel: Kernel) -> &B::Pairs {
        &self.store(kernel).pairs
    }

    /// Order statistics of `kernel`'s distance, if it is one.
    pub fn distances(&self, kernel: Kernel) -> Option<&Distances> {
        self.store(kernel).distances.as_ref()
    }

    fn store(&self, kernel: Kernel) -> &Store<B> {
        let wanted = kernel.pair_kind();
        self.stores
            .iter()
            .find(|s| s.kind == wanted)
            .expect("a kernel that was asked for")
    }

    /// γ = `scale` / median of the kernel's distance over all pairs.
    ///
    /// # Errors
    /// `Degenerate` if the median is zero or there is no pair.
    pub fn gamma(&self, kernel: Kernel, scale: f64) -> Result<f64> {
        match self.distances(kernel).map(Distances::median) {
            Some(median) if median > 0.0 => Ok(scale / median),
            Some(_) => Err(Error::degenerate(format!(
                "the median distance of kernel {kernel} is zero: at least half of all pairs of \
                 individuals have the same genotypes; give --gamma itself, or remove duplicates"
            ))),
            None => Err(Error::degenerate(format!(
                "kernel {kernel} scales γ by the median distance, which needs two individuals"
            ))),
        }
    }

    /// The kernel function with its constants; `gamma` is ignored by kernels without bandwidth.
    pub fn map(&self, kernel: Kernel, gamma: f64) -> KernelMap {
        let norms = match kernel {
            kernel if has_norms(kernel) => self.norms.clone(),
            _ => Vec::new(),
        };
        let covariates = self.inside.as_ref().map(|inside| {
            let rows = inside.flat(kernel);
            KernelCovariates {
                count: inside.columns.len(),
                cols: rows.clone(),
                rows,
            }
        });
        KernelMap {
            kernel,
            gamma,
            scale: self.moments.scale(kernel),
            cols: norms.clone(),
            rows: norms,
            covariates,
        }
    }

    /// What to tell about a kernel that is numerically constant or the identity.
    pub fn degeneracy(&self, kernel: Kernel, gamma: f64) -> Option<String> {
        let d = self.distances(kernel).filter(|_| kernel.has_gamma())?;
        let quantiles: Vec<String> = d.quantiles.iter().map(|q| format!("{q:.6}")).collect();
        // exp(−x) rounds to 1 below 2⁻⁵³ and is under 2⁻⁵³ above 36.7.
        let verdict = match (gamma * d.quantiles[0], gamma * d.quantiles[6]) {
            (_, farthest) if farthest < f64::EPSILON => "constant",
            (nearest, _) if nearest > 36.7 => "the identity",
            _ => return None,
        };
        Some(format!(
            "kernel {kernel} with γ = {gamma:e} is numerically {verdict}: distances (minimum, 5, 25, \
             50, 75, 95 %, maximum) are {}",
            quantiles.join(", ")
        ))
    }
}
