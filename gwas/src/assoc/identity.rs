//! What a result depends on, as checksums: is this result one of these inputs and settings?

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kernels::Moments;
use super::scan::Group;
use super::{AssocData, AssocOptions, Beside, Method};
use crate::cohort::{Choice, Cohort};
use crate::error::{Error, Result};
use crate::io::fileset::with_suffix;
use crate::model::digest;

/// A checksum in the making. Every item is preceded by its length: none runs into the next.
#[derive(Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds whole numbers.
    #[must_use]
    pub fn whole(self, values: &[u32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.bytes(&bytes)
    }

    /// Adds numbers, bit by bit.
    #[must_use]
    pub fn numbers(self, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.bytes(&bytes)
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        let bytes = self.0.finalize();
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// What a null model depends on, beside the chromosome left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Kernels and how they are made, in words.
    pub settings: String,
    /// Calls and chromosomes of the kernel's SNPs.
    pub calls: String,
    /// Individuals, trait, fixed effects.
    pub values: String,
}

impl Inputs {
    /// In which words these differ from `other`, if they do.
    pub fn difference(&self, other: &Inputs) -> Option<String> {
        let mut found = Vec::new();
        if self.settings != other.settings {
            found.push(format!(
                "settings '{}', expected '{}'",
                self.settings, other.settings
            ));
        }
        if self.calls != other.calls {
            found.push("other calls of kernel SNPs".into());
        }
        if self.values != other.values {
            found.push("another trait, other individuals or other covariates".into());
        }
        (!found.is_empty()).then(|| found.join("; "))
    }
}

/// Inputs of the null models of every trait.
pub fn inputs(
    data: &AssocData<'_>,
    groups: &[Group],
    cohort: &Cohort,
    options: &AssocOptions,
) -> Vec<Inputs> {
    let kernels: Vec<String> = match &options.method {
        Method::Ordinary | Method::Logistic(_) => Vec::new(),
        Method::Kernel(kernels, _) => kernels.iter().map(ToString::to_string).collect(),
    };
    let moments = match options.moments {
        Moments::All => "all",
        Moments::Trait => "trait",
    };
    let mut settings = format!("--kernel {} --moments {moments}", kernels.join(","));
    if kernels.iter().any(|k| k == "gaussian") {
        settings += &format!(" --gamma-scale {}", options.gamma_scale);
    }
    if options.method.is_binary() {
        settings += " --bt";
    }
    let mut calls = Checksum::default().text(&digest(&cohort.genotypes));
    for segment in cohort.genotypes.segments() {
        let name = cohort.chromosomes.label(&segment.name);
        calls = calls.text(&name).whole(&[segment.snps.len() as u32]);
    }
    let calls = calls.finish();
    let mut all: Vec<Option<Inputs>> = vec![None; data.traits.len()];
    for group in groups {
        for (&t, y) in group.traits.iter().zip(group.values(data)) {
            all[t] = Some(Inputs {
                settings: settings.clone(),
                calls: calls.clone(),
                values: values(group, &y),
            });
        }
    }
    all.into_iter().flatten().collect()
}

/// Individuals, values and fixed effects of a trait.
fn values(group: &Group, y: &[f64]) -> String {
    let start = Checksum::default().whole(&group.rows).numbers(y);
    let all = group.x.iter().fold(start, |sum, x| sum.numbers(x));
    all.finish()
}

/// What all results of a run depend on, beside the SNPs of a chromosome: everything but how they
/// are written. Of the `.bed` size and time of the last change: its calls are read once, when
/// they are tested. `given` is the checksum of the null models that were given.
///
/// # Errors
/// `Read` if the `.bed` has gone.
pub fn run(
    data: &AssocData<'_>,
    groups: &[Group],
    tested: &Choice,
    options: &AssocOptions,
    (models, given): (&[Inputs], &str),
) -> Result<String> {
    let bed = with_suffix(&tested.files.prefix, ".bed");
    let about = std::fs::metadata(&bed).map_err(|e| Error::read(&bed, &e))?;
    let changed = about.modified().ok();
    let changed = changed.and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let changed = changed.map_or(0, |t| t.as_nanos());
    let mut sum = Checksum::default()
        .text(env!("CARGO_PKG_VERSION"))
        .text(&format!(
            "{} {changed} {} {:?} {:?}",
            about.len(),
            options.method.form(),
            options.fast,
            options.count
        ))
        .text(given)
        .whole(&tested.samples);
    if let Method::Kernel(_, Beside::OutOfFold(how)) = &options.method {
        let folds: Vec<u32> = how.folds.of.iter().map(|f| f.unwrap_or(u32::MAX)).collect();
        sum = sum.numbers(&[how.lambda]).whole(&folds);
    }
    for of in models {
        sum = sum.text(&of.settings).text(&of.calls);
    }
    for group in groups {
        for (&t, y) in group.traits.iter().zip(group.values(data)) {
            sum = sum.text(&data.traits[t].name).text(&values(group, &y));
        }
    }
    Ok(sum.finish())
}
