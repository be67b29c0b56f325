//! Null models of the traits of a group.

use std::fmt;

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::model::Model;
use super::pql::Near;
use crate::assoc::AssocData;
use crate::assoc::effect::Untested;
use crate::assoc::nullfit::LogisticFit;
use crate::assoc::scan::Group;
use crate::run::RunLog;

/// The null models of a group of traits: of each the model, or why there is none.
pub(in crate::assoc) struct Nulls(pub(super) Vec<Result<Model, Untested>>);

/// Of each trait, where the search beside a kernel much alike may begin, if anywhere.
pub(in crate::assoc) type Starts = Vec<Option<Near>>;

/// A null model as reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::assoc) struct Null {
    #[serde(rename = "trait")]
    name: String,
    kernel: String,
    samples: usize,
    cases: usize,
    /// Variance of the random effect on the scale of log-odds, the kernel of mean diagonal 1.
    variance: Option<f64>,
    /// τ/(τ + π²/3).
    share: Option<f64>,
    /// Steps of the search for it, if it was searched for.
    steps: Option<usize>,
    /// Why there is no model.
    failure: Option<String>,
}

impl fmt::Display for Null {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kernel) = (&self.name, &self.kernel);
        let controls = self.samples - self.cases;
        write!(
            f,
            "{name}, kernel of {kernel}: {} cases, {controls} controls, ",
            self.cases
        )?;
        match (self.variance, self.share, &self.failure) {
            (Some(variance), Some(share), _) => write!(
                f,
                "τ {variance:.4}, share of the variance of log-odds {share:.4}"
            ),
            (_, _, why) => write!(
                f,
                "no null model ({}): no SNP is tested beside this kernel",
                why.as_deref().unwrap_or_default()
            ),
        }
    }
}

/// Puts `nulls` into the log and the record; traits without a null model are warned of.
pub(in crate::assoc) fn tell(nulls: &[Null], log: &RunLog) {
    for null in nulls {
        match null.failure {
            None => log.say(null.to_string()),
            Some(_) => log.warn(format!("phenotype {null}")),
        }
    }
    if let Ok(value) = serde_json::to_value(nulls) {
        log.set("null_models", value);
    }
}

impl Nulls {
    /// Of all groups, without a kernel.
    pub(in crate::assoc) fn alone(groups: &[Group], data: &AssocData<'_>) -> Vec<Self> {
        let of = |group: &Group| {
            let values = group.values(data).into_iter();
            Nulls(values.map(|y| Model::new(group.x.clone(), y)).collect())
        };
        groups.iter().map(of).collect()
    }

    /// Of every trait of `group`, beside its kernel `k`: at the τ that is `known`, or searched for
    /// from `near`. N³ operations a step and trait.
    pub(in crate::assoc) fn beside(
        k: &Mat<f64>,
        (group, data): (&Group, &AssocData<'_>),
        (known, near): (&[Option<LogisticFit>], Option<&Starts>),
    ) -> Self {
        let of = |(t, y): (usize, Vec<f64>)| {
            let x = group.x.clone();
            match known[t] {
                Some(LogisticFit::Variance(tau)) => Model::beside_at(k, x, y, tau),
                Some(LogisticFit::Failure(why)) => Err(why),
                None => Model::beside(k, x, y, near.and_then(|near| near[t])),
            }
        };
        let values = group.values(data).into_iter().enumerate();
        Nulls(values.map(of).collect())
    }

    /// Where searches beside other kernels may begin.
    pub(in crate::assoc) fn starts(&self) -> Starts {
        let models = self.0.iter().map(|model| model.as_ref().ok());
        models.map(|model| model.and_then(Model::near)).collect()
    }

    /// As they are shared.
    pub(in crate::assoc) fn fits(&self) -> impl Iterator<Item = LogisticFit> {
        self.0.iter().map(|model| match model {
            Ok(model) => LogisticFit::Variance(model.variance()),
            Err(why) => LogisticFit::Failure(*why),
        })
    }

    /// Every null model of `group`, K being called `kernel`.
    pub(in crate::assoc) fn describe(
        &self,
        group: &Group,
        data: &AssocData<'_>,
        kernel: &str,
    ) -> Vec<Null> {
        let all = group.traits.iter().zip(group.values(data)).zip(&self.0);
        all.map(|((&t, y), model)| {
            let variance = model.as_ref().ok().map(Model::variance);
            // The variance of a standard logistic variable is π²/3.
            let rest = std::f64::consts::PI.powi(2) / 3.0;
            Null {
                name: data.traits[t].name.clone(),
                kernel: kernel.to_owned(),
                samples: y.len(),
                cases: y.iter().filter(|y| **y == 1.0).count(),
                variance,
                share: variance.map(|v| v / (v + rest)),
                steps: (model.as_ref().ok().map(Model::steps)).filter(|&steps| steps > 0),
                failure: model.as_ref().err().map(ToString::to_string),
            }
        })
        .collect()
    }
}
