//! Which columns the others already contain.

use super::{Design, Transform};

/// Leaves out every column that is a combination of the intercept and earlier columns, and says
/// which. Columns are orthogonalised by modified Gram–Schmidt, twice, since once loses
/// orthogonality in proportion to the condition number (Björck 1967; Giraud, Langou & Rozložník
/// 2005).
///
/// A column c = Σ w_k c_k + rest counts as combined if ‖rest‖ ≤ n·ε·(κ‖c‖ + Σ |w_k| κ_k ‖c_k‖):
/// n·ε for the inner products, κ = max|x|/sd for the rounding of the input, which standardising
/// magnifies.
pub(super) fn drop_collinear(design: &mut Design) -> Vec<String> {
    let rows: Vec<usize> = (0..design.samples())
        .filter(|&i| design.complete[i])
        .collect();
    let n = rows.len() as f64;
    // Orthonormal basis; vector 0 is the intercept's, vector j + 1 the j-th kept column's.
    let mut basis = vec![vec![1.0 / n.sqrt(); rows.len()]];
    // Upper triangle R with kept columns = basis · R, by columns; the first is the intercept's.
    let mut triangle = vec![vec![n.sqrt()]];
    // κ_k ‖c_k‖ of the kept columns.
    let mut rounding = vec![n.sqrt()];
    let mut kept: Vec<usize> = Vec::new();
    let mut notes = Vec::new();
    for c in 0..design.columns.len() {
        let mut v: Vec<f64> = rows.iter().map(|&i| design.column(c)[i]).collect();
        let before = norm(&v);
        let own = magnification(&design.columns[c].transform, &v) * before;
        let mut coefficients = vec![0.0; basis.len()];
        for _ in 0..2 {
            for (q, sum) in basis.iter().zip(&mut coefficients) {
                let along: f64 = q.iter().zip(&v).map(|(q, v)| q * v).sum();
                v.iter_mut().zip(q).for_each(|(v, q)| *v -= along * q);
                *sum += along;
            }
        }
        let after = norm(&v);
        let weights = back_substitute(&triangle, coefficients.clone());
        let others = weights.iter().zip(&rounding).map(|(w, r)| w.abs() * r);
        let tolerance = n * f64::EPSILON * (own + others.sum::<f64>());
        if after > tolerance {
            v.iter_mut().for_each(|v| *v /= after);
            basis.push(v);
            coefficients.push(after);
            triangle.push(coefficients);
            rounding.push(own);
            kept.push(c);
            continue;
        }
        let share = |k: usize| weights[k].abs() * norm(&triangle[k]);
        let names: Vec<&str> = (1..weights.len())
            .filter(|&k| share(k) > before * f64::EPSILON.sqrt())
            .map(|k| &*design.columns[kept[k - 1]].name)
            .collect();
        let names = match names.is_empty() {
            true => "the intercept".to_owned(),
            false => names.join(", "),
        };
        notes.push(format!(
            "covariate {} is collinear with {names}: it is left out",
            design.columns[c].name
        ));
    }
    let samples = design.samples();
    let x = kept
        .iter()
        .flat_map(|&c| &design.x[c * samples..][..samples]);
    design.x = x.copied().collect();
    design.columns = kept.iter().map(|&c| design.columns[c].clone()).collect();
    notes
}

/// max|x|/sd of the column before its transform, at least 1.
fn magnification(transform: &Transform, standardised: &[f64]) -> f64 {
    match transform {
        Transform::Standardise { mean, sd, .. } => {
            let spread = standardised.iter().fold(0.0, |m: f64, z| m.max(z.abs()));
            mean.abs() / sd + spread
        }
        Transform::Indicator { .. } => 1.0,
    }
}

/// Solves R w = q for the upper triangle R given by columns.
fn back_substitute(triangle: &[Vec<f64>], mut q: Vec<f64>) -> Vec<f64> {
    for k in (0..q.len()).rev() {
        let column = &triangle[k];
        let weight = q[k] / column[k];
        for (q, r) in q.iter_mut().zip(column).take(k) {
            *q -= weight * r;
        }
        q[k] = weight;
    }
    q
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}
