//! Does a SNP interact with the others together? Marginal epistasis (MAPIT; Crawford, Zeng,
//! Mukherjee and Zhou, PLoS Genetics 13:e1006869, 2017).
//!
//! For SNP k with standardised dosages x, K_k the additive kernel (`linear:std`) of the other SNPs
//! and D = diag(x), y = Xb + xβ + m + g + e with g ~ N(0, σ²_aK_k), m ~ N(0, σ²DK_kD): m sums the
//! products of SNP k with every other. σ² is estimated by quadratic moments (`snp.rs`), x and the
//! fixed effects projected out: without x there are 47 % false rejections at a SNP with an effect
//! of its own. Its null is σ² = 0. Other SNPs' interactions are part of it only if further kernels E
//! are, as `grm^2` for those of all pairs: without, where much of a trait is epistatic, nearly all
//! SNPs have small p-values.
//!
//! How σ̂² varies under the null follows from the trait's null model, which is fitted by restricted
//! likelihood once, with all SNPs in the kernel (`null.rs`). One-sided p-values: normal, with the
//! standard error (`block.rs`) of the null model; where that is below 0.05 and N within a limit, by
//! the eigenvalues (`exact.rs`) of the quadratic form.

mod background;
mod block;
mod exact;
mod kernels;
mod null;
mod rows;
mod small;
mod snp;

use std::ops::Range;
use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::{norm2, orthonormalise};
use epitile_core::engine::Engine;
use epitile_core::genotypes::{Genotypes, Segment};
use epitile_core::kernel::Kernel;
use faer::Mat;

use super::report::{Code, MarginalTable};
use super::{EpistasisData, Group};
use crate::cohort::Cohort;
use crate::error::{Error, Kind, Result};
use crate::io::text::first_few;
use crate::run::{Progress, RunLog};
use crate::settings::Gammas;
use background::{Background, Further, without};
use block::{Outcomes, block};
use null::{Fits, Fitted, PROBES, Response};

/// SNPs whose products are made together.
const BLOCK: usize = 16;

/// What to test.
#[derive(Clone, Debug)]
pub struct MarginalOptions {
    /// Whether K_k lacks all of the SNP's chromosome.
    pub loco: bool,
    /// Most samples with which p-values are exact.
    pub exact_limit: usize,
    /// Seed of the draws for standard errors.
    pub seed: u64,
    /// Kernels of the null beside the additive one: of all SNPs, centred, with mean diagonal 1.
    pub further: Vec<Kernel>,
    /// γ of those that have one, or c of γ = c / median; one number.
    pub gamma: Gammas,
}

impl MarginalOptions {
    /// N × N matrices held at a time, and what takes as much, with so many individuals, traits,
    /// fixed effects and threads.
    pub fn matrices(&self, samples: usize, counts: (usize, usize, usize)) -> usize {
        let (traits, fixed, threads) = counts;
        // K, also without a chromosome, K and K∘K of the backend, contrasts of K and eigenvectors; of
        // every further kernel E, E and K∘E of the backend, contrasts and eigenvectors.
        let held = 6 + 5 * self.further.len();
        // V₀ and its factor, with what eigenvalues take.
        let matrices = held
            + match samples <= self.exact_limit {
                true => 2 + rows::EACH * rows::together(samples),
                false => 2,
            };
        // A SNP's products with their factors, here and for the backend; draws, and what H, K and
        // the further kernels make of them.
        let columns =
            3 * (6 + fixed + traits + 3 * self.further.len()) + PROBES * (10 + self.further.len());
        matrices + (BLOCK * columns * threads).div_ceil(samples)
    }
}

