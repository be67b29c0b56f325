use super::penalised::STEP;
use super::search::STEP as STEP_OF_VARIANCE;
use super::*;
use crate::assoc::binary::Form;
use crate::dense::{combine, inner, product};
use crate::null::matrix::normalise;

/// Numbers without pattern between −1 and 1.
fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    let x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11;
    2.0 * x as f64 / (1u64 << 53) as f64 - 1.0
}

/// A kernel of groups of `size`, and a trait in which groups differ by `spread`.
fn groups(n: usize, size: usize, spread: f64) -> (Mat<f64>, Vec<Vec<f64>>, Vec<f64>) {
    let z = Mat::from_fn(n, n / size, |i, g| f64::from(i / size == g));
    let mut k = product(z.as_ref(), z.transpose());
    for i in 0..n {
        k[(i, i)] += 0.2;
    }
    normalise(&mut k, "groups").unwrap();
    let x = vec![vec![1.0; n], (0..n).map(|i| noise(i + 7 * n)).collect()];
    let y = (0..n).map(|i| {
        let eta = -1.0 + 0.5 * x[1][i] + spread * noise(i / size + 3 * n);
        f64::from(0.5 * (noise(i) + 1.0) < 1.0 / (1.0 + f64::exp(-eta)))
    });
    let y = y.collect();
    (k, x, y)
}

#[test]
fn a_kernel_without_variance_leaves_logistic_regression() {
    // Groups alternate between one case and none of three: they are more alike than chance
    // makes them.
    let n = 120;
    let (k, x, _) = groups(n, 4, 0.0);
    let y: Vec<f64> = (0..n).map(|i| f64::from(i % 4 == (i / 4) % 4)).collect();
    let model = Model::beside(&k, x.clone(), y.clone(), None).unwrap();
    assert_eq!(model.variance(), 0.0);
    assert!(model.projection().is_none());
    let plain = Model::new(x, y).unwrap();
    let dosages: Vec<f64> = (0..n)
        .map(|i| (1.5 + 1.4 * noise(i + 11)).floor())
        .collect();
    for form in [Form::Score, Form::Spa, Form::Firth] {
        let [one, other] = [&model, &plain].map(|m| m.test(form, &dosages, None).unwrap());
        // Both are at the same maximum, to the square of a step of 1e-8 standard errors and the
        // rounding of sums over n individuals, times some tens that follow them.
        let bound = 64.0 * n as f64 * f64::EPSILON;
        assert!((one.beta - other.beta).abs() <= bound * other.se, "{form}");
        assert!((one.ln_p - other.ln_p).abs() <= bound, "{form}");
    }
}

#[test]
fn the_model_beside_a_kernel_solves_its_equations() {
    let n = 240;
    let (k, x, y) = groups(n, 6, 3.0);
    let model = Model::beside(&k, x.clone(), y.clone(), None).unwrap();
    let tau = model.variance();
    assert!(tau > 0.3, "{tau}");
    let left = model.fit.residual(&y);
    // Xᵀ(y − μ) = 0 and f = τK(y − μ): the maximum of the penalised likelihood.
    for x in &x {
        assert!(dot(x, &left).abs() <= n as f64 * STEP);
    }
    for (f, v) in model.random.iter().zip(transposed_product(&k, &left)) {
        assert!((f - tau * v).abs() <= tau * n as f64 * STEP);
    }
    // P V P = P and P X = 0, V = W⁻¹ + τK.
    let p = model.projection().unwrap();
    let v = Mat::from_fn(n, n, |i, j| {
        tau * k[(i, j)]
            + if i == j {
                1.0 / model.fit.weights[i]
            } else {
                0.0
            }
    });
    let same = product(product(p.as_ref(), v.as_ref()).as_ref(), p.as_ref());
    let scale = (0..n).map(|i| p[(i, i)]).fold(0.0, f64::max);
    for j in 0..n {
        for i in 0..n {
            assert!((same[(i, j)] - p[(i, j)]).abs() <= n as f64 * STEP * scale);
        }
    }
    // The restricted likelihood of the working trait is highest at τ: its slope is 0, as the
    // trace and the quadratic form computed from V itself say.
    let working: Vec<f64> = (0..n)
        .map(|i| model.fit.log_odds[i] + left[i] / model.fit.weights[i])
        .collect();
    let pz = transposed_product(p, &working);
    let kpz = transposed_product(&k, &pz);
    let slope = dot(&pz, &kpz) - inner(p, &k);
    let curvature = dot(&kpz, &transposed_product(p, &kpz));
    assert!((slope / curvature).abs() <= 2.0 * STEP_OF_VARIANCE * (1.0 + tau));
}

