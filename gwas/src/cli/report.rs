//! `epitile report`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use epitile::error::{Error, Result};
use epitile::io::chromosome::ChromosomeSet;
use epitile::report::{Report, ReportOptions};
use epitile::run::RunLog;

use super::program::Run;

/// Flags of `epitile report`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.html: one page that needs no other file and no network, for \
screens, phones and print; each picture also as PREFIX.NAME.svg; PREFIX.log and PREFIX.run.json.

INPUT is a file, a folder, or the prefix (--out) of an earlier command. What is used, told by \
content, also packed by gzip or bgzip:
  association tables (REGENIE's columns or GWAS-SSF)   Manhattan and QQ plot, λ_GC, lead SNPs
  PREFIX_TRAIT.loci.tsv                                table of loci
  PREFIX.marginal.tsv, PREFIX_TRAIT.marginal.tsv       Manhattan and QQ plot of interactions
  PREFIX.global.tsv, PREFIX_TRAIT.global.tsv           tests for epistasis
  PREFIX.cv_summary.tsv                                cross-validation over γ and λ
  PREFIX.cv_predictions.tsv                            observed against predicted
  PREFIX.sscore of predict --interval, with --pheno    the same with the model's intervals
  PREFIX.varcomp.tsv                                   variance components
  PREFIX.run.json                                      formats of tiles, certificate, times

The line in a Manhattan plot is p = 5e-8 if the chromosomes are human (--chr-set 22, or autosomes \
up to 22 in the table), otherwise 0.05 over the number of SNPs tested.

Examples:
  epitile report O/a O/v O/cv --out O/report.html
  epitile report results --chr-set 19 --title 'Mice, CD8' --out mice.html
  epitile report new --pheno observed.txt --out check.html"
)]
pub(crate) struct Args {
    /// Files, folders, or prefixes of earlier outputs
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// Observed values of predicted individuals (table FID IID TRAIT…)
    #[arg(long, value_name = "FILE")]
    pheno: Option<PathBuf>,
    /// Autosomes of the species (22: human, 19: mouse, 12: rice …) [default: 22, where names of
    /// chromosomes need it]
    #[arg(long, value_name = "N")]
    chr_set: Option<u32>,
    /// Heading of the page
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Distance between lead SNPs, in kilobases
    #[arg(long, value_name = "KB", default_value_t = 250)]
    lead_kb: u64,
    /// Most lead SNPs in a table
    #[arg(long, value_name = "N", default_value_t = 20)]
    leads: usize,
    /// The page, such as report.html
    #[arg(long, value_name = "FILE", value_parser = target)]
    out: Target,
    /// Only errors on the screen
    #[arg(long)]
    quiet: bool,
}

/// The page, and the prefix of what is beside it.
#[derive(Debug, Clone)]
struct Target {
    html: PathBuf,
    prefix: PathBuf,
}

/// Reads `--out`; `.html` is added where it is missing.
fn target(text: &str) -> std::result::Result<Target, String> {
    let prefix = text.strip_suffix(".html").unwrap_or(text);
    match prefix.is_empty() || prefix.ends_with('/') {
        true => Err("expected the name of a page, such as report.html".into()),
        false => Ok(Target {
            html: format!("{prefix}.html").into(),
            prefix: prefix.into(),
        }),
    }
}

impl Run for Args {
    fn prefix(&self) -> Option<&Path> {
        Some(&self.out.prefix)
    }

    fn quiet(&self) -> bool {
        self.quiet
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        if self.leads == 0 {
            return Err(Error::usage("--leads 0: expected at least one"));
        }
        log.set("report", true.into());
        let options = ReportOptions {
            inputs: self.inputs.clone(),
            pheno: self.pheno.clone(),
            set: self.chr_set.map(ChromosomeSet::new).transpose()?,
            title: self.title.clone(),
            window: self.lead_kb.saturating_mul(1000),
            leads: self.leads,
        };
        let report = Report::make(&options, log)?;
        let files = log.timed("write", || report.write(&self.out.html, &self.out.prefix))?;
        for file in files {
            log.say(format!("wrote {}", file.display()));
        }
        Ok(())
    }
}
