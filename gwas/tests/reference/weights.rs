//! Dual weights in every precision policy against exact FP64 solutions, and the bounds of the
//! certificates.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};
use epitile::similarity::{Extras, Similarity};
use epitile_core::certificate::{Stop, TOLERANCE, UNIT};
use epitile_core::columns::Columns;
use epitile_core::dense::norm2;
use epitile_core::engine::InOrder;
use epitile_core::gls::{Fixed, fit};
use epitile_core::kernel::Kernel;
use epitile_core::solver::{SolveOptions, Solver};
use epitile_core::system::{LARGEST_EDGE, System, default_edge};
use epitile_cpu::{Cpu, Rayon};

use super::common::data;
use super::files::{number, table};

const POLICIES: [&str; 10] = [
    "f64",
    "f32",
    "adaptive",
    "adaptive:2",
    "norm:1e-4",
    "norm:1e-2",
    "banded:1",
    "uniform:f16",
    "uniform:bf16",
    "uniform:f8e4m3",
];

/// Solves every setting of the reference in every policy.
fn check(set: &str, of: &str, chr_set: u32) {
    let Some(folder) = data(set) else { return };
    let options = CohortOptions {
        chr_set,
        ..CohortOptions::new(folder.join(set))
    };
    let cohort = Cohort::load(&options).unwrap();
    let options = PhenotypeOptions {
        file: folder.join(format!("{set}.pheno.txt")),
        names: Some(of.into()),
        ..PhenotypeOptions::default()
    };
    let phenotypes = Phenotypes::read(&options, &cohort.samples).unwrap();
    let values = &phenotypes.traits[0];
    let rows = values.observed();
    let y: Vec<f64> = rows.iter().map(|&i| values.values[i as usize]).collect();
    let ids: Vec<(String, String)> = rows
        .iter()
        .map(|&i| cohort.samples[i as usize].key())
        .map(|(f, i)| (f.to_string(), i.to_string()))
        .collect();
    let genotypes = Arc::new(cohort.genotypes);
    let kernels = [Kernel::Gaussian, Kernel::Linear, Kernel::Ibs];
    let similarity = Similarity::new(
        &Cpu::MEMORY,
        &InOrder,
        &genotypes,
        &kernels,
        Extras::default(),
    )
    .unwrap();

    let json = std::fs::read(folder.join(format!("ref/krr_fixed_{of}.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let reference = Reference::read(&folder.join(format!("ref/krr_fixed_{of}.tsv.gz")), &ids);
    for setting in json["settings"].as_array().unwrap() {
        let tag = setting["tag"].as_str().unwrap();
        let ridge: f64 = tag.rsplit_once("_a").unwrap().1.parse().unwrap();
        let kernel = match setting["kernel"].as_str().unwrap() {
            "rbf" => Kernel::Gaussian,
            "linear" => Kernel::Linear,
            _ => Kernel::Ibs,
        };
        let gamma = setting["gamma_mult"]
            .as_f64()
            .map_or(f64::NAN, |c| similarity.gamma(kernel, c).unwrap());
        let map = similarity.map(kernel, gamma);
        let pairs = similarity.pairs(kernel);
        let edge = default_edge(rows.len(), LARGEST_EDGE);
        let (backend, engine, index) = (&Cpu::MEMORY, &Rayon, &rows[..]);
        let system = System {
            backend,
            engine,
            pairs,
            map: &map,
            index,
            edge,
        };
        for policy in POLICIES {
            let options = SolveOptions {
                policy: policy.parse().unwrap(),
                ..SolveOptions::default()
            };
            let prepared = system.prepare(&options).unwrap();
            let mut solver = Solver::new(system, &prepared, ridge, options);
            let fits = fit(&mut solver, &[&y], Fixed::Mean).unwrap();
            let fitted = &fits.traits[0];
            let panel = Columns::from_slices(rows.len(), [&fitted.weights[..]]);
            let mut values = system.multiply(&panel).unwrap().column(0).to_vec();
            values.iter_mut().for_each(|v| *v += fitted.effects[0]);
            let case = Case {
                what: format!("{set} {of} {tag} {policy}"),
                condition: setting["cond_K_plus_alphaI"].as_f64().unwrap(),
                // ‖r‖₂ of the reference's own solution.
                residual: setting["rel_residual"].as_f64().unwrap() * norm2(&y),
                ridge,
                exact: !genotypes.has_missing() && kernel != Kernel::Linear,
                top: (0..rows.len())
                    .map(|i| diagonal(kernel, &map, rows[i] as usize))
                    .fold(0.0, f64::max),
            };
            case.compare(
                &fitted.weights,
                &reference.column(&format!("w_{tag}")),
                &fitted.certificate,
            );
            case.predictions(
                &values,
                &reference.column(&format!("fit_{tag}")),
                &fitted.certificate,
            );
        }
    }
}

/// k(x, x).
fn diagonal(kernel: Kernel, map: &epitile_core::kernel::KernelMap, i: usize) -> f64 {
    match kernel {
        Kernel::Linear => map.value(0, 0, i, i),
        _ => 1.0,
    }
}

struct Reference {
    rows: Vec<HashMap<String, String>>,
}

impl Reference {
    /// The lines of these individuals, in their order.
    fn read(path: &Path, ids: &[(String, String)]) -> Self {
        let key = |r: &HashMap<String, String>| (r["FID"].clone(), r["IID"].clone());
        let mut by_id: HashMap<_, _> = table(path).into_iter().map(|r| (key(&r), r)).collect();
        Reference {
            rows: ids.iter().map(|id| by_id.remove(id).unwrap()).collect(),
        }
    }

    fn column(&self, name: &str) -> Vec<f64> {
        self.rows.iter().map(|r| number(r, name)).collect()
    }
}

struct Case {
    what: String,
    condition: f64,
    residual: f64,
    ridge: f64,
    /// Whether both kernels are exact functions of whole numbers, so that only exp and the
    /// division by γ's median round.
    exact: bool,
    /// Largest k(x, x).
    top: f64,
}

impl Case {
    fn compare(
        &self,
        found: &[f64],
        expected: &[f64],
        certificate: &epitile_core::certificate::Certificate,
    ) {
        let what = &self.what;
        let n = found.len() as f64;
        let difference: Vec<f64> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
        let (difference, size) = (norm2(&difference), norm2(expected));
        let allowed = f64::max(1e-9, self.condition * n * UNIT);
        assert!(
            difference <= allowed * size,
            "{what}: {:e} > {allowed:e}",
            difference / size
        );
        let stagnated = certificate.stop == Stop::Stagnation && certificate.scaled() <= 16.0;
        assert!(
            certificate.after <= TOLERANCE || stagnated,
            "{what}: {certificate:?}"
        );
        if self.exact {
            // Both solutions err by their residual over λ; the kernels differ by 4 roundings an
            // entry, ‖ΔK‖₂ ≤ 4·2⁻⁵³·N, which moves α by at most that over λ.
            let kernels = 4.0 * UNIT * n * size / self.ridge;
            let bound = certificate.weight_bound + self.residual / self.ridge + kernels;
            assert!(
                difference <= bound,
                "{what}: ‖Δα‖ = {difference:e} > {bound:e}"
            );
        }
    }

    /// Fitted values are predictions at the training individuals.
    fn predictions(
        &self,
        found: &[f64],
        expected: &[f64],
        certificate: &epitile_core::certificate::Certificate,
    ) {
        if !self.exact {
            return;
        }
        let (n, root) = (found.len() as f64, self.ridge.sqrt());
        let size =
            norm2(expected) + n.sqrt() * expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        // K α itself is a sum of N products: γ_N times |K||α|, of which ‖ŷ − y‖/λ bounds ‖α‖.
        let products = 8.0 * n * UNIT * n.sqrt() * size / self.ridge;
        let bound =
            self.top.sqrt() * (certificate.prediction_bound + self.residual / root) + products;
        for (a, b) in found.iter().zip(expected) {
            assert!(
                (a - b).abs() <= bound,
                "{}: {a} against {b}, bound {bound:e}",
                self.what
            );
        }
    }
}

#[test]
fn wheat_weights_equal_the_reference_in_every_policy() {
    check("wheat", "env1", 22);
}

#[test]
fn rice_weights_equal_the_reference_in_every_policy() {
    check("rice44k", "PlantHeight", 12);
}

#[test]
fn mice_weights_equal_the_reference_in_every_policy() {
    check("mice", "BMI", 19);
}

#[test]
fn mice_weights_with_missing_phenotypes_equal_the_reference_in_every_policy() {
    check("mice", "CD8", 19);
}
