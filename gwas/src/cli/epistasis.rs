//! `epitile epistasis`.

mod null;
mod pairing;

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs};
use epitile::backend::Job;
use epitile::cohort::Cohort;
use epitile::epistasis::EpistasisData;
use epitile::epistasis::global::{GlobalOptions, global};
use epitile::epistasis::marginal::{MarginalOptions, marginal};
use epitile::epistasis::pairs::{PairsOptions, PairsTable, pairs};
use epitile::epistasis::report::{GlobalTable, MarginalTable};
use epitile::error::{Error, Result};
use epitile::io::fileset::with_suffix;
use epitile::io::output::{OutputSet, file_name_part};
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;

use super::args::{Genotypes, Machine, Output, Traits};
use super::program::Run;
use super::{inputs, memory};
use null::{further, kernels_or};
use pairing::Pairing;

/// Flags of `epitile epistasis`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    group = ArgGroup::new("question").required(true).args(["global", "marginal", "pairs"]),
    after_help = "--global asks whether a trait has variance that the null model's kernels do not \
explain: a score test of each kernel of --kernel beside those of --null, whose variances are \
fitted by restricted maximum likelihood. Kernels are centred and scaled to mean diagonal 1; what of \
the tested one lies in the directions of the null's is taken out. p-values are of weighted sums of \
χ² variables: Davies' method, below 1e-10 the saddlepoint approximation (0.07 in −log10 p at most). \
PREFIX.global.tsv (KERNEL NULL N Q SD LOG10P METHOD EXTRA) and .json (variances, projection).

--marginal asks of each SNP whether it interacts with all others together, beside its own effect \
and the additive kernel of the other SNPs (MAPIT). VARIANCE is that of the interactions, SE its \
standard error without any, p one-sided: normal, where below 0.05 with at most --exact-limit \
individuals by eigenvalues. How VARIANCE varies without interactions follows from the trait's null \
model, fitted once by restricted maximum likelihood with all SNPs in the kernel (its variances are in \
the .json). Other SNPs' interactions are part of it only with --null \
linear:std,grm^2: the kernel of all pairs, centred and scaled to mean diagonal 1, is a further \
variance component (whole genome: the SNP is in it, and its chromosome with --marginal-loco). \
Give it where --global finds epistasis: without, most SNPs have small p-values (90 % below 0.05 among \
relatives, if epistasis is 60 % of the variance); where there is none, it costs power. With it a small \
p-value says that a SNP, or one linked to it, interacts more than SNPs do on average. Each further kernel \
takes 5 matrices of N × N numbers, for a null model some dozens of N³ operations, and for a SNP and T \
traits 2·N²·(3 + 8·T) operations more. PREFIX.marginal.tsv \
(CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST VARIANCE SE Z LOG10P METHOD EXTRA) and .json; a SNP \
that cannot be tested has its reason in EXTRA: MONOMORPHIC, ALL_MISSING, COLLINEAR.

--pairs looks for pairs that interact. One half of a trait's individuals nominates: a Gaussian \
kernel model is fitted to them (λ by restricted maximum likelihood), and the --top pairs are taken \
whose mixed second derivative of it, averaged over them and divided by both SNPs' standard \
deviations, is largest (SCORE, in root mean squares of all pairs). The other half confirms: the \
product of both dosages is tested beside both SNPs, the covariates, for each SNP the one within \
--lead-kb that has a larger effect of its own, and an additive kernel without both chromosomes \
(F on 1 degree of freedom; missing calls are means). BETA is per product of A1 counts. LOG10P_ADJ \
is adjusted for all tests made; with --same-individuals, which uses all to nominate and to confirm, \
for all pairs that could have been nominated. Pairs within --pairs-kb on one chromosome or with r² \
above --pairs-r2 are left out and counted. With --thin-r2, such as 0.5, the better of two pairs \
stands for both where both their SNPs have a larger r², within --thin-kb and among those who \
nominate; the other is dropped and counted. A pair that cannot be tested \
has its reason in EXTRA, as above, or NO_KERNEL: on the other chromosomes nothing varies. Expect to find little: M \
SNPs have M²/2 pairs. For an even chance a pair must explain at least 15/N of the variance to be \
among 100 nominated of a million (N individuals nominate; more with more SNPs), and 12/N to be \
confirmed (N confirm). Nothing found does not mean that nothing interacts: ask --global first. \
Products of rare SNPs are carried by few individuals: give --maf. PREFIX.pairs.tsv (CHROM1 GENPOS1 ID1 ALLELE0_1 ALLELE1_1 A1FREQ1, the same of 2, R2 \
SCORE LEADS N BETA SE STAT LOG10P LOG10P_ADJ EXTRA), best score first, and .json.

