//! Association of every SNP with every trait, beside the rest of the genome: y = Xb + xβ + f + e,
//! f ~ N(0, σ²_f K).
//!
//! K is Gower-centred over the trait's samples and diagonal after one rotation, which traits with
//! the same samples share. SNPs are streamed from the `.bed`, block by block, through the
//! rotations of all traits.
//!
//! | module | question it answers |
//! |---|---|
//! | [`block`] | some SNPs of the file, decoded for a trait's samples |
//! | [`kernels`] | K, of all chromosomes or of all but one |
//! | [`ordinary`] | tests without a kernel |
//! | [`rotation`] | the null model of each trait, rotated |
//! | [`scan`] | the streaming itself |
//! | [`table`] | lines as REGENIE writes them |
//! | [`effect`] | score, Wald and likelihood-ratio tests |

pub mod block;
pub mod effect;
pub mod kernels;
pub mod ordinary;
pub mod rotation;
pub mod scan;
pub mod table;

use std::path::{Path, PathBuf};

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;

use crate::cohort::{Choice, Cohort};
use crate::error::{Error, Result};
use crate::phenotypes::Trait;
use crate::run::RunLog;
use crate::training::FixedEffects;

use effect::Form;
use kernels::{Moments, Source};
use scan::{Group, Scan};

/// How to test.
#[derive(Clone, Debug)]
pub struct AssocOptions {
    /// Kernel of the null model; `None` for ordinary least squares.
    pub kernel: Option<Kernel>,
    /// c of γ = c / median, for a kernel with bandwidth.
    pub gamma_scale: f64,
    /// Whose SNP means and deviations the kernel takes.
    pub moments: Moments,
    /// Whether a SNP's chromosome is left out of the kernel.
    pub loco: bool,
    /// The test.
    pub form: Form,
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
    let mut scan = Scan::create(&tested, data, &groups, options.form, prefix)?;
    let total = tested.groups.iter().map(Vec::len).sum::<usize>() as u64;
    let progress = log.progress(total, "SNPs");
    let (Some(kernel), Some(cohort)) = (options.kernel, cohort) else {
        let all: Vec<u32> = tested.groups.iter().flatten().copied().collect();
        log.timed("test", || scan.ordinary(&mut tested.bed, &all, &progress))?;
        return log.timed("write", || scan.commit());
    };
    if options.loco && cohort.genotypes.segments().len() < 2 {
        return Err(Error::inconsistent(
            "--loco leaves a SNP's chromosome out of the kernel: found kernel SNPs on one \
             chromosome, expected several; use --no-loco, or see --kernel-chr",
        ));
    }
    let mut source = log.timed("build", || {
        Source::new(backend, engine, cohort, (kernel, options.gamma_scale))
    })?;
    if options.moments == Moments::Trait && groups.len() > 1 {
        log.note(format!(
            "--moments trait: the traits have {} sets of samples, each with a kernel of its own",
            groups.len()
        ));
    }
    // Neighbouring chromosomes that share a kernel share null models.
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
    let mut nulls = Vec::new();
    for (left_out, snps) in parts {
        let rotations = log.timed("null models", || {
            let rotate = |group: &Group| source.rotation(group, left_out, &data, options.moments);
            groups.iter().map(rotate).collect::<Result<Vec<_>>>()
        })?;
        for r in &rotations {
            nulls.extend(r.describe(source.name(left_out)));
        }
        log.timed("test", || {
            scan.kernel(&mut tested.bed, &snps, &rotations, &progress)
        })?;
    }
    for null in &nulls {
        log.say(null.to_string());
    }
    if let Ok(value) = serde_json::to_value(&nulls) {
        log.set("null_models", value);
    }
    log.timed("write", || scan.commit())
}
