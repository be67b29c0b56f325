//! Flags of `epitile assoc` as the library takes them.

use epitile::assoc::binary;
use epitile::assoc::effect::Form;
use epitile::assoc::oof::OutOfFold;
use epitile::assoc::{AssocOptions, Beside, Method};
use epitile::error::{Error, Result};
use epitile::folds::Folds;
use epitile::io::fam::Sample;
use epitile::null::component::Component;
use epitile::run::RunLog;
use epitile::settings::ridge_of_heritability;

use super::Args;
use crate::cli::args::components;

impl Args {
    /// As the library takes it.
    pub(super) fn options(&self, individuals: &[Sample], log: &RunLog) -> Result<AssocOptions> {
        if !(self.gamma_scale > 0.0 && self.gamma_scale.is_finite()) {
            return Err(Error::usage(format!(
                "--gamma-scale {}: expected a number above zero",
                self.gamma_scale
            )));
        }
        if self.traits.intercept == "mean" || self.traits.kernel_covar.is_some() {
            return Err(Error::usage(
                "assoc fits an intercept and linear covariates: found --intercept mean or \
                 --kernel-covar, expected neither",
            ));
        }
        let kernels = match &self.kernel[..] {
            [none] if none == "none" => Vec::new(),
            names => components(names)?,
        };
        let method = match (kernels.len(), self.test.as_deref().unwrap_or("score")) {
            _ if self.bt => self.logistic(kernels)?,
            (1, "oof") => Method::Kernel(kernels, Beside::OutOfFold(self.folds(individuals, log)?)),
            (2.., "oof") => return Err(one_kernel("oof", kernels.len())),
            (count, text) => {
                let form: Form = text
                    .parse()
                    .map_err(|e| Error::usage(format!("--test {text}: {e}")))?;
                match count {
                    0 => Method::Ordinary,
                    2.. if form.refits() => return Err(one_kernel(text, count)),
                    _ => Method::Kernel(kernels, Beside::Mixed(form)),
                }
            }
        };
        let form = match &method {
            Method::Kernel(_, Beside::Mixed(form)) => Some(*form),
            _ => None,
        };
        let fast = self.speed.fast(form, self.seed)?;
        self.tables.check(self.genotypes.options().chr_set)?;
        let sharing = &self.sharing;
        Ok(AssocOptions {
            null_in: sharing.null_in(&method)?,
            null_out: sharing.null_out(&method)?,
            method,
            gamma_scale: self.gamma_scale,
            moments: self.moments,
            loco: !self.no_loco,
            fast,
            count: self.loci.count(form, fast.is_some(), self.seed)?,
            threshold: self.loci.rule()?,
            clump: self.loci.clump()?,
            writing: self.tables.writing(),
        })
    }

    /// Tests of binary traits.
    fn logistic(&self, kernels: Vec<Component>) -> Result<Method> {
        let default = if kernels.is_empty() { "wald" } else { "spa" };
        let text = self.test.as_deref().unwrap_or(default);
        let form: binary::Form = text
            .parse()
            .map_err(|e| Error::usage(format!("--test {text}: {e}")))?;
        match kernels.len() {
            0 => Ok(Method::Logistic(form)),
            1 if form.has_kernel() => Ok(Method::Kernel(kernels, Beside::Logistic(form))),
            1 => Err(Error::usage(format!(
                "--bt --test {text}: beside a kernel tests are spa, score and firth; use one of \
                 them, or --kernel none"
            ))),
            count => Err(one_kernel("--bt", count)),
        }
    }

    fn folds(&self, individuals: &[Sample], log: &RunLog) -> Result<OutOfFold> {
        let lambda = match (self.lambda, self.h2) {
            (Some(lambda), _) if !(lambda > 0.0 && lambda.is_finite()) => {
                return Err(Error::usage(format!(
                    "--lambda {lambda}: expected a number above zero"
                )));
            }
            (Some(lambda), _) => lambda,
            (None, h2) => ridge_of_heritability(h2.unwrap_or(0.5))?,
        };
        let folds = match self.folds.to_str().map(str::parse) {
            Some(Ok(k)) => Folds::random(individuals.len(), k, self.seed)?,
            _ => Folds::read(&self.folds, individuals)?,
        };
        log.report(&folds.notes, &[]);
        Ok(OutOfFold { lambda, folds })
    }
}

/// A test that takes one kernel was given several.
fn one_kernel(test: &str, found: usize) -> Error {
    Error::usage(format!(
        "--test {test} takes one kernel: found {found}, expected one; for several use --test score \
         or --test wald, at the variances of the null model"
    ))
}
