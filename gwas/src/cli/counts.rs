//! `epitile counts`.

use std::io::Write;

use clap::Args as ClapArgs;
use epitile::cohort::{COUNTS_HEADER, Cohort};
use epitile::error::{Error, Result};
use epitile::io::fileset::with_suffix;
use epitile::io::output::AtomicFile;
use epitile::run::RunLog;

use super::args::{Genotypes, Output};
use super::program::Run;

/// Flags of `epitile counts`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.gcount with the columns of plink2 --geno-counts. REF is A2, \
ALT is A1. Calls on X, Y and MT are counted as stored, as if diploid.

Example:
  epitile counts --bfile cohort --chr 1-22 --out counts"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let cohort = log.timed("read", || Cohort::load(&self.genotypes.options()))?;
        log.cohort(&cohort);
        let path = with_suffix(&self.output.out, ".gcount");
        let mut file = AtomicFile::create(&path)?;
        let failed = |e: std::io::Error| Error::write(&path, &e);
        writeln!(file, "{}", COUNTS_HEADER.join("\t")).map_err(failed)?;
        for row in cohort.counts_table() {
            writeln!(file, "{row}").map_err(failed)?;
        }
        file.commit()
    }
}
