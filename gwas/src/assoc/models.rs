//! The models of all traits, for a kernel of all chromosomes or of all but one.

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use faer::Mat;

use super::effect::Form;
use super::fast::{Fast, Gamma, sample};
use super::identity::Inputs;
use super::kernels::Source;
use super::nullfit::NullFit;
use super::nulls::{self, ChromosomeGamma, Given, Model};
use super::ordinary::Ordinary;
use super::partial::Part;
use super::rotation::{Null, Rotation};
use super::scan::{Group, Scan};
use super::{AssocData, AssocOptions, Beside, Method, binary};
use crate::error::{Error, Result};
use crate::io::bed::Bed;
use crate::run::{Progress, RunLog};

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
    pub fn check(&self, data: &AssocData<'_>, kernels: impl Iterator<Item = String>) -> Result<()> {
        for kernel in kernels {
            for t in 0..data.traits.len() {
                self.model(t, &kernel)?;
            }
        }
        Ok(())
    }

    fn model(&self, t: usize, kernel: &str) -> Result<Option<NullFit>> {
        let given = self.given.as_ref();
        given
            .map(|g| g.model(&self.names[t], kernel, &self.inputs[t]))
            .transpose()
    }

    fn gamma(&self, t: usize, chromosome: &str, seed: u64) -> Result<Option<Gamma>> {
        match &self.given {
            None => Ok(None),
            Some(g) => g.gamma(&self.names[t], chromosome, (seed, &self.inputs[t])),
        }
    }
}

/// Models, ready for any SNP of a chromosome.
enum Ready {
    Ordinary(Vec<Ordinary>),
    /// Whether beside a kernel.
    Logistic(Vec<binary::Nulls>, binary::Form, bool),
    Mixed(Vec<Rotation>, Form),
}

/// Models of all traits.
pub struct Models<'a> {
    data: AssocData<'a>,
    /// Traits with the same samples.
    groups: Vec<Group>,
    options: &'a AssocOptions,
    numbers: Numbers,
    /// The segment left out, the models, and how they are reported and shared.
    ready: Option<(Option<usize>, Ready)>,
    nulls: Vec<Null>,
    binary: Vec<binary::Null>,
    fits: Vec<Model>,
}

impl<'a> Models<'a> {
    /// None yet.
    pub fn new(
        data: &AssocData<'a>,
        groups: &[Group],
        options: &'a AssocOptions,
        numbers: Numbers,
    ) -> Self {
        Models {
            data: *data,
            groups: groups.to_vec(),
            options,
            numbers,
            ready: None,
            nulls: Vec::new(),
            binary: Vec::new(),
            fits: Vec::new(),
        }
    }

