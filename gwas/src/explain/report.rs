//! What is written of an explanation.

use std::path::Path;

use epitile_core::genotypes::Genotypes;

use crate::error::{Error, Result};
use crate::io::chromosome::ChromosomeSet;
use crate::io::fam::Sample;
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};
use crate::io::tsv::Tsv;
use crate::model::Model;

/// Derivatives of one trait's predictions, SNP by SNP, in units of the trait per A1 allele.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explained {
    /// The trait.
    pub name: String,
    /// Mean derivative over the individuals: the SNP's weight in the additive part.
    pub mean: Vec<f64>,
    /// Root mean square.
    pub root: Vec<f64>,
    /// Standard deviation of the mean among the draws; NaN without.
    pub mean_sd: Vec<f64>,
    /// Mean of the root mean square among the draws; NaN without.
    pub root_drawn: Vec<f64>,
    /// Draws.
    pub draws: usize,
    /// What the additive part has beside Σ weight·dosage: the intercept among it.
    pub constant: f64,
}

impl Explained {
    pub(super) fn new(name: &str, snps: usize) -> Self {
        Explained {
            name: name.to_owned(),
            mean: Vec::with_capacity(snps),
            ..Explained::default()
        }
    }

    /// The next SNP: of the model, then of the draws, whose mean derivative is around 0.
    pub(super) fn push(&mut self, means: &[f64], roots: &[f64]) {
        let (mean, drawn) = (means[0], &means[1..]);
        self.draws = drawn.len();
        let count = drawn.len() as f64;
        self.mean.push(mean);
        self.root.push(roots[0]);
        let square = drawn.iter().map(|d| d * d).sum::<f64>();
        // Without draws 0/0, which is written as NA.
        self.mean_sd.push((square / count).sqrt());
        self.root_drawn.push(roots[1..].iter().sum::<f64>() / count);
    }

    /// The additive part of every individual of `of`: constant + Σ weight·dosage, a missing call
    /// at the model's mean.
    pub fn additive(&self, model: &Model, of: &Genotypes) -> Vec<f64> {
        let counts = &model.moments.counts;
        let one = |i: usize| {
            let term = |m: usize| {
                let x = of.dosage(i, m).map_or(counts[m].mean(), f64::from);
                self.mean[m] * x
            };
            self.constant + (0..of.snps()).map(term).sum::<f64>()
        };
        (0..of.samples()).map(one).collect()
    }
}

/// Adds `PREFIX.explain.tsv`, `PREFIX.weights.tsv` (`ID effect_allele effect_weight`),
/// `PREFIX.additive.sscore` (the additive part of each individual) and `PREFIX.explain.json` (the
/// constant) to the files.
///
/// # Errors
/// `Write`.
pub fn write(
    prefix: &Path,
    model: &Model,
    explained: &Explained,
    (samples, genotypes): (&[Sample], &Genotypes),
    files: &mut OutputSet,
) -> Result<()> {
    let header = [
        "CHROM", "GENPOS", "ID", "ALLELE0", "ALLELE1", "A1FREQ", "MEAN", "NULL_SD", "Z", "RMS",
        "NULL_RMS",
    ];
    let mut table = Tsv::create(with_suffix(prefix, ".explain.tsv"), &header)?;
    let header = ["ID", "effect_allele", "effect_weight"];
    let mut weights = Tsv::create(with_suffix(prefix, ".weights.tsv"), &header)?;
    for (m, snp) in model.meta.snps.iter().enumerate() {
        let (mean, sd) = (explained.mean[m], explained.mean_sd[m]);
        table.row(&[
            (&*ChromosomeSet::default().label(&snp.chromosome)).into(),
            snp.position.into(),
            (&snp.id).into(),
            (&snp.a2).into(),
            (&snp.a1).into(),
            model.moments.counts[m].frequency().into(),
            mean.into(),
            sd.into(),
            (mean / sd).into(),
            explained.root[m].into(),
            explained.root_drawn[m].into(),
        ])?;
        weights.row(&[(&snp.id).into(), (&snp.a1).into(), mean.into()])?;
    }
    files.add(table.into_file())?;
    files.add(weights.into_file())?;
    let column = format!("{}_ADDITIVE", explained.name);
    let path = with_suffix(prefix, ".additive.sscore");
    let mut scores = Tsv::create(path, &["#FID", "IID", &column])?;
    let values = explained.additive(model, genotypes);
    for (sample, value) in samples.iter().zip(values) {
        scores.row(&[(&sample.fid).into(), (&sample.iid).into(), value.into()])?;
    }
    files.add(scores.into_file())?;
    let mut json = AtomicFile::create(with_suffix(prefix, ".explain.json"))?;
    let text = serde_json::json!({
        "trait": explained.name,
        "kernel": model.meta.kernel,
        "what": "attribution of predictions to SNPs; not p-values",
        "constant": explained.constant,
        "draws": explained.draws,
        "exact": model.kernel()?.is_linear(),
    });
    let text = serde_json::to_string_pretty(&text)
        .map_err(|_| Error::inconsistent(format!("{}: its record is not JSON", explained.name)))?;
    json.put(text + "\n")?;
    files.add(json)
}
