//! Lines of an association table, in REGENIE's columns.

use std::path::Path;

use epitile_core::genotypes::Counts;

use super::effect::{Effect, Untested};
use crate::error::Result;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::tsv::{Cell, Tsv};
use crate::tails::log10p;

/// Columns of the table.
pub const HEADER: [&str; 13] = [
    "CHROM", "GENPOS", "ID", "ALLELE0", "ALLELE1", "A1FREQ", "N", "TEST", "BETA", "SE", "CHISQ",
    "LOG10P", "EXTRA",
];

/// Columns that follow for binary traits.
pub const BINARY: [&str; 4] = ["N_CASES", "N_CONTROLS", "A1FREQ_CASES", "A1FREQ_CONTROLS"];

/// Starts the table `path`, of binary traits or others.
///
/// # Errors
/// `Write`.
pub fn create(path: &Path, binary: bool) -> Result<Tsv> {
    match binary {
        true => Tsv::create(path, &[&HEADER[..], &BINARY].concat()),
        false => Tsv::create(path, &HEADER),
    }
}

/// Frequency of the counted allele; NaN without calls.
fn frequency(alleles: u64, observed: u64) -> f64 {
    match observed {
        0 => f64::NAN,
        n => alleles as f64 / (2 * n) as f64,
    }
}

/// Writes a SNP with what was found; ALLELE1 is the counted allele. `cases` are the calls of a
/// binary trait's cases, who are among all. `form` names the test.
///
/// # Errors
/// `Write`.
pub fn row(
    table: &mut Tsv,
    (snp, chromosomes): (&Snp, ChromosomeSet),
    (counts, cases): (&Counts, Option<&Counts>),
    found: &Result<Effect, Untested>,
    form: &str,
) -> Result<()> {
    let alleles = counts.alleles();
    let rarer = alleles.min(2 * counts.observed() - alleles);
    let form = match found {
        Ok(effect) => effect.form.unwrap_or(form).to_owned(),
        Err(why) => why.to_string(),
    };
    let extra = format!(
        "MAC={rarer};MISS={};TESTFORM={form};FAST={}",
        counts.missing,
        u8::from(found.is_ok_and(|e| e.fast))
    );
    let number = |of: fn(&Effect) -> f64| found.as_ref().map_or(f64::NAN, of);
    let chromosome = chromosomes.label(&snp.chromosome);
    let mut cells = vec![
        (&chromosome).into(),
        snp.position.into(),
        (&snp.id).into(),
        (&snp.a2).into(),
        (&snp.a1).into(),
        frequency(alleles, counts.observed()).into(),
        (counts.observed() as usize).into(),
        "ADD".into(),
        number(|e| e.beta).into(),
        number(|e| e.se).into(),
        number(|e| e.statistic).into(),
        number(|e| log10p(e.ln_p)).into(),
        (&extra).into(),
    ];
    if let Some(cases) = cases {
        let (n, own) = (cases.observed(), cases.alleles());
        let others = counts.observed() - n;
        cells.extend::<[Cell<'_>; 4]>([
            (n as usize).into(),
            (others as usize).into(),
            frequency(own, n).into(),
            frequency(alleles - own, others).into(),
        ]);
    }
    table.row(&cells)
}
