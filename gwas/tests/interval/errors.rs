//! Every kernel, design and precision.

use epitile::io::npy;

use super::check;
use super::common::data;
use super::lab::{Lab, Plink};

/// Individuals: two tiles, and three batches of new individuals.
const SAMPLES: usize = 140;

/// λ of the fits.
const RIDGE: f64 = 0.2;

/// y1 is missing in some, y2 in others; age and site are known of all, `late` is not.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 140 --snps 250 --traits 3 --missing-rate 0.02");
    lab.lose(|i, t| t < 2 && (i * 3 + t) % 5 == 0);
    lab.covariates(SAMPLES);
    lab
}

/// IDs in the order of the `.fam`.
fn ids(set: &Plink) -> Vec<String> {
    set.samples.iter().map(|s| s.id().to_string()).collect()
}

/// The kernel of all individuals of `bfile`.
fn kernel(lab: &Lab, bfile: &str, flags: &str) -> Vec<f64> {
    lab.succeeds(&format!(
        "kernel --bfile {bfile} {flags} --missing mean --out k"
    ));
    npy::read(lab.path("k.npy")).unwrap().values
}

/// A numeric covariate of table `c`; NaN where it is missing.
fn raw(lab: &Lab, ids: &[String], name: &str) -> Vec<f64> {
    let cells = lab.column("c", name);
    ids.iter()
        .map(|id| cells[id].parse().unwrap_or(f64::NAN))
        .collect()
}

