//! Flags of `epitile assoc` that say how to go about it and what to write, not what to test.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use epitile::assoc::clump::Clump;
use epitile::assoc::effect::Form;
use epitile::assoc::fast::Fast;
use epitile::assoc::finish::{Format, Writing};
use epitile::assoc::tally::Count;
use epitile::assoc::threshold::Rule;
use epitile::assoc::{Beside, Method};
use epitile::cohort::Choice;
use epitile::error::{Error, Result};
use epitile::io::bgzip::LARGEST;

/// The approximate test.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Speed")]
pub(crate) struct Speed {
    /// Score test with xᵀPx = γ·xᵀx (GRAMMAR-Gamma), γ estimated on each chromosome; SNPs of
    /// −log₁₀ p ≥ 2 are tested exactly; refused where xᵀPx/xᵀx varies by more than 5 %
    #[arg(long)]
    fast: bool,
    /// The same, however much it varies
    #[arg(long)]
    force_fast: bool,
}

impl Speed {
    /// Whether and how; `form` is the mixed model's test.
    pub(crate) fn fast(&self, form: Option<Form>, seed: u64) -> Result<Option<Fast>> {
        if !self.fast && !self.force_fast {
            return Ok(None);
        }
        match form {
            Some(Form::Score) => Ok(Some(Fast {
                forced: self.force_fast,
                seed,
            })),
            _ => Err(Error::usage(
                "--fast is a form of the score test beside a kernel: found another test, expected \
                 --test score and a --kernel",
            )),
        }
    }
}

/// Null models in files.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Null models")]
pub(crate) struct Sharing {
    /// Keep the null models in PREFIX.null.json, for other jobs
    #[arg(long, value_name = "PREFIX")]
    null_out: Option<PathBuf>,
    /// Take them from there; they must be of the same kernel SNPs, individuals, trait, covariates
    /// and settings
    #[arg(long, value_name = "PREFIX")]
    null_in: Option<PathBuf>,
}

impl Sharing {
    fn check(flag: &str, prefix: &Option<PathBuf>, method: &Method) -> Result<Option<PathBuf>> {
        match (prefix, method) {
            (None, _) | (_, Method::Kernel(_, Beside::Mixed(_) | Beside::Logistic(_))) => {
                Ok(prefix.clone())
            }
            _ => Err(Error::usage(format!(
                "{flag}: only mixed models have null models: found --kernel none or --test oof, \
                 expected a kernel and score, wald, wald-refit or lrt, with --bt spa, score or \
                 firth"
            ))),
        }
    }

    /// Prefix to read, for a method that has null models.
    pub(crate) fn null_in(&self, method: &Method) -> Result<Option<PathBuf>> {
        Self::check("--null-in", &self.null_in, method)
    }

    /// Prefix to write.
    pub(crate) fn null_out(&self, method: &Method) -> Result<Option<PathBuf>> {
        Self::check("--null-out", &self.null_out, method)
    }
}

/// Which SNPs count as associated.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Loci")]
pub(crate) struct Loci {
    /// Threshold: bonferroni (0.05 / tests), effective (0.05 / effective number of tests by Li and
    /// Ji), simulate (the smallest p in 5 % of draws from the null model), or a p-value [default:
    /// 5e-8 for human chromosomes, else bonferroni]
    #[arg(long, value_name = "HOW|P")]
    threshold: Option<String>,
    /// Draws of --threshold simulate
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// p of a lead SNP at most [default: the threshold]
    #[arg(long, value_name = "P")]
    clump_p: Option<f64>,
    /// A lead SNP stands for those of at least this r² with it
    #[arg(long, value_name = "R2", default_value_t = Clump::default().r2)]
    clump_r2: f64,
    /// and at most so many thousand base pairs away
    #[arg(long, value_name = "KB", default_value_t = Clump::default().kb)]
    clump_kb: f64,
}

impl Loci {
    /// The rule.
    pub(crate) fn rule(&self) -> Result<Rule> {
        match &self.threshold {
            None => Ok(Rule::Usual),
            Some(text) => text
                .parse()
                .map_err(|e| Error::usage(format!("--threshold {text}: {e}"))),
        }
    }

    /// What it needs.
    pub(crate) fn count(&self, form: Option<Form>, fast: bool, seed: u64) -> Result<Count> {
        let rule = self.rule()?;
        let draws = match rule {
            Rule::Simulate => self.draws,
            _ => 0,
        };
        if rule == Rule::Simulate {
            if fast || !matches!(form, Some(Form::Score | Form::Wald)) {
                return Err(Error::usage(
                    "--threshold simulate draws from the null model of a score or wald test beside \
                     a kernel: found another test or --fast; use --threshold effective",
                ));
            }
            if draws < 19 {
                return Err(Error::usage(format!(
                    "--draws {draws}: expected at least 19, for a level of 0.05"
                )));
            }
        }
        Ok(Count {
            effective: rule == Rule::Effective,
            draws,
            seed,
        })
    }

    /// When a SNP stands for others.
    pub(crate) fn clump(&self) -> Result<Clump> {
        let within = |flag: &str, value: f64, most: f64| match (0.0..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "{flag} {value}: expected a number between 0 and {most}"
            ))),
        };
        within("--clump-p", self.clump_p.unwrap_or(1.0), 1.0)?;
        within("--clump-r2", self.clump_r2, 1.0)?;
        within("--clump-kb", self.clump_kb, f64::MAX)?;
        Ok(Clump {
            p: self.clump_p,
            r2: self.clump_r2,
            kb: self.clump_kb,
        })
    }
}

/// How tables are written.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Tables")]
pub(crate) struct Tables {
    /// Form of the tables: regenie, or ssf (GWAS-SSF v1.0.2, with a YAML file beside it)
    #[arg(long, value_name = "FORM", default_value = "regenie")]
    format: Format,
    /// Pack the tables by bgzip, with an index for tabix
    #[arg(long)]
    pub(crate) bgzip: bool,
}

impl Tables {
    /// As the library takes it.
    pub(crate) fn writing(&self) -> Writing {
        Writing {
            format: self.format,
            bgzip: self.bgzip,
        }
    }

    /// Refuses a species that the format has no numbers for.
    pub(crate) fn check(&self, autosomes: u32) -> Result<()> {
        match (self.format, autosomes) {
            (Format::Ssf, 23..) => Err(Error::usage(format!(
                "--format ssf: GWAS-SSF has chromosomes 1 to 22, X, Y and MT: found --chr-set \
                 {autosomes}, expected at most 22; use --format regenie"
            ))),
            _ => Ok(()),
        }
    }
}

/// Refuses SNPs that an index of positions cannot hold.
pub(crate) fn check_order(tested: &Choice) -> Result<()> {
    let snps = &tested.files.snps;
    for group in &tested.groups {
        for pair in group.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|m| &snps[m as usize]);
            if b.position < a.position {
                return Err(Error::inconsistent(format!(
                    "--bgzip: an index needs SNPs in the order of their positions: found {} at {} \
                     after {} at {}; sort the fileset with `plink2 --make-pgen --sort-vars`, then \
                     `--make-bed`",
                    b.id, b.position, a.id, a.position
                )));
            }
        }
        let beyond = group.iter().map(|&m| &snps[m as usize]);
        if let Some(snp) = beyond.into_iter().find(|s| s.position > LARGEST) {
            return Err(Error::inconsistent(format!(
                "--bgzip: tabix' index ends at position {LARGEST}: found {} at {}; leave out \
                 --bgzip",
                snp.id, snp.position
            )));
        }
    }
    Ok(())
}
