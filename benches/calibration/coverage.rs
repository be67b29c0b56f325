//! Intervals of predictions: how often do they hold what they should, under every policy?

use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::covariates::Design;
use epitile::dense::{Eigen, product};
use epitile::error::{Error, Result};
use epitile::fit::{FitData, FitOptions, fit};
use epitile::null::matrix::kernel_matrix;
use epitile::phenotypes::Trait;
use epitile::predict::{NewData, Predicted, predict};
use epitile::settings::Gammas;
use epitile::tails::normal_above;
use epitile::training::{FixedEffects, Intercept};
use epitile_core::kernel::Kernel;
use epitile_cpu::{Cpu, Rayon};
use faer::Mat;

use crate::lab::{Lab, normal, silent, similarity, stream, traits};
use crate::policies::{POLICIES, TILE, solve};
use crate::sizes::Share;
use crate::study::{Section, Study};

/// Share of variance of the kernel part.
const SHARE: f64 = 0.5;

/// Intercept of every trait.
const INTERCEPT: f64 = 2.0;

/// Traits with their truth.
struct Truth {
    /// Expected values, intercept and kernel part.
    expected: Vec<Vec<f64>>,
    traits: Vec<Trait>,
    gamma: f64,
    /// λ in terms of the training individuals' kernel.
    lambda: f64,
}

/// The cohort, cut in two.
struct Parts {
    lab: Lab,
    train: CohortOptions,
    new: CohortOptions,
    /// Training individuals; the others follow them.
    first: usize,
}

/// Fits, predicts and counts, by kernel and policy.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let parts = Parts::new(study)?;
    let (first, n) = (parts.first, parts.lab.samples());
    let text = format!(
        "Traits drawn from the model itself (kernel part {SHARE} of the variance, intercept \
         fitted), {first} unrelated individuals to train on, {} new ones predicted with \
         `--interval` at the true λ. Shares of new observations within z·T_SE_NEW, and of expected \
         values within z·T_SE, with 99 % intervals by drawing traits again. Changes are against \
         `f64`, the largest of all predictions.",
        n - first
    );
    let header = [
        "kernel",
        "policy",
        "0.95, observations",
        "0.99, observations",
        "0.95, expected values",
        "change of predictions / T_SE",
        "change of T_SE, relative",
    ];
    let mut section = Section::new("Intervals of predictions", text, &header);
    for kernel in [Kernel::Linear, Kernel::Gaussian] {
        let truth = parts.draw(study, kernel)?;
        let mut base: Option<Vec<Predicted>> = None;
        for policy in POLICIES {
            let predicted = parts.predict(kernel, &truth, policy)?;
            let mut cells = vec![kernel.to_string(), policy.to_owned()];
            for (level, new) in [(0.95, true), (0.99, true), (0.95, false)] {
                let share = covered(study, &truth, &predicted, first, (level, new))?;
                let mark = if share.holds(level) { "" } else { " ✗" };
                cells.push(share.cell(level) + mark);
                if !share.holds(level) {
                    let text = format!("intervals, {kernel}, {policy}: coverage at {level}");
                    section.failures.push(text);
                }
            }
            let base = base.get_or_insert_with(|| predicted.clone());
            let (values, errors) = changes(base, &predicted)?;
            cells.extend([format!("{values:.1e}"), format!("{errors:.1e}")]);
            section.rows.push(cells);
        }
    }
    Ok(section)
}

/// How often intervals of `level` hold new observations, or else expected values.
fn covered(
    study: &Study,
    truth: &Truth,
    predicted: &[Predicted],
    first: usize,
    (level, new): (f64, bool),
) -> Result<Share> {
    let z = normal_above((1.0 - level) / 2.0);
    let mut counts = Vec::with_capacity(predicted.len());
    for (t, of) in predicted.iter().enumerate() {
        let errors = of.errors.as_ref().ok_or_else(no_errors)?;
        let (target, errors) = match new {
            true => (&truth.traits[t].values, &errors.observed),
            false => (&truth.expected[t], &errors.expected),
        };
        let values = of.values.iter().zip(errors).zip(&target[first..]);
        let inside = values.filter(|((p, se), y)| (**y - **p).abs() <= z * **se);
        counts.push(inside.count() as u32);
    }
    Ok(Share::new(study, &counts, predicted[0].values.len()))
}

fn no_errors() -> Error {
    Error::inconsistent("predictions without standard errors")
}

/// The largest change of a prediction, in standard errors, and of a standard error.
fn changes(base: &[Predicted], other: &[Predicted]) -> Result<(f64, f64)> {
    let (mut values, mut errors) = (0.0_f64, 0.0_f64);
    for (a, b) in base.iter().zip(other) {
        let [ea, eb] = [a, b].map(|p| p.errors.as_ref().ok_or_else(no_errors));
        let (ea, eb) = (&ea?.expected, &eb?.expected);
        for i in 0..a.values.len() {
            values = values.max((a.values[i] - b.values[i]).abs() / ea[i]);
            errors = errors.max((ea[i] - eb[i]).abs() / ea[i]);
        }
    }
    Ok((values, errors))
}

