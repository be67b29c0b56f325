//! Numbers of null models as a run takes them: those that were given, if they are of its inputs.

use super::AssocData;
use super::fast::Gamma;
use super::identity::Inputs;
use super::nullfit::{LogisticFit, NullFit};
use super::nulls::Given;
use super::scan::Group;
use crate::error::Result;

/// Numbers of null models that were given, and what those of a run depend on.
pub struct Numbers {
    given: Option<Given>,
    /// By trait; none without a kernel.
    inputs: Vec<Inputs>,
    names: Vec<String>,
}

impl Numbers {
    /// Of the traits of `data`.
    pub fn new(data: &AssocData<'_>, inputs: Vec<Inputs>, given: Option<Given>) -> Numbers {
        Numbers {
            given,
            inputs,
            names: data.traits.iter().map(|t| t.name.clone()).collect(),
        }
    }

    /// Checks, before any work, that every model that will be needed was given, if any was.
    ///
    /// # Errors
    /// `Inconsistent`.
    pub fn check(&self, kernels: impl Iterator<Item = String>) -> Result<()> {
        let Some(given) = &self.given else {
            return Ok(());
        };
        for kernel in kernels {
            for (name, inputs) in self.names.iter().zip(&self.inputs) {
                given.check(name, &kernel, inputs)?;
            }
        }
        Ok(())
    }

    /// Name of trait `t`.
    pub fn name(&self, t: usize) -> &str {
        &self.names[t]
    }

    /// What null models of trait `t` depend on.
    pub fn inputs(&self, t: usize) -> &Inputs {
        &self.inputs[t]
    }

    /// Whether any were given.
    pub fn are_given(&self) -> bool {
        self.given.is_some()
    }

    /// Of each trait of `group`, what was given.
    fn of<T>(
        &self,
        group: &Group,
        take: impl Fn(&Given, &str, &Inputs) -> Result<T>,
    ) -> Result<Vec<Option<T>>> {
        let of = |&t: &usize| {
            let given = self.given.as_ref();
            given
                .map(|g| take(g, &self.names[t], &self.inputs[t]))
                .transpose()
        };
        group.traits.iter().map(of).collect()
    }

    /// Of each quantitative trait of `group`, the null model beside the kernel called `kernel`, if
    /// it was given.
    ///
    /// # Errors
    /// `Inconsistent`.
    pub fn mixed(&self, group: &Group, kernel: &str) -> Result<Vec<Option<NullFit>>> {
        self.of(group, |given, name, inputs| {
            given.mixed(name, kernel, inputs)
        })
    }

    /// The same of binary traits.
    ///
    /// # Errors
    /// `Inconsistent`.
    pub fn logistic(&self, group: &Group, kernel: &str) -> Result<Vec<Option<LogisticFit>>> {
        self.of(group, |given, name, inputs| {
            given.logistic(name, kernel, inputs)
        })
    }

    /// γ of trait `t` on a chromosome, if it was given.
    ///
    /// # Errors
    /// `Inconsistent`.
    pub fn gamma(&self, t: usize, chromosome: &str, seed: u64) -> Result<Option<Gamma>> {
        match &self.given {
            None => Ok(None),
            Some(g) => g.gamma(&self.names[t], chromosome, (seed, &self.inputs[t])),
        }
    }
}
