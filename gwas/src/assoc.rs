//! Association of every SNP with every trait, beside the rest of the genome: y = Xb + xβ + f + e,
//! f ~ N(0, σ²_f K).
//!
//! K is Gower-centred over the trait's samples and diagonal after one rotation, which traits with
//! the same samples share. SNPs are streamed from the `.bed`, block by block, through the
//! rotations of all traits.
//!
//! | module | question it answers |
//! |---|---|
//! | [`binary`] | binary traits: logistic models |
//! | [`block`] | some SNPs of the file, decoded for a trait's samples |
//! | [`kernels`] | K, of all chromosomes or of all but one |
//! | [`oof`] | what do the other folds predict of a trait? |
//! | [`ordinary`] | tests without a kernel |
//! | [`rotation`] | the null model of each trait, rotated |
//! | [`scan`] | the streaming itself |
//! | `sums` | sums over kernel SNPs of all pairs |
//! | [`table`] | lines as REGENIE writes them |
//! | [`effect`] | score, Wald and likelihood-ratio tests |

pub mod binary;
pub mod block;
pub mod effect;
pub mod kernels;
pub mod oof;
pub mod ordinary;
pub mod rotation;
pub mod scan;
mod sums;
pub mod table;

use std::path::{Path, PathBuf};

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;

use crate::cohort::{Choice, Cohort};
use crate::error::{Error, Result};
use crate::null::component::Component;
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::training::FixedEffects;

use effect::Form;
use kernels::{Moments, Source};
use oof::OutOfFold;
use ordinary::Ordinary;
use rotation::Rotation;
use scan::{Group, Scan};

/// What a SNP is tested beside.
#[derive(Clone, Debug)]
pub enum Method {
    /// The covariates alone.
    Ordinary,
    /// The covariates alone, by logistic models of binary traits.
    Logistic(binary::Form),
    /// The rest of the genome too, by this kernel.
    Kernel(Component, Beside),
}

/// In which way it is tested beside a kernel.
#[derive(Clone, Debug)]
pub enum Beside {
    /// The kernel is that of a random effect.
    Mixed(Form),
    /// The same, in a logistic model of a binary trait.
    Logistic(binary::Form),
    /// The kernel predicts each fold from the others, before the test.
    OutOfFold(OutOfFold),
}

impl Method {
    /// The test's form, as tables name it.
    fn form(&self) -> String {
        match self {
            Method::Ordinary => "ols".into(),
            Method::Logistic(form) => form.to_string(),
            Method::Kernel(_, Beside::Mixed(form)) => form.to_string(),
            Method::Kernel(_, Beside::Logistic(form)) => form.to_string(),
            Method::Kernel(_, Beside::OutOfFold(_)) => "oof".into(),
        }
    }

    /// Whether traits are binary.
    pub fn is_binary(&self) -> bool {
        matches!(
            self,
            Method::Logistic(_) | Method::Kernel(_, Beside::Logistic(_))
        )
    }
}

/// How to test.
#[derive(Clone, Debug)]
pub struct AssocOptions {
    /// What a SNP is tested beside.
    pub method: Method,
    /// c of γ = c / median, for a kernel with bandwidth.
    pub gamma_scale: f64,
    /// Whose SNP means and deviations the kernel takes.
    pub moments: Moments,
    /// Whether a SNP's chromosome is left out of the kernel.
    pub loco: bool,
}

/// Of whom and what.
#[derive(Clone, Copy, Debug)]
pub struct AssocData<'a> {
    /// Traits, NaN where missing.
    pub traits: &'a [Trait],
    /// Intercept and covariates.
    pub fixed: &'a FixedEffects,
    /// Individuals with all covariates.
    pub complete: &'a [bool],
}