With several traits there are files PREFIX_TRAIT.… of each. Kernels use all SNPs that the filters \
leave: give --chr to leave out X.

Examples:
  epitile epistasis --global --bfile cohort --pheno traits.txt --pheno-name height --out height
  epitile epistasis --marginal --bfile cohort --pheno traits.txt --pheno-name height --out height
  epitile epistasis --marginal --null linear:std,grm^2 --bfile cohort --pheno traits.txt \
      --pheno-name height --out height
  epitile epistasis --pairs --maf 0.05 --bfile cohort --pheno traits.txt --pheno-name height \
      --out height"
)]
pub(crate) struct Args {
    /// Test for variance of a kernel beside the null model
    #[arg(long)]
    global: bool,
    /// Test every SNP for interactions with all others together
    #[arg(long)]
    marginal: bool,
    /// Nominate pairs of SNPs and test whether they interact
    #[arg(long)]
    pairs: bool,
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernels to test with --global, one at a time [default: grm^2]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        conflicts_with_all = ["marginal", "pairs"]
    )]
    kernel: Vec<String>,
    /// Kernels of the null model of --global and --marginal; --marginal always has linear:std
    /// [default: linear:std]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        conflicts_with = "pairs"
    )]
    null: Vec<String>,
    /// Bandwidth γ = c / median distance of gaussian and laplacian [default: 1]
    #[arg(long, value_name = "C", conflicts_with = "gamma")]
    gamma_scale: Option<f64>,
    /// Bandwidth γ itself
    #[arg(long, value_name = "G")]
    gamma: Option<f64>,
    /// The kernel of --marginal lacks all of the tested SNP's chromosome, not only the SNP
    #[arg(long, conflicts_with_all = ["global", "pairs"])]
    marginal_loco: bool,
    /// Most individuals with which --marginal takes eigenvalues (3·N³ operations a SNP) for
    /// p-values below 0.05
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2000,
        conflicts_with_all = ["global", "pairs"]
    )]
    exact_limit: usize,
    /// Seed of the draws behind --marginal's standard errors, of the halves of --pairs
    #[arg(long, value_name = "S", default_value_t = 1, conflicts_with = "global")]
    seed: u64,
    #[command(flatten)]
    pairing: Pairing,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output: Output,
}

/// What is asked.
enum Task {
    Global(GlobalOptions),
    Marginal(MarginalOptions),
    Pairs(PairsOptions),
}

impl Task {
    fn kernels(&self) -> Vec<Kernel> {
        match self {
            Task::Global(o) => [&o.null[..], &o.tested[..]].concat(),
            Task::Marginal(o) => [&[Kernel::Standardised], &o.further[..]].concat(),
            Task::Pairs(_) => vec![Kernel::Gaussian],
        }
    }

    /// N × N matrices held at a time with so many individuals, traits, fixed effects and threads.
    fn matrices(&self, samples: usize, counts: (usize, usize, usize)) -> usize {
        match self {
            // Contrasts of each kernel, eigenvectors and whitened form of those of the null; V and
            // its factor, and what whitening and eigenvalues take at a time.
            Task::Global(o) => 3 * o.null.len() + o.tested.len() + 6,
            Task::Marginal(o) => o.matrices(samples, counts),
            // Products of all chromosomes and of two, the kernel, its eigenvectors, and what
            // eigenvalues take; of all individuals, though halves are smaller.
            Task::Pairs(_) => 9,
        }
    }
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let task = self.task()?;
        let inputs = inputs::read(&self.genotypes, &self.traits, log)?;
        let calls = &inputs.cohort.genotypes;
        let counts = (
            inputs.traits.len(),
            inputs.fixed.names().len(),
            self.machine.threads(),
        );
        let matrices = task.matrices(calls.samples(), counts);
        let plan = memory::Plan::dense(calls, &task.kernels(), &self.machine, matrices);
        let room = memory::check(&plan, &self.machine, log)?;
        let reason = |of: &Trait| {
            let mut rows = of.observed();
            rows.retain(|&i| inputs.complete[i as usize]);
            inputs.fixed.obstacle(&of.values, &rows)
        };
        let traits = inputs::keep_trainable(inputs.traits, reason, log)?;
        let data = EpistasisData {
            traits: &traits,
            fixed: &inputs.fixed,
            complete: &inputs.complete,
        };
        let tables = room.run(Testing {
            cohort: inputs.cohort,
            data,
            task: &task,
            log,
        })?;
        log.timed("write", || self.write(&tables, inputs.asked))?;
        tables.report(log);
        Ok(())
    }
}

