//! The kernels behind the reference solutions of kernel ridge regression.

use std::collections::HashMap;
use std::path::Path;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::matrix::{MatrixOptions, Missing};
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};
use epitile::settings::Gammas;
use epitile_core::kernel::Kernel;
use serde_json::Value;

use crate::{Files, MEAN_ERROR, common, files, most_missing, rows, unit};

/// What bounds the errors of one cohort's kernels, ours and those of `f64` sums over SNPs.
struct Errors {
    individuals: f64,
    snps: f64,
    missing: f64,
}

impl Errors {
    fn of(cohort: &Cohort) -> Self {
        Errors {
            individuals: cohort.samples.len() as f64,
            snps: cohort.snps.len() as f64,
            missing: 2.0 * most_missing(cohort),
        }
    }

    /// Of Σ(x−y)². Without missing calls it is an integer; else the means enter, and sums of M
    /// products up to 4: ‖x‖² + ‖y‖² − 2xᵀy.
    fn squared(&self) -> f64 {
        match self.missing > 0.0 {
            false => 0.0,
            true => 5.0 * MEAN_ERROR * self.missing + 16.0 * self.snps * self.snps * unit(),
        }
    }

    /// Of exp(−γΣ(x−y)²) = k for γ that differ relatively by `gamma`: four roundings of the
    /// exponent, two of the function on either side.
    fn gaussian(&self, k: f64, value: f64, gamma: f64) -> f64 {
        let exponent = -k.ln();
        k * (value * self.squared() + exponent * (gamma + 4.0 * unit()) + 4.0 * unit())
    }

    /// Of (‖x−μ‖² + ‖y−μ‖² − Σ(x−y)²)/2s, where no ‖x−μ‖² is above `largest`·s: norms in 48 bits,
    /// means, sums of M products, and s, a mean over N.
    fn linear(&self, scale: f64, largest: f64) -> f64 {
        let norms = self.snps * 47f64.exp2().recip() + 5.0 * MEAN_ERROR * self.missing;
        norms / scale + (2.0 * self.snps + self.individuals + 16.0) * unit() * largest
    }

    /// Of 1 − Σ|x−y|/2M.
    fn ibs(&self) -> f64 {
        MEAN_ERROR * self.missing / self.snps + (self.snps + 6.0) * unit()
    }
}

/// Compares a setting of a reference file with the kernel of `used` individuals.
fn compare(what: &str, setting: &Value, ours: &Files, used: &[u32], bound: impl Fn(f64) -> f64) {
    let value = |i: usize, j: usize| ours.value(used[i] as usize, used[j] as usize);
    let close = |name: &str, ours: f64, theirs: f64, bound: f64| {
        let error = (ours - theirs).abs();
        assert!(error <= bound, "{what} {name}: {error:e} > {bound:e}");
    };
    for (i, row) in rows(&setting["K_00_04"]).iter().enumerate() {
        for (j, &theirs) in row.iter().enumerate() {
            close(&format!("({i}, {j})"), value(i, j), theirs, bound(theirs));
        }
    }
    let n = used.len();
    let (mut sum, mut magnitudes, mut squares, mut trace, mut error) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut diagonal = 0.0;
    for i in 0..n {
        let row = (0..n).map(|j| value(i, j));
        sum += row.clone().sum::<f64>();
        magnitudes += row.clone().map(f64::abs).sum::<f64>();
        squares += row.clone().map(|k| k * k).sum::<f64>();
        error += row.map(&bound).sum::<f64>();
        trace += value(i, i);
        diagonal += bound(value(i, i));
    }
    // Our sums are of n numbers, twice; NumPy adds in pairs, at most 64 deep for these n. Its norm
    // may be one sum of n² squares, under a root.
    let rounding = (2.0 * n as f64 + 64.0) * unit();
    let (norm, squared) = (squares.sqrt(), (n * n) as f64 * unit());
    let number = |key: &str| setting[key].as_f64().unwrap();
    close("sum", sum, number("K_sum"), error + rounding * magnitudes);
    close("norm", norm, number("K_fro"), error + squared * norm);
    close(
        "trace",
        trace,
        number("K_trace"),
        diagonal + rounding * trace,
    );
}

/// Compares all settings of all traits of a cohort.
fn check(set: &str, traits: &[&str]) {
    let Some(folder) = common::data(set) else {
        return;
    };
    let cohort = Cohort::load(&CohortOptions::new(folder.join(set))).unwrap();
    let errors = Errors::of(&cohort);
    let mut known = HashMap::new();
    for name in traits {
        let used = used(&folder.join(format!("{set}.pheno.txt")), name, &cohort);
        let file = folder.join(format!("ref/krr_fixed_{name}.json"));
        let text = std::fs::read_to_string(file).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(expected["n_used"], used.len());
        for setting in expected["settings"].as_array().unwrap() {
            // A tag is kernel, bandwidth and ridge.
            let tag = setting["tag"].as_str().unwrap();
            let (key, _) = tag.rsplit_once("_a").unwrap();
            let ours = known
                .entry(key.to_owned())
                .or_insert_with(|| files(&cohort, &options(setting)));
            let what = format!("{set} {name} {tag}");
            match setting["gamma"].as_f64() {
                Some(gamma) => {
                    let median = expected["median_sq_distance_all_pairs"].as_f64().unwrap();
                    let differ = (ours.written.gamma / gamma - 1.0).abs();
                    assert!(differ <= 2.0 * errors.squared() / median + 4.0 * unit());
                    let bound = |k| errors.gaussian(k, gamma, differ);
                    compare(&what, setting, ours, &used, bound);
                }
                None if setting["kernel"] == "linear" => {
                    let scale = expected["linear_scale_mean_diag"].as_f64().unwrap();
                    let diagonal = (0..cohort.samples.len()).map(|i| ours.value(i, i));
                    let bound = errors.linear(scale, diagonal.fold(0.0, f64::max));
                    compare(&what, setting, ours, &used, |_| bound);
                }
                None => compare(&what, setting, ours, &used, |_| errors.ibs()),
            }
        }
    }
}

/// The kernel of a setting.
fn options(setting: &Value) -> MatrixOptions {
    let kernel = match setting["kernel"].as_str() {
        Some("rbf") => Kernel::Gaussian,
        Some("linear") => Kernel::Linear,
        Some("ibs") => Kernel::Ibs,
        other => panic!("kernel {other:?}"),
    };
    MatrixOptions {
        gamma: Gammas::Scales(setting["gamma_mult"].as_f64().into_iter().collect()),
        missing: Some(Missing::Mean),
        ..MatrixOptions::new(kernel)
    }
}

/// Individuals that have the trait.
fn used(file: &Path, name: &str, cohort: &Cohort) -> Vec<u32> {
    let options = PhenotypeOptions {
        file: file.to_owned(),
        names: Some(name.to_owned()),
        ..PhenotypeOptions::default()
    };
    let phenotypes = Phenotypes::read(&options, &cohort.samples).unwrap();
    phenotypes.traits[0].observed()
}

#[test]
fn kernels_of_mice_are_those_of_numpy_for_all_and_for_some_of_them() {
    check("mice", &["BMI", "CD8"]);
}

#[test]
fn kernels_of_rice_with_missing_calls_are_those_of_numpy() {
    check("rice44k", &["PlantHeight"]);
}

#[test]
fn kernels_of_wheat_are_those_of_numpy() {
    check("wheat", &["env1"]);
}
