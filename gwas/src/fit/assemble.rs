//! The model of all fitted traits.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::genotypes::Genotypes;

use super::{FitData, FitOptions, Fitted};
use crate::io::bim::Snp;
use crate::io::fam::Sample;
use crate::model::{FORMAT, FactorMeta, Meta, Model, SavedFactor, Source, TraitModel, digest};
use crate::settings::Bandwidth;
use crate::similarity::{Inside, Similarity};

/// Joins what was fitted on some of the individuals `samples`; traits without a solution are not in
/// it, and neither are individuals that no trait was trained on.
pub(super) fn assemble<B: Backend>(
    similarity: &Similarity<'_, B>,
    (samples, snps): (Vec<Sample>, Vec<Snp>),
    genotypes: &Genotypes,
    data: FitData<'_>,
    options: &FitOptions,
    bandwidth: Bandwidth,
    fitted: Fitted,
) -> Model {
    // Places among the traits that have a solution.
    let place = |t: usize| fitted.traits[..t].iter().flatten().count();
    let mut factors = fitted.factors;
    for factor in &mut factors {
        factor.traits.iter_mut().for_each(|t| *t = place(*t));
    }
    let mut traits: Vec<TraitModel> = fitted.traits.into_iter().flatten().collect();
    // The model's individuals are those that any trait was trained on.
    let mut used: Vec<u32> = traits.iter().flat_map(|t| t.rows.iter().copied()).collect();
    used.sort_unstable();
    used.dedup();
    for t in &mut traits {
        for row in &mut t.rows {
            *row = used.partition_point(|u| u < row) as u32;
        }
    }
    let genotypes = Arc::new(genotypes.select(&used));
    let pick = |column: &[f64]| {
        used.iter()
            .map(|&i| column[i as usize])
            .collect::<Vec<f64>>()
    };
    let inside = data.inside.map(|(_, inside)| Inside {
        columns: inside.columns.iter().map(|c| pick(c)).collect(),
        weight: inside.weight,
    });
    let fixed: Vec<Vec<f64>> = (0..data.fixed.names().len())
        .map(|c| {
            used.iter()
                .map(|&i| data.fixed.value(c, i as usize))
                .collect()
        })
        .collect();
    let factor_meta = |f: &SavedFactor| FactorMeta {
        traits: f.traits.clone(),
        edge: f.edge,
        tiles: f
            .tiles
            .iter()
            .map(|t| (t.precision().to_string(), t.scale()))
            .collect(),
        rank: f.deflation.len(),
    };
    let holds = match options.embed {
        true => "It holds the genotypes of the training individuals",
        false => "It points to the genotypes of the training individuals",
    };
    let known = |v: f64| (!v.is_nan()).then_some(v);
    let meta = Meta {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        notice: format!(
            "Kernel ridge regression model by epitile. {holds} and lists their IDs and weights: \
             treat it as confidential as the data."
        ),
        kernel: bandwidth.kernel.to_string(),
        gamma: known(bandwidth.gamma),
        gamma_scale: known(bandwidth.scale),
        mean_diagonal: similarity.moments().mean_diagonal,
        lambda: options.lambda,
        intercept: data.fixed.intercept(),
        precision: options.solve.policy.to_string(),
        tolerance: options.solve.tolerance,
        tile: options.tile,
        fixed: data.fixed.names().to_vec(),
        recipe: data.recipe.cloned(),
        weighted: similarity.moments().weights.is_some(),
        inside: data
            .inside
            .map(|(design, inside)| (design.recipe(), inside.weight)),
        traits: traits.iter().map(|t| t.meta.clone()).collect(),
        samples: used.iter().map(|&i| samples[i as usize].id()).collect(),
        snps,
        segments: genotypes
            .segments()
            .iter()
            .map(|s| (s.name.clone(), s.snps.len()))
            .collect(),
        distances: similarity.distances(bandwidth.kernel).map(|d| d.quantiles),
        genotypes: Source {
            bfile: options.bfile.clone(),
            embedded: options.embed,
            sha256: digest(&genotypes),
        },
        evidence: fitted.evidence,
        factors: factors.iter().map(factor_meta).collect(),
    };
    Model {
        meta,
        moments: similarity.moments().clone(),
        traits,
        fixed,
        inside,
        genotypes: Some(genotypes),
        factors,
    }
}