impl Args {
    fn task(&self) -> Result<Task> {
        if self.traits.intercept == "mean" {
            return Err(Error::usage(
                "--intercept mean: tests of epistasis need an intercept that is fitted; leave the \
                 flag out",
            ));
        }
        if self.traits.kernel_covar.is_some() {
            return Err(Error::usage(
                "--kernel-covar: kernels of epistasis tests are of genotypes only; put the \
                 covariates into --covar-name",
            ));
        }
        if self.marginal {
            return Ok(Task::Marginal(MarginalOptions {
                loco: self.marginal_loco,
                exact_limit: self.exact_limit,
                seed: self.seed,
                further: further(&self.null)?,
                gamma: self.gammas()?,
            }));
        }
        if self.pairs {
            let options = self.pairing.options(self.seed, self.gammas()?);
            return options.map(Task::Pairs);
        }
        let (null, tested) = (
            kernels_or(&self.null, Kernel::Standardised)?,
            kernels_or(&self.kernel, Kernel::GrmSquared)?,
        );
        if let Some(both) = tested.iter().find(|k| null.contains(k)) {
            return Err(Error::usage(format!(
                "--kernel {both}: found {both} in --null too, expected a kernel that the null model \
                 has not"
            )));
        }
        Ok(Task::Global(GlobalOptions {
            null,
            tested,
            gamma: self.gammas()?,
        }))
    }

    fn gammas(&self) -> Result<Gammas> {
        let positive = |value: f64, flag: &str| match value > 0.0 && value.is_finite() {
            true => Ok(vec![value]),
            false => Err(Error::usage(format!(
                "{flag} {value}: found {value}, expected a number above zero"
            ))),
        };
        match (self.gamma, self.gamma_scale.unwrap_or(1.0)) {
            (Some(gamma), _) => positive(gamma, "--gamma").map(Gammas::Values),
            (None, scale) => positive(scale, "--gamma-scale").map(Gammas::Scales),
        }
    }

    fn write(&self, tables: &Tables, asked: usize) -> Result<()> {
        let mut files = OutputSet::new();
        let prefix = |name: &str| -> PathBuf {
            match asked {
                1 => self.output.out.clone(),
                _ => with_suffix(&self.output.out, &format!("_{}", file_name_part(name))),
            }
        };
        match tables {
            Tables::Global(all) => {
                for one in all {
                    one.write(&prefix(&one.name), &mut files)?;
                }
            }
            Tables::Marginal(all) => {
                for one in all {
                    one.write(&prefix(&one.name), &mut files)?;
                }
            }
            Tables::Pairs(all) => {
                for one in all {
                    one.write(&prefix(&one.name), &mut files)?;
                }
            }
        }
        files.commit().map(drop)
    }
}

/// What was found.
enum Tables {
    Global(Vec<GlobalTable>),
    Marginal(Vec<MarginalTable>),
    Pairs(Vec<PairsTable>),
}

impl Tables {
    /// What users should see.
    fn report(&self, log: &RunLog) {
        match self {
            Tables::Global(all) => all.iter().for_each(|one| one.report(log)),
            Tables::Marginal(all) => all.iter().for_each(|one| log.say(one.describe())),
            Tables::Pairs(all) => all.iter().for_each(|one| log.say(one.describe())),
        }
    }
}

struct Testing<'a> {
    cohort: Cohort,
    data: EpistasisData<'a>,
    task: &'a Task,
    log: &'a RunLog,
}

impl Job for Testing<'_> {
    type Output = Tables;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Tables> {
        let (data, log) = (self.data, self.log);
        match self.task {
            Task::Global(options) => {
                global(backend, engine, self.cohort, data, options, log).map(Tables::Global)
            }
            Task::Pairs(options) => {
                pairs(backend, engine, &self.cohort, data, options, log).map(Tables::Pairs)
            }
            Task::Marginal(options) => {
                marginal(backend, engine, &self.cohort, data, options, log).map(Tables::Marginal)
            }
        }
    }
}
