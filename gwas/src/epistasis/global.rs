//! Is there variance of a kernel K_e beside the null model? A score test of σ²_e = 0.
//!
//! In contrasts (see [`Contrasts`](crate::null::contrast::Contrasts)) z ~ N(0, V), V = Σ_j σ²_j K_j over the components that the null
//! fit left above zero, the residual (K = I) among them, and P = V⁻¹. The σ²_j are estimates: of
//! yᵀPK_ePy that part is lost which lies in the directions of the K_j, so they are taken out first,
//!
//! ```text
//! K̃ = K_e − Σ_j a_j K_j,    tr(P K̃ P K_j) = 0 for all j
//! ```
//!
//! and Q = zᵀPK̃Pz is compared with Σ λ̃χ²₁, λ̃ the eigenvalues of P^½K̃P^½. They sum to
//! Σσ²_j tr(PK̃PK_j) = 0: some are negative. Without the orthogonalisation the test rejects at
//! 1.2–1.6 % where it should at 5 %.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::{cholesky, dot, solve_lower, solve_lower_transposed};
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use faer::Mat;

use super::report::{GlobalRow, GlobalTable};
use super::{EpistasisData, Group};
use crate::cohort::Cohort;
use crate::dense::{Factor, combine, inner, symmetric_eigenvalues, transposed_product};
use crate::error::{Error, Kind, Result};
use crate::io::text::first_few;
use crate::null::kernels::KernelContrasts;
use crate::null::matrix::{kernel_matrix, normalise};
use crate::null::reml::{Fit, Problem};
use crate::run::RunLog;
use crate::settings::{Bandwidth, Gammas, bandwidths};
use crate::similarity::{Extras, Similarity};
use crate::tails::form::{Form, Tail};

/// Of a K_e in directions that the null has not: less is rounding, and nothing can be tested.
const LEAST: f64 = 1e-10;

/// What to test against what.
#[derive(Clone, Debug)]
pub struct GlobalOptions {
    /// Kernels of the null model.
    pub null: Vec<Kernel>,
    /// Kernels to test, one at a time.
    pub tested: Vec<Kernel>,
    /// γ of the kernels that have one, or c of γ = c / median; one number.
    pub gamma: Gammas,
}

/// A test of one kernel.
#[derive(Clone, Debug)]
pub struct Score {
    /// Q = zᵀPK̃Pz.
    pub q: f64,
    /// Σ λ̃χ²₁, what Q is without the kernel.
    pub form: Form,
    /// a_j: kernels of the null, then the residual; 0 for those without variance.
    pub projection: Vec<f64>,
    /// P(Σ λ̃χ²₁ > Q).
    pub tail: Tail,
}

/// A null model of one trait in whitened contrasts L⁻¹z, V = LLᵀ: what its tests share.
pub struct Null {
    factor: Factor,
    /// L⁻¹z.
    z: Vec<f64>,
    /// Places of the free components, the residual's is last.
    free: Vec<usize>,
    /// Components, the residual among them.
    count: usize,
    /// L⁻¹K_jL⁻ᵀ of the free components.
    whitened: Vec<Mat<f64>>,
    /// Cholesky factor of tr(P K_i P K_j) over them.
    gram: Vec<f64>,
}

impl Null {
    /// With contrasts `z`, `kernels` and their `variances`, the residual's last. `None` if V is
    /// not positive definite, or its components depend on each other. 2N³ operations for each free
    /// component.
    ///
    /// # Panics
    /// Unless there is one variance more than kernels.
    pub fn new(z: &[f64], kernels: &[Mat<f64>], variances: &[f64]) -> Option<Null> {
        assert_eq!(variances.len(), kernels.len() + 1, "variances");
        let n = z.len();
        let free: Vec<usize> = (0..variances.len())
            .filter(|&k| variances[k] > 0.0)
            .collect();
        let (residual, genetic) = variances.split_last()?;
        let terms = genetic.iter().copied().zip(kernels);
        let terms: Vec<_> = terms.filter(|(v, _)| *v > 0.0).collect();
        let factor = Factor::new(&combine(&terms, *residual, n))?;
        let whitened: Vec<Mat<f64>> = free
            .iter()
            .map(|&k| match kernels.get(k) {
                Some(kernel) => factor.whiten_matrix(kernel),
                None => factor.whiten_matrix(&combine(&[], 1.0, n)),
            })
            .collect();
        let pairs = whitened.iter();
        let mut gram: Vec<f64> = pairs
            .flat_map(|a| whitened.iter().map(move |b| inner(a, b)))
            .collect();
        let largest = gram.iter().copied().fold(0.0, f64::max);
        cholesky(&mut gram, free.len(), f64::EPSILON * largest).ok()?;
        Some(Null {
            z: factor.whiten(z),
            factor,
            free,
            count: variances.len(),
            whitened,
            gram,
        })
    }

    /// Tests the contrasts of a kernel. `None` if it is nearly a sum of the null's own. About
    /// 4N³ operations.
    ///
    /// # Panics
    /// If its order is not that of the null.
    pub fn test(&self, kernel: &Mat<f64>) -> Option<Score> {
        let whole = self.factor.whiten_matrix(kernel);
        let mut a: Vec<f64> = self.whitened.iter().map(|w| inner(w, &whole)).collect();
        solve_lower(&self.gram, a.len(), &mut a);
        solve_lower_transposed(&self.gram, a.len(), &mut a);
        let mut terms = vec![(1.0, &whole)];
        terms.extend(a.iter().map(|a| -a).zip(&self.whitened));
        let left = combine(&terms, 0.0, self.z.len());
        if inner(&left, &left) <= LEAST * LEAST * inner(&whole, &whole) {
            return None;
        }
        let form = Form::new(symmetric_eigenvalues(&left)?);
        let q = dot(&self.z, &transposed_product(&left, &self.z));
        let mut projection = vec![0.0; self.count];
        for (&k, a) in self.free.iter().zip(&a) {
            projection[k] = *a;
        }
        Some(Score {
            q,
            tail: form.tail(q),
            form,
            projection,
        })
    }
}

