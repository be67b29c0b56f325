//! What is written of the pairs of a trait.

use std::path::Path;

use serde::Serialize;

use super::limits::Left;
use crate::assoc::effect::Effect;
use crate::epistasis::report::{Code, record};
use crate::error::Result;
use crate::io::bim::Snp;
use crate::io::fileset::with_suffix;
use crate::io::output::OutputSet;
use crate::io::tsv::{Cell, Tsv};
use crate::tails::log10p;

/// A nominated pair.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRow {
    /// Its SNPs in the order of the file, chromosomes as PLINK 2 writes them.
    pub snps: [Snp; 2],
    /// Frequencies of A1.
    pub frequency: [f64; 2],
    /// Squared correlation of the dosages.
    pub r2: f64,
    /// Mean mixed derivative over both standard deviations, in root mean squares of all pairs.
    pub score: f64,
    /// IDs of the lead SNPs beside them.
    pub leads: Vec<String>,
    /// The test of the product of both dosages, or why there is none.
    pub found: std::result::Result<Effect, Code>,
}

/// The nominated pairs of a trait.
#[derive(Clone, Debug, PartialEq)]
pub struct PairsTable {
    /// The trait.
    pub name: String,
    /// Individuals who nominated.
    pub nominating: usize,
    /// Individuals who confirmed.
    pub confirming: usize,
    /// Whether they are the same.
    pub same: bool,
    /// Fixed effects of those who confirmed, the intercept among them.
    pub fixed: usize,
    /// γ of the model that nominated.
    pub gamma: f64,
    /// Its λ; infinite if its kernel had no variance.
    pub lambda: f64,
    /// SNPs that vary in both sets of individuals.
    pub snps: usize,
    /// Pairs of them, and what is left out.
    pub left: Left,
    /// Pairs that were dropped because a better one stands for them.
    pub thinned: usize,
    /// The pairs, the largest score first.
    pub rows: Vec<PairRow>,
}

/// What `PREFIX.pairs.json` holds.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(rename = "trait")]
    name: &'a str,
    nominating: usize,
    confirming: usize,
    same_individuals: bool,
    fixed: usize,
    gamma: f64,
    /// `null` if infinite.
    lambda: f64,
    snps: usize,
    #[serde(flatten)]
    left: Left,
    could_be_nominated: u64,
    thinned: usize,
    nominated: usize,
    tested: usize,
    /// Number of tests that p-values are adjusted for.
    adjusted_for: u64,
    /// Pairs with an adjusted p of at most 0.05.
    significant: usize,
}

impl PairsTable {
    /// Pairs with a test.
    pub fn tested(&self) -> impl Iterator<Item = (&PairRow, &Effect)> {
        let found = self.rows.iter().map(|r| (r, r.found.as_ref()));
        found.filter_map(|(r, found)| Some((r, found.ok()?)))
    }

    /// Tests that p-values are adjusted for (Bonferroni): those of the confirming individuals, or
    /// of all pairs that could have been nominated if the same individuals nominated.
    pub fn adjusted_for(&self) -> u64 {
        match self.same {
            true => self.left.open(),
            false => self.tested().count() as u64,
        }
    }

    /// ln of the adjusted p.
    fn adjusted(&self, effect: &Effect, tests: u64) -> f64 {
        (effect.ln_p + (tests as f64).ln()).min(0.0)
    }

    /// Pairs whose adjusted p is at most `level`.
    pub fn significant(&self, level: f64) -> usize {
        let tests = self.adjusted_for();
        let all = self.tested();
        all.filter(|(_, e)| self.adjusted(e, tests) <= level.ln())
            .count()
    }

    /// What users should see, in a line.
    pub fn describe(&self) -> String {
        let s = self.summary();
        format!(
            "{}: {} individuals nominate, {} confirm{}; of {} pairs of {} SNPs {} are too near and \
             {} too correlated; {} nominated, {} dropped beside better ones, {} tested; {} with p ≤ 0.05 adjusted for {} tests",
            s.name,
            s.nominating,
            s.confirming,
            if s.same_individuals {
                " (the same)"
            } else {
                ""
            },
            s.left.pairs,
            s.snps,
            s.left.near,
            s.left.correlated,
            s.nominated,
            s.thinned,
            s.tested,
            s.significant,
            s.adjusted_for,
        )
    }

    fn summary(&self) -> Summary<'_> {
        Summary {
            name: &self.name,
            nominating: self.nominating,
            confirming: self.confirming,
            same_individuals: self.same,
            fixed: self.fixed,
            gamma: self.gamma,
            lambda: self.lambda,
            snps: self.snps,
            left: self.left,
            could_be_nominated: self.left.open(),
            thinned: self.thinned,
            nominated: self.rows.len(),
            tested: self.tested().count(),
            adjusted_for: self.adjusted_for(),
            significant: self.significant(0.05),
        }
    }

    /// Adds `PREFIX.pairs.tsv` and `PREFIX.pairs.json` to the files.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, prefix: &Path, files: &mut OutputSet) -> Result<()> {
        let header = [
            "CHROM1",
            "GENPOS1",
            "ID1",
            "ALLELE0_1",
            "ALLELE1_1",
            "A1FREQ1",
            "CHROM2",
            "GENPOS2",
            "ID2",
            "ALLELE0_2",
            "ALLELE1_2",
            "A1FREQ2",
            "R2",
            "SCORE",
            "LEADS",
            "N",
            "BETA",
            "SE",
            "STAT",
            "LOG10P",
            "LOG10P_ADJ",
            "EXTRA",
        ];
        let mut table = Tsv::create(with_suffix(prefix, ".pairs.tsv"), &header)?;
        let tests = self.adjusted_for();
        for r in &self.rows {
            let of = r.found.as_ref().ok();
            let number = |f: &dyn Fn(&Effect) -> f64| of.map_or(f64::NAN, f);
            let leads = match r.leads.is_empty() {
                true => "NA".to_owned(),
                false => r.leads.join(","),
            };
            let mut cells: Vec<Cell<'_>> = Vec::with_capacity(header.len());
            for (snp, frequency) in r.snps.iter().zip(r.frequency) {
                let place: [Cell<'_>; 6] = [
                    (&snp.chromosome).into(),
                    snp.position.into(),
                    (&snp.id).into(),
                    (&snp.a2).into(),
                    (&snp.a1).into(),
                    frequency.into(),
                ];
                cells.extend(place);
            }
            let test: [Cell<'_>; 10] = [
                r.r2.into(),
                r.score.into(),
                (&leads).into(),
                self.confirming.into(),
                number(&|e| e.beta).into(),
                number(&|e| e.se).into(),
                number(&|e| e.statistic).into(),
                number(&|e| log10p(e.ln_p)).into(),
                number(&|e| log10p(self.adjusted(e, tests))).into(),
                r.found.as_ref().err().map_or("NA", |c| c.name()).into(),
            ];
            cells.extend(test);
            table.row(&cells)?;
        }
        files.add(table.into_file())?;
        let path = with_suffix(prefix, ".pairs.json");
        files.add(record(&path, &self.name, &self.summary())?)
    }
}