/// Tests every SNP on every trait; a trait that cannot be tested is left out with a warning. For
/// each set of samples about 9·N³ operations (for each chromosome if it is left out), and for each
/// SNP 2·N²·(6 + c + 17·t) with c fixed effects and t traits, and 3·N³ where the p-value is exact. For
/// each further kernel 9·N³ for the samples, N³ for each of some dozens of steps of a trait's null
/// model, and 2·N²·(3 + 8·t) for each SNP more.
///
/// # Errors
/// `Inconsistent` for `loco` with one chromosome; `Usage` for a γ that is not one number;
/// `Degenerate` if no trait can be tested; failures of the device.
pub fn marginal<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    cohort: &Cohort,
    data: EpistasisData<'_>,
    options: &MarginalOptions,
    log: &RunLog,
) -> Result<Vec<MarginalTable>> {
    let segments = cohort.genotypes.segments().len();
    if options.loco && segments < 2 {
        return Err(Error::inconsistent(
            "--marginal-loco leaves out each SNP's chromosome: found one chromosome, expected \
             several; leave the flag out",
        ));
    }
    let mut tables: Vec<Option<MarginalTable>> = data.traits.iter().map(|_| None).collect();
    let mut reasons = Vec::new();
    let groups = data.groups();
    let progress = log.progress((groups.len() * cohort.snps.len()) as u64, "SNPs");
    for group in &groups {
        let work = Samples::new(backend, engine, cohort, (data, group), options);
        let found = work.and_then(|work| work.run(log, &progress));
        match found {
            Ok(found) => {
                for (&t, table) in group.traits.iter().zip(found) {
                    tables[t] = Some(table);
                }
            }
            Err(error) if error.kind() == Kind::Degenerate => {
                data.leave_out(&group.traits, &error.to_string(), &mut reasons, log);
            }
            Err(error) => return Err(error),
        }
    }
    let tables: Vec<MarginalTable> = tables.into_iter().flatten().collect();
    match tables.is_empty() {
        false => Ok(tables),
        true => Err(Error::degenerate(format!(
            "no phenotype can be tested: {}",
            first_few(&reasons)
        ))),
    }
}

/// The traits and genotypes of some samples.
struct Samples<'a, B, E> {
    backend: &'a B,
    engine: &'a E,
    cohort: &'a Cohort,
    options: &'a MarginalOptions,
    names: Vec<&'a str>,
    calls: Arc<Genotypes>,
    /// Fixed effects, orthonormal.
    q: Vec<Vec<f64>>,
    /// Traits without them, of variance 1, and the variance they had.
    y: Vec<(Vec<f64>, f64)>,
}

/// What became of a SNP on every trait.
type Outcome = Result<Outcomes, Code>;