/// Tests every kernel asked for on every trait; a trait that cannot be tested is left out with a
/// warning. About 10·N³ operations for each set of samples and kernel, and for each test.
///
/// # Errors
/// `Usage` for a γ that is not one number; `Degenerate` if no trait can be tested; failures of the
/// device.
pub fn global<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    cohort: Cohort,
    data: EpistasisData<'_>,
    options: &GlobalOptions,
    log: &RunLog,
) -> Result<Vec<GlobalTable>> {
    let genotypes = Arc::new(cohort.genotypes);
    let all = [&options.null[..], &options.tested[..]].concat();
    let similarity = log.timed("build", || {
        Similarity::new(backend, engine, &genotypes, &all, Extras::default())
    })?;
    let settings = bandwidths(&all, &options.gamma, &similarity)?;
    if settings.len() != all.len() {
        return Err(Error::usage(
            "epistasis takes one γ: found several, expected one; run it once for each",
        ));
    }
    for s in &settings {
        if let Some(text) = similarity.degeneracy(s.kernel, s.gamma) {
            log.warn(text);
        }
    }
    let (null, tested) = settings.split_at(options.null.len());
    let mut tables: Vec<Option<GlobalTable>> = data.traits.iter().map(|_| None).collect();
    let mut reasons = Vec::new();
    let progress = log.progress(tables.len() as u64, "traits");
    for group in data.groups() {
        let ready = log.timed("kernels", || {
            Ready::new(&similarity, engine, (null, tested), &group, data)
        });
        match ready {
            Err(error) if error.kind() == Kind::Degenerate => {
                data.leave_out(&group.traits, &error.to_string(), &mut reasons, log);
            }
            Err(error) => return Err(error),
            Ok(ready) => {
                for &t in &group.traits {
                    let y = data.values(t, &group.rows);
                    let table = log.timed("test", || ready.trait_table(&data.traits[t].name, &y));
                    tables[t] = Some(table);
                }
            }
        }
        progress.inc(group.traits.len() as u64);
    }
    let tables: Vec<GlobalTable> = tables.into_iter().flatten().collect();
    match tables.is_empty() {
        false => Ok(tables),
        true => Err(Error::degenerate(format!(
            "no phenotype can be tested: {}",
            first_few(&reasons)
        ))),
    }
}

/// Kernels of some samples, ready for any trait of theirs.
struct Ready {
    names: Vec<String>,
    /// The null's.
    null: KernelContrasts,
    /// Contrasts.
    tested: Vec<(String, Mat<f64>)>,
}

impl Ready {
    fn new<B: Backend, E: Engine>(
        similarity: &Similarity<'_, B>,
        engine: &E,
        (null, tested): (&[Bandwidth], &[Bandwidth]),
        group: &Group,
        data: EpistasisData<'_>,
    ) -> Result<Self> {
        let (_, x) = data.fixed.independent(&group.rows);
        let mut inside = KernelContrasts::new(&x);
        let made = |s: &Bandwidth| -> Result<(String, Mat<f64>)> {
            let name = s.kernel.to_string();
            let map = similarity.map(s.kernel, s.gamma);
            let pairs = similarity.pairs(s.kernel);
            let mut k = kernel_matrix(similarity.backend(), engine, pairs, &map, &group.rows)?;
            normalise(&mut k, &name)?;
            Ok((name, k))
        };
        let mut names = Vec::with_capacity(null.len());
        for s in null {
            let (name, k) = made(s)?;
            inside.push(&name, k)?;
            names.push(name);
        }
        let tested = tested.iter().map(|s| {
            let (name, k) = made(s)?;
            Ok((name, inside.contrasts.matrix(k)))
        });
        let tested = tested.collect::<Result<_>>()?;
        Ok(Ready {
            names,
            null: inside,
            tested,
        })
    }

    fn trait_table(&self, name: &str, y: &[f64]) -> GlobalTable {
        let z = self.null.contrasts.vector(y);
        let spread = Problem::spread(&z);
        let problem = self.null.problem(&z);
        let all: Vec<usize> = (0..self.names.len()).collect();
        let fit = problem.fit(&all);
        let scaled: Vec<f64> = z.iter().map(|v| v / spread).collect();
        let rows = self.rows(&scaled, &fit);
        let mut components = self.names.clone();
        components.push("residual".into());
        let variances = fit.variances.iter().map(|v| v * spread * spread);
        GlobalTable {
            name: name.to_owned(),
            samples: y.len(),
            fixed: y.len() - z.len(),
            components,
            variances: variances.collect(),
            converged: fit.converged,
            rows,
        }
    }

    fn rows(&self, z: &[f64], fit: &Fit) -> Vec<GlobalRow> {
        let null = Null::new(z, &self.null.kernels, &fit.variances);
        let test = |(name, kernel): &(String, Mat<f64>)| {
            let score = null.as_ref().and_then(|null| null.test(kernel));
            GlobalRow::new(name, score)
        };
        self.tested.iter().map(test).collect()
    }
}

#[cfg(test)]
mod tests;