/// Tests every SNP of `tested` for every trait and writes `PREFIX_TRAIT.regenie` for each. The
/// kernel is that of `cohort`, the same individuals. For each set of samples and each chromosome
/// left out about 10·N³ operations, and 2·N² for each SNP.
///
/// # Errors
/// `Inconsistent` if a chromosome is to be left out of a kernel of only one; `Degenerate` for a
/// kernel without variance; those of files; failures of the device.
pub fn assoc<B: Backend, E: Engine>(
    (backend, engine): (&B, &E),
    (mut tested, cohort): (Choice, Option<Cohort>),
    data: AssocData<'_>,
    options: &AssocOptions,
    prefix: &Path,
    log: &RunLog,
) -> Result<Vec<PathBuf>> {
    let groups = Group::of(&data, &tested.samples);
    let mut scan = Scan::create(&tested, data, &groups, &options.method, prefix)?;
    let total = tested.groups.iter().map(Vec::len).sum::<usize>() as u64;
    let progress = log.progress(total, "SNPs");
    let (Method::Kernel(kernel, beside), Some(cohort)) = (&options.method, cohort) else {
        let all = tested.groups.concat();
        if let Method::Logistic(form) = options.method {
            let nulls = log.timed("null models", || binary::Nulls::alone(&groups, &data));
            log.timed("test", || {
                let models = (&nulls[..], form, false);
                scan.logistic(&mut tested.bed, &all, models, &progress)
            })?;
            return log.timed("write", || scan.commit());
        }
        let residuals = |group: &Group| group.residuals(&data);
        let models: Vec<Ordinary> = groups
            .iter()
            .map(|group| Ordinary::new(group.x.clone(), residuals(group)))
            .collect();
        log.timed("test", || {
            scan.ordinary(&mut tested.bed, &all, &models, &progress)
        })?;
        return log.timed("write", || scan.commit());
    };
    if options.loco && cohort.genotypes.segments().len() < 2 {
        return Err(Error::inconsistent(
            "--loco leaves a SNP's chromosome out of the kernel: found kernel SNPs on one \
             chromosome, expected several; use --no-loco, or see --kernel-chr",
        ));
    }
    let mut source = log.timed("build", || {
        let setting = (*kernel, options.gamma_scale);
        Source::new((backend, engine), cohort, setting, options.moments)
    })?;
    let parts: Vec<(Option<usize>, Vec<u32>)> = match options.loco {
        false => vec![(None, tested.groups.concat())],
        true => tested
            .groups
            .iter()
            .map(|snps| {
                let name = &tested.files.snps[snps[0] as usize].chromosome;
                (source.segment(name), snps.clone())
            })
            .collect(),
    };
    let (mut nulls, mut logistic) = (Vec::new(), Vec::new());
    for (left_out, snps) in parts {
        let bed = &mut tested.bed;
        match beside {
            Beside::OutOfFold(how) => {
                let models = log.timed("folds", || {
                    let model = |group: &Group| {
                        let k = source.ridge_kernel(group, left_out)?;
                        how.model(&k, group, &data)
                    };
                    groups.iter().map(model).collect::<Result<Vec<_>>>()
                })?;
                log.timed("test", || scan.ordinary(bed, &snps, &models, &progress))?;
            }
            Beside::Logistic(form) => {
                let name = source.name(left_out);
                let models = log.timed("null models", || {
                    let model = |group: &Group| {
                        let (k, _) = source.variance_kernel(group, left_out)?;
                        let models = binary::Nulls::beside(&k, group, &data);
                        logistic.extend(models.describe(group, &data, &name));
                        Ok(models)
                    };
                    groups.iter().map(model).collect::<Result<Vec<_>>>()
                })?;
                log.timed("test", || {
                    scan.logistic(bed, &snps, (&models, *form, true), &progress)
                })?;
            }
            Beside::Mixed(form) => {
                let rotations = log.timed("null models", || {
                    let rotate = |group: &Group| {
                        let (k, scale) = source.variance_kernel(group, left_out)?;
                        Rotation::new(&k, scale, group, &data)
                    };
                    groups.iter().map(rotate).collect::<Result<Vec<_>>>()
                })?;
                for r in &rotations {
                    nulls.extend(r.describe(source.name(left_out)));
                }
                log.timed("test", || {
                    scan.kernel(bed, &snps, (&rotations, *form), &progress)
                })?;
            }
        }
    }
    for null in &nulls {
        log.say(null.to_string());
    }
    if let Ok(value) = serde_json::to_value(&nulls) {
        log.set("null_models", value);
    }
    if options.method.is_binary() {
        binary::tell(&logistic, log);
    }
    log.timed("write", || scan.commit())
}
