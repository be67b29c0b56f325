//! SNPs streamed from the file, block by block, through the null models of all traits.

use epitile_core::genotypes::Counts;
use faer::Mat;
use rayon::prelude::*;

use super::binary::cases;
use super::block::{Block, SNPS, untested};
use super::effect::{Effect, Form, Untested, test, test_refit, testable};
use super::ordinary::Ordinary;
use super::refit::Shared;
use super::rotation::Rotation;
use super::table;
use super::tally::{self, Count, Tally};
use super::{AssocData, Method};
use crate::cohort::Choice;
use crate::dense::product;
use crate::error::Result;
use crate::io::bed::Bed;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::tsv::Tsv;
use crate::null::contrast::Contrasts;
use crate::run::Progress;

/// Traits with the same samples.
#[derive(Clone, Debug)]
pub struct Group {
    /// Places of the traits.
    pub traits: Vec<usize>,
    /// Samples, as places in the cohort.
    pub rows: Vec<u32>,
    /// The same as places in the `.fam`.
    pub places: Vec<u32>,
    /// Independent fixed effects of them.
    pub x: Vec<Vec<f64>>,
}

impl Group {
    /// The same, each trait on its own.
    pub fn single(groups: &[Group]) -> Vec<Group> {
        let each = |group: &Group| {
            let group = group.clone();
            let traits = group.traits.clone().into_iter();
            traits.map(move |t| Group {
                traits: vec![t],
                ..group.clone()
            })
        };
        groups.iter().flat_map(each).collect()
    }

    /// All groups of `data`; `samples` are the cohort's places in the `.fam`.
    pub fn of(data: &AssocData<'_>, samples: &[u32]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (t, of) in data.traits.iter().enumerate() {
            let mut rows = of.observed();
            rows.retain(|&i| data.complete[i as usize]);
            match groups.iter_mut().find(|g| g.rows == rows) {
                Some(group) => group.traits.push(t),
                None => groups.push(Group {
                    traits: vec![t],
                    places: rows.iter().map(|&i| samples[i as usize]).collect(),
                    x: data.fixed.independent(&rows).1,
                    rows,
                }),
            }
        }
        groups
    }

    /// The traits' values.
    pub fn values(&self, data: &AssocData<'_>) -> Vec<Vec<f64>> {
        let of = |&t: &usize| {
            let values = &data.traits[t].values;
            self.rows.iter().map(|&i| values[i as usize]).collect()
        };
        self.traits.iter().map(of).collect()
    }

    /// What least squares on the fixed effects leave of them.
    pub fn residuals(&self, data: &AssocData<'_>) -> Vec<Vec<f64>> {
        let contrasts = Contrasts::new(&self.x);
        let values = self.values(data).into_iter();
        values.map(|y| contrasts.residual(&y)).collect()
    }
}

/// A scan in progress: chromosome by chromosome, a table for every trait.
pub struct Scan<'a> {
    pub(super) groups: &'a [Group],
    tables: Vec<Tsv>,
    snps: Vec<Snp>,
    chromosomes: ChromosomeSet,
    form: String,
    count: Count,
    tally: Tally,
    /// Places in the `.fam` of each trait's cases, if traits are binary.
    cases: Option<Vec<Vec<u32>>>,
}

/// What a block gave for one group: by trait of it, by SNP.
pub(super) type Found = Vec<Vec<Result<Effect, Untested>>>;

impl<'a> Scan<'a> {
    /// Of the traits in `groups`, by `method`; `count` says what else is wanted.
    pub fn new(
        tested: &Choice,
        data: &AssocData<'_>,
        groups: &'a [Group],
        (method, count): (&Method, Count),
    ) -> Self {
        let binary = method.is_binary();
        Scan {
            groups,
            tables: Vec::new(),
            snps: tested.files.snps.clone(),
            chromosomes: tested.chromosomes,
            form: method.form(),
            cases: binary.then(|| cases::places(data.traits, groups)),
            count,
            tally: Tally::default(),
        }
    }

    /// Starts a chromosome; what is found goes to `tables`, one for each trait.
    pub fn begin(&mut self, tables: Vec<Tsv>) {
        self.tally = Tally::new(tables.len());
        self.tables = tables;
    }

    /// Ends it.
    pub fn end(&mut self) -> (Vec<Tsv>, Tally) {
        (
            std::mem::take(&mut self.tables),
            std::mem::take(&mut self.tally),
        )
    }

