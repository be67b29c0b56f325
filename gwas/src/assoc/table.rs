//! Lines of an association table, in REGENIE's columns.

use std::path::Path;

use epitile_core::genotypes::Counts;

use super::effect::{Effect, Untested};
use crate::error::Result;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::tsv::Tsv;
use crate::tails::log10p;

/// Columns of the table.
pub const HEADER: [&str; 13] = [
    "CHROM", "GENPOS", "ID", "ALLELE0", "ALLELE1", "A1FREQ", "N", "TEST", "BETA", "SE", "CHISQ",
    "LOG10P", "EXTRA",
];

/// Starts the table `path`.
///
/// # Errors
/// `Write`.
pub fn create(path: &Path) -> Result<Tsv> {
    Tsv::create(path, &HEADER)
}

/// Writes a SNP with what was found; ALLELE1 is the counted allele. `form` names the test.
///
/// # Errors
/// `Write`.
pub fn row(
    table: &mut Tsv,
    (snp, chromosomes): (&Snp, ChromosomeSet),
    counts: &Counts,
    found: &Result<Effect, Untested>,
    form: &str,
) -> Result<()> {
    let alleles = counts.alleles();
    let rarer = alleles.min(2 * counts.observed() - alleles);
    let frequency = match counts.observed() {
        0 => f64::NAN,
        n => alleles as f64 / (2 * n) as f64,
    };
    let code = found.as_ref().err().map(ToString::to_string);
    let extra = format!(
        "MAC={rarer};MISS={};TESTFORM={};FAST={}",
        counts.missing,
        code.as_deref().unwrap_or(form),
        u8::from(found.is_ok_and(|e| e.fast))
    );
    let number = |of: fn(&Effect) -> f64| found.as_ref().map_or(f64::NAN, of);
    let chromosome = chromosomes.label(&snp.chromosome);
    table.row(&[
        (&chromosome).into(),
        snp.position.into(),
        (&snp.id).into(),
        (&snp.a2).into(),
        (&snp.a1).into(),
        frequency.into(),
        (counts.observed() as usize).into(),
        "ADD".into(),
        number(|e| e.beta).into(),
        number(|e| e.se).into(),
        number(|e| e.statistic).into(),
        number(|e| log10p(e.ln_p)).into(),
        (&extra).into(),
    ])
}
