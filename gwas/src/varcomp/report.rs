//! What is reported of a trait's variance components.

use std::path::Path;

use epitile_core::dense::{cholesky, solve_lower, solve_lower_transposed};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};
use crate::io::tsv::Tsv;
use crate::null::boundary::{Null, Test};
use crate::null::reml::{Fit, Start};
use crate::null::spectral::Optimum;
use crate::tails::{log10p, normal_above, normal_density};

/// A number with its standard error, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub se: Option<f64>,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// A kernel, `residual` or `total`.
    pub source: String,
    /// σ².
    pub variance: Estimate,
    /// Its share of the total.
    pub proportion: Estimate,
    /// σ²_e/σ²: the ridge of a fit with this kernel alone.
    pub lambda: Option<f64>,
}

/// A kernel as it was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelInfo {
    /// Its name.
    pub kernel: String,
    /// γ, where it has one.
    pub gamma: Option<f64>,
    /// Mean diagonal after centring, by which it was divided.
    pub mean_diagonal: f64,
    /// Whether it is additive.
    pub additive: bool,
}

/// A test of one variance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestInfo {
    /// The kernel tested.
    pub kernel: String,
    /// The other kernels of both models: those whose variance is not zero without it.
    pub beside: Vec<String>,
    /// 2 (ln L − ln L₀), restricted.
    pub likelihood_ratio: f64,
    /// −log₁₀ of ½P(χ²₀ ≥ ratio) + ½P(χ²₁ ≥ ratio).
    pub log10p_mixture: f64,
    /// The p-value from draws.
    pub p: Option<f64>,
    /// What was drawn: `eigenvalues` (the exact null) or `bootstrap`.
    pub p_from: &'static str,
    /// Draws made.
    pub draws: usize,
    /// Share of draws with ratio 0, which the mixture takes for one half.
    pub zero_share: Option<f64>,
}

/// Shares of the variance that are due to genotypes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heritability {
    /// All kernels.
    pub broad: Estimate,
    /// The additive kernels; `None` without one.
    pub narrow: Option<Estimate>,
    /// The additive kernels on the liability scale.
    pub narrow_liability: Option<Estimate>,
    /// Prevalence used for it.
    pub prevalence: Option<f64>,
    /// Share of cases in the sample.
    pub cases: Option<f64>,
}

/// A fit by full likelihood, of one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Full {
    /// σ²_f.
    pub variance: f64,
    /// σ²_e.
    pub residual: f64,
    /// σ²_e/σ²_f; `None` if σ²_f is 0.
    pub lambda: Option<f64>,
    /// ln L without ½n ln 2π.
    pub log_likelihood: f64,
}

/// Variance components of one trait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Components {
    /// The trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// Individuals.
    pub samples: usize,
    /// Independent fixed effects, the intercept among them.
    pub fixed_effects: usize,
    /// Kernels.
    pub kernels: Vec<KernelInfo>,
    /// The table.
    pub sources: Vec<Source>,
    /// Restricted ln L without ½(n − c) ln 2π.
    pub log_likelihood: f64,
    /// Steps of the search that won; 0 where eigenvalues gave the answer.
    pub iterations: usize,
    /// Whether it ended at a maximum.
    pub converged: bool,
    /// All searches, with ln L on the scale above and variances as shares of the trait's.
    pub starts: Vec<StartInfo>,
    /// Tests of each kernel.
    pub tests: Vec<TestInfo>,
    /// Shares due to genotypes.
    pub heritability: Heritability,
    /// One kernel by full likelihood.
    pub full_likelihood: Option<Full>,
}

/// A search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartInfo {
    /// What it began at, in words.
    pub name: String,
    /// Variances it began at.
    pub from: Vec<f64>,
    /// ln L it reached.
    pub log_likelihood: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Whether it ended at a maximum.
    pub converged: bool,
}

/// The inverse of the average information, as far as it exists.
struct Covariance(Option<Vec<f64>>);

impl Covariance {
    /// Of a `count` × `count` matrix, and for variances `scale` times as large.
    fn new(information: &[f64], count: usize, scale: f64) -> Self {
        let mut l = information.to_vec();
        if l.len() != count * count || cholesky(&mut l, count, 0.0).is_err() {
            return Covariance(None);
        }
        let column = |k: usize| {
            let mut e = vec![0.0; count];
            e[k] = scale * scale;
            solve_lower(&l, count, &mut e);
            solve_lower_transposed(&l, count, &mut e);
            e
        };
        Covariance(Some((0..count).flat_map(column).collect()))
    }

    /// Standard error of Σ g_k σ²_k.
    fn error(&self, g: &[f64]) -> Option<f64> {
        let c = self.0.as_ref()?;
        let n = g.len();
        let sum: f64 = (0..n * n).map(|at| g[at / n] * g[at % n] * c[at]).sum();
        (sum >= 0.0).then(|| sum.sqrt())
    }

    /// The share of the sources for which `within` holds: its gradient is (1 − share)/total
    /// within, −share/total without.
    fn share(&self, variances: &[f64], within: impl Fn(usize) -> bool) -> Estimate {
        let total: f64 = variances.iter().sum();
        let part = (0..variances.len()).filter(|&k| within(k));
        let value = part.map(|k| variances[k]).sum::<f64>() / total;
        let slope = |k: usize| (f64::from(within(k)) - value) / total;
        let g: Vec<f64> = (0..variances.len()).map(slope).collect();
        let se = self.error(&g);
        Estimate { value, se }
    }
}

