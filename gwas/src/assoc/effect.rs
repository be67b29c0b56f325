//! Tests of one SNP.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::refit::Own;
use super::rotation::Rotation;
use crate::null::spectral::{Last, Likelihood, Profile};
use crate::tails::{ln_chi2_tail, ln_f_tail};

/// xᵀPx below this share of xᵀWx is rounding: the SNP depends on the covariates.
pub(super) const COLLINEAR: f64 = 1e-10;

/// Whether a SNP does not depend on the covariates.
pub fn testable(last: &Last) -> bool {
    last.xpx > COLLINEAR * last.size
}

/// A form of test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// F = n(xᵀPy)²/((yᵀPy)(xᵀPx)) on (1, n − c − 1), P at the null model's full-likelihood ρ:
    /// GEMMA's `p_score`.
    #[default]
    Score,
    /// Wald's F on (1, n − c − 1), P at the null model's restricted ρ: FaST-LMM's.
    Wald,
    /// The same at the restricted ρ of the model with the SNP: GEMMA's `p_wald`.
    WaldRefit,
    /// The likelihood ratio χ²₁, both models at their own full-likelihood ρ: GEMMA's `p_lrt`.
    Lrt,
}

impl Form {
    /// Whether variances are fitted again for every SNP.
    pub fn refits(self) -> bool {
        self.refit().is_some()
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::Score => "score",
            Form::Wald => "wald",
            Form::WaldRefit => "wald-refit",
            Form::Lrt => "lrt",
        })
    }
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "score" => Ok(Form::Score),
            "wald" => Ok(Form::Wald),
            "wald-refit" => Ok(Form::WaldRefit),
            "lrt" => Ok(Form::Lrt),
            _ => Err(
                "it is no test; tests are score, wald, wald-refit, lrt and, with a kernel, oof; \
                     --bt has others",
            ),
        }
    }
}

/// What a test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Effect of one more counted allele.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
    /// The statistic: F, or χ².
    pub statistic: f64,
    /// ln p.
    pub ln_p: f64,
    /// Whether xᵀPx was approximated.
    pub fast: bool,
    /// The form of test that gave it, where that differs from SNP to SNP.
    pub form: Option<&'static str>,
}

/// Why a SNP has no test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Untested {
    /// The same dosage in all.
    Monomorphic,
    /// No calls.
    AllMissing,
    /// A combination of the covariates.
    Collinear,
    /// Binary traits: the SNP, with the covariates, tells cases from controls; its effect has no
    /// end.
    Separated,
    /// Binary traits: the regression's search has no end.
    NotConverged,
    /// Binary traits: the trait has no null model beside this kernel.
    NoNullModel,
}

impl fmt::Display for Untested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Untested::Monomorphic => "MONOMORPHIC",
            Untested::AllMissing => "ALL_MISSING",
            Untested::Collinear => "COLLINEAR",
            Untested::Separated => "SEPARATED",
            Untested::NotConverged => "NOT_CONVERGED",
            Untested::NoNullModel => "NO_NULL_MODEL",
        })
    }
}

/// Wald's test of a SNP, with c columns of X beside it.
pub fn wald(last: &Last, n: usize, c: usize) -> Result<Effect, Untested> {
    if !testable(last) {
        return Err(Untested::Collinear);
    }
    let freedom = (n - c - 1) as f64;
    let beta = last.xpy / last.xpx;
    let left = (last.ypy - last.xpy * beta).max(0.0);
    let se = (left / freedom / last.xpx).sqrt();
    let statistic = (beta / se).powi(2);
    Ok(Effect {
        beta,
        se,
        statistic,
        ln_p: ln_f_tail(statistic, freedom),
        fast: false,
        form: None,
    })
}

/// The score test of a SNP, with c columns of X beside it.
pub fn score(last: &Last, n: usize, c: usize) -> Result<Effect, Untested> {
    if !testable(last) {
        return Err(Untested::Collinear);
    }
    let statistic = n as f64 * last.xpy * last.xpy / (last.ypy * last.xpx);
    Ok(Effect {
        beta: last.xpy / last.xpx,
        se: (last.ypy / (n as f64 * last.xpx)).sqrt(),
        statistic,
        ln_p: ln_f_tail(statistic, (n - c - 1) as f64),
        fast: false,
        form: None,
    })
}

impl Form {
    /// The likelihood that is maximised again with each SNP, if one is.
    pub fn refit(self) -> Option<Likelihood> {
        match self {
            Form::Score | Form::Wald => None,
            Form::WaldRefit => Some(Likelihood::Reml),
            Form::Lrt => Some(Likelihood::Ml),
        }
    }
}

/// Tests the SNP whose rotated dosages are `x` for trait `t` of the group at the null model's ρ:
/// by score, or else by Wald.
///
/// # Errors
/// Why it cannot be tested.
pub fn test(form: Form, rotation: &Rotation, t: usize, x: &[f64]) -> Result<Effect, Untested> {
    let (n, c) = (x.len(), rotation.x.len());
    let null = &rotation.traits[t];
    match form {
        Form::Score => score(&null.at_ml.last(x), n, c),
        _ => wald(&null.at_reml.last(x), n, c),
    }
}

/// The same where ρ is fitted again, with the SNP, which is the `k`th of the block that `own`
/// knows: by likelihood ratio, or else by Wald.
///
/// # Errors
/// Why it cannot be tested.
pub fn test_refit(
    kind: Likelihood,
    (rotation, t): (&Rotation, usize),
    (own, k): (&Own<'_>, usize),
    x: &[f64],
) -> Result<Effect, Untested> {
    let (n, c) = (x.len(), rotation.x.len());
    let null = &rotation.traits[t];
    // What does not vary beside the covariates would leave nothing to refit.
    wald(&null.at_reml.last(x), n, c)?;
    let profile = Profile::new(&rotation.eigen.values, &null.y, &rotation.x);
    let profile = profile.with(x);
    let guess = match kind {
        Likelihood::Reml => null.guess_reml,
        Likelihood::Ml => null.guess_ml,
    };
    let peak = profile.peak(kind, &own.grid(k), guess);
    let (ratio, at_end) = peak.ok_or(Untested::Collinear)?;
    let last = profile.sums(ratio).last().ok_or(Untested::Collinear)?;
    let effect = wald(&last, n, c)?;
    if kind == Likelihood::Reml {
        return Ok(effect);
    }
    let best = profile.optimum(kind, ratio, at_end);
    let best = best.ok_or(Untested::Collinear)?.log_likelihood;
    let statistic = (2.0 * (best - null.fit.ml.log_likelihood)).max(0.0);
    Ok(Effect {
        statistic,
        ln_p: ln_chi2_tail(statistic),
        ..effect
    })
}
