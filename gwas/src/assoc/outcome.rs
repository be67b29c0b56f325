//! All files of a run whose chromosomes are tested.

use std::path::Path;

use super::effect::Form;
use super::nulls::Models;
use super::partial::{Finished, Part, Partial};
use super::scan::Group;
use super::tally::Tally;
use super::{AssocData, AssocOptions, Beside, Method, binary, finish, threshold};
use crate::cohort::Choice;
use crate::error::Result;
use crate::io::output::OutputSet;
use crate::run::RunLog;

/// All chromosomes, tested.
pub(super) struct Outcome<'a> {
    pub(super) parts: &'a [Part],
    pub(super) finished: &'a [Finished],
    pub(super) partial: &'a Partial,
}

impl Outcome<'_> {
    /// All files of the run, not yet under their names.
    pub(super) fn write(
        &self,
        tested: &mut Choice,
        (data, groups): (&AssocData<'_>, &[Group]),
        options: &AssocOptions,
        prefix: &Path,
        log: &RunLog,
    ) -> Result<OutputSet> {
        let mut files = OutputSet::new();
        let (mut nulls, mut models) = (Vec::new(), Models::default());
        let mut logistic = Vec::new();
        let mut tally = Tally::new(data.traits.len());
        for part in self.finished {
            tally.add(&part.tally);
            models.add(&part.models);
            for null in &part.binary {
                if !logistic.contains(null) {
                    logistic.push(null.clone());
                }
            }
            for null in &part.nulls {
                if !nulls.contains(null) {
                    log.say(null.to_string());
                    nulls.push(null.clone());
                }
            }
        }
        if options.method.is_binary() {
            binary::tell(&logistic, log);
        } else if let Ok(value) = serde_json::to_value(&nulls) {
            log.set("null_models", value);
        }
        for g in &models.gammas {
            log.say(format!(
                "{}, chromosome {}: γ {:.4}, coefficient of variation of xᵀPx/xᵀx {:.4} over {} \
                 SNPs",
                g.of, g.chromosome, g.gamma.gamma, g.gamma.cv, g.gamma.snps
            ));
        }
        if let (Some(_), Ok(value)) = (options.fast, serde_json::to_value(&models.gammas)) {
            log.set("fast", value);
        }
        let mut thresholds = serde_json::Map::new();
        for group in groups {
            for &t in &group.traits {
                let name = &data.traits[t].name;
                let at = (self.partial, self.parts, t);
                let about = finish::About {
                    of: name,
                    covariates: &data.fixed.names()[1..],
                    test: &format!("TESTFORM={}", options.method.form()),
                };
                let samples = (&about, group.rows.len());
                let writing = (options.writing, tested.chromosomes);
                let gone = finish::table(at, samples, writing, prefix, &mut files)?;
                if gone > 0 {
                    log.note(format!(
                        "phenotype {name}: {gone} SNPs are not in the table: GWAS-SSF has no \
                         place for SNPs without a test, without a position on chromosomes 1 to \
                         22, X, Y and MT, or with other alleles than nucleotides"
                    ));
                }
                let human = tested.chromosomes == Default::default();
                let freedom = group.rows.len() as f64 - group.x.len() as f64 - 1.0;
                let form = match options.method {
                    Method::Kernel(_, Beside::Mixed(form)) => form,
                    _ => Form::Wald,
                };
                let significance = threshold::significance(
                    (options.threshold, human),
                    (&tally, t),
                    (form, freedom, group.rows.len()),
                );
                let lead = options.clump.p.map(|p| -p.log10());
                let limit = lead.or(significance.log10p).unwrap_or(f64::INFINITY);
                let rule = (limit, &options.clump);
                let found = finish::loci(at, (tested, group, name), rule, prefix, &mut files)?;
                let which = options.clump.p.map(|p| format!(" of p ≤ {p}"));
                let which = which.unwrap_or_default();
                log.say(format!("{name}: {significance}; {found} loci{which}"));
                let record = serde_json::json!({
                    "threshold": significance,
                    "tested": tally.tested[t],
                    "loci": found,
                });
                thresholds.insert(name.clone(), record);
            }
        }
        log.set("significance", thresholds.into());
        if let Some(prefix) = &options.null_out {
            files.add(models.write(prefix)?)?;
        }
        Ok(files)
    }
}
