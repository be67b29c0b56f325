//! Traits with the same samples: nominated and confirmed.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::dense::norm2;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;

use super::PairsOptions;
use super::confirm::{Confirming, Outcome, Task};
use super::leads::Leads;
use super::limits::{Limits, base_pairs};
use super::model::Model;
use super::nominate::{Nominated, nominate};
use super::split::{Halves, Individuals, families};
use super::table::{PairRow, PairsTable};
use super::thin::{POOL, Thinning};
use super::top::Candidate;
use crate::cohort::Cohort;
use crate::epistasis::{EpistasisData, Group};
use crate::error::{Error, Result};
use crate::io::bim::Snp;
use crate::null::contrast::Contrasts;
use crate::run::{Progress, RunLog};

/// Some of a trait's samples.
struct Part {
    calls: Arc<Genotypes>,
    /// Independent fixed effects.
    x: Vec<Vec<f64>>,
    /// Traits.
    y: Vec<Vec<f64>>,
}

/// Traits with the same samples.
pub(super) struct Samples<'a> {
    cohort: &'a Cohort,
    data: EpistasisData<'a>,
    options: &'a PairsOptions,
    pub(super) traits: Vec<usize>,
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
    pub(super) fn new(
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
    pub(super) fn run<B: Backend, E: Engine>(
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
        let (mut nominated, left) = log.timed("nominate", || {
            let progress = self.progress(log);
            let calls = (&*part.calls, &*self.all);
            let pool = options.top.saturating_mul(POOL);
            nominate(&model, calls, &limits, pool, &progress)
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
        let thinning = Thinning {
            cohort: self.cohort,
            calls: &part.calls,
            distance: base_pairs(options.thin_kilobases),
            r2: options.thin_r2,
        };
        let thin = |found: &mut Nominated| {
            let (kept, dropped) = thinning.keep(&found.best, options.top);
            found.best = kept;
            dropped
        };
        let thinned: Vec<usize> = nominated.iter_mut().map(thin).collect();
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
        let found = nominated.iter().zip(&model.traits).zip(thinned);
        let tables = self.traits.iter().zip(found);
        let tables = tables.map(|(&t, ((found, weights), thinned))| {
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
                thinned,
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
