//! Parsing, logs and exit codes, the same for all commands.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use epitile::error::{Kind, Result};
use epitile::io::output::check_writable;
use epitile::run::RunLog;

use super::args::Output;
use super::{
    assoc, bench, counts, cv, demo, epistasis, explain, fit, kernel, predict, report, simulate,
    varcomp, verify,
};

/// Exact kernel ridge regression for genome-wide data, in mixed precision, with a certificate of
/// accuracy.
#[derive(Debug, Parser)]
#[command(name = "epitile", version, after_help = EXAMPLES, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  epitile demo --out demo
  epitile cv --bfile cohort --pheno traits.txt --folds 10 --kernel linear,gaussian --out cv
  epitile fit --bfile cohort --pheno traits.txt --pheno-name height --kernel gaussian \\
      --gamma-scale 1 --lambda 0.5 --out height
  epitile predict --model height.epitile --bfile new --out new

Input is hard calls in PLINK .bed/.bim/.fam; make them from anything else with
  plink2 --vcf FILE --make-bed --out cohort

Exit codes: 0 done; 2 out of memory; 3 cannot open; 4 cannot read; 5 cannot write; 6 malformed
input; 7 inconsistent inputs; 8 bad command line; 13 degenerate data; 16 device failure.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare linear and kernel ridge regression by cross-validation
    Cv(cv::Args),
    /// Fit one setting on all individuals and write a model file
    Fit(fit::Args),
    /// Predict new individuals from a model file
    Predict(predict::Args),
    /// Test every SNP for association, beside the rest of the genome
    Assoc(assoc::Args),
    /// Split a trait's variance between kernels, with tests
    Varcomp(varcomp::Args),
    /// Test for epistasis: of a trait, or SNP by SNP
    Epistasis(epistasis::Args),
    /// Attribute a model's predictions to SNPs, and export its additive part
    Explain(explain::Args),
    /// Make a page of tables and pictures from what other commands wrote
    Report(report::Args),
    /// Write a kernel or GRM of all individuals
    Kernel(kernel::Args),
    /// Count genotypes per SNP, as plink2 --geno-counts
    Counts(counts::Args),
    /// Simulate a cohort with additive and epistatic traits
    Simulate(simulate::Args),
    /// Simulate, validate, fit and predict a small epistatic cohort
    Demo(demo::Args),
    /// Check this machine's arithmetic against the reference
    Verify(verify::Args),
    /// Time the phases on simulated genotypes
    Bench(bench::Args),
}

/// A command: what it needs before it runs, and its run.
pub(crate) trait Run {
    /// Where its output goes, if it writes files with a prefix.
    fn output(&self) -> Option<&Output> {
        None
    }

    /// Prefix of its output files, if it writes any.
    fn prefix(&self) -> Option<&Path> {
        self.output().map(|of| of.out.as_path())
    }

    /// Whether nothing but errors goes to the screen.
    fn quiet(&self) -> bool {
        self.output().is_some_and(|of| of.quiet)
    }

    /// Does it.
    fn run(&self, log: &RunLog) -> Result<()>;
}

impl Command {
    fn as_run(&self) -> &dyn Run {
        match self {
            Command::Cv(args) => args,
            Command::Fit(args) => args,
            Command::Predict(args) => args,
            Command::Assoc(args) => args,
            Command::Varcomp(args) => args,
            Command::Epistasis(args) => args,
            Command::Explain(args) => args,
            Command::Report(args) => args,
            Command::Kernel(args) => args,
            Command::Counts(args) => args,
            Command::Simulate(args) => args,
            Command::Demo(args) => args,
            Command::Verify(args) => args,
            Command::Bench(args) => args,
        }
    }
}

/// Runs the program with these arguments.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A negative number is a value to be refused by its flag, not another flag.
    let negative = |arg: Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    let command = Program::command().mut_subcommands(|c| c.mut_args(negative));
    let parsed = command.try_get_matches_from(args);
    let program = match parsed.and_then(|m| Program::from_arg_matches(&m)) {
        Ok(program) => program,
        Err(error) => {
            // Help and version are no errors. A closed screen is nobody's concern.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(Kind::Usage.exit_code()),
            };
        }
    };
    let run = program.command.as_run();
    match with_log(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(error.exit_code()),
    }
}

/// Runs a command with its log, which is written whatever happens. Errors have been shown.
fn with_log(run: &dyn Run) -> Result<()> {
    let show = |error| {
        // As everywhere, a closed screen is nobody's concern.
        let _ = writeln!(std::io::stderr(), "ERROR: {error}");
        error
    };
    if let Some(prefix) = run.prefix() {
        check_writable(prefix).map_err(show)?;
    }
    let log = RunLog::new(run.prefix(), run.quiet());
    match run.run(&log) {
        Ok(()) => log.finish().map_err(show),
        Err(error) => {
            // The log shows it.
            log.fail(&error);
            Err(error)
        }
    }
}
