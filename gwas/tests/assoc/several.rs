//! Several kernels in one null model: against generalised least squares written out.

use super::lab::Lab;
use super::{ours, values};
use crate::files::number;

/// 240 individuals in families of 4; `y1`, `y2`, `y3` with as much epistatic as additive variance.
fn lab(flags: &str) -> Lab {
    let lab = Lab::with_cohort(&format!(
        "--samples 240 --snps 300 --traits 3 --families 4 {flags}"
    ));
    lab.succeeds("kernel --bfile s --kernel linear:std --format npy --out k1");
    lab.succeeds("kernel --bfile s --kernel grm^2 --format npy --out k2");
    lab
}

const KERNELS: &str = "--kernel linear:std,grm^2";

/// The matrix of a `.npy` of float64, Gower-centred and of mean diagonal 1.
fn kernel(lab: &Lab, name: &str) -> Vec<Vec<f64>> {
    let bytes = lab.bytes(name);
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let numbers = bytes[start..].chunks_exact(8);
    let all: Vec<f64> = numbers
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let n = (all.len() as f64).sqrt() as usize;
    let mut k: Vec<Vec<f64>> = all.chunks(n).map(<[f64]>::to_vec).collect();
    let means: Vec<f64> = k.iter().map(|r| r.iter().sum::<f64>() / n as f64).collect();
    let grand = means.iter().sum::<f64>() / n as f64;
    for i in 0..n {
        for j in 0..n {
            k[i][j] -= means[i] + means[j] - grand;
        }
    }
    let mean = (0..n).map(|i| k[i][i]).sum::<f64>() / n as f64;
    k.iter_mut().flatten().for_each(|v| *v /= mean);
    k
}

/// A⁻¹ of a positive definite matrix, by elimination.
fn inverse(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut b: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    for k in 0..n {
        let pivot = a[k][k];
        let (own, other) = (a[k].clone(), b[k].clone());
        for i in (0..n).filter(|&i| i != k) {
            let f = a[i][k] / pivot;
            (0..n).for_each(|j| a[i][j] -= f * own[j]);
            (0..n).for_each(|j| b[i][j] -= f * other[j]);
        }
        (0..n).for_each(|j| a[k][j] = own[j] / pivot);
        (0..n).for_each(|j| b[k][j] = other[j] / pivot);
    }
    b
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn wald_tests_are_those_of_generalised_least_squares() {
    let lab = lab("--additive 0.3 --epistatic 0.4");
    let (k1, k2) = (kernel(&lab, "k1.npy"), kernel(&lab, "k2.npy"));
    let calls = lab.plink("s").calls;
    let n = k1.len();
    let mut both = 0;
    lab.succeeds(&format!(
        "assoc --bfile s --pheno s.pheno.txt {KERNELS} --no-loco --test wald --out a"
    ));
    for of in ["y1", "y2", "y3"] {
        lab.succeeds(&format!(
            "varcomp --bfile s --pheno s.pheno.txt --pheno-name {of} {KERNELS} --draws 0 \
             --bootstrap 0 --out v"
        ));
        let rows = lab.rows("v.varcomp.tsv");
        let variance: Vec<f64> = rows[1..4].iter().map(|r| r[1].parse().unwrap()).collect();
        both += usize::from(variance[..2].iter().all(|v| *v > 0.0));
        let v: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let at = |j: usize| {
                    let own = if i == j { variance[2] } else { 0.0 };
                    variance[0] * k1[i][j] + variance[1] * k2[i][j] + own
                };
                (0..n).map(at).collect()
            })
            .collect();
        let inverse = inverse(v);
        let times = |x: &[f64]| -> Vec<f64> { inverse.iter().map(|r| dot(r, x)).collect() };
        let y = values(&lab, of);
        let ones = vec![1.0; n];
        let w = times(&ones);
        let project = |x: &[f64]| -> Vec<f64> {
            let b = dot(&w, x) / dot(&w, &ones);
            times(x).iter().zip(&w).map(|(x, w)| x - b * w).collect()
        };
        let py = project(&y);
        let table = ours(&lab, &format!("a_{of}.regenie"));
        for (snp, calls) in lab.plink("s").snps.iter().zip(&calls) {
            let known: Vec<f64> = calls.iter().flatten().map(|&d| f64::from(d)).collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            let x: Vec<f64> = calls.iter().map(|d| d.map_or(mean, f64::from)).collect();
            let (xpx, xpy) = (dot(&x, &project(&x)), dot(&x, &py));
            let beta = xpy / xpx;
            let se = ((dot(&y, &py) - xpy * beta) / (n - 2) as f64 / xpx).sqrt();
            let row = &table[&snp.id];
            // Variances of two searches differ by at most 1e-5 of their standard errors.
            for (found, expected) in [(number(row, "BETA"), beta), (number(row, "SE"), se)] {
                assert!(
                    (found - expected).abs() <= 1e-4 * se,
                    "{of} {}: {found} {expected}",
                    snp.id
                );
            }
        }
    }
    assert!(both > 0, "no trait with two variances above zero");
}

#[test]
fn a_kernel_without_variance_changes_nothing() {
    let lab = lab("--additive 0.6 --epistatic 0 --seed 3");
    let run = |kernel: &str, out: &str| {
        lab.succeeds(&format!(
            "assoc --bfile s --pheno s.pheno.txt --kernel {kernel} --no-loco --test wald --out {out}"
        ));
    };
    run("linear:std,grm^2", "two");
    run("linear:std", "one");
    let mut compared = 0;
    for null in lab.record("two")["extra"]["null_models"]
        .as_array()
        .unwrap()
    {
        if null["shares"][1][1].as_f64() != Some(0.0) {
            continue;
        }
        compared += 1;
        let name = format!("_{}.regenie", null["trait"].as_str().unwrap());
        let [one, two] = ["one", "two"].map(|p| ours(&lab, &format!("{p}{name}")));
        for (id, row) in &one {
            let difference = number(row, "LOG10P") - number(&two[id], "LOG10P");
            // As above: 1e-4 standard errors of an effect of at most ten.
            assert!(difference.abs() <= 1e-3, "{id}: {difference}");
        }
    }
    assert!(compared > 0, "no trait without epistatic variance");
}

#[test]
fn every_form_of_several_kernels_is_tested_or_refused() {
    let lab = lab("--seed 2");
    let run = "assoc --bfile s --pheno s.pheno.txt --pheno-name y1";
    let run = |flags: &str| format!("{run} {flags} --out v");
    lab.succeeds(&run("--kernel linear,gaussian --gamma-scale 2"));
    lab.succeeds(&run(
        "--kernel linear:std,grm^2,dominance --no-loco --moments trait",
    ));
    for test in ["wald-refit", "lrt", "oof"] {
        let flags = format!("{KERNELS} --test {test}");
        lab.fails(&run(&flags), 8, &[test, "one kernel", "--test score"]);
    }
    lab.fails(&run("--kernel linear,none"), 8, &["--kernel none"]);
}
