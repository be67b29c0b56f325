//! `epitile fit`.

use std::path::Path;

use clap::Args as ClapArgs;
use epitile::backend::Job;
use epitile::cohort::Cohort;
use epitile::error::{Error, Result};
use epitile::fit::{FitData, FitOptions, fit};
use epitile::io::fam::Sample;
use epitile::io::fileset::with_suffix;
use epitile::io::tsv::{Cell, Tsv};
use epitile::model::Model;
use epitile::phenotypes::Trait;
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile::similarity::Similarity;
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;

use super::args::{Computation, Genotypes, Output, Settings, Traits, Weights, kernels};
use super::program::Run;
use super::{inputs, memory};

/// Flags of `epitile fit`.
#[derive(Debug, Clone, ClapArgs)]
#[command(
    after_help = "Writes PREFIX.epitile (weights, settings, SNP means and alleles, \
certificate), PREFIX.log and PREFIX.run.json. The model points to the training genotypes, which \
predict needs; with --embed it holds them. Either way it is as confidential as they are.

Example:
  epitile fit --bfile cohort --pheno traits.txt --pheno-name height --covar covar.txt \\
      --covar-name sex,age --kernel gaussian --gamma-scale 1 --lambda 0.5 --out height"
)]
pub(crate) struct Args {
    #[command(flatten)]
    genotypes: Genotypes,
    #[command(flatten)]
    traits: Traits,
    /// Kernel: linear, linear:std, linear:2pq, gaussian, laplacian, ibs, poly:D or grm^2
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    kernel: Vec<String>,
    #[command(flatten)]
    weighting: Weights,
    #[command(flatten)]
    settings: Settings,
    /// Hold the training genotypes in the model
    #[arg(long)]
    embed: bool,
    /// Hold the factor in the model, for faster prediction intervals
    #[arg(long)]
    save_factor: bool,
    /// Also write the dual weights to PREFIX.weights.tsv
    #[arg(long)]
    weights: bool,
    #[command(flatten)]
    computation: Computation,
    #[command(flatten)]
    output: Output,
}

impl Run for Args {
    fn output(&self) -> Option<&Output> {
        Some(&self.output)
    }

    fn run(&self, log: &RunLog) -> Result<()> {
        self.fit(log).map(|_| ())
    }
}

impl Args {
    /// Fits, writes the model and returns it.
    pub(crate) fn fit(&self, log: &RunLog) -> Result<Model> {
        let kernel = match *kernels(&self.kernel)? {
            [one] => one,
            ref other => {
                return Err(Error::usage(format!(
                    "--kernel: found {} kernels, expected one; compare several with cv",
                    other.len()
                )));
            }
        };
        let lambda = match *self.settings.lambdas()? {
            [one] => one,
            ref other => {
                return Err(Error::usage(format!(
                    "--lambda (or --h2): found {} values, expected one; choose with cv",
                    other.len()
                )));
            }
        };
        let options = FitOptions {
            bfile: self.genotypes.bfile.clone(),
            kernel,
            gamma: self.settings.gammas(Gammas::Scales(vec![1.0]))?,
            lambda,
            solve: self.computation.solve()?,
            tile: self.computation.tile,
            embed: self.embed,
            save_factor: self.save_factor,
        };
        let inputs = inputs::read(&self.genotypes, &self.traits, log)?;
        let snp_weights = self.weighting.read(&inputs.cohort.snps, log)?;
        let shape = memory::Shape::from(&inputs.cohort.genotypes);
        let plan = memory::Plan::of(
            shape.with(snp_weights.as_deref()),
            &[kernel],
            &self.computation,
            inputs.traits.len(),
        );
        let room = memory::check(&plan, &self.computation.machine, log)?;
        let recipe = inputs.has_covariates.then(|| inputs.design.recipe());
        let reason = |of: &Trait| {
            let mut rows = of.observed();
            rows.retain(|&i| inputs.complete[i as usize]);
            inputs.fixed.obstacle(&of.values, &rows)
        };
        let traits = inputs::keep_trainable(inputs.traits, reason, log)?;
        let data = FitData {
            traits: &traits,
            fixed: &inputs.fixed,
            recipe: recipe.as_ref(),
            complete: &inputs.complete,
            inside: inputs
                .inside
                .as_ref()
                .map(|(design, inside)| (design, inside)),
            weights: snp_weights.as_deref(),
        };
        let samples = inputs.cohort.samples.clone();
        let job = Fitting {
            cohort: inputs.cohort,
            data,
            options: &options,
            log,
        };
        let model = room.run(job)?;
        log.timed("write", || {
            let weights = match self.weights {
                true => Some(weights(
                    &with_suffix(&self.output.out, ".weights.tsv"),
                    &samples,
                    &model,
                )?),
                false => None,
            };
            model.save(&with_suffix(&self.output.out, ".epitile"))?;
            weights.map_or(Ok(()), Tsv::commit)
        })?;
        self.report(&model, log);
        Ok(model)
    }