#[test]
fn a_score_beside_a_kernel_has_the_variance_of_its_projection() {
    let n = 240;
    let (k, x, y) = groups(n, 6, 3.0);
    let model = Model::beside(&k, x, y.clone(), None).unwrap();
    let p = model.projection().unwrap();
    let dosages: Vec<f64> = (0..n)
        .map(|i| (1.5 + 1.4 * noise(i + 11)).floor())
        .collect();
    let projected = transposed_product(p, &dosages);
    let effect = model.test(Form::Score, &dosages, Some(&projected)).unwrap();
    let score = dot(&dosages, &model.fit.residual(&y));
    let variance = dot(&dosages, &projected);
    assert!((effect.beta - score / variance).abs() <= n as f64 * STEP / variance);
    assert_eq!(effect.se, 1.0 / variance.sqrt());
    // Firth's estimate is near: both are one SNP's effect beside the same random effect.
    let firth = model.test(Form::Firth, &dosages, Some(&projected)).unwrap();
    assert!((firth.beta - effect.beta).abs() < 0.3 * effect.se);
    assert!((firth.ln_p - effect.ln_p).abs() < 0.1 * (1.0 + effect.ln_p.abs()));
}

#[test]
fn threads_change_no_bit_of_a_model() {
    let (k, x, y) = groups(240, 6, 3.0);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| Model::beside(&k, x.clone(), y.clone(), None).unwrap())
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(one.variance(), three.variance());
    assert_eq!(one.projection(), three.projection());
    assert_eq!(one.random, three.random);
}

#[test]
fn a_model_depends_on_its_variance_only_not_on_where_the_search_began() {
    let (k, x, y) = groups(240, 6, 3.0);
    let cold = Model::beside(&k, x.clone(), y.clone(), None).unwrap();
    let tau = cold.variance();
    let at = Model::beside_at(&k, x.clone(), y.clone(), tau).unwrap();
    assert_eq!(cold.projection(), at.projection());
    assert_eq!((&cold.random, &cold.fit.means), (&at.random, &at.fit.means));
    // From another kernel's end, in fewer steps, to the same τ within what a search leaves open.
    let (other, ..) = groups(240, 5, 3.0);
    let beside = combine(&[(0.8, &k), (0.2, &other)], 0.0, 240);
    let near = Model::beside(&beside, x.clone(), y.clone(), None)
        .unwrap()
        .near();
    let warm = Model::beside(&k, x, y, near).unwrap();
    assert!(
        warm.steps() < cold.steps(),
        "{} {}",
        warm.steps(),
        cold.steps()
    );
    assert!((warm.variance() - tau).abs() <= 2.0 * STEP_OF_VARIANCE * (1.0 + tau));
}

#[test]
fn few_cases_take_no_more_than_a_dozen_steps() {
    let n = 300;
    for (seed, spread) in [(0, 2.0), (1, 3.0), (2, 4.0)] {
        let (k, x, _) = groups(n, 6, 0.0);
        let y = (0..n).map(|i| {
            let eta = -4.5 + spread * noise(i / 6 + (7 + seed) * n);
            f64::from(0.5 * (noise(i + seed * n) + 1.0) < 1.0 / (1.0 + f64::exp(-eta)))
        });
        let y: Vec<f64> = y.collect();
        let cases = y.iter().sum::<f64>();
        assert!((3.0..30.0).contains(&cases), "{cases}");
        let model = Model::beside(&k, x, y, None).unwrap();
        eprintln!(
            "{cases} cases: τ {} after {} steps",
            model.variance(),
            model.steps()
        );
        assert!(model.steps() <= 12, "{}", model.steps());
    }
}
