//! Nomination: derivatives, the best of all pairs, the model.

use super::*;

#[test]
fn mean_mixed_derivatives_are_those_of_the_predictions() {
    let calls = cohort(N).genotypes;
    let gamma = 0.03;
    let (model, alpha) = model(&calls, gamma);
    let x = imputed(&calls);
    let snps: Vec<usize> = (0..calls.snps()).collect();
    let z = standardised(&calls, &snps);
    let kz = product(model.kernel.as_ref(), z.as_ref());
    let l = curvature(&model, &model.traits[0], &z, &kz);
    let h = product(z.transpose(), l.as_ref());
    let unit = 4.0 * gamma * gamma / N as f64;
    let sd = |m: usize| calls.counts()[m].variance().sqrt();
    let f = |at: &[f64]| -> f64 {
        let terms = alpha.iter().zip(&x);
        terms.map(|(a, x)| a * gauss(gamma, at, x)).sum()
    };
    for (a, b) in [(0, 1), (0, 20), (13, 14), (5, 35), (22, 30)] {
        let found = unit * h[(a, b)] * sd(a) * sd(b);
        // The definition, by plain loops; sums of N² terms of about 1 err by N·u of their size.
        let (mut sum, mut size) = (0.0, 0.0);
        for at in &x {
            for (weight, x) in alpha.iter().zip(&x) {
                let term = weight * gauss(gamma, at, x) * (at[a] - x[a]) * (at[b] - x[b]);
                sum += unit * term;
                size += unit * term.abs();
            }
        }
        let rounding = 64.0 * N as f64 * f64::EPSILON * size;
        assert!((found - sum).abs() <= rounding, "{a} {b}: {found} {sum}");
        // (f(+,+) − f(+,−) − f(−,+) + f(−,−))/4h² differs from the derivative by h²/6 of fourth
        // derivatives, which are sums of αk times at most (2γ)²·(3 + (√2γ·2)⁴…) < 1 here.
        let step = 1e-3;
        let mut difference = 0.0;
        for at in &x {
            let moved = |da: f64, db: f64| {
                let mut at = at.clone();
                at[a] += da * step;
                at[b] += db * step;
                f(&at)
            };
            let four = moved(1.0, 1.0) - moved(1.0, -1.0) - moved(-1.0, 1.0) + moved(-1.0, -1.0);
            difference += four / (4.0 * step * step) / N as f64;
        }
        let weights: f64 = alpha.iter().map(|a| a.abs()).sum();
        // Four values of f cancel: a few u·Σ|α| over 4h².
        let bound = weights * (step * step / 6.0 + 16.0 * f64::EPSILON / (step * step));
        assert!(
            (found - difference).abs() <= bound,
            "{a} {b}: {found} {difference} {bound}"
        );
    }
}

