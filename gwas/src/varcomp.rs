//! Variance components: how much of a trait each kernel explains, with standard errors and tests.
//!
//! Every kernel is Gower-centred and scaled to mean diagonal 1 over the trait's samples, so that
//! its variance is one of the trait, and proportions are comparable.

mod report;

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;

use crate::cohort::Cohort;
use crate::dense::Eigen;
use crate::error::{Error, Kind, Result};
use crate::null::boundary::{self, Draws};
use crate::null::component::{Component, dominance};
use crate::null::kernels::{KernelContrasts, eigen};
use crate::null::matrix::{kernel_matrix, normalise};
use crate::null::reml::{PARTS, Problem};
use crate::null::spectral::{Likelihood, Profile};
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::settings::{Gammas, bandwidths};
use crate::similarity::{Extras, Inside, Similarity};
use crate::training::FixedEffects;

pub use report::{Components, Estimate, Heritability, KernelInfo, Source, TestInfo};

/// What to estimate.
#[derive(Clone, Debug)]
pub struct VarcompOptions {
    /// Kernels, fitted jointly.
    pub kernels: Vec<Component>,
    /// γ of the kernels that have one, or c of γ = c / median; one number.
    pub gamma: Gammas,
    /// Prevalence of a binary trait, for the liability scale.
    pub prevalence: Option<f64>,
    /// Draws of the tests.
    pub draws: Draws,
}

/// Of whom and what.
#[derive(Clone, Copy, Debug)]
pub struct VarcompData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
    /// Covariates inside the kernels.
    pub inside: Option<&'a Inside>,
    /// How often each SNP counts in the kernels, if not once.
    pub weights: Option<&'a [f64]>,
}

impl VarcompData<'_> {
    /// Individuals of the cohort with trait `t` and all covariates.
    fn rows(&self, t: usize) -> Vec<u32> {
        let mut rows = self.traits[t].observed();
        rows.retain(|&i| self.complete[i as usize]);
        rows
    }
}

/// Kernels of a trait's samples, ready for any trait of theirs.
struct Ready {
    rows: Vec<u32>,
    x: Vec<Vec<f64>>,
    /// The normalised kernels.
    inside: KernelContrasts,
    info: Vec<KernelInfo>,
    /// With one kernel: the eigenvalues of all of it, for the full likelihood.
    whole: Option<Eigen>,
}

/// Estimates for every trait; one that cannot be fitted is left out with a warning. About 10·N³
/// operations for each set of samples and kernel, N³ for each step of a fit.
///
/// # Errors
/// `Usage` for a γ that is not one number; `Degenerate` if no trait can be fitted; failures of the
/// device.
pub fn varcomp<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    cohort: Cohort,
    data: VarcompData<'_>,
    options: &VarcompOptions,
    log: &RunLog,
) -> Result<Vec<Components>> {
    let genotypes = Arc::new(cohort.genotypes);
    if data.weights.is_some() && options.kernels.contains(&Component::Dominance) {
        return Err(Error::usage(
            "--snp-weights: found --kernel dominance, which takes no weights, expected kernels of \
             allele counts",
        ));
    }
    let kernels: Vec<Kernel> = options.kernels.iter().filter_map(|c| c.kernel()).collect();
    let similarity = log.timed("build", || {
        let extras = Extras {
            inside: data.inside.cloned(),
            weights: data.weights.map(<[f64]>::to_vec),
        };
        Similarity::new(backend, engine, &genotypes, &kernels, extras)
    })?;
    let settings = bandwidths(&kernels, &options.gamma, &similarity)?;
    if settings.len() != kernels.len() {
        return Err(Error::usage(
            "varcomp takes one γ: found several, expected one; run it once for each",
        ));
    }
    for s in &settings {
        if let Some(text) = similarity.degeneracy(s.kernel, s.gamma) {
            log.warn(text);
        }
    }
    let gamma = |of: Component| {
        let mut settings = settings.iter();
        let own = settings.find(|s| Component::Kernel(s.kernel) == of);
        own.map_or(f64::NAN, |s| s.gamma)
    };
    let settings: Vec<(Component, f64)> = options.kernels.iter().map(|&c| (c, gamma(c))).collect();
    let rows: Vec<Vec<u32>> = (0..data.traits.len()).map(|t| data.rows(t)).collect();
    let mut found: Vec<Option<Components>> = vec![None; rows.len()];
    let mut reasons = Vec::new();
    let progress = log.progress(rows.len() as u64, "traits");
    for t in 0..rows.len() {
        if (0..t).any(|u| rows[u] == rows[t]) {
            continue;
        }
        let group: Vec<usize> = (t..rows.len()).filter(|&u| rows[u] == rows[t]).collect();
        let ready = log.timed("kernels", || {
            Ready::new(
                (&similarity, engine, &genotypes),
                &settings,
                &rows[t],
                data.fixed,
            )
        });
        let ready = match ready {
            Err(error) if error.kind() == Kind::Degenerate => {
                for &u in &group {
                    let name = &data.traits[u].name;
                    log.warn(format!("phenotype {name}: {error}: it is left out"));
                    reasons.push(format!("{name}: {error}"));
                }
                continue;
            }
            other => other?,
        };
        for &u in &group {
            found[u] = Some(log.timed("fit", || ready.fit(&data.traits[u], u, options)));
            progress.inc(1);
        }
    }
    let found: Vec<Components> = found.into_iter().flatten().collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(Error::degenerate(format!(
            "no phenotype can be fitted: {}",
            crate::io::text::first_few(&reasons)
        ))),
    }
}

