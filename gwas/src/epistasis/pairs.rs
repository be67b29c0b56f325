//! Which pairs of SNPs interact? Nominated by a kernel model, confirmed by regression.
//!
//! A Gaussian kernel model of some individuals nominates the pairs whose mixed second derivative,
//! averaged over them, is largest; other individuals confirm: there each pair's product is tested
//! beside both SNPs, lead SNPs near them, the covariates and an additive kernel without both
//! chromosomes. What nominates and what confirms share no trait value, so only the tests made need
//! to be adjusted for. If the same individuals do both, all pairs that could have been nominated
//! count as tested: nominated pairs alone would be the largest of very many, and the family-wise
//! error near 1.
//!
//! | module | question it answers |
//! |---|---|
//! | `split` | who nominates, who confirms? |
//! | `model` | the fitted model, its kernel and weights |
//! | `limits` | which pairs are left out? |
//! | `nominate` | the largest mixed derivatives |
//! | `top` | the best of very many |
//! | `leads` | SNPs near a pair with effects of their own |
//! | `kernels`, `confirm` | the additive kernel without two chromosomes; the regression |
//! | `dosages` | dosages of some SNPs as columns |
//! | `table` | what is written |
//! | [`study`] | how often is something found where nothing is? |

mod confirm;
mod dosages;
mod kernels;
mod leads;
mod limits;
mod model;
mod nominate;
mod split;
pub mod study;
mod table;
mod top;

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::norm2;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;

use super::{EpistasisData, Group};
use crate::cohort::Cohort;
use crate::error::{Error, Kind, Result};
use crate::io::bim::Snp;
use crate::io::text::first_few;
use crate::null::contrast::Contrasts;
use crate::run::{Progress, RunLog};
use crate::settings::Gammas;
use confirm::{Confirming, Outcome, Task};
use leads::Leads;
use limits::{Limits, base_pairs};
use model::Model;
use nominate::{Nominated, nominate};
use split::{Halves, families};
use top::Candidate;

pub use limits::Left;
pub use split::Individuals;
pub use table::{PairRow, PairsTable};

/// How to nominate and confirm.
#[derive(Clone, Debug)]
pub struct PairsOptions {
    /// Who nominates and who confirms.
    pub individuals: Individuals,
    /// γ of the model, or c of γ = c / median; one number.
    pub gamma: Gammas,
    /// Most pairs to nominate for a trait; at least 1.
    pub top: usize,
    /// Pairs on one chromosome within so many kilobases are left out.
    pub kilobases: f64,
    /// Pairs with a larger r² among a trait's samples are left out.
    pub r2: f64,
    /// Kilobases around a SNP in which its lead SNP is looked for.
    pub lead_kilobases: f64,
}

impl Default for PairsOptions {
    /// Halves of seed 1, γ = 1 / median, 100 pairs, 10 Mb, r² 0.01, leads within 1 Mb.
    fn default() -> Self {
        PairsOptions {
            individuals: Individuals::Halves {
                seed: 1,
                by_family: false,
            },
            gamma: Gammas::Scales(vec![1.0]),
            top: 100,
            kilobases: 10_000.0,
            r2: 0.01,
            lead_kilobases: 1000.0,
        }
    }
}

