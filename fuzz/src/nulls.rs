//! Files of null models: refused in words, or read as they were written, asked for by a run, and
//! made models of without a panic.

use epitile::assoc::AssocData;
use epitile::assoc::binary;
use epitile::assoc::fast::Gamma;
use epitile::assoc::identity::Inputs;
use epitile::assoc::nullfit::{Fit, LogisticFit, NullFit};
use epitile::assoc::nulls::{ChromosomeGamma, Given, Model, Models};
use epitile::assoc::rotation::Rotation;
use epitile::assoc::scan::Group;
use epitile::covariates::Design;
use epitile::dense::combine;
use epitile::null::spectral::Optimum;
use epitile::phenotypes::Trait;
use epitile::training::{FixedEffects, Intercept};

use crate::refused::refused;
use crate::scratch::Folder;
use crate::source::Source;

/// Individuals of the models that are made.
const N: usize = 8;

/// Inputs to start from: whole files, contents without a checksum, and neither.
pub fn seeds() -> Vec<Vec<u8>> {
    let folder = Folder::new();
    let models = example();
    let path = folder.path("p");
    let written = models.write(&path).and_then(|file| file.commit());
    written.expect("a file of null models");
    let file = std::fs::read(folder.path("p.null.json")).expect("the file");
    let content = serde_json::to_vec(&models).expect("JSON");
    let empty = b"{\"models\":[],\"gammas\":[]}".to_vec();
    let mut seeds = vec![vec![0], vec![1], [&[1], &empty[..]].concat()];
    seeds.push([&[0], &file[..]].concat());
    seeds.push([&[1], &content[..]].concat());
    for k in 0..models.models.len() {
        let one = Models {
            models: vec![models.models[k].clone()],
            gammas: Vec::new(),
        };
        let content = serde_json::to_vec(&one).expect("JSON");
        seeds.push([&[1], &content[..]].concat());
    }
    seeds
}

fn inputs(settings: &str) -> Inputs {
    Inputs {
        settings: settings.into(),
        calls: "c".into(),
        values: "v".into(),
    }
}

/// Null models of every sort.
fn example() -> Models {
    let optimum = |ratio: f64| Optimum {
        ratio,
        residual: 0.5,
        log_likelihood: -3.25,
        at_end: false,
    };
    let mixed = |ratio: f64, weights: Vec<f64>| {
        Fit::Mixed(NullFit {
            reml: optimum(ratio),
            ml: optimum(0.5 * ratio),
            reml_weights: weights.clone(),
            ml_weights: weights,
            share_error: (ratio > 0.0).then_some(0.125),
        })
    };
    let fits = [
        mixed(1.5, vec![1.0]),
        mixed(0.0, vec![0.25, 0.75]),
        Fit::Logistic(LogisticFit::Variance(0.75)),
        Fit::Logistic(LogisticFit::Variance(0.0)),
        Fit::Logistic(LogisticFit::Failure(
            epitile::assoc::effect::Untested::Separated,
        )),
    ];
    let model = |(k, fit): (usize, Fit)| Model {
        of: format!("y{}", k % 3),
        kernel: format!("all chromosomes but {k}"),
        inputs: inputs("--kernel linear"),
        fit,
    };
    Models {
        models: fits.into_iter().enumerate().map(model).collect(),
        gammas: vec![ChromosomeGamma {
            of: "y0".into(),
            chromosome: "1".into(),
            seed: 1,
            inputs: inputs("--kernel linear"),
            gamma: Gamma {
                gamma: 0.5,
                cv: 0.01,
                snps: 200,
            },
        }],
    }
}

/// A byte for the form: 0 a file, 1 the content of one, to which the checksum is made.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let form = source.below(2);
    let folder = Folder::new();
    let prefix = folder.path("p");
    if form == 0 {
        folder.put("p.null.json", source.rest());
        match Given::read(&prefix) {
            Ok(given) => assert!(!given.checksum().is_empty()),
            Err(error) => refused(&error),
        }
        return;
    }
    let Ok(models) = serde_json::from_slice::<Models>(source.rest()) else {
        return;
    };
    let written = models.write(&prefix).and_then(|file| file.commit());
    written.expect("a file of null models");
    let beyond = |m: &Model| match m.fit {
        Fit::Logistic(LogisticFit::Variance(tau)) => !(0.0..=1000.0).contains(&tau),
        _ => false,
    };
    let given = match Given::read(&prefix) {
        Ok(given) => given,
        Err(error) => {
            assert!(models.models.iter().any(beyond), "{error}");
            return refused(&error);
        }
    };
    assert!(!models.models.iter().any(beyond));
    ask(&given, &models);
    for model in &models.models {
        make(&model.fit);
    }
}