impl Components {
    /// `name` of `samples` individuals with `fixed` effects; `fit` with its average information,
    /// in units of the variance `scale`, and `shift` of ln L.
    pub(super) fn new(
        (name, samples, fixed): (&str, usize, usize),
        kernels: &[KernelInfo],
        (fit, information, scale, shift): (&Fit, &[f64], f64, f64),
        tests: Vec<Test>,
    ) -> Self {
        let count = kernels.len();
        let variances: Vec<f64> = fit.variances.iter().map(|v| v * scale).collect();
        let covariance = Covariance::new(information, count + 1, scale);
        let unit = |k: usize| (0..=count).map(|j| f64::from(j == k)).collect::<Vec<_>>();
        let residual = variances[count];
        let names = kernels.iter().map(|k| k.kernel.clone());
        let names = names.chain(["residual".to_owned()]);
        let mut sources: Vec<Source> = names
            .enumerate()
            .map(|(k, source)| Source {
                source,
                variance: Estimate {
                    value: variances[k],
                    se: covariance.error(&unit(k)),
                },
                proportion: covariance.share(&variances, |j| j == k),
                lambda: (k < count && variances[k] > 0.0).then(|| residual / variances[k]),
            })
            .collect();
        sources.push(Source {
            source: "total".into(),
            variance: Estimate {
                value: variances.iter().sum(),
                se: covariance.error(&vec![1.0; count + 1]),
            },
            proportion: Estimate {
                value: 1.0,
                se: Some(0.0),
            },
            lambda: None,
        });
        let additive = |k: usize| k < count && kernels[k].additive;
        let narrow = kernels.iter().any(|k| k.additive);
        let heritability = Heritability {
            broad: covariance.share(&variances, |k| k < count),
            narrow: narrow.then(|| covariance.share(&variances, additive)),
            narrow_liability: None,
            prevalence: None,
            cases: None,
        };
        let start = |s: &Start| StartInfo {
            name: s.name.clone(),
            from: s.from.clone(),
            log_likelihood: s.log_likelihood + shift,
            iterations: s.iterations,
            converged: s.converged,
        };
        let test = |(k, t): (usize, Test)| TestInfo {
            kernel: kernels[k].kernel.clone(),
            beside: t.null.iter().map(|&j| kernels[j].kernel.clone()).collect(),
            likelihood_ratio: t.ratio,
            log10p_mixture: log10p(t.ln_mixture),
            p: t.p,
            p_from: match t.by {
                Null::Eigenvalues => "eigenvalues",
                Null::Bootstrap => "bootstrap",
            },
            draws: t.draws,
            zero_share: (t.draws > 0).then(|| t.zero as f64 / t.draws as f64),
        };
        Components {
            name: name.to_owned(),
            samples,
            fixed_effects: fixed,
            kernels: kernels.to_vec(),
            sources,
            log_likelihood: fit.log_likelihood + shift,
            iterations: fit.iterations,
            converged: fit.converged,
            starts: fit.starts.iter().map(start).collect(),
            tests: tests.into_iter().enumerate().map(test).collect(),
            heritability,
            full_likelihood: None,
        }
    }

    pub(super) fn full_likelihood(&mut self, best: &Optimum) {
        self.full_likelihood = Some(Full {
            variance: best.ratio * best.residual,
            residual: best.residual,
            lambda: (best.ratio > 0.0).then(|| 1.0 / best.ratio),
            log_likelihood: best.log_likelihood,
        });
    }

    /// The additive share on the liability scale, h²·K²(1−K)²/(z²P(1−P)): K the prevalence, P the
    /// share of cases in the sample, z the normal density at the threshold (Lee et al. 2011).
    pub(super) fn liability(&mut self, prevalence: f64, cases: f64) {
        let z = normal_density(normal_above(prevalence));
        let factor = (prevalence * (1.0 - prevalence) / z).powi(2) / (cases * (1.0 - cases));
        let h = &mut self.heritability;
        h.narrow_liability = h.narrow.map(|narrow| Estimate {
            value: narrow.value * factor,
            se: narrow.se.map(|se| se * factor),
        });
        h.prevalence = Some(prevalence);
        h.cases = Some(cases);
    }

    /// Adds `PREFIX.varcomp.tsv` and `PREFIX.varcomp.json` to `files`.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, prefix: &Path, files: &mut OutputSet) -> Result<()> {
        let header = ["SOURCE", "VARIANCE", "SE", "PROPORTION", "SE_PROPORTION"];
        let mut table = Tsv::create(with_suffix(prefix, ".varcomp.tsv"), &header)?;
        let known = |se: Option<f64>| se.unwrap_or(f64::NAN);
        for s in &self.sources {
            table.row(&[
                (&s.source).into(),
                s.variance.value.into(),
                known(s.variance.se).into(),
                s.proportion.value.into(),
                known(s.proportion.se).into(),
            ])?;
        }
        files.add(table.into_file())?;
        let mut json = AtomicFile::create(with_suffix(prefix, ".varcomp.json"))?;
        let text = serde_json::to_string_pretty(self)
            .map_err(|_| Error::inconsistent(format!("{}: its record is not JSON", self.name)))?;
        json.put(text + "\n")?;
        files.add(json)
    }
}