/// Nominates and confirms pairs for every trait; one that cannot be tested is left out with a
/// warning. Operations for each set of N samples, n of which nominate and m confirm, with t traits:
/// 10·n³ + 2·n²·M·(t + 1) + M²·(N + n·t) to nominate, 9·m³ for each pair of chromosomes among the
/// nominated to confirm.
///
/// # Errors
/// `Inconsistent` for fewer than three chromosomes; `Usage` for a γ that is not one number;
/// `Degenerate` if no trait can be tested; failures of the device.
pub fn pairs<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    cohort: &Cohort,
    data: EpistasisData<'_>,
    options: &PairsOptions,
    log: &RunLog,
) -> Result<Vec<PairsTable>> {
    let segments = cohort.genotypes.segments().len();
    if segments < 3 {
        return Err(Error::inconsistent(format!(
            "--pairs tests a pair beside a kernel without the chromosomes of both SNPs: found \
             {segments}, expected at least three; see --chr"
        )));
    }
    let mut tables: Vec<Option<PairsTable>> = data.traits.iter().map(|_| None).collect();
    let mut reasons = Vec::new();
    for group in data.groups() {
        let found = Samples::new((cohort, data), &group, options, log).and_then(|(samples, flat)| {
            let why = "it does not vary, beside the covariates, among those who nominate or those \
                       who confirm";
            data.leave_out(&flat, why, &mut reasons, log);
            match samples.traits.is_empty() {
                true => Ok(Vec::new()),
                false => samples.run((backend, engine), log),
            }
        });
        match found {
            Ok(found) => {
                for (t, table) in found {
                    tables[t] = Some(table);
                }
            }
            Err(error) if error.kind() == Kind::Degenerate => {
                data.leave_out(&group.traits, &error.to_string(), &mut reasons, log);
            }
            Err(error) => return Err(error),
        }
    }
    let tables: Vec<PairsTable> = tables.into_iter().flatten().collect();
    match tables.is_empty() {
        false => Ok(tables),
        true => Err(Error::degenerate(format!(
            "no phenotype can be tested: {}",
            first_few(&reasons)
        ))),
    }
}

/// Some of a trait's samples.
struct Part {
    calls: Arc<Genotypes>,
    /// Independent fixed effects.
    x: Vec<Vec<f64>>,
    /// Traits.
    y: Vec<Vec<f64>>,
}

/// Traits with the same samples.
struct Samples<'a> {
    cohort: &'a Cohort,
    data: EpistasisData<'a>,
    options: &'a PairsOptions,
    traits: Vec<usize>,
    all: Arc<Genotypes>,
    nominating: Part,
    confirming: Part,
    /// SNPs that vary in both parts.
    snps: Vec<usize>,
}

/// Columns of a test at most: two SNPs, two leads, the product; and something to estimate from.
const LEAST: usize = 10;

impl<'a> Samples<'a> {
    /// Of a group, and its traits that cannot be tested.
    fn new(
        (cohort, data): (&'a Cohort, EpistasisData<'a>),
        group: &Group,
        options: &'a PairsOptions,
        log: &RunLog,
    ) -> Result<(Self, Vec<usize>)> {
        let halves = Halves::new(&group.rows, &cohort.samples, options.individuals)?;
        if let Individuals::Halves {
            by_family: false, ..
        } = options.individuals
        {
            match families(&group.rows, &cohort.samples) {
                0 => {}
                n => log.warn(format!(
                    "{n} families (equal FID) have several members, who may nominate and confirm: \
                     halves are then not independent; --by-family keeps families together"
                )),
            }
        }
        let design = |rows: &[u32]| data.fixed.independent(rows).1;
        let x = [&halves.nominating, &halves.confirming].map(|rows| design(rows));
        for (rows, x, what) in [
            (&halves.nominating, &x[0], "nominate"),
            (&halves.confirming, &x[1], "confirm"),
        ] {
            if rows.len() < x.len() + LEAST {
                return Err(Error::degenerate(format!(
                    "{} individuals are to {what} pairs, too few for {} fixed effects and the \
                     SNPs of a test",
                    rows.len(),
                    x.len()
                )));
            }
        }
        let values = |t: usize, rows: &[u32]| data.values(t, rows);
        let (traits, flat): (Vec<usize>, Vec<usize>) = group.traits.iter().partition(|&&t| {
            varies(&values(t, &halves.nominating), &x[0])
                && varies(&values(t, &halves.confirming), &x[1])
        });
        let all = Arc::new(cohort.genotypes.select(&group.rows));
        let [own, other] = x;
        let part = |rows: &[u32], x: Vec<Vec<f64>>| Part {
            calls: match rows == group.rows {
                true => all.clone(),
                false => Arc::new(cohort.genotypes.select(rows)),
            },
            x,
            y: traits.iter().map(|&t| values(t, rows)).collect(),
        };
        let nominating = part(&halves.nominating, own);
        let confirming = part(&halves.confirming, other);
        let varies = |part: &Part, m: usize| !part.calls.counts()[m].is_monomorphic();
        let snps = (0..all.snps()).filter(|&m| varies(&nominating, m) && varies(&confirming, m));
        let samples = Samples {
            cohort,
            data,
            options,
            snps: snps.collect(),
            traits,
            all,
            nominating,
            confirming,
        };
        Ok((samples, flat))
    }

