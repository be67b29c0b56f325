//! Does the precision of a factor move a p-value?
//!
//! Mixed models are FP64 throughout: policies matter for ridge regressions. Each fold is predicted
//! from the others under a policy, without the tested chromosome, and what is left of the trait is
//! tested by least squares (two steps, as `assoc --test oof` and `cv` do them).
//!
//! The bound. Certificates say that a prediction errs by at most √k(x,x)·‖r‖/√λ. Let u be what is
//! left of a trait, without its mean, and u + Δ the same under another policy: the angle between
//! them is at most asin(‖Δ‖/‖u‖). A SNP's angle θ with u has, if the SNP has no effect, the density
//! sin^(ν−1)θ, ν = n − 2; p is the share below θ on both sides. Because ∫₀^θ sin^(ν−1) ≥
//! ∫₀^θ sin^(ν−1)·cos = sin^νθ/ν, d ln p/dθ ≤ ν/sin θ, which falls with θ.

use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::covariates::Design;
use epitile::cv::{CvData, CvOptions, Scheme, cross_validate};
use epitile::error::{Error, Result};
use epitile::folds::Folds;
use epitile::null::matrix::kernel_matrix;
use epitile::phenotypes::Trait;
use epitile::settings::Gammas;
use epitile::similarity::Similarity;
use epitile::training::{FixedEffects, Intercept};
use epitile_core::certificate::UNIT;
use epitile_core::dense::norm2;
use epitile_core::kernel::Kernel;
use epitile_core::policy::Policy;
use epitile_core::solver::SolveOptions;
use epitile_cpu::{Cpu, Rayon};

use crate::causal::polygenic;
use crate::lab::{Lab, silent, similarity, traits};
use crate::study::{Section, Study};
use crate::testing::{Tested, fixed, ordinary, tests};

/// Every kind of policy, the one that the others are compared with first.
pub(crate) const POLICIES: [&str; 8] = [
    "f64",
    "f32",
    "adaptive",
    "norm:1e-4",
    "uniform:f16",
    "uniform:bf16",
    "uniform:f8e4m3",
    "banded:1",
];

/// Rows of a tile: several tiles, so that plans differ.
pub(crate) const TILE: usize = 64;

/// λ of the ridge regressions.
const LAMBDA: f64 = 1.0;

/// Accuracy of ln p: what its function promises, relative to the larger of 1 and itself.
const TAIL: f64 = 1e-11;

/// How to solve under the policy `name`.
pub(crate) fn solve(name: &str) -> Result<SolveOptions> {
    let wrong = |e| Error::usage(format!("policy {name}: {e}"));
    let policy: Policy = name.parse().map_err(wrong)?;
    Ok(SolveOptions {
        policy,
        ..SolveOptions::default()
    })
}

/// What is left of traits under a policy, tested.
#[derive(Clone)]
struct Outcome {
    /// What the other folds do not predict.
    left: Vec<Vec<f64>>,
    tested: Vec<Vec<Tested>>,
    /// Most that a prediction errs by.
    error: f64,
    tiles: String,
}

/// Compares every policy with FP64.
pub(crate) fn run(study: &Study) -> Result<Section> {
    let text = format!(
        "Out-of-fold residuals (5 folds, λ = {LAMBDA}, tiles of {TILE}, chromosome 1 left out) of \
         traits of {} unrelated individuals, tested by least squares on the SNPs of chromosome 1. \
         The bound follows from the certificates of the solutions (`policies.rs` derives it); it is \
         one for each test, the largest is told. Sizes under policies cannot differ by more.",
        study.samples
    );
    let header = [
        "kernel",
        "policy",
        "tiles",
        "largest change of −log₁₀ p",
        "largest bound",
    ];
    let mut section = Section::new("Precision policies", text, &header);
    let lab = Lab::new(study, "unrelated", (study.samples, study.snps), None)?;
    let spared = lab.cohort.snps.iter().filter(|s| s.chromosome == "1");
    let spared = spared.count();
    let drawn = (0..study.traits).map(|t| polygenic(&lab, study, t, spared));
    let drawn = traits(drawn.collect());
    let options = CohortOptions {
        chr: Some(format!("2-{}", Study::CHROMOSOMES)),
        ..CohortOptions::new(&lab.prefix)
    };
    let genotypes = Arc::new(Cohort::load(&options)?.genotypes);
    for kernel in [Kernel::Linear, Kernel::Gaussian] {
        let similarity = similarity(&genotypes, kernel)?;
        let largest = largest_diagonal(&similarity, kernel, &lab)?;
        let mut first: Option<Outcome> = None;
        for name in POLICIES {
            let found = outcome(study, &lab, (&similarity, kernel, largest), &drawn, name)?;
            let base = first.get_or_insert_with(|| found.clone());
            let (change, bound, held) = compare(base, &found, (&drawn, largest));
            let cells = [format!("{change:.1e}"), format!("{bound:.1e}")];
            let names = [kernel.to_string(), name.into(), found.tiles];
            section.rows.push([&names[..], &cells].concat());
            if !held {
                let text = format!("{kernel} under {name}: −log₁₀ p moved beyond its bound");
                section.failures.push(text);
            }
        }
    }
    Ok(section)
}

