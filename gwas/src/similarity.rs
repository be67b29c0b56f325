//! Similarities of the individuals of a cohort: pair statistics computed once, and the kernel
//! functions of them with every constant resolved.

mod cross;
mod moments;

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::distances::Distances;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::{Kernel, KernelCovariates, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic};

use crate::backend::device_error;
use crate::error::{Error, Result};

pub use cross::Cross;
pub use moments::{Moments, takes_weights};

/// What a kernel is made of beside the genotypes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// Covariates inside the kernel (`--kernel-covar`).
    pub inside: Option<Inside>,
    /// How often each SNP counts (`--snp-weights`).
    pub weights: Option<Vec<f64>>,
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
    statistic: PairStatistic,
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
    /// `Usage` for covariates inside a kernel that has no distance and for weights where it takes none,
    /// `Degenerate` if no SNP that counts varies, and failures of the device.
    ///
    /// # Panics
    /// If there are weights, but not one for each SNP.
    pub fn new<E: Engine>(
        backend: &'a B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernels: &[Kernel],
        extras: Extras,
    ) -> Result<Self> {
        let Extras { inside, weights } = extras;
        if let (Some(_), Some(k)) = (&inside, kernels.iter().find(|k| !k.has_gamma())) {
            return Err(Error::usage(format!(
                "covariates inside the kernel (--kernel-covar) need a distance: found --kernel {k}, \
                 expected gaussian or laplacian; put them into --covar instead"
            )));
        }
        let mut similarity = Self::plain(backend, engine, genotypes, kernels, weights)?;
        similarity.count_distances(engine, genotypes.samples())?;
        similarity.inside = inside;
        Ok(similarity)
    }

    /// Adds the order statistics of the distances between the `samples` individuals.
    ///
    /// # Errors
    /// If the device fails.
    pub fn count_distances<E: Engine>(&mut self, engine: &E, samples: usize) -> Result<()> {
        for store in &mut self.stores {
            if !matches!(store.statistic.kind(), PairKind::Product(_)) {
                let of = (&store.statistic, &store.pairs);
                let counted = Distances::count(self.backend, engine, of, samples);
                store.distances = counted.map_err(device_error)?;
            }
        }
        Ok(())
    }

    /// The same without order statistics of the distances, for kernels without bandwidth, and without
    /// covariates inside.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn plain<E: Engine>(
        backend: &'a B,
        engine: &E,
        genotypes: &Arc<Genotypes>,
        kernels: &[Kernel],
        weights: Option<Vec<f64>>,
    ) -> Result<Self> {
        let panel = backend.panel(genotypes.clone()).map_err(device_error)?;
        Self::of_panel(backend, engine, (genotypes, &panel), kernels, weights)
    }

    /// The same of genotypes that are a panel on the backend.
    ///
    /// # Errors
    /// As [`plain`](Self::plain).
    pub fn of_panel<E: Engine>(
        backend: &'a B,
        engine: &E,
        (genotypes, panel): (&Genotypes, &B::Panel),
        kernels: &[Kernel],
        weights: Option<Vec<f64>>,
    ) -> Result<Self> {
        if let (Some(_), Some(k)) = (&weights, kernels.iter().find(|k| !takes_weights(**k))) {
            return Err(Error::usage(format!(
                "weights of SNPs (--snp-weights): found --kernel {k}, whose absolute differences \
                 take none, expected linear, linear:std, linear:2pq, gaussian, poly:D or grm^2"
            )));
        }
        let moments = Moments::new(genotypes.counts().to_vec(), weights);
        let counts = &moments.counts;
        if counts.iter().all(Counts::is_monomorphic) {
            return Err(Error::degenerate(format!(
                "none of the {} SNPs varies among the {} individuals: every kernel is constant; \
                 check the sample and SNP filters",
                counts.len(),
                genotypes.samples()
            )));
        }
        let counted = |(m, c): (usize, &Counts)| !c.is_monomorphic() && moments.weight(m) > 0.0;
        if !counts.iter().enumerate().any(counted) {
            return Err(Error::degenerate(
                "the weight of every SNP that varies is zero (--snp-weights): every kernel is \
                 constant",
            ));
        }
        let norms = match kernels.iter().any(|k| has_norms(*k)) {
            true => moments.norms(engine, genotypes),
            false => Vec::new(),
        };
        let mut similarity = Similarity {
            backend,
            moments,
            norms,
            stores: Vec::new(),
            inside: None,
        };
        for kernel in kernels {
            let kind = kernel.pair_kind();
            if similarity.stores.iter().all(|s| s.statistic.kind() != kind) {
                let statistic = similarity.moments.statistic(*kernel);
                let pairs = backend
                    .pairs(&statistic, panel, None)
                    .map_err(device_error)?;
                similarity.stores.push(Store {
                    statistic,
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
            .find(|s| s.statistic.kind() == wanted)
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