impl Ready {
    fn new<B: Backend, E: Engine>(
        (similarity, engine, genotypes): (&Similarity<'_, B>, &E, &Genotypes),
        settings: &[(Component, f64)],
        rows: &[u32],
        fixed: &FixedEffects,
    ) -> Result<Self> {
        let (_, x) = fixed.independent(rows);
        let mut ready = Ready {
            rows: rows.to_vec(),
            inside: KernelContrasts::new(&x),
            x,
            info: Vec::new(),
            whole: None,
        };
        for &(component, gamma) in settings {
            let name = component.to_string();
            let mut k = match component {
                Component::Kernel(kernel) => {
                    let map = similarity.map(kernel, gamma);
                    let pairs = similarity.pairs(kernel);
                    kernel_matrix(similarity.backend(), engine, pairs, &map, rows)?
                }
                Component::Dominance => dominance(genotypes, rows, 0..genotypes.snps()),
            };
            let mean_diagonal = normalise(&mut k, &name)?;
            if settings.len() == 1 {
                ready.whole = Some(eigen(&name, &k)?);
            }
            ready.inside.push(&name, k)?;
            ready.info.push(KernelInfo {
                kernel: name,
                gamma: (!gamma.is_nan()).then_some(gamma),
                mean_diagonal,
                additive: component.is_additive(),
            });
        }
        Ok(ready)
    }

    fn fit(&self, of: &Trait, number: usize, options: &VarcompOptions) -> Components {
        let values = |i: &u32| of.values[*i as usize];
        let y: Vec<f64> = self.rows.iter().map(values).collect();
        let z = self.inside.contrasts.vector(&y);
        let (spread, count) = (Problem::spread(&z), self.inside.kernels.len());
        let problem = self.inside.problem(&z);
        let all: Vec<usize> = (0..count).collect();
        let fit = problem.fit(&all);
        let slopes = problem.slopes(&fit.variances);
        let information = slopes.map(|s| s.information).unwrap_or_default();
        let tests = all.iter().map(|&k| {
            let of = number * count + k;
            let data = (&self.inside.kernels[..], &self.inside.eigen[..]);
            boundary::test(data, &problem, k, (&options.draws, of))
        });
        let tests = tests.collect();
        // What the division by the spread and the fixed effects add to ln L.
        let shift = -(z.len() as f64) * spread.ln() - 0.5 * self.inside.contrasts.log_determinant();
        let mut components = Components::new(
            (&of.name, y.len(), self.x.len()),
            &self.info,
            (&fit, &information, spread * spread, shift),
            tests,
        );
        if let Some(whole) = &self.whole {
            let x: Vec<Vec<f64>> = self.x.iter().map(|x| whole.rotate(x)).collect();
            let y = whole.rotate(&self.inside.contrasts.residual(&y));
            let profile = Profile::new(&whole.values, &y, &x);
            if let Some(best) = profile.maximise(Likelihood::Ml, PARTS) {
                components.full_likelihood(&best);
            }
        }
        if let (Some(prevalence), true) = (options.prevalence, of.binary) {
            let cases = y.iter().filter(|&&y| y == 1.0).count() as f64 / y.len() as f64;
            components.liability(prevalence, cases);
        }
        components
    }
}
