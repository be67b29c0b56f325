//! Confirmation: the regression, its kernel and its leads.

use super::*;

/// The test of a pair by generalised least squares with whole matrices, at λ of the rest.
fn naive(calls: &Genotypes, task: &Task, x: &[Vec<f64>], y: &[f64]) -> (Effect, f64) {
    let n = y.len();
    let rows = imputed(calls);
    let column = |m: usize| -> Vec<f64> { rows.iter().map(|r| r[m]).collect() };
    let out = task.pair.map(|m| segment(calls, m));
    let kept = (0..calls.snps())
        .filter(|&m| !out.contains(&segment(calls, m)) && !calls.counts()[m].is_monomorphic());
    let z = |m: usize| -> Vec<f64> {
        let (mean, sd) = (
            calls.counts()[m].mean(),
            calls.counts()[m].variance().sqrt(),
        );
        rows.iter().map(|r| (r[m] - mean) / sd).collect()
    };
    let z: Vec<Vec<f64>> = kept.map(z).collect();
    let k: Mat<f64> = Mat::from_fn(n, n, |i, j| z.iter().map(|z| z[i] * z[j]).sum());
    let mean: f64 = (0..n).map(|i| k[(i, i)]).sum::<f64>() / n as f64;
    let k = Mat::from_fn(n, n, |i, j| k[(i, j)] / mean);
    let mut design = x.to_vec();
    design.extend(task.pair.iter().chain(&task.leads).map(|&m| column(m)));
    let [a, b] = task.pair.map(column);
    // Not centred: the main effects make up for it.
    let product: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
    // λ of the restricted likelihood without the product, by a fine search.
    let contrasts = Contrasts::new(&design);
    let (z, kz) = (contrasts.vector(y), contrasts.matrix(k.clone()));
    let likelihood = |ratio: f64| {
        let v = Factor::new(&combine(&[(ratio, &kz)], 1.0, z.len())).unwrap();
        -0.5 * (z.len() as f64 * dot(&z, &v.solve(&z)).ln() + v.log_determinant())
    };
    let (mut low, mut high) = (-5.0_f64, 5.0_f64);
    for _ in 0..100 {
        let (one, two) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        match likelihood(10_f64.powf(one)) < likelihood(10_f64.powf(two)) {
            true => low = one,
            false => high = two,
        }
    }
    let mut ratio = 10_f64.powf(0.5 * (low + high));
    if likelihood(0.0) >= likelihood(ratio) {
        ratio = 0.0;
    }
    let v = Factor::new(&combine(&[(ratio, &k)], 1.0, n)).unwrap();
    let mut whitened: Vec<Vec<f64>> = design.iter().map(|x| v.whiten(x)).collect();
    whitened.push(v.whiten(&product));
    let y = v.whiten(y);
    // Least squares of the whitened columns: the last effect and its error.
    let others = Contrasts::new(&whitened[..design.len()]);
    let last = others.residual(&whitened[design.len()]);
    let left = others.residual(&y);
    let beta = dot(&last, &left) / dot(&last, &last);
    let rest: Vec<f64> = left.iter().zip(&last).map(|(l, x)| l - beta * x).collect();
    let freedom = (n - design.len() - 1) as f64;
    let se = (dot(&rest, &rest) / freedom / dot(&last, &last)).sqrt();
    let statistic = (beta / se).powi(2);
    let effect = Effect {
        beta,
        se,
        statistic,
        ln_p: ln_f_tail(statistic, freedom),
        fast: false,
        form: None,
    };
    (effect, ratio)
}

