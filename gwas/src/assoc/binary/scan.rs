//! SNPs streamed through logistic null models.

use epitile_core::genotypes::Counts;
use rayon::prelude::*;

use super::form::Form;
use super::model::Model;
use super::null::Nulls;
use crate::assoc::block::{Block, untested};
use crate::assoc::effect::Untested;
use crate::assoc::scan::{Found, Group, Scan};
use crate::error::Result;
use crate::io::bed::Bed;
use crate::run::Progress;

impl Scan<'_> {
    /// Tests `snps` in the null models `nulls`, one for each group: with a random effect on the
    /// means of missing calls, without on the individuals who have the call.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub(in crate::assoc) fn logistic(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        (nulls, form, kernel): (&[Nulls], Form, bool),
        progress: &Progress,
    ) -> Result<()> {
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            match kernel {
                true => beside(block, &nulls[g], form, (group, counts)),
                false => alone(block, &nulls[g], form, (group, counts)),
            }
        };
        self.stream(bed, snps, progress, run)
    }
}

/// Tests beside a kernel.
fn beside(block: &Block, nulls: &Nulls, form: Form, (group, counts): (&Group, &[Counts])) -> Found {
    let x = block.centred(&group.places, counts);
    let of = |model: &Result<Model, Untested>| {
        let mut found = match model {
            Err(_) => vec![Err(Untested::NoNullModel); counts.len()],
            Ok(model) => model.test_block(form, &x),
        };
        for (found, counts) in found.iter_mut().zip(counts) {
            if let Some(why) = untested(counts) {
                *found = Err(why);
            }
        }
        found
    };
    nulls.0.iter().map(of).collect()
}

/// Tests without one.
fn alone(block: &Block, nulls: &Nulls, form: Form, (group, counts): (&Group, &[Counts])) -> Found {
    let of = |k: usize| -> Vec<_> {
        if let Some(why) = untested(&counts[k]) {
            return vec![Err(why); nulls.0.len()];
        }
        let calls = block.calls(k);
        let dosage = |&i: &u32| calls.call(i as usize).map(f64::from);
        let dosages: Vec<Option<f64>> = group.places.iter().map(dosage).collect();
        let of = |model: &Result<Model, Untested>| match model {
            Err(_) => Err(Untested::NoNullModel),
            Ok(model) => model.test_calls(form, &dosages),
        };
        nulls.0.iter().map(of).collect()
    };
    let by_snp: Vec<Vec<_>> = (0..counts.len()).into_par_iter().map(of).collect();
    let all = 0..nulls.0.len();
    all.map(|t| by_snp.iter().map(|found| found[t]).collect())
        .collect()
}
