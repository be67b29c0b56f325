//! Simulated cohorts, their kernels, and traits of known truth.

use std::path::PathBuf;
use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::dense::{Eigen, Factor, combine};
use epitile::error::{Error, Result};
use epitile::null::contrast::Contrasts;
use epitile::null::matrix::{kernel_matrix, normalise};
use epitile::null::spectral::{Likelihood, Profile};
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::similarity::{Extras, Similarity};
use epitile::simulate::{self, SimulateOptions};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};
use faer::Mat;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::study::Study;

/// A simulated cohort in files.
pub(crate) struct Lab {
    /// Prefix of the files.
    pub(crate) prefix: PathBuf,
    /// All of it.
    pub(crate) cohort: Cohort,
    /// A trait with additive effects on all chromosomes, half of its variance.
    pub(crate) additive: Vec<f64>,
}

impl Lab {
    /// Simulates the cohort `name`: N and M, unrelated or in families.
    pub(crate) fn new(
        study: &Study,
        name: &str,
        size: (usize, usize),
        families: Option<usize>,
    ) -> Result<Lab> {
        let people = SimulateOptions {
            families,
            ..SimulateOptions::default()
        };
        Self::simulated(study, name, size, people)
    }

    /// Simulates the cohort `name` of close relatives: descendants of eight haplotypes, linked over
    /// most of a chromosome.
    pub(crate) fn relatives(study: &Study, name: &str, size: (usize, usize)) -> Result<Lab> {
        let people = SimulateOptions {
            founders: 8,
            recombination: 0.02,
            ..SimulateOptions::default()
        };
        Self::simulated(study, name, size, people)
    }

    fn simulated(
        study: &Study,
        name: &str,
        (samples, snps): (usize, usize),
        people: SimulateOptions,
    ) -> Result<Lab> {
        let options = SimulateOptions {
            samples,
            snps,
            chromosomes: Study::CHROMOSOMES,
            maf_min: 0.05,
            causal: snps.min(100),
            additive: 0.5,
            epistatic: 0.0,
            pairs: 0,
            seed: study.seed,
            ..people
        };
        let prefix = study.folder().join(name);
        let (mut simulation, _) = simulate::run(&options, &prefix)?;
        Ok(Lab {
            cohort: Cohort::load(&CohortOptions::new(&prefix))?,
            prefix,
            additive: simulation.traits.swap_remove(0).values(),
        })
    }

    /// Individuals.
    pub(crate) fn samples(&self) -> usize {
        self.cohort.samples.len()
    }

    /// `kernel` of all individuals over the chromosomes `chr` (all if `None`), centred and of mean
    /// diagonal 1.
    pub(crate) fn kernel(&self, kernel: Kernel, chr: Option<&str>) -> Result<Mat<f64>> {
        let options = CohortOptions {
            chr: chr.map(str::to_owned),
            ..CohortOptions::new(&self.prefix)
        };
        let genotypes = Arc::new(Cohort::load(&options)?.genotypes);
        let similarity = similarity(&genotypes, kernel)?;
        let map = similarity.map(kernel, f64::NAN);
        let pairs = similarity.pairs(kernel);
        let rows = self.rows();
        let mut k = kernel_matrix(&Cpu::MEMORY, &Rayon, pairs, &map, &rows)?;
        normalise(&mut k, &kernel.to_string())?;
        Ok(k)
    }

    /// Places of all individuals.
    pub(crate) fn rows(&self) -> Vec<u32> {
        (0..self.samples() as u32).collect()
    }

    /// Dosages of SNP `m` without their mean.
    pub(crate) fn centred(&self, m: usize) -> Vec<f64> {
        let genotypes = &self.cohort.genotypes;
        let mean = genotypes.counts()[m].mean();
        let value = |i: usize| genotypes.dosage(i, m).map_or(0.0, |x| f64::from(x) - mean);
        (0..self.samples()).map(value).collect()
    }
}

/// The pair statistics of a kernel, all of it in memory.
pub(crate) fn similarity(
    genotypes: &Arc<Genotypes>,
    kernel: Kernel,
) -> Result<Similarity<'static, Cpu>> {
    Similarity::new(
        &Cpu::MEMORY,
        &Rayon,
        genotypes,
        &[kernel],
        Extras::default(),
    )
}

/// A log that nobody sees.
pub(crate) fn silent() -> RunLog {
    RunLog::new(None, true)
}

/// Numbers of draw `index` of the stream `what`.
pub(crate) fn stream(study: &Study, what: u32, index: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(study.seed);
    rng.set_stream(u64::from(what) << 32 | index as u64);
    rng
}

/// `count` standard normal numbers.
pub(crate) fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

/// Traits `t1`, `t2`, … with these values.
pub(crate) fn traits(values: Vec<Vec<f64>>) -> Vec<Trait> {
    let named = |(t, values): (usize, Vec<f64>)| Trait {
        name: format!("t{}", t + 1),
        values,
        binary: false,
    };
    values.into_iter().enumerate().map(named).collect()
}

/// y = Xb + f + e, ready to be drawn from.
pub(crate) struct Model {
    /// Xb.
    fixed: Vec<f64>,
    /// Of σ²_f K + σ²_e I.
    root: Factor,
    /// σ²_f/(σ²_f + σ²_e).
    pub(crate) share: f64,
}

impl Model {
    /// Xb and the variances of `k` and of the residual.
    pub(crate) fn new(
        fixed: Vec<f64>,
        k: &Mat<f64>,
        (kernel, residual): (f64, f64),
    ) -> Result<Self> {
        let root = Factor::new(&combine(&[(kernel, k)], residual, fixed.len()));
        Ok(Model {
            fixed,
            root: root.ok_or_else(|| Error::degenerate("a covariance that is not definite"))?,
            share: kernel / (kernel + residual),
        })
    }

    /// By restricted likelihood from the trait `y`, with these fixed effects.
    pub(crate) fn fitted(k: &Mat<f64>, x: &[Vec<f64>], y: &[f64]) -> Result<Self> {
        let none = || Error::degenerate("a null model without a maximum");
        let eigen = Eigen::new(k).ok_or_else(none)?;
        let contrasts = Contrasts::new(x);
        let rotated = eigen.rotate(&contrasts.residual(y));
        let columns: Vec<Vec<f64>> = x.iter().map(|x| eigen.rotate(x)).collect();
        let profile = Profile::new(&eigen.values, &rotated, &columns);
        let best = profile.maximise(Likelihood::Reml, 50).ok_or_else(none)?;
        let mut fixed = vec![0.0; y.len()];
        for (x, b) in x.iter().zip(contrasts.effects(x, y)) {
            fixed.iter_mut().zip(x).for_each(|(f, x)| *f += b * x);
        }
        Self::new(fixed, k, (best.ratio * best.residual, best.residual))
    }

    /// `count` traits from the stream `what`.
    pub(crate) fn draw(&self, study: &Study, what: u32, count: usize) -> Vec<Vec<f64>> {
        let one = |t: usize| {
            let z = normal(&mut stream(study, what, t), self.fixed.len());
            let mut y = self.root.colour(&z);
            y.iter_mut().zip(&self.fixed).for_each(|(y, b)| *y += b);
            y
        };
        (0..count).map(one).collect()
    }
}