    /// How they are made.
    pub fn options(&self) -> &'a AssocOptions {
        self.options
    }

    /// The null models at hand, as reported.
    pub fn describe(&self) -> &[Null] {
        &self.nulls
    }

    /// Those of binary traits.
    pub(super) fn describe_binary(&self) -> &[binary::Null] {
        &self.binary
    }

    /// Makes the models for the kernel without segment `left_out`, unless they are at hand.
    ///
    /// # Errors
    /// `Degenerate`; `Inconsistent` for null models that do not fit; failures of the device.
    pub fn prepare<B: Backend, E: Engine>(
        &mut self,
        source: Option<&mut Source<'a, B, E>>,
        left_out: Option<usize>,
        log: &RunLog,
    ) -> Result<()> {
        if matches!(&self.ready, Some((known, _)) if *known == left_out) {
            return Ok(());
        }
        self.ready = None;
        let (data, groups) = (&self.data, &self.groups);
        let ready = match (&self.options.method, source) {
            (Method::Kernel(_, Beside::OutOfFold(how)), Some(source)) => {
                let models = log.timed("folds", || {
                    let model = |group: &Group| {
                        let k = source.ridge_kernel(group, left_out)?;
                        how.model(&k, group, data)
                    };
                    groups.iter().map(model).collect::<Result<_>>()
                })?;
                Ready::Ordinary(models)
            }
            (Method::Kernel(_, Beside::Mixed(form)), Some(source)) => {
                let rotations = log.timed("null models", || self.mixed(source, left_out, *form))?;
                self.keep(&rotations, &source.name(left_out));
                Ready::Mixed(rotations, *form)
            }
            (Method::Kernel(_, Beside::Logistic(form)), Some(source)) => {
                let models = log.timed("null models", || {
                    let model = |group: &Group| {
                        let kernels = source.variance_kernels(group, left_out)?;
                        let [(k, _)] = &kernels[..] else {
                            return Err(Error::usage("binary traits take one kernel"));
                        };
                        Ok(binary::Nulls::beside(k, group, data))
                    };
                    groups.iter().map(model).collect::<Result<Vec<_>>>()
                })?;
                let kernel = source.name(left_out);
                let of = |(group, models): (&Group, &binary::Nulls)| {
                    models.describe(group, data, &kernel)
                };
                self.binary = groups.iter().zip(&models).flat_map(of).collect();
                Ready::Logistic(models, *form, true)
            }
            (Method::Logistic(form), _) => {
                let models = log.timed("null models", || binary::Nulls::alone(groups, data));
                Ready::Logistic(models, *form, false)
            }
            _ => {
                let model = |g: &Group| Ordinary::new(g.x.clone(), g.residuals(data));
                Ready::Ordinary(groups.iter().map(model).collect())
            }
        };
        self.ready = Some((left_out, ready));
        Ok(())
    }

    fn mixed<B: Backend, E: Engine>(
        &self,
        source: &mut Source<'a, B, E>,
        left_out: Option<usize>,
        form: Form,
    ) -> Result<Vec<Rotation>> {
        let name = source.name(left_out);
        let names = source.kernels();
        let mut rotations = Vec::new();
        for group in &self.groups {
            let known = group.traits.iter().map(|&t| self.numbers.model(t, &name));
            let known: Vec<Option<NullFit>> = known.collect::<Result<_>>()?;
            let kernels = source.variance_kernels(group, left_out)?;
            let (ks, means): (Vec<Mat<f64>>, Vec<f64>) = kernels.into_iter().unzip();
            let about: Vec<(String, f64)> = names.iter().cloned().zip(means).collect();
            match (&ks[..], &about[..]) {
                ([k], [about]) => {
                    let kernel = (k, about.clone());
                    rotations.push(Rotation::new(kernel, group, &self.data, &known)?);
                }
                _ => rotations.extend(Rotation::of_several(
                    (&ks, &about),
                    group,
                    &self.data,
                    (&known, form),
                )?),
            }
        }
        Ok(rotations)
    }

    /// Keeps what is reported and shared of the models.
    fn keep(&mut self, rotations: &[Rotation], kernel: &str) {
        let all = rotations.iter();
        self.nulls = all.flat_map(|r| r.describe(kernel.to_owned())).collect();
        let traits = self.groups.iter().flat_map(|g| &g.traits);
        let nulls = rotations.iter().flat_map(|r| &r.traits);
        let model = |(&t, null): (&usize, &super::rotation::NullModel)| Model {
            of: self.numbers.names[t].clone(),
            kernel: kernel.to_owned(),
            inputs: self.numbers.inputs[t].clone(),
            fit: null.fit.clone(),
        };
        self.fits = traits.zip(nulls).map(model).collect();
    }

    /// Tests the SNPs of a chromosome; null models as shared, γ among them.
    ///
    /// # Errors
    /// `Read`, `Write`; `Degenerate` for a fast test that would be wrong.
    ///
    /// # Panics
    /// If [`prepare`](Self::prepare) was not called for it.
    pub fn test(
        &self,
        scan: &mut Scan<'_>,
        bed: &mut Bed,
        part: &Part,
        progress: &Progress,
    ) -> Result<nulls::Models> {
        let (left_out, ready) = self.ready.as_ref().expect("models that were prepared");
        assert_eq!(*left_out, part.left_out, "models of another chromosome");
        let mut shared = nulls::Models {
            models: self.fits.clone(),
            gammas: Vec::new(),
        };
        match (ready, self.options.fast) {
            (Ready::Ordinary(models), _) => scan.ordinary(bed, &part.snps, models, progress)?,
            (Ready::Logistic(models, form, beside), _) => {
                let models = (&models[..], *form, *beside);
                scan.logistic(bed, &part.snps, models, progress)?;
            }
            (Ready::Mixed(rotations, form), None) => {
                scan.kernel(bed, &part.snps, (rotations, *form), progress)?;
            }
            (Ready::Mixed(rotations, _), Some(fast)) => {
                let gammas = self.gammas(scan, bed, (part, fast), rotations)?;
                let found = gammas.iter().flatten();
                let traits = scan.groups.iter().flat_map(|g| &g.traits);
                for (&t, gamma) in traits.zip(found) {
                    shared.gammas.push(ChromosomeGamma {
                        of: self.numbers.names[t].clone(),
                        chromosome: part.chromosome.clone(),
                        seed: fast.seed,
                        inputs: self.numbers.inputs[t].clone(),
                        gamma: *gamma,
                    });
                }
                scan.fast(bed, &part.snps, (rotations, &gammas), progress)?;
            }
        }
        Ok(shared)
    }

    /// γ of a chromosome, by group and trait of it: given, or estimated.
    fn gammas(
        &self,
        scan: &Scan<'_>,
        bed: &mut Bed,
        (part, fast): (&Part, Fast),
        rotations: &[Rotation],
    ) -> Result<Vec<Vec<Gamma>>> {
        let chosen = sample(&part.snps, fast.seed);
        let mut gammas = scan.gammas(bed, &chosen, rotations)?;
        for (group, gammas) in scan.groups.iter().zip(&mut gammas) {
            for (&t, gamma) in group.traits.iter().zip(gammas) {
                if let Some(given) = self.numbers.gamma(t, &part.chromosome, fast.seed)? {
                    *gamma = given;
                }
                match gamma.check(&self.numbers.names[t], &part.chromosome) {
                    Err(error) if !fast.forced => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(gammas)
    }
}
