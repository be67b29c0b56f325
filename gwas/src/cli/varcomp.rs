//! `epitile varcomp`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use epitile::backend::Job;
use epitile::cohort::Cohort;
use epitile::error::{Error, Result};
use epitile::io::fileset::with_suffix;
use epitile::io::output::OutputSet;
use epitile::null::boundary::Draws;
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile::varcomp::{Components, Estimate, VarcompData, VarcompOptions, varcomp};
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;

use super::args::{Genotypes, Machine, Output, Traits, Weights, components};
use super::program::Run;
use super::{inputs, memory};

/// Flags of `epitile varcomp`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.varcomp.tsv (SOURCE VARIANCE SE PROPORTION SE_PROPORTION: a row per \
kernel, residual, total), PREFIX.varcomp.json (ln L, tests, λ, starting points), PREFIX.log and \
PREFIX.run.json; with several traits PREFIX_TRAIT.varcomp.tsv and .json.

The kernels are fitted jointly by restricted maximum likelihood. Each is centred (rows and columns \
sum to zero) and scaled to mean diagonal 1 over the trait's individuals, so that PROPORTION is the \
share of the trait's variance. Narrow heritability is that of the additive kernels (linear, \
linear:std, linear:2pq), broad that of all; a gaussian kernel alone holds both additive and \
epistatic variance: fit linear:std beside it. Kernels use all SNPs that the filters leave: give \
--chr to leave out X.

Tests are restricted likelihood ratios for each kernel. LOG10P of the ½χ²₀ + ½χ²₁ mixture stands \
beside a p-value from draws: of the exact null distribution if no other kernel has variance, else \
of traits simulated without the kernel.

Example:
  epitile varcomp --bfile cohort --pheno traits.txt --pheno-name height \\
      --kernel linear:std,grm^2 --out height"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernels, fitted jointly: linear, linear:std, linear:2pq, gaussian, laplacian, ibs, poly:D,
    /// grm^2, dominance
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    kernel: Vec<String>,
    #[command(flatten)]
    weighting: Weights,
    /// Bandwidth γ = c / median distance of gaussian and laplacian
    #[arg(
        long,
        value_name = "C",
        default_value_t = 1.0,
        conflicts_with = "gamma"
    )]
    gamma_scale: f64,
    /// Bandwidth γ itself
    #[arg(long, value_name = "G")]
    gamma: Option<f64>,
    /// Prevalence of a binary trait: gives its additive heritability on the liability scale too
    #[arg(long, value_name = "K")]
    prevalence: Option<f64>,
    /// Draws from an exact null distribution
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    draws: usize,
    /// Most traits simulated for a test beside another kernel; each takes fits of its own, and
    /// fewer are made where p is not small
    #[arg(long, value_name = "N", default_value_t = 99)]
    bootstrap: usize,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        let options = self.options()?;
        let inputs = inputs::read(&self.genotypes, &self.traits, log)?;
        let kernels: Vec<Kernel> = options.kernels.iter().filter_map(|c| c.kernel()).collect();
        // Contrasts and eigenvectors of each kernel; V, its factor, its inverse and what an
        // eigendecomposition takes at a time.
        let matrices = 2 * options.kernels.len() + 5;
        let weights = self.weighting.read(&inputs.cohort.snps, log)?;
        let shape = memory::Shape::from(&inputs.cohort.genotypes).with(weights.as_deref());
        let plan = memory::Plan::dense(shape, &kernels, &self.machine, matrices);
        let room = memory::check(&plan, &self.machine, log)?;
        let reason = inputs::obstacle(&inputs.fixed, &inputs.complete, 0);
        let traits = inputs::keep_trainable(inputs.traits, reason, log)?;
        self.check_prevalence(&traits, log)?;
        let data = VarcompData {
            traits: &traits,
            fixed: &inputs.fixed,
            complete: &inputs.complete,
            inside: inputs.inside.as_ref().map(|(_, inside)| inside),
            weights: weights.as_deref(),
        };
        let found = room.run(Splitting {
            cohort: inputs.cohort,
            data,
            options: &options,
            log,
        })?;
        log.timed("write", || self.write(&found, inputs.asked))?;
        found.iter().for_each(|one| report(one, log));
        Ok(())
    }
}