impl Parts {
    fn new(study: &Study) -> Result<Parts> {
        let lab = Lab::new(study, "unrelated", (study.samples, study.snps), None)?;
        let first = study.samples - study.samples / 10;
        let list = |name: &str, range: std::ops::Range<usize>| -> Result<CohortOptions> {
            let path = study.folder().join(name);
            let line = |i: usize| {
                let sample = &lab.cohort.samples[i];
                format!("{} {}\n", sample.fid, sample.iid)
            };
            let text: String = range.map(line).collect();
            std::fs::write(&path, text)
                .map_err(|e| Error::inconsistent(format!("{}: {e}", path.display())))?;
            Ok(CohortOptions {
                keep: Some(path),
                ..CohortOptions::new(&lab.prefix)
            })
        };
        Ok(Parts {
            train: list("train", 0..first)?,
            new: list("new", first..lab.samples())?,
            first,
            lab,
        })
    }

    /// Traits of all individuals: f by the eigenvalues of K over all of them, e.
    fn draw(&self, study: &Study, kernel: Kernel) -> Result<Truth> {
        let scale = |cohort: &Cohort| -> Result<f64> {
            let genotypes = Arc::new(cohort.genotypes.clone());
            Ok(similarity(&genotypes, Kernel::Linear)?
                .moments()
                .mean_diagonal)
        };
        let genotypes = Arc::new(self.lab.cohort.genotypes.clone());
        let similarity = similarity(&genotypes, kernel)?;
        // The same function of genotypes for those who train, up to what the intercept takes.
        let (gamma, ratio) = match kernel.has_gamma() {
            true => (similarity.gamma(kernel, 1.0)?, 1.0),
            false => {
                let train = Cohort::load(&self.train)?;
                (f64::NAN, scale(&self.lab.cohort)? / scale(&train)?)
            }
        };
        let map = similarity.map(kernel, gamma);
        let pairs = similarity.pairs(kernel);
        let k = kernel_matrix(&Cpu::MEMORY, &Rayon, pairs, &map, &self.lab.rows())?;
        let eigen = Eigen::new(&k).ok_or_else(|| Error::degenerate("a kernel of no numbers"))?;
        let n = self.lab.samples();
        let mut rng = stream(study, 5, 0);
        let z: Vec<Vec<f64>> = (0..study.traits).map(|_| normal(&mut rng, n)).collect();
        let roots: Vec<f64> = eigen.values.iter().map(|v| (SHARE * v).sqrt()).collect();
        let scaled = Mat::from_fn(n, study.traits, |i, t| roots[i] * z[t][i]);
        let f = product(eigen.vectors.as_ref(), scaled.as_ref());
        let expected = |t: usize| f.col_as_slice(t).iter().map(|f| INTERCEPT + f).collect();
        let expected: Vec<Vec<f64>> = (0..study.traits).map(expected).collect();
        let observed = expected.iter().map(|expected| {
            let e = normal(&mut rng, n);
            let value = |(v, e): (&f64, f64)| v + (1.0 - SHARE).sqrt() * e;
            expected.iter().zip(e).map(value).collect()
        });
        Ok(Truth {
            traits: traits(observed.collect()),
            expected,
            gamma,
            lambda: (1.0 - SHARE) / SHARE * ratio,
        })
    }

    fn predict(&self, kernel: Kernel, truth: &Truth, policy: &str) -> Result<Vec<Predicted>> {
        let n = self.first;
        let fixed = |n: usize| FixedEffects::new(Intercept::Gls, &Design::empty(n), n);
        let known = truth.traits.iter().map(|t| Trait {
            values: t.values[..n].to_vec(),
            ..t.clone()
        });
        let known: Vec<Trait> = known.collect();
        let data = FitData {
            traits: &known,
            fixed: &fixed(n)?,
            recipe: None,
            complete: &vec![true; n],
            inside: None,
            weights: None,
        };
        let options = FitOptions {
            bfile: self.lab.prefix.clone(),
            kernel,
            gamma: Gammas::Values(vec![truth.gamma]),
            lambda: truth.lambda,
            solve: solve(policy)?,
            tile: Some(TILE),
            embed: true,
            save_factor: false,
        };
        let train = Cohort::load(&self.train)?;
        let model = fit(&Cpu::MEMORY, &Rayon, train, data, &options, &silent())?;
        let genotypes = Cohort::load(&self.new)?.genotypes;
        let m = genotypes.samples();
        let new = NewData {
            genotypes,
            fixed: fixed(m)?,
            complete: vec![true; m],
            inside: None,
        };
        predict(&Cpu::MEMORY, &Rayon, &model, &new, true, &silent())
    }
}
