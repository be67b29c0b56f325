//! Predicting new individuals from a model.

mod interval;

use std::path::Path;
use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::columns::Columns;
use epitile_core::engine::Engine;
use epitile_core::genotypes::Genotypes;
use epitile_core::system::{System, default_edge};

use crate::backend::device_error;
use crate::covariates::Design;
use crate::error::{Error, Result};
use crate::io::fam::Sample;
use crate::io::output::AtomicFile;
use crate::io::tsv::{Cell, Tsv};
use crate::model::Model;
use crate::run::RunLog;
use crate::similarity::{Cross, Inside};
use crate::training::FixedEffects;

/// New individuals whose kernel rows are held at a time.
pub const CHUNK: usize = 2048;

/// New individuals, in terms of the model.
#[derive(Clone, Debug)]
pub struct NewData {
    /// Their genotypes at the model's SNPs.
    pub genotypes: Genotypes,
    /// Their fixed-effect columns.
    pub fixed: FixedEffects,
    /// Whether each has all covariates.
    pub complete: Vec<bool>,
    /// Covariates inside the kernel.
    pub inside: Option<Inside>,
}

/// Predictions of one trait.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// ŷ; NaN for individuals without all covariates.
    pub values: Vec<f64>,
    /// Standard errors, if asked for.
    pub errors: Option<Errors>,
}

/// Standard errors of predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Errors {
    /// Of the expected value: kernel and fixed effects.
    pub expected: Vec<f64>,
    /// Of a new observation: with the residual variance λσ̂²_f.
    pub observed: Vec<f64>,
}

/// The designs of covariates for new individuals as the model made them for its own.
///
/// # Errors
/// `Usage` if the model needs covariates and no file is given; those of [`Design::apply`].
pub fn designs(
    model: &Model,
    covariates: Option<&Path>,
    samples: &[Sample],
) -> Result<(Design, Option<(Design, f64)>)> {
    let file = || {
        covariates.ok_or_else(|| {
            let inside = model.meta.inside.iter().flat_map(|(r, _)| &r.columns);
            let names = model
                .meta
                .fixed
                .iter()
                .skip(1)
                .chain(inside.map(|c| &c.name));
            let names: Vec<&str> = names.map(String::as_str).collect();
            Error::usage(format!(
                "the model has covariates ({}): found no --covar, expected the file with these \
                 columns for the new individuals",
                names.join(", ")
            ))
        })
    };
    let fixed = match &model.meta.recipe {
        Some(recipe) => Design::apply(recipe, file()?, samples)?,
        None => Design::empty(samples.len()),
    };
    let inside = match &model.meta.inside {
        Some((recipe, weight)) => Some((Design::apply(recipe, file()?, samples)?, *weight)),
        None => None,
    };
    Ok((fixed, inside))
}

/// Predicts all traits of the model for the new individuals, whose kernel rows are streamed.
///
/// The model must hold its training genotypes ([`Model::fetch_genotypes`]).
///
/// # Errors
/// `Inconsistent` without training genotypes; device failures; those of the intervals' systems.
pub fn predict<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    model: &Model,
    new: &NewData,
    intervals: bool,
    log: &RunLog,
) -> Result<Vec<Predicted>> {
    let training = model
        .genotypes
        .as_ref()
        .ok_or_else(|| Error::inconsistent("the model's training genotypes have not been read"))?;
    let kernel = model.kernel()?;
    let gamma = model.meta.gamma.unwrap_or(f64::NAN);
    let n = new.genotypes.samples();
    let errors = || Errors {
        expected: vec![f64::NAN; n],
        observed: vec![f64::NAN; n],
    };
    let mut predicted: Vec<Predicted> = model
        .traits
        .iter()
        .map(|_| Predicted {
            values: vec![f64::NAN; n],
            errors: intervals.then(errors),
        })
        .collect();
    let mut solvers = match intervals {
        true => Some(interval::Solvers::new(backend, engine, model, training)?),
        false => None,
    };
    let progress = log.progress(n as u64, "individuals");
    let all: Vec<u32> = (0..n as u32).collect();
    for chunk in all.chunks(CHUNK) {
        let genotypes = Arc::new(new.genotypes.select(chunk));
        let inside = new.inside.as_ref().map(|inside| Inside {
            columns: inside
                .columns
                .iter()
                .map(|c| chunk.iter().map(|&i| c[i as usize]).collect())
                .collect(),
            weight: inside.weight,
        });
        let inside = inside.as_ref().zip(model.inside.as_ref());
        let setting = (kernel, gamma);
        let cross = Cross::new(
            backend,
            engine,
            &model.moments,
            setting,
            (&genotypes, training),
            inside,
        )?;
        let rows: Vec<u32> = (0..chunk.len() as u32).collect();
        for (of, out) in model.traits.iter().zip(&mut predicted) {
            let edge = default_edge(of.rows.len(), backend.largest_edge());
            let system = System {
                backend,
                engine,
                pairs: &cross.pairs,
                map: &cross.map,
                index: &of.rows,
                edge: model.meta.tile.unwrap_or(edge),
            };
            let weights = Columns::from_slices(of.rows.len(), [of.weights.as_slice()]);
            let random = system.cross(&rows, &weights).map_err(device_error)?;
            for (&i, v) in chunk.iter().zip(random.column(0)) {
                if new.complete[i as usize] {
                    out.values[i as usize] = v + new.fixed.at(&of.meta.effects, i as usize);
                }
            }
        }
        if let Some(solvers) = &mut solvers {
            solvers.errors(new, chunk, &genotypes, &cross, &mut predicted)?;
        }
        progress.inc(chunk.len() as u64);
    }
    Ok(predicted)
}

/// Writes `PREFIX.sscore`: `#FID IID` and per trait `T_PRED`, with intervals also `T_SE` (of the
/// expected value) and `T_SE_NEW` (of a new observation).
///
/// # Errors
/// `Write`.
pub fn write(
    path: &Path,
    samples: &[Sample],
    model: &Model,
    predicted: &[Predicted],
) -> Result<AtomicFile> {
    let mut header = vec!["#FID".to_string(), "IID".to_string()];
    for (of, p) in model.traits.iter().zip(predicted) {
        header.push(format!("{}_PRED", of.meta.name));
        if p.errors.is_some() {
            header.push(format!("{}_SE", of.meta.name));
            header.push(format!("{}_SE_NEW", of.meta.name));
        }
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = Tsv::create(path, &header)?;
    for (i, sample) in samples.iter().enumerate() {
        let mut row: Vec<Cell<'_>> = vec![(&sample.fid).into(), (&sample.iid).into()];
        for p in predicted {
            row.push(p.values[i].into());
            if let Some(e) = &p.errors {
                row.push(e.expected[i].into());
                row.push(e.observed[i].into());
            }
        }
        table.row(&row)?;
    }
    Ok(table.into_file())
}