/// `values` standardised among the individuals with a number in `among`.
fn standardised(values: &[f64], among: &[f64]) -> Vec<f64> {
    let known = values.iter().zip(among).filter(|(_, a)| !a.is_nan());
    let known: Vec<f64> = known.map(|(v, _)| *v).collect();
    let n = known.len() as f64;
    let mean = known.iter().sum::<f64>() / n;
    let sd = (known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    values.iter().map(|v| (v - mean) / sd).collect()
}

/// A covariate of table `c`, standardised.
fn numeric(lab: &Lab, ids: &[String], name: &str) -> Vec<f64> {
    let values = raw(lab, ids, name);
    standardised(&values, &values)
}

/// 1 for individuals with this site.
fn site(lab: &Lab, ids: &[String], name: &str) -> Vec<f64> {
    let cells = lab.column("c", "site");
    ids.iter()
        .map(|id| f64::from(u8::from(cells[id] == name)))
        .collect()
}

fn fit_and_predict(lab: &Lab, fit: &str, predict: &str) {
    lab.succeeds(&format!(
        "fit --bfile s --pheno s.pheno.txt --lambda {RIDGE} {fit} --out m"
    ));
    lab.succeeds(&format!(
        "predict --model m.epitile --bfile s --interval {predict} --out new"
    ));
}

#[test]
fn standard_errors_are_those_of_the_dense_formula_for_every_kernel() {
    let lab = lab();
    let ids = ids(&lab.plink("s"));
    for name in [
        "linear",
        "linear:std",
        "linear:2pq",
        "gaussian",
        "laplacian",
        "ibs",
        "poly:2",
        "grm^2",
    ] {
        let flags = format!("--kernel {name} --gamma 0.006");
        let kernel = kernel(&lab, "s", &flags);
        for intercept in ["gls", "mean"] {
            fit_and_predict(&lab, &format!("{flags} --intercept {intercept}"), "");
            for of in ["y1", "y2", "y3"] {
                let of = (&ids[..], "s.pheno.txt", of);
                check(&lab, of, &kernel, &[], (RIDGE, intercept == "gls"));
            }
        }
    }
}

#[test]
fn the_variance_of_covariates_is_included() {
    let lab = lab();
    let ids = ids(&lab.plink("s"));
    let columns: Vec<Vec<f64>> = vec![
        numeric(&lab, &ids, "age"),
        numeric(&lab, &ids, "late"),
        site(&lab, &ids, "south"),
        site(&lab, &ids, "west"),
    ];
    for name in ["linear", "gaussian"] {
        let flags = format!("--kernel {name} --gamma 0.006");
        let kernel = kernel(&lab, "s", &flags);
        for keep in ["", "--save-factor --embed"] {
            let fit = format!("{flags} {keep} --covar c --cat-covar site");
            fit_and_predict(&lab, &fit, "--covar c");
            for of in ["y1", "y2", "y3"] {
                check(
                    &lab,
                    (&ids, "s.pheno.txt", of),
                    &kernel,
                    &columns,
                    (RIDGE, true),
                );
            }
        }
    }
}

#[test]
fn effects_that_cannot_be_estimated_have_no_variance() {
    let lab = lab();
    let ids = ids(&lab.plink("s"));
    // The only individuals from the east lack y1, so its fit has no such effect.
    let y1 = lab.column("s.pheno.txt", "y1");
    let east = |id: &String| y1[id] == "NA";
    let mut table = "FID IID age site late\n".to_owned();
    for row in &lab.rows("c")[1..] {
        let id = format!("{} {}", row[0], row[1]);
        let site = if east(&id) { "east" } else { "north" };
        table += &format!("{id} {} {site} 0\n", row[2]);
    }
    lab.write("c", table);
    let flags = "--kernel gaussian --gamma 0.006";
    let kernel = kernel(&lab, "s", flags);
    let age = numeric(&lab, &ids, "age");
    let fit = format!("{flags} --covar c --covar-name age --cat-covar site");
    fit_and_predict(&lab, &fit, "--covar c");
    let north = ids
        .iter()
        .map(|id| f64::from(u8::from(!east(id))))
        .collect();
    check(
        &lab,
        (&ids, "s.pheno.txt", "y1"),
        &kernel,
        std::slice::from_ref(&age),
        (RIDGE, true),
    );
    check(
        &lab,
        (&ids, "s.pheno.txt", "y2"),
        &kernel,
        &[age, north],
        (RIDGE, true),
    );
}

#[test]
fn covariates_inside_the_kernel_are_part_of_it() {
    let lab = lab();
    let ids = ids(&lab.plink("s"));
    // Standardised among those who have both.
    let (age, late) = (raw(&lab, &ids, "age"), raw(&lab, &ids, "late"));
    let (age, late) = (standardised(&age, &late), standardised(&late, &late));
    // Without `late` there is no kernel value.
    let lost: Vec<f64> = late
        .iter()
        .map(|v| if v.is_nan() { f64::NAN } else { 0.0 })
        .collect();
    let west = site(&lab, &ids, "west");
    let south = site(&lab, &ids, "south");
    let (gamma, weight) = (0.006, 30.0);
    for name in ["gaussian", "laplacian"] {
        let flags = format!("--kernel {name} --gamma {gamma}");
        let mut kernel = kernel(&lab, "s", &flags);
        for (p, k) in kernel.iter_mut().enumerate() {
            let (i, j) = (p % SAMPLES, p / SAMPLES);
            let distance: f64 = [&age, &late]
                .iter()
                .map(|c| match name {
                    "gaussian" => (c[i] - c[j]).powi(2),
                    _ => (c[i] - c[j]).abs(),
                })
                .sum();
            *k *= (-gamma * weight * distance).exp();
        }
        let inside = format!("--kernel-covar age,late --kernel-covar-weight {weight}");
        let fit = format!("{flags} --covar c {inside} --cat-covar site --covar-name site");
        fit_and_predict(&lab, &fit, "--covar c");
        for of in ["y1", "y3"] {
            // The last column only marks who is incomplete; the model has no such effect.
            let complete: Vec<Vec<f64>> = vec![
                south.iter().zip(&lost).map(|(s, l)| s + l).collect(),
                west.iter().zip(&lost).map(|(w, l)| w + l).collect(),
            ];
            check(
                &lab,
                (&ids, "s.pheno.txt", of),
                &kernel,
                &complete,
                (RIDGE, true),
            );
        }
    }
}

#[test]
fn standard_errors_have_fp64_accuracy_from_factors_of_any_precision() {
    let lab = lab();
    let ids = ids(&lab.plink("s"));
    let columns = [numeric(&lab, &ids, "age")];
    for name in ["gaussian", "linear"] {
        let flags = format!("--kernel {name} --gamma 0.006");
        let kernel = kernel(&lab, "s", &flags);
        for precision in ["f64", "f32", "adaptive", "uniform:f16", "uniform:f8e4m3"] {
            for keep in ["", "--save-factor", "--save-factor --tile 32 --deflation 8"] {
                let fit =
                    format!("{flags} --precision {precision} {keep} --covar c --covar-name age");
                fit_and_predict(&lab, &fit, "--covar c");
                for of in ["y1", "y2", "y3"] {
                    check(
                        &lab,
                        (&ids, "s.pheno.txt", of),
                        &kernel,
                        &columns,
                        (RIDGE, true),
                    );
                }
            }
        }
    }
}

#[test]
fn real_cohorts_have_the_standard_errors_of_the_dense_formula() {
    for (set, of, flags) in [
        ("toy13", "y", "--kernel gaussian --gamma 0.02"),
        ("hapmap3", "trait", "--kernel linear --chr 21-22"),
    ] {
        let Some(folder) = data(set) else { return };
        let lab = Lab::new();
        let bfile = folder.join(set).display().to_string();
        let ids = ids(&Plink::read(&folder.join(set)));
        lab.write(
            "pheno",
            std::fs::read(format!("{bfile}.pheno.txt")).unwrap(),
        );
        let held: Vec<String> = (lab.text("pheno").lines().enumerate())
            .map(|(i, line)| match i % 6 {
                // The IDs and NA for all traits.
                5 => {
                    let cells = line.split_whitespace().enumerate();
                    let cells = cells.map(|(c, cell)| if c < 2 { cell } else { "NA" });
                    cells.collect::<Vec<_>>().join(" ")
                }
                _ => line.to_owned(),
            })
            .collect();
        lab.write("pheno", held.join("\n") + "\n");
        let kernel = kernel(&lab, &bfile, flags);
        for precision in ["f64", "adaptive"] {
            lab.succeeds(&format!(
                "fit --bfile {bfile} --pheno pheno --pheno-name {of} {flags} --lambda {RIDGE} \
                 --precision {precision} --save-factor --out m"
            ));
            lab.succeeds(&format!(
                "predict --model m.epitile --bfile {bfile} --interval --out new"
            ));
            check(&lab, (&ids, "pheno", of), &kernel, &[], (RIDGE, true));
        }
    }
}
