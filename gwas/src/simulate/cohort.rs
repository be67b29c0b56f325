//! The genotypes of a cohort: chromosomes side by side, SNP by SNP along each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::Result;
use crate::io::bim::Snp;
use crate::io::fam::{Sample, Sex};

use super::families::Descent;
use super::genealogy::Genealogy;
use super::haplotypes::Mosaic;
use super::map;
use super::options::SimulateOptions;
use super::random::{Stream, rate, stream, thin};

/// A SNP below the minimal allele frequency is redrawn at most so many times.
const ATTEMPTS: usize = 64;

/// Where the tree has no branch with enough carriers, it moves on by this ρ before the next
/// attempt: some recombinations.
const STEP: f64 = 2.0;

/// Genotypes with their samples and SNPs.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedCohort {
    /// Calls; one segment per chromosome.
    pub genotypes: Genotypes,
    /// Samples, in the order of the genotypes.
    pub samples: Vec<Sample>,
    /// SNPs, in the order of the genotypes.
    pub snps: Vec<Snp>,
    /// SNPs that stayed below the minimal allele frequency after all redraws.
    pub below_maf: usize,
}

/// True dosages, before calls go missing, of the SNPs that traits need.
pub(super) type Dosages = BTreeMap<usize, Vec<u8>>;

/// Simulates the genotypes only.
///
/// # Errors
/// A usage error if an option is out of its range.
pub fn simulate_genotypes(options: &SimulateOptions) -> Result<SimulatedCohort> {
    Ok(genotypes(options, &BTreeSet::new())?.0)
}

/// Simulates the genotypes and keeps the true dosages of the SNPs in `wanted`.
pub(super) fn genotypes(
    options: &SimulateOptions,
    wanted: &BTreeSet<usize>,
) -> Result<(SimulatedCohort, Dosages)> {
    options.check()?;
    let mut first = 0;
    let mut places = Vec::new();
    for c in 0..options.chromosomes {
        places.push((c, first));
        first += options.snps_of(c);
    }
    // Every chromosome has random numbers of its own.
    let parts = places.into_par_iter().with_max_len(1);
    let parts: Vec<Part> = parts
        .map(|(c, first)| Part::new(options, c, first, wanted))
        .collect();
    let mut builder = GenotypeBuilder::new(options.samples);
    let (mut snps, mut kept, mut below_maf) = (Vec::new(), Dosages::new(), 0);
    for mut part in parts {
        builder.append(part.builder);
        snps.append(&mut part.snps);
        kept.append(&mut part.kept);
        below_maf += part.below_maf;
    }
    let samples = samples(options);
    Ok((
        SimulatedCohort {
            genotypes: builder.finish(),
            samples,
            snps,
            below_maf,
        },
        kept,
    ))
}

/// What one chromosome gives.
struct Part {
    builder: GenotypeBuilder,
    snps: Vec<Snp>,
    kept: Dosages,
    below_maf: usize,
}

impl Part {
    /// Of chromosome `c`, whose SNPs are numbered from `first` on.
    fn new(options: &SimulateOptions, c: usize, first: usize, wanted: &BTreeSet<usize>) -> Self {
        let snps = map::snps(options, c, first);
        let mut builder = GenotypeBuilder::new(options.samples);
        builder.segment(snps[0].chromosome.as_str());
        let (mut kept, mut below_maf) = (Dosages::new(), 0);
        let mut chromosome = Chromosome::new(options, c, snps.len());
        for (j, snp) in snps.iter().enumerate() {
            if j > 0 {
                chromosome.advance(map::distance(&snps[j - 1], snp));
            }
            let polymorphic = chromosome.draw();
            below_maf += usize::from(!polymorphic);
            builder.push(chromosome.calls());
            if wanted.contains(&(first + j)) {
                kept.insert(first + j, chromosome.dosages.clone());
            }
        }
        Part {
            builder,
            snps,
            kept,
            below_maf,
        }
    }
}

/// A chromosome at its current SNP.
struct Chromosome<'a> {
    options: &'a SimulateOptions,
    /// Founders that may carry the derived allele.
    carriers: RangeInclusive<u32>,
    /// Average intervals between two SNPs per Morgan.
    intervals: f64,
    tree: Genealogy,
    mosaic: Mosaic,
    descent: Descent,
    founders: Vec<u8>,
    alleles: Vec<u8>,
    dosages: Vec<u8>,
    missing: Vec<bool>,
    genealogy: ChaCha8Rng,
    copying: ChaCha8Rng,
    meiosis: ChaCha8Rng,
    mutation: ChaCha8Rng,
    calling: ChaCha8Rng,
}

