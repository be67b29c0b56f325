//! Against definitions, on a few individuals.

use std::sync::Arc;

use epitile_core::dense::{dot, norm2};
use epitile_core::engine::InOrder;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_cpu::Cpu;
use faer::Mat;

use super::confirm::{Confirming, Task};
use super::dosages::{centred, standardised};
use super::kernels::Chromosomes;
use super::leads::Leads;
use super::limits::{Left, Limits, segment};
use super::model::Model;
use super::nominate::{curvature, nominate};
use crate::assoc::effect::Effect;
use crate::cohort::Cohort;
use crate::dense::{Factor, combine, product};
use crate::epistasis::report::Code;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::fam::Sample;
use crate::null::contrast::Contrasts;
use crate::null::likelihood::Contrasted;
use crate::run::RunLog;
use crate::settings::Gammas;
use crate::tails::ln_f_tail;

const N: usize = 40;
/// Chromosomes and SNPs of each.
const SHAPE: (usize, usize) = (4, 9);

/// A number without pattern between 0 and 1.
fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

/// A cohort with a SNP every 3 Mb, some missing calls, one SNP of chromosome 4 that does not vary
/// and one of chromosome 2 that equals its neighbour.
fn cohort(n: usize) -> Cohort {
    let mut builder = GenotypeBuilder::new(n);
    let mut snps = Vec::new();
    for c in 0..SHAPE.0 {
        builder.segment((c + 1).to_string());
        for k in 0..SHAPE.1 {
            let m = c * SHAPE.1 + k;
            let like = if (c, k) == (1, 5) { m - 1 } else { m };
            let call = |i: usize| match (c, k) {
                (3, 2) => Some(1),
                _ if noise(i * 977 + like * 13) < 0.03 => None,
                _ => {
                    let p = 0.25 + 0.5 * noise(like + 5000);
                    let allele = |h: usize| u8::from(noise((i * 2 + h) * 101 + like * 7919) < p);
                    Some(allele(0) + allele(1))
                }
            };
            builder.push((0..n).map(call));
            snps.push(Snp {
                chromosome: (c + 1).to_string(),
                id: format!("s{m}"),
                position: 3_000_000 * (k as i64 + 1),
                ..Snp::default()
            });
        }
    }
    let samples = (0..n).map(|i| Sample::new(format!("i{i}"), format!("i{i}")));
    let set = ChromosomeSet::default();
    Cohort::from_parts(samples.collect(), snps, builder.finish(), set).unwrap()
}

fn traits(n: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let x = vec![
        vec![1.0; n],
        (0..n).map(|i| noise(i + 90_000)).collect::<Vec<f64>>(),
    ];
    // Sums of three are nearly normal.
    let y = (0..n).map(|i| (0..3).map(|k| noise(3 * i + k + 40_000)).sum::<f64>());
    (x, y.collect())
}

/// Dosages, missing calls being means.
fn imputed(of: &Genotypes) -> Vec<Vec<f64>> {
    let value = |i: usize, m: usize| match of.dosage(i, m) {
        Some(x) => f64::from(x),
        None => of.counts()[m].mean(),
    };
    let row = |i: usize| (0..of.snps()).map(|m| value(i, m)).collect();
    (0..of.samples()).map(row).collect()
}

/// The Gaussian kernel between two rows.
fn gauss(gamma: f64, x: &[f64], y: &[f64]) -> f64 {
    let d: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
    (-gamma * d).exp()
}

/// The model of some weights, and its kernel by plain loops.
fn model(of: &Genotypes, gamma: f64) -> (Model, Vec<f64>) {
    let x = imputed(of);
    let n = x.len();
    let kernel = Mat::from_fn(n, n, |i, j| gauss(gamma, &x[i], &x[j]));
    let alpha: Vec<f64> = (0..n).map(|i| noise(i + 777) - 0.5).collect();
    let model = Model::with(gamma, kernel, vec![(alpha.clone(), 1.0)]);
    (model, alpha)
}

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
