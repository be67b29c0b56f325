//! What is written of the tests.

use std::path::Path;

use epitile_core::genotypes::Counts;
use serde::Serialize;

use super::global::Score;
use crate::error::{Error, Result};
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};
use crate::io::tsv::{Cell, Tsv};
use crate::run::RunLog;
use crate::tails::log10p;

/// A test of one kernel on one trait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GlobalRow {
    /// The kernel.
    pub kernel: String,
    /// Q, of the trait with variance 1.
    pub q: Option<f64>,
    /// Standard deviation of Q without the kernel; its mean is 0.
    pub sd: Option<f64>,
    /// −log₁₀ P(Σ λ̃χ²₁ > Q).
    pub log10p: Option<f64>,
    /// `davies` or `saddlepoint`.
    pub method: Option<&'static str>,
    /// a_j of the components of the null.
    pub projection: Vec<f64>,
    /// `COLLINEAR` if the kernel is a sum of the null's.
    pub code: Option<&'static str>,
}

impl GlobalRow {
    pub(super) fn new(kernel: &str, score: Option<Score>) -> Self {
        let of = score.as_ref();
        GlobalRow {
            kernel: kernel.to_owned(),
            q: of.map(|s| s.q),
            sd: of.map(|s| s.form.variance().sqrt()),
            log10p: of.map(|s| log10p(s.tail.ln_p)),
            method: of.map(|s| s.tail.method.name()),
            code: of.is_none().then_some("COLLINEAR"),
            projection: score.map(|s| s.projection).unwrap_or_default(),
        }
    }
}

/// The tests of one trait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GlobalTable {
    /// The trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// Individuals.
    pub samples: usize,
    /// Fixed effects, the intercept among them.
    pub fixed: usize,
    /// Kernels of the null, then `residual`.
    pub components: Vec<String>,
    /// Their variances, by restricted maximum likelihood.
    pub variances: Vec<f64>,
    /// Whether the fit ended at a maximum.
    pub converged: bool,
    /// The tests.
    pub rows: Vec<GlobalRow>,
}

impl GlobalTable {
    /// What users should see.
    pub fn report(&self, log: &RunLog) {
        for r in &self.rows {
            let result = match (r.log10p, r.method) {
                (Some(log10p), Some(method)) => format!("−log10 p {log10p:.4} ({method})"),
                _ => "not tested: it is a sum of the null's kernels".to_owned(),
            };
            log.say(format!(
                "{}: {} individuals, {} beside {}: {result}",
                self.name,
                self.samples,
                r.kernel,
                self.components.join(", ")
            ));
        }
        if !self.converged {
            log.warn(format!(
                "phenotype {}: the fit of the null model ended before a maximum: treat its tests \
                 with care",
                self.name
            ));
        }
    }

    /// Adds `PREFIX.global.tsv` and `PREFIX.global.json` to the files.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, prefix: &Path, files: &mut OutputSet) -> Result<()> {
        let header = [
            "KERNEL", "NULL", "N", "Q", "SD", "LOG10P", "METHOD", "EXTRA",
        ];
        let mut table = Tsv::create(with_suffix(prefix, ".global.tsv"), &header)?;
        let kernels = &self.components[..self.components.len() - 1];
        let null = kernels.join(",");
        let known = |x: Option<f64>| x.unwrap_or(f64::NAN);
        for r in &self.rows {
            table.row(&[
                (&r.kernel).into(),
                (&null).into(),
                self.samples.into(),
                known(r.q).into(),
                known(r.sd).into(),
                known(r.log10p).into(),
                r.method.unwrap_or("NA").into(),
                r.code.unwrap_or("NA").into(),
            ])?;
        }
        files.add(table.into_file())?;
        files.add(record(
            &with_suffix(prefix, ".global.json"),
            &self.name,
            self,
        )?)
    }
}

pub(super) fn record(path: &Path, name: &str, of: &impl Serialize) -> Result<AtomicFile> {
    let mut json = AtomicFile::create(path)?;
    let text = serde_json::to_string_pretty(of)
        .map_err(|_| Error::inconsistent(format!("{name}: its record is not JSON")))?;
    json.put(text + "\n")?;
    Ok(json)
}

/// Why a SNP cannot be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No call varies.
    Monomorphic,
    /// No call at all.
    AllMissing,
    /// The SNP, or its interactions, are a sum of what the model has anyway.
    Collinear,
    /// On the other chromosomes no SNP varies: no kernel is left beside it.
    NoKernel,
}

impl Code {
    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Monomorphic => "MONOMORPHIC",
            Code::AllMissing => "ALL_MISSING",
            Code::Collinear => "COLLINEAR",
            Code::NoKernel => "NO_KERNEL",
        }
    }
}

/// A p-value and where it is from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PValue {
    /// ln p, one-sided.
    pub ln_p: f64,
    /// `normal`, `davies` or `saddlepoint`.
    pub method: &'static str,
}

/// The test of one SNP on one trait.
#[derive(Clone, Debug, PartialEq)]
pub struct MarginalRow {
    /// The SNP, its chromosome as PLINK 2 writes it.
    pub snp: Snp,
    /// Frequency of A1.
    pub frequency: f64,
    /// Calls.
    pub calls: u64,
    /// σ̂² of the SNP's interactions, its standard error without them, p.
    pub found: Result<(f64, f64, PValue), Code>,
}