    fn report(&self, model: &Model, log: &RunLog) {
        for t in &model.traits {
            let c = &t.meta.certificate;
            log.say(format!(
                "{}: {} individuals, σ̂²_f {:.5e}; backward error {:.1e} → {:.1e} in {} iterations \
                 ({}); ‖Δα‖ ≤ {:.1e}",
                t.meta.name,
                t.meta.samples,
                t.meta.variance,
                c.backward_error_before,
                c.backward_error,
                c.iterations,
                c.stop,
                c.weight_error_bound
            ));
        }
        log.say(model.meta.evidence.summary());
        let certificates: Vec<_> = model
            .traits
            .iter()
            .map(|t| (&t.meta.name, &t.meta.certificate))
            .collect();
        for (key, value) in [
            ("certificate", serde_json::to_value(&model.meta.evidence)),
            ("certificates", serde_json::to_value(certificates)),
        ] {
            if let Ok(value) = value {
                log.set(key, value);
            }
        }
        log.set("precision", model.meta.precision.clone().into());
    }
}

struct Fitting<'a> {
    cohort: Cohort,
    data: FitData<'a>,
    options: &'a FitOptions,
    log: &'a RunLog,
}

impl Job for Fitting<'_> {
    type Output = Model;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Model> {
        fit(
            backend,
            engine,
            self.cohort,
            self.data,
            self.options,
            self.log,
        )
    }
}

/// `FID IID` and one column of dual weights per trait; NA for individuals it was not trained on.
fn weights(path: &Path, samples: &[Sample], model: &Model) -> Result<Tsv> {
    let header: Vec<&str> = ["FID", "IID"]
        .into_iter()
        .chain(model.traits.iter().map(|t| t.meta.name.as_str()))
        .collect();
    let mut table = Tsv::create(path, &header)?;
    let mut places = model.meta.samples.iter().enumerate().peekable();
    for sample in samples {
        // The model's individuals stand in the order of the cohort.
        let place = places
            .next_if(|(_, id)| **id == sample.id())
            .map(|(p, _)| p as u32);
        let mut row: Vec<Cell<'_>> = vec![(&sample.fid).into(), (&sample.iid).into()];
        for t in &model.traits {
            let at = place.and_then(|p| t.rows.binary_search(&p).ok());
            row.push(at.map_or(f64::NAN, |at| t.weights[at]).into());
        }
        table.row(&row)?;
    }
    Ok(table)
}

/// Quantiles of the distances, for the log.
pub(crate) fn report_distances<B: Backend>(
    similarity: &Similarity<'_, B>,
    kernels: &[Kernel],
    log: &RunLog,
) {
    for &kernel in kernels.iter().filter(|k| k.has_gamma()) {
        if let Some(d) = similarity.distances(kernel) {
            let quantiles: Vec<String> = d.quantiles.iter().map(|q| format!("{q}")).collect();
            let sampled = match d.standard_error {
                Some(e) => format!(", sampled: standard error of the median {e:.3}"),
                None => String::new(),
            };
            log.say(format!(
                "{kernel}: distance over {} pairs (minimum, 5, 25, 50, 75, 95 %, maximum): {}{sampled}",
                d.pairs,
                quantiles.join(" ")
            ));
            log.set(
                format!("distances_{kernel}"),
                serde_json::json!(d.quantiles),
            );
        }
    }
}
