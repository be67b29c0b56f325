//! Tests of single SNPs by the library, as `epitile assoc` runs them.

use epitile::assoc::effect::Form;
use epitile::assoc::oof::OutOfFold;
use epitile::assoc::{AssocData, AssocOptions, Beside, Method, assoc};
use epitile::cohort::{Choice, CohortOptions};
use epitile::covariates::{Design, DesignColumn, Transform};
use epitile::error::{Error, Result};
use epitile::null::component::Component;
use epitile::phenotypes::Trait;
use epitile::training::{FixedEffects, Intercept};
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};

use crate::lab::{Lab, silent};

/// Traits tested together: each is an open file.
const TOGETHER: usize = 250;

/// Tests with a mixed model.
pub(crate) const FORMS: [Form; 4] = [Form::Score, Form::Wald, Form::WaldRefit, Form::Lrt];

/// By the linear kernel of all chromosomes, or of all but the SNP's.
pub(crate) fn mixed(form: Form, loco: bool) -> AssocOptions {
    options(Some(Beside::Mixed(form)), loco)
}

/// By residuals of ridge regressions on the other chromosomes.
pub(crate) fn out_of_fold(how: OutOfFold) -> AssocOptions {
    options(Some(Beside::OutOfFold(how)), true)
}

/// By least squares.
pub(crate) fn ordinary() -> AssocOptions {
    options(None, false)
}

fn options(beside: Option<Beside>, loco: bool) -> AssocOptions {
    let kernel = Component::Kernel(Kernel::Linear);
    let method = beside.map_or(Method::Ordinary, |beside| {
        Method::Kernel(vec![kernel], beside)
    });
    AssocOptions {
        loco,
        ..AssocOptions::new(method)
    }
}

/// An intercept, and `covariates` of all individuals.
pub(crate) fn fixed(samples: usize, covariates: &[Vec<f64>]) -> Result<FixedEffects> {
    let column = |c: usize| DesignColumn {
        name: format!("c{}", c + 1),
        transform: Transform::Standardise {
            column: format!("c{}", c + 1),
            mean: 0.0,
            sd: 1.0,
        },
    };
    let design = Design {
        columns: (0..covariates.len()).map(column).collect(),
        x: covariates.concat(),
        ..Design::empty(samples)
    };
    FixedEffects::new(Intercept::Gls, &design, samples)
}

/// A SNP and a trait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tested {
    /// F or χ².
    pub(crate) statistic: f64,
    /// −log₁₀ p.
    pub(crate) log10p: f64,
}

/// −log₁₀ p of every trait and SNP of the chromosomes `chr`.
pub(crate) fn log10p(
    lab: &Lab,
    chr: &str,
    traits: &[Trait],
    fixed: &FixedEffects,
    options: &AssocOptions,
) -> Result<Vec<Vec<f64>>> {
    let all = tests(lab, chr, traits, fixed, options)?;
    let of = |tests: Vec<Tested>| tests.iter().map(|t| t.log10p).collect();
    Ok(all.into_iter().map(of).collect())
}

/// What was found for every trait and SNP of the chromosomes `chr`; SNPs without a test are left
/// out.
pub(crate) fn tests(
    lab: &Lab,
    chr: &str,
    traits: &[Trait],
    fixed: &FixedEffects,
    options: &AssocOptions,
) -> Result<Vec<Vec<Tested>>> {
    let complete = vec![true; lab.samples()];
    let prefix = lab.prefix.with_extension("assoc");
    let mut all = Vec::with_capacity(traits.len());
    for traits in traits.chunks(TOGETHER) {
        let files = CohortOptions::new(&lab.prefix);
        let chosen = CohortOptions {
            chr: Some(chr.into()),
            ..files.clone()
        };
        let tested = Choice::new(&chosen, None)?;
        let kernel = match options.method {
            Method::Ordinary | Method::Logistic(_) => None,
            Method::Kernel(..) => Some(Choice::new(&files, Some(&tested.samples))?.load()?),
        };
        let data = AssocData {
            traits,
            fixed,
            complete: &complete,
        };
        let backend = (&Cpu::MEMORY, &Rayon);
        let paths = assoc(backend, (tested, kernel), data, options, &prefix, &silent())?;
        for path in paths {
            let wrong = |e| Error::inconsistent(format!("{}: {e}", path.display()));
            // Beside each table there is one of its lead SNPs.
            if path.extension().is_some_and(|e| e == "regenie") {
                let text = std::fs::read_to_string(&path).map_err(wrong)?;
                all.push(text.lines().skip(1).filter_map(row).collect());
            }
            std::fs::remove_file(&path).map_err(wrong)?;
        }
    }
    Ok(all)
}

/// CHISQ and LOG10P of a line; `None` where there is no number.
fn row(line: &str) -> Option<Tested> {
    let mut cells = line.split('\t').skip(10).map(str::parse);
    let mut next = || cells.next()?.ok();
    Some(Tested {
        statistic: next()?,
        log10p: next()?,
    })
}
