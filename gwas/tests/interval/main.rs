//! Standard errors of predictions against a dense FP64 computation that shares no code with the
//! program: plain loops on the kernel matrix that `epitile kernel` writes.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/lab/mod.rs"]
mod lab;

mod dense;
mod errors;
mod invariance;

use dense::{Model, Reference};
use lab::Lab;

/// Columns of `name` for trait `of` as numbers, NaN where they are NA, by individual.
fn numbers(lab: &Lab, name: &str, column: &str) -> Vec<(String, f64)> {
    let cells = lab.column(name, column).into_iter();
    cells
        .map(|(who, y)| (who, y.parse().unwrap_or(f64::NAN)))
        .collect()
}

/// Checks the predictions and standard errors `new.sscore` of all individuals of `bfile` for the
/// trait `of`, whose values are in column `of` of `pheno`. `covariates` are columns of the design
/// besides the intercept (NaN if missing); `kernel` is N × N.
#[track_caller]
fn check(
    lab: &Lab,
    (ids, pheno, of): (&[String], &str, &str),
    kernel: &[f64],
    covariates: &[Vec<f64>],
    (lambda, gls): (f64, bool),
) {
    let n = ids.len();
    let y = lab.column(pheno, of);
    let y: Vec<f64> = ids
        .iter()
        .map(|id| y.get(id).and_then(|v| v.parse().ok()).unwrap_or(f64::NAN))
        .collect();
    let complete = |i: usize| covariates.iter().all(|c| !c[i].is_nan());
    let train: Vec<usize> = (0..n).filter(|&i| !y[i].is_nan() && complete(i)).collect();
    let mut x = vec![vec![1.0; n]];
    x.extend(covariates.iter().cloned());
    let model = Model {
        kernel,
        n,
        lambda,
        x: &x,
        gls,
    };
    let reference = Reference::new(model, &train, &y);
    let column = |end: &str| {
        let mut all: std::collections::BTreeMap<_, _> =
            numbers(lab, "new.sscore", &format!("{of}_{end}"))
                .into_iter()
                .collect();
        ids.iter()
            .map(|id| all.remove(id).unwrap())
            .collect::<Vec<f64>>()
    };
    let (predicted, expected, observed) = (column("PRED"), column("SE"), column("SE_NEW"));
    let noise = lambda * reference.variance;
    for i in 0..n {
        if !complete(i) {
            assert!(
                [predicted[i], expected[i], observed[i]]
                    .iter()
                    .all(|v| v.is_nan())
            );
            continue;
        }
        let new = reference.at(i);
        let off = (predicted[i] - new.value).abs();
        assert!(
            off <= new.value_bound,
            "{of} of {}: {off:e}, bound {:e}",
            ids[i],
            new.value_bound
        );
        let square = expected[i] * expected[i];
        let off = (square - new.square).abs();
        assert!(
            off <= new.square_bound,
            "{of} of {}: SE² {square}, expected {}, bound {:e}",
            ids[i],
            new.square,
            new.square_bound
        );
        // SE_NEW² = SE² + λσ̂²: two roots and their squares are rounded, and σ̂² as in SE².
        let total = observed[i] * observed[i];
        let bound = reference.relative * noise + 8.0 * dense::UNIT * total;
        assert!(
            (total - square - noise).abs() <= bound,
            "{of} of {}: SE_NEW",
            ids[i]
        );
    }
}