/// The largest k(x, x).
fn largest_diagonal(similarity: &Similarity<'_, Cpu>, kernel: Kernel, lab: &Lab) -> Result<f64> {
    let gamma = match kernel.has_gamma() {
        true => similarity.gamma(kernel, 1.0)?,
        false => f64::NAN,
    };
    let map = similarity.map(kernel, gamma);
    let pairs = similarity.pairs(kernel);
    let k = kernel_matrix(&Cpu::MEMORY, &Rayon, pairs, &map, &lab.rows())?;
    Ok((0..k.nrows()).map(|i| k[(i, i)]).fold(0.0, f64::max))
}

fn outcome(
    study: &Study,
    lab: &Lab,
    (similarity, kernel, largest): (&Similarity<'_, Cpu>, Kernel, f64),
    drawn: &[Trait],
    policy: &str,
) -> Result<Outcome> {
    let n = lab.samples();
    let mean = FixedEffects::new(Intercept::Mean, &Design::empty(n), n)?;
    let (folds, complete) = (Folds::random(n, 5, study.seed)?, vec![true; n]);
    let data = CvData {
        traits: drawn,
        fixed: &mean,
        complete: &complete,
        folds: &folds,
    };
    let options = CvOptions {
        kernels: vec![kernel],
        gammas: Gammas::Scales(vec![1.0]),
        lambdas: vec![LAMBDA],
        solve: solve(policy)?,
        tile: Some(TILE),
        scheme: Scheme::Folds,
    };
    let result = cross_validate(similarity, &Rayon, data, &options, &silent())?;
    if result.in_turn > 0 {
        let text = "folds left out in closed form have no certificate of their own";
        return Err(Error::inconsistent(text));
    }
    let residual = |(of, result): (&Trait, &epitile::cv::TraitResult)| {
        let predicted = result.predictions[0].iter();
        of.values
            .iter()
            .zip(predicted)
            .map(|(y, p)| y - p)
            .collect()
    };
    let left: Vec<Vec<f64>> = drawn.iter().zip(&result.traits).map(residual).collect();
    let tested = tests(
        lab,
        "1",
        &traits(left.clone()),
        &fixed(n, &[])?,
        &ordinary(),
    )?;
    let tiles = result.evidence.tiles.iter();
    let tiles: Vec<String> = tiles
        .map(|(format, count)| format!("{count} {format}"))
        .collect();
    Ok(Outcome {
        left,
        tested,
        error: largest.sqrt() * result.evidence.prediction_bound,
        tiles: tiles.join(", "),
    })
}

/// The largest change of −log₁₀ p, the largest bound, and whether every change is within its own.
fn compare(base: &Outcome, other: &Outcome, (drawn, largest): (&[Trait], f64)) -> (f64, f64, bool) {
    let (mut change, mut most, mut held) = (0.0_f64, 0.0_f64, true);
    for (t, of) in drawn.iter().enumerate() {
        let left = &base.left[t];
        let n = left.len() as f64;
        let mean = left.iter().sum::<f64>() / n;
        let size = norm2(&left.iter().map(|v| v - mean).collect::<Vec<_>>());
        // A prediction is a sum of n products α·k, ‖α‖ ≤ ‖y‖/λ, rounded.
        let y = norm2(&of.values);
        let rounding = n * UNIT * y / LAMBDA * n.sqrt() * largest;
        let each = base.error + other.error + 2.0 * rounding;
        // Sums of n products give the angle, each within n·u, three of them.
        let turn = (n.sqrt() * each / size).min(1.0).asin() + 6.0 * n * UNIT;
        let freedom = n - 2.0;
        for (a, b) in base.tested[t].iter().zip(&other.tested[t]) {
            let sine = (freedom / (freedom + a.statistic)).sqrt();
            let angle = sine.asin() - turn;
            let bound = match angle > 0.0 {
                true => freedom / angle.sin() * turn / std::f64::consts::LN_10,
                false => f64::INFINITY,
            };
            let bound = bound + 2.0 * TAIL * a.log10p.max(1.0);
            let moved = (a.log10p - b.log10p).abs();
            (change, most) = (change.max(moved), most.max(bound));
            held &= moved <= bound;
        }
    }
    (change, most, held)
}
