//! GEMMA's restricted fits of one and two kernels.

use std::path::Path;

use super::common::data;
use super::files::{number, table};
use super::lab::Lab;

/// How far shares and variances (of traits whose variance is about 1) may be from GEMMA's.
const ALLOWED: f64 = 1e-3;

struct Fits {
    lab: Lab,
    results: serde_json::Value,
}

/// Fits all traits of `set` with `kernels`.
fn fits(set: &str, kernels: &str) -> Option<Fits> {
    let folder = data(set)?;
    let lab = Lab::new();
    let at = |name: &str| folder.join(name).display().to_string();
    lab.succeeds(&format!(
        "varcomp --bfile {} --pheno {} --kernel {kernels} --bootstrap 0 --draws 100 --out v",
        at(set),
        at(&format!("{set}.pheno.txt"))
    ));
    let json = std::fs::read(folder.join("ref/gemma_vc.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let results = json["results"].clone();
    Some(Fits { lab, results })
}

impl Fits {
    fn path(&self, of: &str, ending: &str) -> std::path::PathBuf {
        self.lab.path(&format!("v_{of}.varcomp.{ending}"))
    }

    /// Compares every number of the table of trait `of` with those of `key`.
    fn equal(&self, of: &str, key: &str) {
        let rows = table(&self.path(of, "tsv"));
        let numbers = |name: &str| -> Vec<f64> {
            let list = self.results[key][name].as_array().unwrap();
            list.iter().map(|v| v.as_f64().unwrap()).collect()
        };
        for (column, name) in [
            ("PROPORTION", "pve"),
            ("SE_PROPORTION", "se_pve"),
            ("VARIANCE", "sigma2_K_E_resid"),
            ("SE", "se_sigma2"),
        ] {
            for (row, expected) in rows.iter().zip(numbers(name)) {
                let (found, source) = (number(row, column), &row["SOURCE"]);
                assert!(
                    (found - expected).abs() <= ALLOWED,
                    "{of} {source} {column}: {found}, GEMMA {expected}"
                );
            }
        }
    }

    fn json(&self, of: &str) -> serde_json::Value {
        read(&self.path(of, "json"))
    }
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn wheat_components_of_two_kernels_equal_gemma() {
    let Some(fits) = fits("wheat", "linear:std,grm^2") else {
        return;
    };
    for of in ["env2", "env3", "env4"] {
        fits.equal(of, &format!("{of}|KE|vc2"));
    }
    // GEMMA stopped at a boundary with ln L = −237.80, below its own fit of one kernel; the
    // maximum was found by a direct profile.
    let json = fits.json("env1");
    let likelihood = json["log_likelihood"].as_f64().unwrap();
    assert!((likelihood + 224.01).abs() <= 0.01, "{likelihood}");
    for (k, expected) in [0.323, 0.294].into_iter().enumerate() {
        let found = json["sources"][k]["proportion"]["value"].as_f64().unwrap();
        assert!((found - expected).abs() <= ALLOWED, "{found} {expected}");
    }
    // Every start reached it.
    for start in json["starts"].as_array().unwrap() {
        let reached = start["log_likelihood"].as_f64().unwrap();
        assert!((reached - likelihood).abs() <= 1e-6, "{start}");
    }
}

#[test]
fn wheat_components_of_one_kernel_equal_gemma() {
    let Some(fits) = fits("wheat", "linear:std") else {
        return;
    };
    for of in ["env1", "env2", "env3", "env4"] {
        fits.equal(of, &format!("{of}|K|vc2"));
    }
    let likelihood = fits.json("env1")["log_likelihood"].as_f64().unwrap();
    assert!((likelihood + 235.49).abs() <= 0.01, "{likelihood}");
}

#[test]
fn simulated_components_of_two_kernels_equal_gemma() {
    let Some(fits) = fits("sim_epi", "linear:std,grm^2") else {
        return;
    };
    for of in ["y_addepi", "y_epi", "y_addonly", "y_noise"] {
        fits.equal(of, &format!("{of}|KE|vc2"));
    }
    // Additive and epistatic variance are told apart.
    let p = |of: &str, k: usize| {
        let json = fits.json(of);
        let test = &json["tests"][k];
        (
            test["log10p_mixture"].as_f64().unwrap(),
            test["p_from"].as_str().unwrap().to_owned(),
        )
    };
    for (of, k) in [
        ("y_addepi", 0),
        ("y_addepi", 1),
        ("y_epi", 1),
        ("y_addonly", 0),
    ] {
        assert!(p(of, k).0 > 6.0, "{of} {k}");
    }
    for (of, k) in [
        ("y_epi", 0),
        ("y_addonly", 1),
        ("y_noise", 0),
        ("y_noise", 1),
    ] {
        assert!(p(of, k).0 < 2.0, "{of} {k}");
    }
    // Without additive variance the null of the epistatic kernel is that of one kernel.
    assert_eq!(p("y_epi", 1).1, "eigenvalues");
}
