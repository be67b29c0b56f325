//! Reading what `cv` and `fit` need, with everything users should know in the log.

use epitile::cohort::{Choice, Cohort};
use epitile::covariates::{CovariateOptions, Design};
use epitile::error::{Error, Result};
use epitile::io::chromosome::Chromosome;
use epitile::io::fam::Sample;
use epitile::io::text::first_few;
use epitile::null::contrast::Contrasts;
use epitile::phenotypes::{PhenotypeOptions, Phenotypes, Trait};
use epitile::run::RunLog;
use epitile::similarity::Inside;
use epitile::training::{FixedEffects, Intercept};
use epitile_core::dense::norm2;

use super::args::{Genotypes, Traits};

/// Everything read.
pub(crate) struct Inputs {
    pub(crate) cohort: Cohort,
    pub(crate) traits: Vec<Trait>,
    /// Traits asked for, those that cannot be used among them.
    pub(crate) asked: usize,
    /// Linear covariates.
    pub(crate) design: Design,
    /// Whether there are any.
    pub(crate) has_covariates: bool,
    pub(crate) fixed: FixedEffects,
    /// Covariates inside the kernel.
    pub(crate) inside: Option<(Design, Inside)>,
    /// Individuals with all covariates of either kind.
    pub(crate) complete: Vec<bool>,
}

/// Leaves out the traits that `obstacle` finds a reason against: one bad trait does not stop the
/// others.
pub(crate) fn keep_trainable(
    traits: Vec<Trait>,
    obstacle: impl Fn(&Trait) -> Option<String>,
    log: &RunLog,
) -> Result<Vec<Trait>> {
    let (mut kept, mut reasons) = (Vec::new(), Vec::new());
    for of in traits {
        match obstacle(&of) {
            None => kept.push(of),
            Some(why) => {
                log.warn(format!("phenotype {} {why}: it is left out", of.name));
                reasons.push(format!("{} {why}", of.name));
            }
        }
    }
    match kept.is_empty() {
        false => Ok(kept),
        true => Err(Error::degenerate(format!(
            "no phenotype can be fitted: {}",
            first_few(&reasons)
        ))),
    }
}

/// Says how SNPs on sex chromosomes are taken.
pub(crate) fn sex_chromosomes(tested: &Choice, log: &RunLog) {
    for snps in &tested.groups {
        let name = &tested.files.snps[snps[0] as usize].chromosome;
        let (what, males) = match tested.chromosomes.recognise(name) {
            Some(Chromosome::X) => ("X", ", so males are 0/2"),
            Some(Chromosome::Y) => ("Y", ", so males are 0/2"),
            Some(Chromosome::Mt) => ("MT", ""),
            _ => continue,
        };
        log.note(format!(
            "{} SNPs on chromosome {what}: dosages are used as stored{males}",
            snps.len()
        ));
    }
}

/// Reads genotypes, traits and covariates.
pub(crate) fn read(genotypes: &Genotypes, traits: &Traits, log: &RunLog) -> Result<Inputs> {
    let cohort = log.timed("read", || Cohort::load(&genotypes.options()))?;
    log.cohort(&cohort);
    log.say("dosages count A1, column 5 of the .bim");
    let tables = tables(traits, &cohort.samples, log)?;
    Ok(Inputs {
        cohort,
        traits: tables.traits,
        asked: tables.asked,
        design: tables.design,
        has_covariates: tables.has_covariates,
        fixed: tables.fixed,
        inside: tables.inside,
        complete: tables.complete,
    })
}

/// Why a trait has no null model with these fixed effects and `more` others, if so.
pub(crate) fn obstacle<'a>(
    fixed: &'a FixedEffects,
    complete: &'a [bool],
    more: usize,
) -> impl Fn(&Trait) -> Option<String> + 'a {
    move |of| {
        let mut rows = of.observed();
        rows.retain(|&i| complete[i as usize]);
        if let Some(why) = fixed.obstacle(&of.values, &rows) {
            return Some(why);
        }
        let (_, x) = fixed.independent(&rows);
        let (n, effects) = (rows.len(), x.len() + more);
        if n <= effects {
            return Some(format!(
                "has {n} individuals, too few for {effects} effects"
            ));
        }
        let y: Vec<f64> = rows.iter().map(|&i| of.values[i as usize]).collect();
        let left = Contrasts::new(&x).residual(&y);
        // Least squares err by a few N·u of y.
        let rounding = 16.0 * n as f64 * f64::EPSILON * norm2(&y);
        (norm2(&left) <= rounding).then(|| "is a combination of the covariates".into())
    }
}

