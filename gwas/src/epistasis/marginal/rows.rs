//! The lines of a trait's table: p-values, normal ones or by eigenvalues.

use std::collections::BTreeMap;
use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::background::Background;
use super::block::Found;
use super::null::Fitted;
use super::{Outcome, Samples, exact};
use crate::epistasis::report::{Code, MarginalRow, PValue};
use crate::error::Result;
use crate::run::Progress;
use crate::tails::ln_normal_tail;

/// Normal p-values below this are replaced by exact ones.
const EXACT_BELOW: f64 = 0.05;

/// SNPs whose eigenvalues are found at the same time, with at most [`SMALL`] individuals: one alone
/// does not keep threads busy.
const TOGETHER: usize = 4;

/// Above so many individuals one matrix is work for all threads.
const SMALL: usize = 4096;

/// N × N matrices that the eigenvalues of a SNP take: H, two products, and what is made of the last.
pub(super) const EACH: usize = 4;

/// SNPs whose eigenvalues are found at the same time.
pub(super) fn together(samples: usize) -> usize {
    match samples <= SMALL {
        true => TOGETHER,
        false => 1,
    }
}

impl<B: Backend, E: Engine> Samples<'_, B, E> {
    /// The lines of the SNPs `snps` and trait `t`.
    pub(super) fn rows(
        &self,
        of: &Background<'_, B>,
        null: &Fitted,
        (outcomes, snps, t): (&[Outcome], Range<usize>, usize),
        progress: &Progress,
    ) -> Result<Vec<MarginalRow>> {
        let found = |outcome: &'_ Outcome| match outcome {
            Err(code) => Err(*code),
            Ok(all) => all[t].clone().ok_or(Code::Collinear),
        };
        let found: Vec<Result<Found, Code>> = outcomes.iter().map(found).collect();
        let inexact = snps.clone().zip(&found);
        let inexact = inexact.filter_map(|(m, found)| Some((m, found.as_ref().ok()?)));
        let inexact = inexact.filter(|(_, found)| self.is_exact(found));
        let exact = self.exact(of, null, inexact.collect(), progress)?;
        let row = |(m, found): (usize, Result<Found, Code>)| {
            let counts = &self.calls.counts()[m];
            let snp = (&self.cohort.snps[m], self.cohort.chromosomes, counts);
            let unit = self.y[t].1;
            let found = found.map(|f| {
                let normal = PValue {
                    ln_p: ln_normal_tail(f.z()),
                    method: "normal",
                };
                let p = exact.get(&m).copied().unwrap_or(normal);
                (f.variance * unit, f.se * unit, p)
            });
            MarginalRow::new(snp, found)
        };
        Ok(snps.zip(found).map(row).collect())
    }

    /// p-values by eigenvalues of these SNPs; a SNP without eigenvalues is left out.
    fn exact(
        &self,
        of: &Background<'_, B>,
        null: &Fitted,
        snps: Vec<(usize, &Found)>,
        progress: &Progress,
    ) -> Result<BTreeMap<usize, PValue>> {
        if snps.is_empty() {
            return Ok(BTreeMap::new());
        }
        let lower = null.factor(of)?.lower();
        let empty = snps.into_iter().map(|snp| (snp, None));
        let mut tails: Vec<((usize, &Found), Option<PValue>)> = empty.collect();
        for some in tails.chunks_mut(together(self.calls.samples())) {
            self.engine
                .for_each(some, |_, ((m, found), p)| -> Result<()> {
                    let form = exact::form(of, self.dosages(*m), found, &lower);
                    *p = form.map(|form| {
                        let tail = form.tail(found.variance);
                        PValue {
                            ln_p: tail.ln_p,
                            method: tail.method.name(),
                        }
                    });
                    progress.inc(1);
                    Ok(())
                })?;
        }
        let tails = tails.into_iter();
        Ok(tails.filter_map(|((m, _), p)| Some((m, p?))).collect())
    }

    /// Whether the normal p-value is not good enough.
    pub(super) fn is_exact(&self, found: &Found) -> bool {
        ln_normal_tail(found.z()) < EXACT_BELOW.ln()
            && self.calls.samples() <= self.options.exact_limit
    }
}
