//! Does a SNP interact with the others together? Marginal epistasis (MAPIT; Crawford, Zeng,
//! Mukherjee and Zhou, PLoS Genetics 13:e1006869, 2017).
//!
//! For SNP k with standardised dosages x, K_k the additive kernel (`linear:std`) of the other SNPs
//! and D = diag(x), y = Xb + xβ + m + g + e with g ~ N(0, σ²_aK_k), m ~ N(0, σ²DK_kD): m sums the
//! products of SNP k with every other. σ² is estimated by quadratic moments (`snp.rs`), x and the
//! fixed effects projected out: without x there are 47 % false rejections at a SNP with an effect
//! of its own. Its null is σ² = 0. Other SNPs' interactions are part of it only if further kernels E
//! are, as `grm^2` for those of all pairs (`further.rs`): without, where much of a trait is
//! epistatic, nearly all SNPs have small p-values.
//!
//! One-sided p-values: normal, with the standard error (`block.rs`) of the null model; where that
//! is below 0.05 and N within a limit, by the eigenvalues (`exact.rs`) of the quadratic form.

mod background;
mod block;
mod exact;
mod further;
mod kernels;
mod small;
mod snp;

use std::ops::Range;
use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::{norm2, orthonormalise};
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::Kernel;
use faer::Mat;

use super::report::{Code, MarginalRow, MarginalTable, PValue};
use super::{EpistasisData, Group};
use crate::cohort::Cohort;
use crate::error::{Error, Kind, Result};
use crate::io::text::first_few;
use crate::run::{Progress, RunLog};
use crate::settings::Gammas;
use crate::tails::ln_normal_tail;
use background::{Background, without};
use block::{Found, Outcomes, Response, block};

/// SNPs whose products are made together.
const BLOCK: usize = 16;

/// Normal p-values below this are replaced by exact ones.
const EXACT_BELOW: f64 = 0.05;

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

/// Tests every SNP on every trait; a trait that cannot be tested is left out with a warning. For
/// each set of samples about 9·N³ operations (for each chromosome if it is left out), and for each
/// SNP 2·N²·(6 + c + 17·t) with c fixed effects and t traits, and 6·N³ where the p-value is exact. For
/// each further kernel 9·N³ for the samples and 2·N²·(3 + 8·t) for each SNP more.
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
        let mut tables: Vec<Vec<MarginalRow>> = vec![Vec::new(); self.y.len()];
        let mut add = |all: Range<usize>, kernel: Mat<f64>, held: usize| -> Result<()> {
            let rest = (held, !self.options.loco);
            let seed = self.options.seed;
            let background = Background::new(self.backend, kernel, &self.q, rest, seed, &further)?;
            let outcomes = log.timed("sweep", || self.sweep(&background, all.clone(), progress))?;
            let found = outcomes.iter().flatten().flatten().flatten();
            let exact = found.filter(|found| self.is_exact(found)).count();
            let progress = log.progress(exact as u64, "exact p-values");
            log.timed("exact", || {
                for (m, outcome) in all.zip(outcomes) {
                    for (t, table) in tables.iter_mut().enumerate() {
                        table.push(self.row(&background, (m, t), &outcome, &progress));
                    }
                }
            });
            Ok(())
        };
        match self.options.loco {
            false => add(0..self.calls.snps(), kernel, held)?,
            true => {
                for segment in self.calls.segments() {
                    let (rest, left) = self.without_segment(&kernel, segment.snps.clone(), held)?;
                    add(segment.snps.clone(), rest, left)?;
                }
            }
        }
        let tables = tables.into_iter().zip(&self.names);
        let tables = tables.map(|(rows, name)| MarginalTable {
            name: (*name).to_owned(),
            samples: self.calls.samples(),
            fixed: self.q.len(),
            loco: self.options.loco,
            further: further.iter().map(|e| e.name.clone()).collect(),
            rows,
        });
        Ok(tables.collect())
    }

    /// Estimates of all SNPs.
    fn sweep(
        &self,
        of: &Background<'_, B>,
        snps: Range<usize>,
        progress: &Progress,
    ) -> Result<Vec<Outcome>> {
        let columns: Vec<Vec<f64>> = self.y.iter().map(|(y, _)| y.clone()).collect();
        let responses: Vec<Response> = of.drawn(columns)?;
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
                *found = block(of, x, &responses)?;
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

    /// The line of SNP `m` and trait `t`.
    fn row(
        &self,
        of: &Background<'_, B>,
        (m, t): (usize, usize),
        outcome: &Outcome,
        progress: &Progress,
    ) -> MarginalRow {
        let counts = &self.calls.counts()[m];
        let found = match outcome {
            Err(code) => Err(*code),
            Ok(all) => all[t].as_ref().ok_or(Code::Collinear),
        };
        let found = found.map(|f| (f, self.p_value(of, m, f, progress)));
        MarginalRow::new(
            (&self.cohort.snps[m], self.cohort.chromosomes, counts),
            found.map(|(f, p)| (f.variance * self.y[t].1, f.se * self.y[t].1, p)),
        )
    }

    /// Whether the normal p-value is not good enough.
    fn is_exact(&self, found: &Found) -> bool {
        ln_normal_tail(found.z()) < EXACT_BELOW.ln()
            && self.calls.samples() <= self.options.exact_limit
    }

    fn p_value(
        &self,
        of: &Background<'_, B>,
        m: usize,
        found: &Found,
        progress: &Progress,
    ) -> PValue {
        let ln_p = ln_normal_tail(found.z());
        if self.is_exact(found) {
            let form = exact::form(of, self.dosages(m), found);
            progress.inc(1);
            if let Some(form) = form {
                let tail = form.tail(found.variance);
                return PValue {
                    ln_p: tail.ln_p,
                    method: tail.method.name(),
                };
            }
        }
        PValue {
            ln_p,
            method: "normal",
        }
    }
}

#[cfg(test)]
mod tests;