#[test]
fn confirmation_is_generalised_least_squares() {
    let n = 60;
    let calls = cohort(n).genotypes;
    let (x, noise) = traits(n);
    let rows = imputed(&calls);
    // Two traits: with additive effects all over, and with none.
    let polygenic = |i: usize| {
        (0..36)
            .map(|m| rows[i][m] * (0.1 + 0.02 * m as f64))
            .sum::<f64>()
    };
    let first: Vec<f64> = (0..n).map(|i| noise[i] + 0.3 * polygenic(i)).collect();
    let y = [first, noise];
    let confirming = Confirming {
        calls: &calls,
        x: &x,
        y: &y,
    };
    let task = |of, pair, leads: &[usize]| Task {
        of,
        pair,
        leads: leads.to_vec(),
    };
    let tasks = [
        task(0, [3, 20], &[4]),
        task(1, [3, 20], &[]),
        task(0, [0, 8], &[1, 7]),
        task(1, [10, 30], &[9, 31]),
        task(0, [20, 33], &[]),
        task(0, [3, 29], &[]),
        task(0, [13, 14], &[]),
        task(0, [3, 13], &[14]),
    ];
    let found = confirming.test(&tasks).unwrap();
    let mut ratios = Vec::new();
    for (task, (leads, found)) in tasks[..5].iter().zip(&found) {
        assert_eq!(*leads, task.leads);
        let found = found.as_ref().unwrap();
        let (expected, ratio) = naive(&calls, task, &x, &y[task.of]);
        ratios.push(ratio);
        // ln L, some −100, errs by N·u of itself, so a search by its values finds log ρ to the root
        // of that; numbers move by less than ten times their size for a step of 1 in it.
        let bound = 10.0 * (n as f64 * f64::EPSILON * 100.0).sqrt();
        for (found, expected) in [
            (found.beta, expected.beta),
            (found.se, expected.se),
            (found.statistic, expected.statistic),
            (found.ln_p, expected.ln_p),
        ] {
            let size = expected.abs() + 1.0;
            assert!(
                (found - expected).abs() <= bound * size,
                "{task:?} {found} {expected}"
            );
        }
    }
    assert!(ratios.iter().any(|r| *r > 0.0), "{ratios:?}");
    assert_eq!(found[5].1, Err(Code::Monomorphic));
    // SNP 14 is SNP 13: no test of both, and no lead.
    assert_eq!(found[6].1, Err(Code::Collinear));
    assert!(found[7].0.is_empty());
    assert!(found[7].1.is_ok());
    // Alone, and in another order.
    let alone = confirming.test(&tasks[3..4]).unwrap();
    assert_eq!(alone[0], found[3]);
}

#[test]
fn a_kernel_without_two_chromosomes_is_that_of_the_others() {
    let calls = cohort(N).genotypes;
    let mut kernels = Chromosomes::new(&calls);
    for out in [[0, 0], [0, 2], [1, 3], [0, 2]] {
        let k = kernels.without(out).unwrap();
        let kept: Vec<usize> = (0..36).filter(|m| !out.contains(&(m / SHAPE.1))).collect();
        let z = standardised(&calls, &kept);
        let sum = product(z.as_ref(), z.transpose());
        let mean = (0..N).map(|i| sum[(i, i)]).sum::<f64>() / N as f64;
        for j in 0..N {
            for i in 0..N {
                // Sums of 36 products of about 1.
                let bound = 36.0 * 36.0 * f64::EPSILON;
                assert!((k[(i, j)] - sum[(i, j)] / mean).abs() <= bound);
            }
        }
    }
}

#[test]
fn leads_are_near_larger_and_no_part_of_the_pair() {
    let cohort = cohort(N);
    let snps: Vec<usize> = (0..36).filter(|m| *m != 29).collect();
    let mut slopes = vec![1.0; snps.len()];
    // Position 3 Mb·(k + 1): SNPs 2 and 4 are neighbours of 3.
    slopes[4] = 3.0;
    slopes[5] = 9.0;
    slopes[0] = 2.0;
    let leads = |kilobases: u64| Leads {
        cohort: &cohort,
        snps: &snps,
        slopes: &slopes,
        distance: kilobases * 1000,
    };
    assert_eq!(leads(3000).of([3, 20]), [4]);
    assert_eq!(leads(6000).of([3, 20]), [5]);
    assert!(leads(1000).of([3, 20]).is_empty());
    assert!(leads(30_000).of([3, 5]).is_empty());
    assert_eq!(leads(3000).of([1, 6]), [0, 5]);
    assert_eq!(leads(3000).of([4, 6]), [5]);
    assert!(leads(30_000).of([9, 20]).is_empty());
}

#[test]
fn columns_of_a_block_are_those_of_single_snps() {
    let calls = cohort(N).genotypes;
    let rows = imputed(&calls);
    let some = [30, 2, 17];
    let x = centred(&calls, &some);
    for (k, &m) in some.iter().enumerate() {
        let mean = calls.counts()[m].mean();
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(x[(i, k)], row[m] - mean);
        }
    }
}
