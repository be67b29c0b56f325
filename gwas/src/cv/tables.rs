//! The tables of a cross-validation.

use std::path::Path;

use super::{CvData, CvOptions, CvResult, Scheme, summaries};
use crate::error::Result;
use crate::io::fam::Sample;
use crate::io::fileset::with_suffix;
use crate::io::output::OutputSet;
use crate::io::tsv::{Cell, Tsv, format_number};
use crate::settings::Setting;

/// Columns of `PREFIX.cv.tsv`.
const FOLDS: [&str; 10] = [
    "PHENO", "KERNEL", "GAMMA", "LAMBDA", "FOLD", "N_TRAIN", "N_TEST", "MSPE", "PEARSON", "R2",
];

/// Columns of `PREFIX.cv_summary.tsv`.
const SUMMARY: [&str; 13] = [
    "PHENO",
    "KERNEL",
    "GAMMA",
    "LAMBDA",
    "BEST",
    "MSPE",
    "SE_MSPE",
    "PEARSON",
    "SE_PEARSON",
    "R2",
    "DIFF_MSPE",
    "SE_DIFF",
    "FOLDS_WON",
];

/// Columns of `PREFIX.cv_predictions.tsv`.
const PREDICTIONS: [&str; 9] = [
    "PHENO",
    "FID",
    "IID",
    "FOLD",
    "KERNEL",
    "GAMMA",
    "LAMBDA",
    "OBSERVED",
    "PREDICTED",
];

/// Writes `PREFIX.cv.tsv`, `PREFIX.cv_summary.tsv`, `PREFIX.cv_predictions.tsv` and, if nested,
/// `PREFIX.cv_nested.tsv`: all of them or none.
///
/// # Errors
/// `Write`.
pub fn write(
    prefix: &Path,
    samples: &[Sample],
    data: CvData<'_>,
    options: &CvOptions,
    result: &CvResult,
) -> Result<()> {
    let mut set = OutputSet::new();
    set.add(folds(prefix, data, result)?.into_file())?;
    set.add(summary(prefix, options, result)?.into_file())?;
    set.add(predictions(prefix, samples, data, options, result)?.into_file())?;
    if options.scheme == Scheme::Nested {
        set.add(nested(prefix, data, result)?.into_file())?;
    }
    set.commit().map(|_| ())
}

/// Kernel, γ and λ as text.
fn names(setting: &Setting) -> [String; 3] {
    let bandwidth = &setting.bandwidth;
    [
        bandwidth.kernel.to_string(),
        format_number(bandwidth.gamma),
        format_number(setting.lambda),
    ]
}

fn folds(prefix: &Path, data: CvData<'_>, result: &CvResult) -> Result<Tsv> {
    let mut table = Tsv::create(with_suffix(prefix, ".cv.tsv"), &FOLDS)?;
    for of in &result.traits {
        for (setting, scores) in result.settings.iter().zip(&of.scores) {
            let [kernel, gamma, lambda] = names(setting);
            for (fold, score) in scores.iter().enumerate() {
                let Some(score) = score else { continue };
                table.row(&[
                    (&of.name).into(),
                    (&kernel).into(),
                    (&gamma).into(),
                    (&lambda).into(),
                    (&data.folds.names[fold]).into(),
                    score.n_train.into(),
                    score.n_test.into(),
                    score.mspe.into(),
                    score.pearson.into(),
                    score.r2.into(),
                ])?;
            }
        }
    }
    Ok(table)
}

fn summary(prefix: &Path, options: &CvOptions, result: &CvResult) -> Result<Tsv> {
    let mut table = Tsv::create(with_suffix(prefix, ".cv_summary.tsv"), &SUMMARY)?;
    for of in &result.traits {
        let rows = summaries(&result.settings, &options.kernels, of);
        for (setting, row) in result.settings.iter().zip(rows) {
            let [kernel, gamma, lambda] = names(setting);
            table.row(&[
                (&of.name).into(),
                (&kernel).into(),
                (&gamma).into(),
                (&lambda).into(),
                Cell::Whole(row.best.into()),
                row.mspe.0.into(),
                row.mspe.1.into(),
                row.pearson.0.into(),
                row.pearson.1.into(),
                row.r2.into(),
                row.difference.0.into(),
                row.difference.1.into(),
                row.folds_won.map_or(Cell::Text("NA"), Cell::from),
            ])?;
        }
    }
    Ok(table)
}

fn predictions(
    prefix: &Path,
    samples: &[Sample],
    data: CvData<'_>,
    options: &CvOptions,
    result: &CvResult,
) -> Result<Tsv> {
    let path = with_suffix(prefix, ".cv_predictions.tsv");
    let mut table = Tsv::create(path, &PREDICTIONS)?;
    for (of, values) in result.traits.iter().zip(data.traits) {
        let best = super::best_settings(&result.settings, &options.kernels, of);
        for s in best.into_iter().flatten() {
            let [kernel, gamma, lambda] = names(&result.settings[s]);
            for (i, sample) in samples.iter().enumerate() {
                let (Some(fold), false) = (data.folds.of[i], of.predictions[s][i].is_nan()) else {
                    continue;
                };
                table.row(&[
                    (&of.name).into(),
                    (&sample.fid).into(),
                    (&sample.iid).into(),
                    (&data.folds.names[fold as usize]).into(),
                    (&kernel).into(),
                    (&gamma).into(),
                    (&lambda).into(),
                    values.values[i].into(),
                    of.predictions[s][i].into(),
                ])?;
            }
        }
    }
    Ok(table)
}

/// As the table by folds; the settings are those chosen inside each training set.
fn nested(prefix: &Path, data: CvData<'_>, result: &CvResult) -> Result<Tsv> {
    let mut table = Tsv::create(with_suffix(prefix, ".cv_nested.tsv"), &FOLDS)?;
    for of in &result.traits {
        for chosen in &of.nested {
            let [kernel, gamma, lambda] = names(&result.settings[chosen.setting]);
            table.row(&[
                (&of.name).into(),
                (&kernel).into(),
                (&gamma).into(),
                (&lambda).into(),
                (&data.folds.names[chosen.fold]).into(),
                chosen.score.n_train.into(),
                chosen.score.n_test.into(),
                chosen.score.mspe.into(),
                chosen.score.pearson.into(),
                chosen.score.r2.into(),
            ])?;
        }
    }
    Ok(table)
}