impl<'a, B: Backend, E: Engine> Samples<'a, B, E> {
    fn new(
        backend: &'a B,
        engine: &'a E,
        cohort: &'a Cohort,
        (data, group): (EpistasisData<'a>, &Group),
        options: &'a MarginalOptions,
    ) -> Result<Self> {
        let (_, mut q) = data.fixed.independent(&group.rows);
        orthonormalise(&mut q);
        let n = group.rows.len();
        if n < q.len() + 5 {
            return Err(Error::degenerate(format!(
                "{n} individuals and {} fixed effects leave nothing to estimate",
                q.len()
            )));
        }
        let y = group.traits.iter().map(|&t| {
            let y = without(without(data.values(t, &group.rows), &q), &q);
            let sd = norm2(&y) / ((n - q.len()) as f64).sqrt();
            (y.iter().map(|v| v / sd).collect(), sd * sd)
        });
        Ok(Samples {
            backend,
            engine,
            cohort,
            options,
            names: group
                .traits
                .iter()
                .map(|&t| &*data.traits[t].name)
                .collect(),
            calls: Arc::new(cohort.genotypes.select(&group.rows)),
            y: y.collect(),
            q,
        })
    }

    fn run(&self, log: &RunLog, progress: &Progress) -> Result<Vec<MarginalTable>> {
        let (n, limit) = (self.calls.samples(), self.options.exact_limit);
        if n > limit {
            log.warn(format!(
                "{n} individuals are more than --exact-limit {limit}: all p-values are normal, and \
                 small ones too small, since estimates are skewed; trust none below 0.01 that a run \
                 with a higher limit has not confirmed"
            ));
        }
        let held = self.calls.counts().iter();
        let held = held.filter(|c| !c.is_monomorphic()).count();
        let (kernel, further) = log.timed("kernel", || self.kernels(log))?;
        let mut fits = log.timed("null", || Fits::new(&further, &self.q))?;
        let mut tables = self.tables(&further);
        let mut add = |segment: Option<&Segment>, kernel: Mat<f64>, held: usize| -> Result<()> {
            let all = segment.map_or(0..self.calls.snps(), |s| s.snps.clone());
            let null: Vec<Fitted> = log.timed("null", || {
                fits.set(&kernel)?;
                Ok(self.y.iter().map(|(y, _)| fits.fit(y)).collect())
            })?;
            for (name, null) in self.names.iter().zip(&null) {
                if !null.converged {
                    log.warn(format!(
                        "phenotype {name}: the fit of the null model ended before a maximum: treat \
                         its tests with care"
                    ));
                }
            }
            let rest = (held, !self.options.loco);
            let background = Background::new(self.backend, kernel, &self.q, rest, &further)?;
            let of_traits = self.y.iter().zip(&null);
            let responses: Vec<Response> = of_traits
                .map(|((y, _), null)| Response::new(&background, y, null, self.options.seed))
                .collect::<Result<_>>()?;
            let outcomes = log.timed("sweep", || {
                self.sweep(&background, &responses, all.clone(), progress)
            })?;
            let found = outcomes.iter().flatten().flatten().flatten();
            let exact = found.filter(|found| self.is_exact(found)).count();
            let progress = log.progress(exact as u64, "exact p-values");
            log.timed("exact", || {
                for (t, (table, null)) in tables.iter_mut().zip(&null).enumerate() {
                    let found = (&outcomes[..], all.clone(), t);
                    let rows = self.rows(&background, null, found, &progress)?;
                    table.rows.extend(rows);
                    let without = segment.map(|s| self.cohort.chromosomes.label(&s.name));
                    table.null.push(null.report(without, self.y[t].1));
                }
                Ok(())
            })
        };
        match self.options.loco {
            false => add(None, kernel, held)?,
            true => {
                for segment in self.calls.segments() {
                    let (rest, left) = self.without_segment(&kernel, segment.snps.clone(), held)?;
                    add(Some(segment), rest, left)?;
                }
            }
        }
        Ok(tables)
    }

    /// Tables without lines.
    fn tables(&self, further: &[Further]) -> Vec<MarginalTable> {
        let further = further.iter().map(|e| e.name.clone());
        let components: Vec<String> = std::iter::once("linear:std".to_owned())
            .chain(further)
            .chain(["residual".to_owned()])
            .collect();
        let table = |name: &&str| MarginalTable {
            name: (*name).to_owned(),
            samples: self.calls.samples(),
            fixed: self.q.len(),
            loco: self.options.loco,
            components: components.clone(),
            null: Vec::new(),
            rows: Vec::new(),
        };
        self.names.iter().map(table).collect()
    }

    /// Estimates of all SNPs.
    fn sweep(
        &self,
        of: &Background<'_, B>,
        responses: &[Response],
        snps: Range<usize>,
        progress: &Progress,
    ) -> Result<Vec<Outcome>> {
        let counts = self.calls.counts();
        let varying: Vec<usize> = snps
            .clone()
            .filter(|&m| !counts[m].is_monomorphic())
            .collect();
        let mut blocks: Vec<(&[usize], Vec<Outcomes>)> =
            varying.chunks(BLOCK).map(|b| (b, Vec::new())).collect();
        self.engine
            .for_each(&mut blocks, |_, (of_block, found)| -> Result<()> {
                let x = of_block.iter().map(|&m| self.dosages(m)).collect();
                *found = block(of, x, responses)?;
                progress.inc(of_block.len() as u64);
                Ok(())
            })?;
        let mut found = blocks.into_iter().flat_map(|(_, found)| found);
        let outcome = |m: usize| match &counts[m] {
            c if c.observed() == 0 => Err(Code::AllMissing),
            c if c.is_monomorphic() => Err(Code::Monomorphic),
            _ => found.next().ok_or(Code::Collinear),
        };
        Ok(snps.map(outcome).collect())
    }
}

#[cfg(test)]
mod tests;