impl MarginalRow {
    pub(super) fn new(
        (snp, chromosomes, counts): (&Snp, ChromosomeSet, &Counts),
        found: Result<(f64, f64, PValue), Code>,
    ) -> Self {
        let mut snp = snp.clone();
        snp.chromosome = chromosomes.label(&snp.chromosome);
        MarginalRow {
            snp,
            frequency: match counts.observed() {
                0 => f64::NAN,
                _ => counts.frequency(),
            },
            calls: counts.observed(),
            found,
        }
    }
}

/// The null model of a trait's marginal tests, no SNP taken out of its kernels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NullFit {
    /// The chromosome that its additive kernel lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
    /// Variances of the components, by restricted maximum likelihood.
    pub variances: Vec<f64>,
    /// Whether the fit ended at a maximum.
    pub converged: bool,
}

/// The tests of one trait.
#[derive(Clone, Debug, PartialEq)]
pub struct MarginalTable {
    /// The trait.
    pub name: String,
    /// Individuals.
    pub samples: usize,
    /// Fixed effects, the intercept among them.
    pub fixed: usize,
    /// Whether the kernel lacks each SNP's chromosome.
    pub loco: bool,
    /// Kernels of the null, then `residual`.
    pub components: Vec<String>,
    /// Fits of the null: one, or one for each chromosome that the kernel lacks.
    pub null: Vec<NullFit>,
    /// A line for every SNP.
    pub rows: Vec<MarginalRow>,
}

/// What `PREFIX.marginal.json` holds.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(rename = "trait")]
    name: &'a str,
    samples: usize,
    fixed: usize,
    loco: bool,
    components: &'a [String],
    null: &'a [NullFit],
    tested: usize,
    untested: usize,
    /// p-values by eigenvalues.
    exact: usize,
    /// Shares of the SNPs tested with p at most 0.05, 0.01 and 0.001.
    below: [f64; 3],
    /// −log₁₀ of 0.05/tested.
    bonferroni: f64,
    /// SNPs that reach it.
    significant: usize,
}

impl MarginalTable {
    /// p-values of the SNPs tested.
    pub fn tested(&self) -> impl Iterator<Item = &PValue> {
        let found = self.rows.iter().filter_map(|r| r.found.as_ref().ok());
        found.map(|(_, _, p)| p)
    }

    fn summary(&self) -> Summary<'_> {
        let tested = self.tested().count();
        let share = |p: f64| {
            let below = self.tested().filter(|v| v.ln_p <= p.ln()).count();
            below as f64 / tested.max(1) as f64
        };
        let level = (0.05 / tested.max(1) as f64).ln();
        Summary {
            name: &self.name,
            samples: self.samples,
            fixed: self.fixed,
            loco: self.loco,
            components: &self.components,
            null: &self.null,
            tested,
            untested: self.rows.len() - tested,
            exact: self.tested().filter(|p| p.method != "normal").count(),
            below: [0.05, 0.01, 0.001].map(share),
            bonferroni: log10p(level),
            significant: self.tested().filter(|p| p.ln_p <= level).count(),
        }
    }

    /// What users should see, in a line.
    pub fn describe(&self) -> String {
        let s = self.summary();
        format!(
            "{}: {} individuals, {} SNPs tested, {} not; p ≤ 0.05 at {:.2} %, {} by eigenvalues; {} \
             reach −log10 p {:.2} (Bonferroni)",
            s.name,
            s.samples,
            s.tested,
            s.untested,
            100.0 * s.below[0],
            s.exact,
            s.significant,
            s.bonferroni
        )
    }

    /// Adds `PREFIX.marginal.tsv` and `PREFIX.marginal.json` to the files.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, prefix: &Path, files: &mut OutputSet) -> Result<()> {
        let header = [
            "CHROM", "GENPOS", "ID", "ALLELE0", "ALLELE1", "A1FREQ", "N", "TEST", "VARIANCE", "SE",
            "Z", "LOG10P", "METHOD", "EXTRA",
        ];
        let mut table = Tsv::create(with_suffix(prefix, ".marginal.tsv"), &header)?;
        for r in &self.rows {
            let (variance, se, log, method) = match &r.found {
                Ok((v, se, p)) => (*v, *se, log10p(p.ln_p), p.method),
                Err(_) => (f64::NAN, f64::NAN, f64::NAN, "NA"),
            };
            table.row(&[
                (&r.snp.chromosome).into(),
                r.snp.position.into(),
                (&r.snp.id).into(),
                (&r.snp.a2).into(),
                (&r.snp.a1).into(),
                r.frequency.into(),
                Cell::Whole(r.calls as i64),
                "MARGINAL".into(),
                variance.into(),
                se.into(),
                (variance / se).into(),
                log.into(),
                method.into(),
                r.found.as_ref().err().map_or("NA", |c| c.name()).into(),
            ])?;
        }
        files.add(table.into_file())?;
        let path = with_suffix(prefix, ".marginal.json");
        files.add(record(&path, &self.name, &self.summary())?)
    }
}
