//! `epitile simulate`.

use clap::Args as ClapArgs;
use epitile::error::Result;
use epitile::run::RunLog;
use epitile::simulate::{SimulateOptions, run};

use super::args::Output;
use super::program::Run;

/// Flags of `epitile simulate`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.bed/.bim/.fam, PREFIX.pheno.txt (traits y1, y2, …) and the \
truth: PREFIX.truth.additive.tsv, .truth.pairs.tsv, .truth.values.tsv, .truth.json.

Example:
  epitile simulate --samples 2000 --snps 5000 --chromosomes 5 --families 4 \\
      --additive 0.3 --epistatic 0.3 --out sim"
)]
pub(crate) struct Args {
    /// Individuals
    #[arg(long, value_name = "N", default_value_t = 2000)]
    samples: usize,
    /// SNPs
    #[arg(long, value_name = "M", default_value_t = 10_000)]
    snps: usize,
    /// Chromosomes
    #[arg(long, value_name = "C", default_value_t = 22)]
    chromosomes: usize,
    /// Ancestral haplotypes that the others are mosaics of
    #[arg(long, value_name = "F", default_value_t = 200)]
    founders: usize,
    /// Expected switches between ancestral haplotypes per interval of SNPs
    #[arg(long, value_name = "RATE", default_value_t = 0.01)]
    recombination: f64,
    /// Copying errors per haplotype and SNP
    #[arg(long, value_name = "RATE", default_value_t = 0.0005)]
    mutation: f64,
    /// Families of so many full sibs [default: unrelated]
    #[arg(long, value_name = "SIBS")]
    families: Option<usize>,
    /// Length of a chromosome in Morgan, for crossovers within families
    #[arg(long, value_name = "MORGAN", default_value_t = 1.0)]
    morgans: f64,
    /// Fraction of calls that are missing
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0)]
    missing_rate: f64,
    /// Fraction of a trait's variance that is additive
    #[arg(long, value_name = "FRACTION", default_value_t = 0.3)]
    additive: f64,
    /// Fraction that is pairwise epistatic; the rest is environment
    #[arg(long, value_name = "FRACTION", default_value_t = 0.3)]
    epistatic: f64,
    /// SNPs with an additive effect
    #[arg(long, value_name = "N", default_value_t = 100)]
    causal: usize,
    /// Interacting pairs
    #[arg(long, value_name = "N", default_value_t = 100)]
    pairs: usize,
    /// Traits
    #[arg(long, value_name = "T", default_value_t = 1)]
    traits: usize,
    /// Least frequency of the rarer allele
    #[arg(long, value_name = "FREQUENCY", default_value_t = 0.01)]
    maf_min: f64,
    /// Seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

impl Args {
    fn options(&self) -> SimulateOptions {
        SimulateOptions {
            samples: self.samples,
            snps: self.snps,
            chromosomes: self.chromosomes,
            founders: self.founders,
            recombination: self.recombination,
            mutation: self.mutation,
            families: self.families,
            morgans: self.morgans,
            missing_rate: self.missing_rate,
            additive: self.additive,
            epistatic: self.epistatic,
            causal: self.causal,
            pairs: self.pairs,
            traits: self.traits,
            maf_min: self.maf_min,
            seed: self.seed,
        }
    }
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let (simulation, files) =
            log.timed("simulate", || run(&self.options(), &self.output.out))?;
        for t in &simulation.traits {
            let v = t.variances();
            log.say(format!(
                "{}: variance additive {:.4}, epistatic {:.4}, environment {:.4}, total {:.4}",
                t.name, v.additive, v.epistatic, v.environment, v.total
            ));
        }
        if simulation.cohort.below_maf > 0 {
            log.warn(format!(
                "{} SNPs are below --maf-min",
                simulation.cohort.below_maf
            ));
        }
        for file in files {
            log.say(format!("wrote {}", file.display()));
        }
        Ok(())
    }
}