    /// Tables by trait.
    fn run<B: Backend, E: Engine>(
        &self,
        device: (&B, &E),
        log: &RunLog,
    ) -> Result<Vec<(usize, PairsTable)>> {
        let options = self.options;
        let part = &self.nominating;
        let model = log.timed("model", || {
            Model::new(device, &part.calls, &options.gamma, &part.x, &part.y)
        })?;
        let limits = Limits::new(self.cohort, &self.snps, (options.kilobases, options.r2));
        let (nominated, left) = log.timed("nominate", || {
            let progress = self.progress(log);
            let calls = (&*part.calls, &*self.all);
            nominate(&model, calls, &limits, options.top, &progress)
        });
        if left.open() == 0 {
            return Err(Error::degenerate(format!(
                "no pair is left: of {} pairs of {} SNPs that vary, {} are within --pairs-kb {} and \
                 the others have r² above --pairs-r2 {}",
                left.pairs,
                self.snps.len(),
                left.near,
                options.kilobases,
                options.r2
            )));
        }
        let tasks: Vec<Task> = nominated
            .iter()
            .enumerate()
            .flat_map(|(of, found)| self.tasks(of, found))
            .collect();
        let confirming = Confirming {
            calls: &self.confirming.calls,
            x: &self.confirming.x,
            y: &self.confirming.y,
        };
        let mut outcomes = log
            .timed("confirm", || confirming.test(&tasks))?
            .into_iter();
        let tables = self.traits.iter().zip(nominated.iter().zip(&model.traits));
        let tables = tables.map(|(&t, (found, weights))| {
            let rows = found.best.iter().zip(&mut outcomes);
            let table = PairsTable {
                name: self.data.traits[t].name.clone(),
                nominating: part.calls.samples(),
                confirming: self.confirming.calls.samples(),
                same: options.individuals == Individuals::Same,
                fixed: self.confirming.x.len(),
                gamma: model.gamma,
                lambda: weights.lambda,
                snps: self.snps.len(),
                left,
                rows: rows.map(|(of, outcome)| self.row(of, outcome)).collect(),
            };
            (t, table)
        });
        Ok(tables.collect())
    }

    fn progress(&self, log: &RunLog) -> Progress {
        let m = self.snps.len() as u64;
        log.progress(m * m.saturating_sub(1) / 2, "pairs")
    }

    fn tasks(&self, of: usize, found: &Nominated) -> Vec<Task> {
        let leads = Leads {
            cohort: self.cohort,
            snps: &self.snps,
            slopes: &found.slopes,
            distance: base_pairs(self.options.lead_kilobases),
        };
        let task = |c: &Candidate| Task {
            of,
            pair: c.snps,
            leads: leads.of(c.snps),
        };
        found.best.iter().map(task).collect()
    }

    fn row(&self, of: &Candidate, (leads, found): Outcome) -> PairRow {
        let snp = |m: usize| -> Snp {
            let mut snp = self.cohort.snps[m].clone();
            snp.chromosome = self.cohort.chromosomes.label(&snp.chromosome);
            snp
        };
        PairRow {
            snps: of.snps.map(snp),
            frequency: of.snps.map(|m| self.all.counts()[m].frequency()),
            r2: of.r2,
            score: of.score,
            leads: leads
                .iter()
                .map(|&m| self.cohort.snps[m].id.clone())
                .collect(),
            found,
        }
    }
}

/// Whether fixed effects leave something of `y`.
fn varies(y: &[f64], x: &[Vec<f64>]) -> bool {
    let left = Contrasts::new(x).residual(y);
    // Least squares err by a few N·u of y.
    norm2(&left) > 16.0 * y.len() as f64 * f64::EPSILON * norm2(y)
}

#[cfg(test)]
mod tests;
