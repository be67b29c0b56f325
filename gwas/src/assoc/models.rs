//! The models of all traits, for a kernel of all chromosomes or of all but one.

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use faer::Mat;

use super::effect::Form;
use super::fast::{Fast, Gamma, sample};
use super::kernels::Source;
use super::nullfit::Fit;
use super::nulls::{self, ChromosomeGamma, Model};
use super::numbers::Numbers;
use super::ordinary::Ordinary;
use super::partial::Part;
use super::rotation::{Null, Rotation};
use super::scan::{Group, Scan};
use super::{AssocData, AssocOptions, Beside, Method, binary};
use crate::error::{Error, Result};
use crate::io::bed::Bed;
use crate::run::{Progress, RunLog};

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
    /// By group and trait, where searches of binary traits begin once a chromosome is left out:
    /// at the model beside all, whatever chromosomes are tested.
    near: Option<Vec<binary::Starts>>,
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
            near: None,
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
        let (data, options) = (self.data, self.options);
        let ready = match (&options.method, source) {
            (Method::Kernel(_, Beside::OutOfFold(how)), Some(source)) => {
                let models = log.timed("folds", || {
                    let model = |group: &Group| {
                        let k = source.ridge_kernel(group, left_out)?;
                        how.model(&k, group, &data)
                    };
                    self.groups.iter().map(model).collect::<Result<_>>()
                })?;
                Ready::Ordinary(models)
            }
            (Method::Kernel(_, Beside::Mixed(form)), Some(source)) => {
                let rotations = log.timed("null models", || self.mixed(source, left_out, *form))?;
                let all = rotations.iter();
                let kernel = source.name(left_out);
                self.nulls = all.flat_map(|r| r.describe(kernel.clone())).collect();
                let nulls = rotations.iter().flat_map(|r| &r.traits);
                let fits = nulls.map(|null| Fit::Mixed(null.fit.clone()));
                self.fits = self.shared(&kernel, fits);
                Ready::Mixed(rotations, *form)
            }
            (Method::Kernel(_, Beside::Logistic(form)), Some(source)) => {
                let models = log.timed("null models", || self.logistic(source, left_out))?;
                let kernel = source.name(left_out);
                let of = |(group, models): (&Group, &binary::Nulls)| {
                    models.describe(group, &data, &kernel)
                };
                self.binary = self.groups.iter().zip(&models).flat_map(of).collect();
                let fits = models.iter().flat_map(binary::Nulls::fits);
                self.fits = self.shared(&kernel, fits.map(Fit::Logistic));
                Ready::Logistic(models, *form, true)
            }
            (Method::Logistic(form), _) => {
                let models = || binary::Nulls::alone(&self.groups, &data);
                let models = log.timed("null models", models);
                Ready::Logistic(models, *form, false)
            }
            _ => {
                let model = |g: &Group| Ordinary::new(g.x.clone(), g.residuals(&data));
                Ready::Ordinary(self.groups.iter().map(model).collect())
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
            let known = self.numbers.mixed(group, &name)?;
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

    /// Those of binary traits. Unless they were given, searches without a chromosome begin where
    /// that beside all ended.
    fn logistic<B: Backend, E: Engine>(
        &mut self,
        source: &mut Source<'a, B, E>,
        left_out: Option<usize>,
    ) -> Result<Vec<binary::Nulls>> {
        if left_out.is_some() && self.near.is_none() && !self.numbers.are_given() {
            let all = self.logistic(source, None)?;
            self.near = Some(all.iter().map(binary::Nulls::starts).collect());
        }
        let name = source.name(left_out);
        let mut models = Vec::with_capacity(self.groups.len());
        for (g, group) in self.groups.iter().enumerate() {
            let known = self.numbers.logistic(group, &name)?;
            let kernels = source.variance_kernels(group, left_out)?;
            let [(k, _)] = &kernels[..] else {
                return Err(Error::usage("binary traits take one kernel"));
            };
            let near = left_out.and(self.near.as_ref()).map(|near| &near[g]);
            models.push(binary::Nulls::beside(
                k,
                (group, &self.data),
                (&known, near),
            ));
        }
        Ok(models)
    }

    /// `fits`, one for each trait group by group, with what they depend on.
    fn shared(&self, kernel: &str, fits: impl Iterator<Item = Fit>) -> Vec<Model> {
        let traits = self.groups.iter().flat_map(|g| &g.traits);
        let model = |(&t, fit): (&usize, Fit)| Model {
            of: self.numbers.name(t).to_owned(),
            kernel: kernel.to_owned(),
            inputs: self.numbers.inputs(t).clone(),
            fit,
        };
        traits.zip(fits).map(model).collect()
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
                        of: self.numbers.name(t).to_owned(),
                        chromosome: part.chromosome.clone(),
                        seed: fast.seed,
                        inputs: self.numbers.inputs(t).clone(),
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
                match gamma.check(self.numbers.name(t), &part.chromosome) {
                    Err(error) if !fast.forced => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(gammas)
    }
}
