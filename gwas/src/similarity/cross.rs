//! New individuals against those of a model.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelCovariates, KernelMap};
use epitile_core::pairs::{PairStatistic, centred_norms};

use super::{Inside, Moments, has_norms};
use crate::backend::device_error;
use crate::error::Result;

/// The kernel between new individuals and the training individuals of a model, with the model's
/// moments.
pub struct Cross<B: Backend> {
    /// Pair statistic, new × training.
    pub pairs: B::Pairs,
    /// The kernel function.
    pub map: KernelMap,
}

impl<B: Backend> Cross<B> {
    /// Builds the statistic for `new` × `training` genotypes at the same SNPs.
    ///
    /// # Errors
    /// Failures of the device.
    pub fn new<E: Engine>(
        backend: &B,
        engine: &E,
        moments: &Moments,
        (kernel, gamma): (Kernel, f64),
        (new, training): (&Arc<Genotypes>, &Arc<Genotypes>),
        inside: Option<(&Inside, &Inside)>,
    ) -> Result<Self> {
        let statistic = PairStatistic::new(kernel.pair_kind(), &moments.counts);
        let rows = backend.panel(new.clone()).map_err(device_error)?;
        let cols = backend.panel(training.clone()).map_err(device_error)?;
        let pairs = backend
            .pairs(&statistic, &rows, Some(&cols))
            .map_err(device_error)?;
        Ok(Self::with(
            engine,
            moments,
            (kernel, gamma),
            (new, training),
            inside,
            pairs,
        ))
    }

    /// The same for the training individuals with themselves.
    ///
    /// # Errors
    /// Failures of the device.
    pub fn symmetric<E: Engine>(
        backend: &B,
        engine: &E,
        moments: &Moments,
        (kernel, gamma): (Kernel, f64),
        training: &Arc<Genotypes>,
        inside: Option<(&Inside, &Inside)>,
    ) -> Result<Self> {
        let statistic = PairStatistic::new(kernel.pair_kind(), &moments.counts);
        let panel = backend.panel(training.clone()).map_err(device_error)?;
        let pairs = backend
            .pairs(&statistic, &panel, None)
            .map_err(device_error)?;
        Ok(Self::with(
            engine,
            moments,
            (kernel, gamma),
            (training, training),
            inside,
            pairs,
        ))
    }

    fn with<E: Engine>(
        engine: &E,
        moments: &Moments,
        (kernel, gamma): (Kernel, f64),
        (new, training): (&Genotypes, &Genotypes),
        inside: Option<(&Inside, &Inside)>,
        pairs: B::Pairs,
    ) -> Self {
        let norms = |g: &Genotypes| match has_norms(kernel) {
            true => centred_norms(engine, g, &moments.counts),
            false => Vec::new(),
        };
        let covariates = inside.map(|(new, training)| KernelCovariates {
            count: new.columns.len(),
            rows: new.flat(kernel),
            cols: training.flat(kernel),
        });
        let map = KernelMap {
            kernel,
            gamma,
            scale: moments.scale(kernel),
            rows: norms(new),
            cols: norms(training),
            covariates,
        };
        Cross { pairs, map }
    }
}