impl Args {
    fn options(&self) -> Result<VarcompOptions> {
        let kernels = components(&self.kernel)?;
        let positive = |value: f64, flag: &str| match value > 0.0 && value.is_finite() {
            true => Ok(value),
            false => Err(Error::usage(format!(
                "{flag} {value}: found {value}, expected a number above zero"
            ))),
        };
        let gamma = match self.gamma {
            Some(gamma) => Gammas::Values(vec![positive(gamma, "--gamma")?]),
            None => Gammas::Scales(vec![positive(self.gamma_scale, "--gamma-scale")?]),
        };
        if let Some(k) = self.prevalence.filter(|k| !(*k > 0.0 && *k < 1.0)) {
            return Err(Error::usage(format!(
                "--prevalence {k}: expected a number between 0 and 1"
            )));
        }
        if self.traits.intercept == "mean" {
            return Err(Error::usage(
                "--intercept mean: variance components need an intercept that is fitted; leave \
                 the flag out",
            ));
        }
        Ok(VarcompOptions {
            kernels,
            gamma,
            prevalence: self.prevalence,
            draws: Draws {
                eigenvalues: self.draws,
                bootstrap: self.bootstrap,
                seed: self.seed,
            },
        })
    }

    /// Only binary traits have a prevalence.
    fn check_prevalence(&self, traits: &[Trait], log: &RunLog) -> Result<()> {
        if self.prevalence.is_none() {
            return Ok(());
        }
        if !traits.iter().any(|t| t.binary) {
            return Err(Error::inconsistent(
                "--prevalence: none of the traits is binary (0/1, or 1/2 with --1): found other \
                 values, expected cases and controls; leave the flag out",
            ));
        }
        for t in traits.iter().filter(|t| !t.binary) {
            log.warn(format!(
                "phenotype {} is not binary: it has no liability scale",
                t.name
            ));
        }
        Ok(())
    }

    fn write(&self, found: &[Components], asked: usize) -> Result<()> {
        let mut files = OutputSet::new();
        for one in found {
            let prefix: PathBuf = match asked {
                1 => self.output.out.clone(),
                _ => with_suffix(&self.output.out, &format!("_{}", one.name)),
            };
            one.write(&prefix, &mut files)?;
        }
        files.commit().map(drop)
    }
}

/// What users should see of a trait.
fn report(of: &Components, log: &RunLog) {
    let number = |e: &Estimate| match e.se {
        Some(se) => format!("{:.4} (SE {se:.4})", e.value),
        None => format!("{:.4}", e.value),
    };
    let shares: Vec<String> = of.sources[..of.kernels.len()]
        .iter()
        .map(|s| format!("{} {}", s.source, number(&s.proportion)))
        .collect();
    log.say(format!(
        "{}: {} individuals, ln L {:.4}; shares of the variance: {}",
        of.name,
        of.samples,
        of.log_likelihood,
        shares.join(", ")
    ));
    let h = &of.heritability;
    let mut text = format!("{}: broad heritability {}", of.name, number(&h.broad));
    if let Some(narrow) = &h.narrow {
        text += &format!(", narrow {}", number(narrow));
    }
    if let Some(liability) = &h.narrow_liability {
        text += &format!(", narrow on the liability scale {}", number(liability));
    }
    log.say(text);
    for t in &of.tests {
        let beside = match t.beside.is_empty() {
            true => String::new(),
            false => format!(" beside {}", t.beside.join(", ")),
        };
        let drawn = t.p.map_or(String::new(), |p| {
            format!("; p {p:.3e} from {} draws ({})", t.draws, t.p_from)
        });
        log.say(format!(
            "{}: test of {}{beside}: ratio {:.4}, −log10 p {:.3} (50:50 mixture){drawn}",
            of.name, t.kernel, t.likelihood_ratio, t.log10p_mixture
        ));
    }
    if !of.converged {
        log.warn(format!(
            "phenotype {}: the search ended before a maximum; see the starting points in the \
             .json, and treat the estimates with care",
            of.name
        ));
    }
}

struct Splitting<'a> {
    cohort: Cohort,
    data: VarcompData<'a>,
    options: &'a VarcompOptions,
    log: &'a RunLog,
}

impl Job for Splitting<'_> {
    type Output = Vec<Components>;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Vec<Components>> {
        varcomp(
            backend,
            engine,
            self.cohort,
            self.data,
            self.options,
            self.log,
        )
    }
}