/// Every model and γ, as a run asks for them: the first of the trait and kernel, if its inputs are
/// those.
fn ask(given: &Given, models: &Models) {
    for of in &models.models {
        let same = |m: &&Model| m.of == of.of && m.kernel == of.kernel;
        let first = models.models.iter().find(same).expect("a model");
        let fits = first.inputs == of.inputs;
        let (name, kernel) = (&*of.of, &*of.kernel);
        match (given.mixed(name, kernel, &of.inputs), &first.fit) {
            (Ok(found), Fit::Mixed(fit)) if fits => assert_eq!(found, *fit),
            (Err(error), fit) if !fits || matches!(fit, Fit::Logistic(_)) => refused(&error),
            (found, _) => panic!("{found:?}"),
        }
        match (given.logistic(name, kernel, &of.inputs), &first.fit) {
            (Ok(found), Fit::Logistic(fit)) if fits => assert_eq!(found, *fit),
            (Err(error), fit) if !fits || matches!(fit, Fit::Mixed(_)) => refused(&error),
            (found, _) => panic!("{found:?}"),
        }
        let none = given.mixed(&format!("{name}."), kernel, &of.inputs);
        let other = |m: &Model| m.of == format!("{name}.") && m.kernel == of.kernel;
        if !models.models.iter().any(other) {
            refused(&none.expect_err("a trait without a model"));
        }
    }
    for of in &models.gammas {
        let same = |g: &&ChromosomeGamma| g.of == of.of && g.chromosome == of.chromosome;
        let first = models.gammas.iter().find(same).expect("a γ");
        let found = given.gamma(&of.of, &of.chromosome, (of.seed, &of.inputs));
        match (first.inputs == of.inputs) && first.seed == of.seed {
            true => assert_eq!(found, Ok(Some(first.gamma))),
            false => refused(&found.expect_err("a γ of something else")),
        }
    }
}

/// The model of the numbers `fit`, of a few individuals: it is one, or why there is none.
fn make(fit: &Fit) {
    let value = |i: usize| ((i * 37 + 11) % 19) as f64 / 19.0;
    let y: Vec<f64> = match fit {
        Fit::Mixed(_) => (0..N).map(value).collect(),
        Fit::Logistic(_) => (0..N).map(|i| (i % 2) as f64).collect(),
    };
    let mut k = combine(&[], 1.0, N);
    for (i, j) in (0..N * N).map(|at| (at % N, at / N)) {
        k[(i, j)] += f64::from(i / 3 == j / 3);
    }
    let group = Group {
        traits: vec![0],
        rows: (0..N as u32).collect(),
        places: (0..N as u32).collect(),
        x: vec![vec![1.0; N]],
    };
    match fit {
        Fit::Mixed(fit) => {
            let traits = [Trait {
                name: "y".into(),
                values: y,
                binary: false,
            }];
            let fixed = FixedEffects::new(Intercept::Gls, &Design::empty(N), N);
            let fixed = fixed.expect("an intercept");
            let data = AssocData {
                traits: &traits,
                fixed: &fixed,
                complete: &[true; N],
            };
            let known = [Some(fit.clone())];
            let made = Rotation::new((&k, ("k".into(), 1.0)), &group, &data, &known);
            if let Err(error) = made {
                refused(&error);
            }
        }
        Fit::Logistic(LogisticFit::Variance(tau)) => {
            if let Ok(model) = binary::Model::beside_at(&k, group.x, y, *tau) {
                assert_eq!(model.variance(), *tau);
                assert_eq!(model.projection().is_some(), *tau > 0.0);
            }
        }
        Fit::Logistic(LogisticFit::Failure(why)) => assert!(!why.to_string().is_empty()),
    }
}