    /// Tests `snps` in the null models `rotations`, one for each group.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub fn kernel(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        (rotations, form): (&[Rotation], Form),
        progress: &Progress,
    ) -> Result<()> {
        let mut maxima = std::mem::take(&mut self.tally.maxima);
        let draws = self.draws(rotations, form);
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            let rotation = &rotations[g];
            let x = block.centred(&group.places, counts);
            let x = product(rotation.eigen.vectors.transpose(), x.as_ref());
            for (t, draws) in draws[g].iter().enumerate() {
                let null = &rotation.traits[t];
                let at = match form {
                    Form::Score => &null.at_ml,
                    _ => &null.at_reml,
                };
                let size = |k: usize| {
                    let last = at.last(x.col_as_slice(k));
                    match untested(&counts[k]).is_none() && testable(&last) {
                        true => last.xpx,
                        false => f64::NAN,
                    }
                };
                let xpx: Vec<f64> = (0..counts.len()).map(size).collect();
                tally::maxima(&x, &xpx, draws, &mut maxima[group.traits[t]]);
            }
            let refit = form.refit().map(|kind| (kind, Shared::new(rotation, &x)));
            let of = |t: usize| {
                let null = &rotation.traits[t];
                let own = refit
                    .as_ref()
                    .map(|(kind, shared)| (*kind, shared.with(null, &x)));
                let each = |k: usize| match (untested(&counts[k]), &own) {
                    (Some(why), _) => Err(why),
                    (None, None) => test(form, rotation, t, x.col_as_slice(k)),
                    (None, Some((kind, own))) => {
                        test_refit(*kind, (rotation, t), (own, k), x.col_as_slice(k))
                    }
                };
                (0..counts.len()).into_par_iter().map(each).collect()
            };
            (0..group.traits.len()).map(of).collect()
        };
        self.stream(bed, snps, progress, run)?;
        self.tally.maxima = maxima;
        Ok(())
    }

    /// Draws from the null models, by group, by trait of it.
    fn draws(&self, rotations: &[Rotation], form: Form) -> Vec<Vec<Mat<f64>>> {
        let of = |r: &Rotation| match self.count.draws {
            0 => Vec::new(),
            _ => (0..r.traits.len())
                .map(|t| tally::draws((r, t), form, &self.count))
                .collect(),
        };
        rotations.iter().map(of).collect()
    }

    /// Tests `snps` by least squares, with one model for each group.
    ///
    /// # Errors
    /// `Read`, `Write`.
    pub fn ordinary(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        models: &[Ordinary],
        progress: &Progress,
    ) -> Result<()> {
        let run = |block: &Block, g: usize, group: &Group, counts: &[Counts]| -> Found {
            let each = |k: usize| match untested(&counts[k]) {
                Some(why) => vec![Err(why); group.traits.len()],
                None => models[g].test(block.calls(k), &group.places, counts[k].mean()),
            };
            let by_snp: Vec<Vec<_>> = (0..counts.len()).into_par_iter().map(each).collect();
            let all = 0..group.traits.len();
            all.map(|t| by_snp.iter().map(|found| found[t]).collect())
                .collect()
        };
        self.stream(bed, snps, progress, run)
    }

    /// Reads blocks, lets `run` test each for each group, and writes what it found.
    pub(super) fn stream(
        &mut self,
        bed: &mut Bed,
        snps: &[u32],
        progress: &Progress,
        mut run: impl FnMut(&Block, usize, &Group, &[Counts]) -> Found,
    ) -> Result<()> {
        let mut block = Block::default();
        bed.visit(snps, |k, calls| {
            block.push(snps[k], calls);
            if block.snps.len() < SNPS && k + 1 < snps.len() {
                return Ok(());
            }
            for (g, group) in self.groups.iter().enumerate() {
                let counts: Vec<Counts> = (0..block.snps.len())
                    .into_par_iter()
                    .map(|k| block.counts(k, &group.places))
                    .collect();
                let found = run(&block, g, group, &counts);
                let effective = match self.count.effective {
                    true => tally::effective(&block.centred(&group.places, &counts), &counts),
                    false => 0.0,
                };
                for (&t, found) in group.traits.iter().zip(&found) {
                    self.tally.tests(t, found);
                    self.tally.effective[t] += effective;
                    let cases = self.cases.as_ref().map(|cases| &cases[t]);
                    for (k, found) in found.iter().enumerate() {
                        let snp = &self.snps[block.snps[k] as usize];
                        let snp = (snp, self.chromosomes);
                        let cases = cases.map(|cases| block.counts(k, cases));
                        let counts = (&counts[k], cases.as_ref());
                        table::row(&mut self.tables[t], snp, counts, found, &self.form)?;
                    }
                }
            }
            progress.inc(block.snps.len() as u64);
            block.clear();
            Ok(())
        })
    }
}
