//! Derivatives of a model, and its additive part.

use std::collections::BTreeMap;
use std::process::Command;

use epitile::model::Model;

use crate::common::program;
use crate::lab::Lab;

const SMALL: &str = "--samples 120 --snps 60 --traits 1 --additive 0.5 --epistatic 0.2 --seed 9";

fn numbers(column: BTreeMap<String, String>) -> Vec<f64> {
    column.values().map(|v| v.parse().unwrap()).collect()
}

/// u times the terms of a sum, here dosages times weights of the trait's size, and of the solution,
/// refined to 4u: far below 1e-10 of numbers around 1.
const ROUNDING: f64 = 1e-10;

#[track_caller]
fn close(a: &[f64], b: &[f64], bound: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= bound * (1.0 + a.abs()), "{a} {b}");
    }
}

#[test]
fn the_additive_part_of_a_linear_model_is_its_prediction() {
    let lab = Lab::with_cohort(SMALL);
    for kernel in ["linear", "linear:std", "linear:2pq"] {
        let fit = "fit --bfile s --pheno s.pheno.txt --lambda 0.7 --out m";
        lab.succeeds(&format!("{fit} --kernel {kernel}"));
        lab.succeeds("predict --model m.epitile --bfile s --out p");
        lab.succeeds("explain --model m.epitile --bfile s --draws 3 --out x");
        let predicted = numbers(lab.column("p.sscore", "y1_PRED"));
        let additive = numbers(lab.column("x.additive.sscore", "y1_ADDITIVE"));
        // Products are sums of fixed-point numbers: with 60 SNPs, |z| < 5 and f = 25 (see
        // `PairStatistic::new`) a kernel value errs by 5·2⁻²⁵.
        let weights = &Model::load(&lab.path("m.epitile")).unwrap().traits[0].weights;
        let sum: f64 = weights.iter().map(|a| a.abs()).sum();
        let bound = match kernel {
            "linear" => ROUNDING,
            _ => sum * 5.0 * 2.0_f64.powi(-25),
        };
        close(&predicted, &additive, bound);
        // The derivative is the same for everybody.
        for row in &lab.rows("x.explain.tsv")[1..] {
            let (mean, root): (f64, f64) = (row[6].parse().unwrap(), row[9].parse().unwrap());
            close(&[mean.abs()], &[root], ROUNDING);
        }
    }
}

#[test]
fn plink_gives_the_additive_part_from_the_weights() {
    if !program("plink2") {
        return;
    }
    let lab = Lab::with_cohort(SMALL);
    lab.succeeds(
        "fit --bfile s --pheno s.pheno.txt --kernel gaussian --gamma-scale 1 --lambda 0.5 --out m",
    );
    lab.succeeds("explain --model m.epitile --bfile s --draws 0 --out x");
    let run = Command::new("plink2")
        .args("--bfile s --out k --score x.weights.tsv 1 2 3 header no-mean-imputation cols=+scoresums".split(' '))
        .current_dir(lab.path("."))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let rows = lab.rows("k.sscore");
    let at = rows[0]
        .iter()
        .position(|c| c.ends_with("_SUM") && c != "NAMED_ALLELE_DOSAGE_SUM");
    let name = rows[0][at.unwrap()].clone();
    let sums = numbers(lab.column("k.sscore", &name));
    let json: serde_json::Value = serde_json::from_str(&lab.text("x.explain.json")).unwrap();
    let constant = json["constant"].as_f64().unwrap();
    let additive = numbers(lab.column("x.additive.sscore", "y1_ADDITIVE"));
    for (sum, additive) in sums.iter().zip(&additive) {
        // plink2 prints six digits.
        assert!(
            (sum + constant - additive).abs() <= 1e-5 * (1.0 + sum.abs()),
            "{sum} {additive}"
        );
    }
}

#[test]
fn derivatives_of_a_gaussian_model_are_differences_of_its_predictions() {
    let lab = Lab::with_cohort(SMALL);
    lab.succeeds(
        "fit --bfile s --pheno s.pheno.txt --kernel gaussian --gamma-scale 1 --lambda 0.5 --out m",
    );
    lab.succeeds("explain --model m.epitile --bfile s --draws 4 --out x");
    lab.succeeds("predict --model m.epitile --bfile s --out p");
    // Where individuals are explained the additive part has the mean of the predictions.
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    let predicted = mean(numbers(lab.column("p.sscore", "y1_PRED")));
    let additive = mean(numbers(lab.column("x.additive.sscore", "y1_ADDITIVE")));
    close(&[predicted], &[additive], ROUNDING);
    let rows = lab.rows("x.explain.tsv");
    let cell = |r: &Vec<String>, c: usize| r[c].parse::<f64>().unwrap();
    assert!(rows[1..].iter().all(|r| cell(r, 9) >= cell(r, 6).abs()));
    assert!(
        rows[1..]
            .iter()
            .all(|r| cell(r, 7) > 0.0 && cell(r, 10) > 0.0)
    );
    // −2γ Σ_i α_i e^{−γ‖x_j − x_i‖²}(x_jm − x_im), by plain loops.
    let mut model = Model::load(&lab.path("m.epitile")).unwrap();
    model.fetch_genotypes(Some(&lab.path("s"))).unwrap();
    let (g, gamma) = (model.genotypes.as_ref().unwrap(), model.meta.gamma.unwrap());
    let x = |i: usize, m: usize| f64::from(g.dosage(i, m).unwrap());
    let n = g.samples();
    let one = &model.traits[0];
    for (m, row) in rows[1..].iter().enumerate().step_by(13) {
        let slope = |j: usize| -> f64 {
            let term = |(i, a): (usize, &f64)| {
                let d: f64 = (0..g.snps()).map(|m| (x(j, m) - x(i, m)).powi(2)).sum();
                -2.0 * gamma * a * (-gamma * d).exp() * (x(j, m) - x(i, m))
            };
            let rows = one.rows.iter().map(|&i| i as usize);
            rows.zip(&one.weights).map(term).sum()
        };
        let slopes: Vec<f64> = (0..n).map(slope).collect();
        let mean = slopes.iter().sum::<f64>() / n as f64;
        let square = slopes.iter().map(|d| d * d).sum::<f64>() / n as f64;
        close(
            &[mean, square.sqrt()],
            &[cell(row, 6), cell(row, 9)],
            ROUNDING,
        );
    }
}

#[test]
fn kernels_without_a_derivative_are_refused() {
    let lab = Lab::with_cohort(SMALL);
    lab.succeeds("fit --bfile s --pheno s.pheno.txt --kernel ibs --lambda 0.5 --out m");
    lab.fails(
        "explain --model m.epitile --bfile s --out x",
        8,
        &["ibs", "gaussian"],
    );
}