/// Everything read but the calls; see [`Inputs`].
pub(crate) struct Tables {
    pub(crate) traits: Vec<Trait>,
    pub(crate) asked: usize,
    pub(crate) design: Design,
    pub(crate) has_covariates: bool,
    pub(crate) fixed: FixedEffects,
    pub(crate) inside: Option<(Design, Inside)>,
    pub(crate) complete: Vec<bool>,
}

/// Reads traits and covariates of these individuals.
pub(crate) fn tables(traits: &Traits, samples: &[Sample], log: &RunLog) -> Result<Tables> {
    let options = PhenotypeOptions {
        file: traits.pheno.clone(),
        names: traits.pheno_name.clone(),
        binary_12: traits.binary_12,
        logistic: traits.logistic,
    };
    let phenotypes = Phenotypes::read(&options, samples)?;
    log.report(&phenotypes.notes, &phenotypes.warnings);
    let inside = inside(traits, samples, log)?;
    let design = linear(traits, samples, log)?;
    let n = samples.len();
    let intercept = match traits.intercept.as_str() {
        "mean" => Intercept::Mean,
        _ => Intercept::Gls,
    };
    let fixed = FixedEffects::new(intercept, design.as_ref().unwrap_or(&Design::empty(n)), n)?;
    let has_covariates = design.is_some();
    let design = design.unwrap_or_else(|| Design::empty(n));
    let complete = (0..n)
        .map(|i| design.complete[i] && inside.as_ref().is_none_or(|(d, _)| d.complete[i]))
        .collect();
    Ok(Tables {
        asked: phenotypes.traits.len() + phenotypes.dropped.len(),
        traits: phenotypes.traits,
        design,
        has_covariates,
        fixed,
        inside,
        complete,
    })
}

/// The linear covariates: those named, or all that are not inside the kernel.
fn linear(traits: &Traits, samples: &[Sample], log: &RunLog) -> Result<Option<Design>> {
    let Some(file) = &traits.covar else {
        return Ok(None);
    };
    // With only --kernel-covar there are no linear ones.
    if traits.kernel_covar.is_some() && traits.covar_name.is_none() && traits.cat_covar.is_none() {
        return Ok(None);
    }
    let options = CovariateOptions {
        file: file.clone(),
        names: traits.covar_name.clone(),
        categorical: traits.cat_covar.clone(),
    };
    let design = Design::read(&options, samples)?;
    log.report(&design.notes, &design.warnings);
    Ok(Some(design))
}

fn inside(traits: &Traits, samples: &[Sample], log: &RunLog) -> Result<Option<(Design, Inside)>> {
    let (Some(file), Some(names)) = (&traits.covar, &traits.kernel_covar) else {
        return Ok(None);
    };
    let weight = traits.kernel_covar_weight;
    if !(weight > 0.0 && weight.is_finite()) {
        return Err(Error::usage(format!(
            "--kernel-covar-weight {weight}: expected a number above zero"
        )));
    }
    let options = CovariateOptions {
        file: file.clone(),
        names: Some(names.clone()),
        categorical: None,
    };
    let design = Design::read(&options, samples)?;
    log.report(&design.notes, &design.warnings);
    Ok(Some((design.clone(), values(&design, weight))))
}

/// The values that enter the kernel; those of incomplete individuals, who are never used, are 0.
pub(crate) fn values(design: &Design, weight: f64) -> Inside {
    let known = |v: &f64| if v.is_nan() { 0.0 } else { *v };
    let columns = (0..design.columns.len()).map(|c| design.column(c).iter().map(known).collect());
    Inside {
        columns: columns.collect(),
        weight,
    }
}
