//! Flags of `epitile epistasis --pairs`.

use clap::Args;
use epitile::epistasis::pairs::{Individuals, PairsOptions};
use epitile::error::{Error, Result};
use epitile::settings::Gammas;

/// Which pairs, and of whom.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pairs")]
pub(super) struct Pairing {
    /// Pairs to nominate
    #[arg(long, value_name = "K", default_value_t = 100, conflicts_with_all = ["global", "marginal"])]
    top: usize,
    /// Leave out pairs within so many kilobases on one chromosome
    #[arg(long, value_name = "KB", default_value_t = 10_000.0, conflicts_with_all = ["global", "marginal"])]
    pairs_kb: f64,
    /// Leave out pairs with a larger r² among the trait's individuals
    #[arg(long, value_name = "R2", default_value_t = 0.01, conflicts_with_all = ["global", "marginal"])]
    pairs_r2: f64,
    /// Kilobases to both sides of a SNP in which its lead SNP is looked for
    #[arg(long, value_name = "KB", default_value_t = 1000.0, conflicts_with_all = ["global", "marginal"])]
    lead_kb: f64,
    /// Of pairs both of whose SNPs have a larger r² among those who nominate, nominate the best only;
    /// 1 nominates them all
    #[arg(long, value_name = "R2", default_value_t = PairsOptions::default().thin_r2, conflicts_with_all = ["global", "marginal"])]
    thin_r2: f64,
    /// Kilobases within which SNPs are compared for that
    #[arg(long, value_name = "KB", default_value_t = PairsOptions::default().thin_kilobases, conflicts_with_all = ["global", "marginal"])]
    thin_kb: f64,
    /// Halves of whole families (equal FID)
    #[arg(long, conflicts_with_all = ["global", "marginal", "same_individuals"])]
    by_family: bool,
    /// All individuals nominate and confirm: more of them, but far more tests to adjust for
    #[arg(long, conflicts_with_all = ["global", "marginal"])]
    same_individuals: bool,
}

impl Pairing {
    /// As the library takes them, with the seed of the halves and γ of the model.
    pub(super) fn options(&self, seed: u64, gamma: Gammas) -> Result<PairsOptions> {
        if self.top == 0 {
            return Err(Error::usage("--top 0: found 0, expected at least one pair"));
        }
        for (value, flag) in [
            (self.pairs_kb, "--pairs-kb"),
            (self.lead_kb, "--lead-kb"),
            (self.thin_kb, "--thin-kb"),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::usage(format!(
                    "{flag} {value}: found {value}, expected kilobases, 0 or more"
                )));
            }
        }
        for (value, flag) in [(self.pairs_r2, "--pairs-r2"), (self.thin_r2, "--thin-r2")] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(Error::usage(format!(
                    "{flag} {value}: found {value}, expected a number above 0 and at most 1"
                )));
            }
        }
        Ok(PairsOptions {
            individuals: match self.same_individuals {
                true => Individuals::Same,
                false => Individuals::Halves {
                    seed,
                    by_family: self.by_family,
                },
            },
            gamma,
            top: self.top,
            kilobases: self.pairs_kb,
            r2: self.pairs_r2,
            lead_kilobases: self.lead_kb,
            thin_r2: self.thin_r2,
            thin_kilobases: self.thin_kb,
        })
    }
}
