//! How often is a pair found where there is none? Traits without interactions, drawn from an
//! additive model of a cohort.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

use super::dosages::standardised;
use super::{PairsOptions, PairsTable, pairs};
use crate::cohort::Cohort;
use crate::covariates::Design;
use crate::dense::{Factor, combine};
use crate::epistasis::EpistasisData;
use crate::error::{Error, Result};
use crate::null::matrix::{kernel_matrix, normalise};
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::similarity::Similarity;
use crate::training::{FixedEffects, Intercept};

/// What traits are made of, in shares of their variance; noise is the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Additive {
    /// Of all SNPs together: N(0, K) with K `linear:std`.
    pub polygenic: f64,
    /// SNPs with a large effect, drawn anew for every trait.
    pub large: usize,
    /// Of each of them.
    pub each: f64,
    /// Seed of all draws.
    pub seed: u64,
}

/// Draws `count` traits `t1`, … of all individuals of `cohort`. N³/3 + N²·count operations.
///
/// # Errors
/// `Usage` for shares that leave no noise; `Degenerate` if no SNP varies; failures of the device.
pub fn additive_traits<B: Backend, E: Engine>(
    (backend, engine): (&B, &E),
    cohort: &Cohort,
    of: Additive,
    count: usize,
) -> Result<Vec<Trait>> {
    let noise = 1.0 - of.polygenic - of.large as f64 * of.each;
    if !(noise > 0.0 && of.polygenic >= 0.0 && of.each >= 0.0) {
        return Err(Error::usage(format!(
            "shares of variance that leave {noise} for noise; expected more than 0"
        )));
    }
    let genotypes = Arc::new(cohort.genotypes.clone());
    let n = genotypes.samples();
    let kernel = Kernel::Standardised;
    let similarity = Similarity::plain(backend, engine, &genotypes, &[kernel], None)?;
    let map = similarity.map(kernel, f64::NAN);
    let rows: Vec<u32> = (0..n as u32).collect();
    let mut k = kernel_matrix(backend, engine, similarity.pairs(kernel), &map, &rows)?;
    normalise(&mut k, "linear:std")?;
    let v = Factor::new(&combine(&[(of.polygenic, &k)], noise, n))
        .ok_or_else(|| Error::degenerate("the additive kernel is not finite"))?;
    let varying: Vec<usize> = (0..genotypes.snps())
        .filter(|&m| !genotypes.counts()[m].is_monomorphic())
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(of.seed);
    let draw = |t: usize| {
        let z: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
        let mut values = v.colour(&z);
        for _ in 0..of.large {
            let m = varying[rng.random_range(0..varying.len())];
            let x = standardised(&genotypes, &[m]);
            epitile_core::dense::axpy(of.each.sqrt(), x.col_as_slice(0), &mut values);
        }
        Trait {
            name: format!("t{}", t + 1),
            values,
            binary: false,
        }
    };
    Ok((0..count).map(draw).collect())
}

/// Nominates and confirms pairs of `count` traits without interactions. The family-wise error is
/// the share of tables in which [`PairsTable::significant`] is not 0.
///
/// # Errors
/// Those of [`additive_traits`] and [`pairs`].
pub fn null_runs<B: Backend, E: Engine>(
    (backend, engine): (&B, &E),
    cohort: &Cohort,
    (of, count): (Additive, usize),
    options: &PairsOptions,
    log: &RunLog,
) -> Result<Vec<PairsTable>> {
    let traits = additive_traits((backend, engine), cohort, of, count)?;
    let n = cohort.samples.len();
    let fixed = FixedEffects::new(Intercept::Gls, &Design::empty(n), n)?;
    let complete = vec![true; n];
    let data = EpistasisData {
        traits: &traits,
        fixed: &fixed,
        complete: &complete,
    };
    pairs(backend, engine, cohort, data, options, log)
}