impl<'a> Chromosome<'a> {
    fn new(options: &'a SimulateOptions, c: usize, snps: usize) -> Self {
        let of = |what| stream(options.seed, what, c);
        let (mut genealogy, mut copying) = (of(Stream::Genealogy), of(Stream::Mosaic));
        let mut meiosis = of(Stream::Meiosis);
        let (n, founders) = (options.samples, options.founders);
        let haplotypes = Descent::haplotypes(n, options.families);
        let least = (options.maf_min * founders as f64).ceil() as usize;
        let least = least.min(founders / 2).max(1);
        Chromosome {
            options,
            carriers: least as u32..=(founders - least) as u32,
            intervals: snps as f64 / options.morgans,
            tree: Genealogy::new(founders, &mut genealogy),
            mosaic: Mosaic::new(haplotypes, founders, &mut copying),
            descent: Descent::new(n, options.families, &mut meiosis),
            founders: vec![0; founders],
            alleles: Vec::with_capacity(haplotypes),
            dosages: Vec::with_capacity(n),
            missing: vec![false; n],
            genealogy,
            copying,
            meiosis,
            mutation: of(Stream::Mutation),
            calling: of(Stream::Missing),
        }
    }

    /// Moves on by `distance` Morgan.
    fn advance(&mut self, distance: f64) {
        let switches = self.options.recombination * distance * self.intervals;
        // Li & Stephens (2003), Appendix A: a haplotype switches between F others at rate ρ/F.
        self.tree
            .advance(switches * self.options.founders as f64, &mut self.genealogy);
        self.mosaic.advance(switches, &mut self.copying);
        self.descent.advance(distance, &mut self.meiosis);
    }

    /// Draws the SNP here; `false` if it is too rare after all attempts.
    fn draw(&mut self) -> bool {
        if self.options.missing_rate > 0.0 {
            self.missing.fill(false);
            let rate = rate(self.options.missing_rate);
            let missing = &mut self.missing;
            thin(&mut self.calling, missing.len(), rate, |_, i| {
                missing[i] = true
            });
        }
        for _ in 0..ATTEMPTS {
            if self
                .tree
                .mutate(&self.carriers, &mut self.founders, &mut self.genealogy)
            {
                self.sample();
                if self.maf() >= self.options.maf_min {
                    return true;
                }
            } else {
                self.tree.advance(STEP, &mut self.genealogy);
            }
        }
        self.sample();
        self.maf() >= self.options.maf_min
    }

    /// Dosages of the samples, given the founders' alleles.
    fn sample(&mut self) {
        let rate = self.options.mutation;
        self.mosaic
            .copy(&self.founders, rate, &mut self.alleles, &mut self.mutation);
        self.descent.dosages(&self.alleles, &mut self.dosages);
    }

    fn calls(&self) -> impl Iterator<Item = Option<u8>> {
        self.dosages
            .iter()
            .zip(&self.missing)
            .map(|(&x, &missing)| (!missing).then_some(x))
    }

    /// Minor allele frequency over the calls; 0 without any.
    fn maf(&self) -> f64 {
        let (alleles, called) = self
            .calls()
            .flatten()
            .fold((0u64, 0u64), |(alleles, called), x| {
                (alleles + u64::from(x), called + 1)
            });
        let frequency = alleles as f64 / (2 * called.max(1)) as f64;
        frequency.min(1.0 - frequency)
    }
}

/// Names and sexes. An unrelated sample has its own name as FID; sibs share their family's.
/// Parents are given as unknown, so that programs do not drop the sibs as non-founders.
fn samples(options: &SimulateOptions) -> Vec<Sample> {
    let mut rng = stream(options.seed, Stream::Sex, 0);
    (0..options.samples)
        .map(|i| {
            let (fid, iid) = match options.families {
                None => (format!("id{}", i + 1), format!("id{}", i + 1)),
                Some(size) => {
                    let family = format!("fam{}", i / size + 1);
                    let iid = format!("{family}_{}", i % size + 1);
                    (family, iid)
                }
            };
            let sex = if rng.random() { Sex::Male } else { Sex::Female };
            Sample {
                sex,
                ..Sample::new(fid, iid)
            }
        })
        .collect()
}
