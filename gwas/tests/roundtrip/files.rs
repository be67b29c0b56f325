//! Saving and loading.

use epitile::backend::{BackendChoice, Job, dispatch};
use epitile::cohort::{Cohort, CohortOptions};
use epitile::covariates::{CovariateOptions, Design};
use epitile::error::Result;
use epitile::fit::{FitData, FitOptions, fit};
use epitile::model::Model;
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};
use epitile::run::RunLog;
use epitile::settings::Gammas;
use epitile::similarity::{Inside, takes_weights};
use epitile::training::{FixedEffects, Intercept};
use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::kernel::Kernel;
use epitile_core::solver::SolveOptions;

use super::lab::{Lab, noise};

/// A fit by the library: what is saved and loaded.
struct Fit<'a> {
    cohort: Cohort,
    data: FitData<'a>,
    options: FitOptions,
}

impl Job for Fit<'_> {
    type Output = Model;

    fn run<B: Backend, E: Engine>(self, backend: &B, engine: &E) -> Result<Model> {
        let log = RunLog::new(None, true);
        fit(backend, engine, self.cohort, self.data, &self.options, &log)
    }
}

/// A model of the cohort of `lab` with all that a model can have.
fn model(lab: &Lab, kernel: Kernel, precision: &str, embed: bool, lambda: f64) -> Model {
    let cohort = Cohort::load(&CohortOptions::new(lab.path("s"))).unwrap();
    let n = cohort.samples.len();
    let traits = Phenotypes::read(
        &PhenotypeOptions {
            file: lab.path("s.pheno.txt"),
            ..PhenotypeOptions::default()
        },
        &cohort.samples,
    );
    let design = |names: &str, categorical: Option<&str>| {
        let options = CovariateOptions {
            file: lab.path("c"),
            names: Some(names.into()),
            categorical: categorical.map(str::to_owned),
        };
        Design::read(&options, &cohort.samples).unwrap()
    };
    let (traits, design, late) = (
        traits.unwrap().traits,
        design("age", Some("site")),
        design("late", None),
    );
    let known = |v: &f64| if v.is_nan() { 0.0 } else { *v };
    let inside = Inside {
        columns: vec![late.column(0).iter().map(known).collect()],
        weight: 0.1 + 0.2,
    };
    let fixed = FixedEffects::new(Intercept::Gls, &design, n).unwrap();
    let recipe = design.recipe();
    let complete: Vec<bool> = late.complete.clone();
    let weights: Vec<f64> = (0..cohort.snps.len()).map(noise).collect();
    let data = FitData {
        traits: &traits,
        fixed: &fixed,
        recipe: Some(&recipe),
        complete: &complete,
        inside: kernel.has_gamma().then_some((&late, &inside)),
        weights: takes_weights(kernel).then_some(&weights),
    };
    let options = FitOptions {
        bfile: lab.path("s"),
        kernel,
        gamma: Gammas::Scales(vec![lambda * 3.7]),
        lambda,
        solve: SolveOptions {
            policy: precision.parse().unwrap(),
            ..SolveOptions::default()
        },
        tile: Some(17),
        embed,
        save_factor: true,
    };
    let job = Fit {
        cohort,
        data,
        options,
    };
    dispatch(BackendChoice::Cpu, 1, (None, None), job).unwrap()
}

#[test]
fn a_model_is_read_back_as_it_was_saved() {
    let lab = Lab::with_cohort("--samples 60 --snps 90 --traits 3 --missing-rate 0.03");
    lab.lose(|i, t| t == 2 && i % 5 == 1);
    lab.covariates(60);
    let cases = [
        (Kernel::Gaussian, "adaptive"),
        (Kernel::Laplacian, "uniform:f8e4m3"),
        (Kernel::Linear, "uniform:f16"),
        (Kernel::GrmSquared, "uniform:bf16"),
        (Kernel::TwoPq, "f32"),
        (Kernel::Ibs, "f64"),
    ];
    for (k, (kernel, precision)) in cases.into_iter().enumerate() {
        for embed in [true, false] {
            // Numbers without pattern: decimal text must give every bit back.
            let lambda = 0.01 + noise(17 * k + usize::from(embed));
            let saved = model(&lab, kernel, precision, embed, lambda);
            let path = lab.path("m.epitile");
            saved.save(&path).unwrap();
            let mut loaded = Model::load(&path).unwrap();
            assert_eq!(loaded.genotypes.is_some(), embed);
            loaded.fetch_genotypes(None).unwrap();
            assert!(loaded == saved, "{kernel}, {precision}, embedded: {embed}");
            let first = lab.bytes("m.epitile");
            loaded.save(&path).unwrap();
            assert!(
                lab.bytes("m.epitile") == first,
                "{kernel}: saved again, it differs"
            );
        }
    }
}

#[test]
fn every_number_in_the_metadata_keeps_its_bits() {
    let lab = Lab::with_cohort("--samples 30 --snps 40");
    lab.covariates(30);
    let mut saved = model(&lab, Kernel::Gaussian, "f64", false, 0.3);
    let path = lab.path("m.epitile");
    for i in 0..40 {
        let number =
            |k: usize| (noise(31 * i + k) + 0.01) * 10f64.powi((noise(i) * 40.0) as i32 - 20);
        let meta = &mut saved.meta;
        (meta.lambda, meta.gamma, meta.mean_diagonal) = (number(1), Some(number(2)), number(3));
        saved.moments.mean_diagonal = number(3);
        for (t, of) in saved.traits.iter_mut().enumerate() {
            for (c, effect) in of.meta.effects.iter_mut().enumerate() {
                *effect = -number(10 * t + c + 4);
            }
            of.meta.variance = number(t + 100);
            meta.traits[t] = of.meta.clone();
        }
        saved.save(&path).unwrap();
        let loaded = Model::load(&path).unwrap();
        assert_eq!(loaded.meta, saved.meta);
    }
}