#[test]
fn the_best_pairs_are_those_of_all_pairs_and_what_is_left_out_is_counted() {
    let cohort = cohort(N);
    let rows: Vec<u32> = (0..N as u32).filter(|i| i % 3 != 0).collect();
    let own = cohort.genotypes.select(&rows);
    let (model, _) = model(&own, 0.02);
    // The list leaves out what does not vary.
    let snps: Vec<usize> = (0..36).filter(|m| *m != 29).collect();
    let limit = 0.05;
    let limits = Limits::new(&cohort, &snps, (10_000.0, limit));
    let log = RunLog::new(None, true);
    let progress = log.progress(1, "pairs");
    let all = &cohort.genotypes;
    let run = |most| nominate(&model, (&own, all), &limits, most, &progress);
    let (found, left) = run(12);
    let (z, whole) = (standardised(&own, &snps), standardised(all, &snps));
    let kz = product(model.kernel.as_ref(), z.as_ref());
    let h = product(
        z.transpose(),
        curvature(&model, &model.traits[0], &z, &kz).as_ref(),
    );
    let mut expected = Vec::new();
    let mut counted = Left::default();
    for b in 0..snps.len() {
        for a in 0..b {
            let r = dot(whole.col_as_slice(a), whole.col_as_slice(b)) / N as f64;
            let place = |k: usize| (snps[k] / SHAPE.1, snps[k] % SHAPE.1);
            let ((one, at), (other, to)) = (place(a), place(b));
            counted.pairs += 1;
            // A SNP every 3 Mb: three steps are 9 Mb.
            if one == other && to - at <= 3 {
                counted.near += 1;
            } else if r * r > limit {
                counted.correlated += 1;
            } else {
                let score = 4.0 * 0.02 * 0.02 / rows.len() as f64 * h[(a, b)];
                expected.push(([snps[a], snps[b]], score, r * r));
            }
        }
    }
    assert_eq!(left, counted);
    assert_eq!(left.open() as usize, expected.len());
    assert!(left.near > 0 && left.correlated > 0, "{left:?}");
    let square: f64 = expected.iter().map(|(_, s, _)| s * s).sum();
    let rms = (square / expected.len() as f64).sqrt();
    expected.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    for (found, (pair, score, r2)) in found[0].best.iter().zip(&expected) {
        assert_eq!(found.snps, *pair);
        // Products of other shapes: N² sums of terms about 1 in another order.
        let bound = (N * N) as f64 * f64::EPSILON;
        assert!((found.score - score / rms).abs() <= bound * (1.0 + score.abs() / rms));
        assert!((found.r2 - r2).abs() <= bound);
    }
    assert_eq!(found[0].best.len(), 12);
    // More than there are is all.
    let (every, _) = run(10_000);
    assert_eq!(every[0].best.len(), expected.len());
    assert_eq!(every[0].best[..12], found[0].best[..]);
    for (k, slope) in found[0].slopes.iter().enumerate() {
        let expected = dot(&model.traits[0].alpha, z.col_as_slice(k)).abs();
        assert_eq!(*slope, expected);
    }
}

#[test]
fn weights_solve_the_ridge_system_at_the_maximum_of_the_restricted_likelihood() {
    let calls = Arc::new(cohort(N).genotypes);
    let (x, y) = traits(N);
    let device = (&Cpu::MEMORY, &InOrder);
    let gamma = Gammas::Values(vec![0.02]);
    // A trait with some variance of the kernel.
    let own = imputed(&calls);
    let bend = |i: usize| (own[i][3] - 1.0) * (own[i][20] - 1.0) + own[i][11];
    let y: Vec<f64> = y.iter().enumerate().map(|(i, y)| y + bend(i)).collect();
    let model = Model::new(device, &calls, &gamma, &x, std::slice::from_ref(&y)).unwrap();
    let of = &model.traits[0];
    assert!(of.lambda.is_finite(), "{}", of.lambda);
    // (K + λI)α ∝ y − Xb, so with its own multiple it is orthogonal to all but X and y.
    let mut right = of.fitted.clone();
    for (v, a) in right.iter_mut().zip(&of.alpha) {
        *v += of.lambda * a;
    }
    let contrasts = Contrasts::new(&x);
    let (left, y_left) = (contrasts.residual(&right), contrasts.residual(&y));
    let ratio = dot(&left, &y_left) / dot(&y_left, &y_left);
    let difference: Vec<f64> = left
        .iter()
        .zip(&y_left)
        .map(|(l, y)| l - ratio * y)
        .collect();
    // Eigenvectors err by N·u, the system has a condition of at most N/λ + 1.
    let bound = 64.0 * N as f64 * f64::EPSILON * (1.0 + N as f64 / of.lambda);
    assert!(norm2(&difference) <= bound * norm2(&left));
    for x in &x {
        assert!(dot(x, &of.alpha).abs() <= bound * norm2(x) * norm2(&of.alpha));
    }
    // The restricted likelihood is not larger at other λ.
    let z = contrasts.vector(&y);
    let k = contrasts.matrix(model.kernel.clone());
    let likelihood = |lambda: f64| {
        let data = Contrasted {
            y: &z,
            x: &[],
            kernels: &[&k],
        };
        // σ² in its place: −½(m ln(zᵀV⁻¹z) + ln|V|) up to a constant.
        let v = Factor::new(&combine(&[(1.0, &k)], lambda, z.len())).unwrap();
        let m = data.y.len() as f64;
        -0.5 * (m * dot(&z, &v.solve(&z)).ln() + v.log_determinant())
    };
    let best = likelihood(of.lambda);
    for factor in [0.5, 0.9, 0.99, 1.01, 1.1, 2.0] {
        assert!(likelihood(of.lambda * factor) < best, "{factor}");
    }
}
