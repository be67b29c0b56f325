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
//! | `samples` | the whole way, for traits with the same samples |
//! | `split` | who nominates, who confirms? |
//! | `model` | the fitted model, its kernel and weights |
//! | `limits` | which pairs are left out? |
//! | `nominate` | the largest mixed derivatives |
//! | `top` | the best of very many |
//! | `thin` | which of them stand for others? |
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
mod samples;
mod split;
pub mod study;
mod table;
mod thin;
mod top;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use super::EpistasisData;
use crate::cohort::Cohort;
use crate::error::{Error, Kind, Result};
use crate::io::text::first_few;
use crate::run::RunLog;
use crate::settings::Gammas;
use samples::Samples;

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
    /// Of pairs both of whose SNPs have a larger r² among the nominating individuals, only the
    /// best is nominated; 1 nominates them all.
    pub thin_r2: f64,
    /// Kilobases within which SNPs are looked at for that.
    pub thin_kilobases: f64,
}

impl Default for PairsOptions {
    /// Halves of seed 1, γ = 1 / median, 100 pairs, 10 Mb, r² 0.01, leads within 1 Mb, not thinned
    /// (else within 1 Mb).
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
            thin_r2: 1.0,
            thin_kilobases: 1000.0,
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

#[cfg(test)]
mod tests;
