use std::f64::consts::{LN_10, PI};

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// ln of the largest factor that the saddlepoint approximation errs by (see its module): Stirling
/// at Γ(½).
const STIRLING: f64 = 0.154;

/// ln P(Q > q), q ≥ 0, if every λ of `pairs` stands twice: Q is a sum of exponential variables
/// with means 2λ and of negative ones. Partial fractions: Σ_j e^{−q/2λ_j} Π_{i≠j} 1/(1 − λ_i/λ_j)
/// over λ_j > 0. Weights that lie apart lose few digits.
fn hypoexponential(pairs: &[f64], q: f64) -> f64 {
    let largest = pairs.iter().copied().fold(0.0, f64::max);
    let term = |(j, w): (usize, &f64)| {
        let others = pairs.iter().enumerate().filter(|(i, _)| *i != j);
        let factor: f64 = others.map(|(_, v)| 1.0 / (1.0 - v / w)).product();
        factor * (q / (2.0 * largest) - q / (2.0 * w)).exp()
    };
    let positive = pairs.iter().enumerate().filter(|(_, w)| **w > 0.0);
    positive.map(term).sum::<f64>().ln() - q / (2.0 * largest)
}

fn doubled(pairs: &[f64]) -> Form {
    Form::new(pairs.iter().flat_map(|w| [*w, *w]))
}

/// P(Q > q) e^{−ln_scale}, above the mean, by Laplace's inversion along the line through the
/// saddlepoint: (1/π)∫ Re exp(K(c+iy) − (c+iy)q) / (c+iy) dy, by the trapezoidal rule, whose error
/// falls exponentially.
fn ln_inverted(form: &Form, q: f64) -> f64 {
    let saddle = Cumulants::new(form).search(|at| at.k1 < q);
    let (c, h) = (saddle.t, 0.05 / saddle.k2.sqrt());
    let mut sum = 0.5 / c;
    for k in 1.. {
        let y = f64::from(k) * h;
        let (mut log, mut phase) = (-saddle.k, -y * q);
        for w in form.weights() {
            let (re, im) = (1.0 - 2.0 * w * c, 2.0 * w * y);
            log -= 0.25 * (re * re + im * im).ln();
            phase += 0.5 * im.atan2(re);
        }
        // Re (cos + i sin)(c − iy)/(c² + y²)
        let term = log.exp() * (c * phase.cos() + y * phase.sin()) / (c * c + y * y);
        sum += term;
        if log < -40.0 {
            break;
        }
    }
    saddle.k - c * q + (sum * h / PI).ln()
}

fn spread(n: usize) -> Form {
    let noise = |i: usize| ((i * 7919 + 13) % 1009) as f64 / 1009.0;
    Form::new((0..n).map(|i| noise(i) * noise(i) * 3.0 - 0.6))
}

#[test]
fn published_probabilities_are_met() {
    // Imhof (Biometrika 48:419, 1961) and Davies (1980), computed there to 10⁻⁴: weights with
    // their degrees of freedom.
    for (weights, values) in [
        (
            [(6.0, 1), (3.0, 1), (1.0, 1)],
            [(1.0, 0.9458), (7.0, 0.5064), (20.0, 0.1240)],
        ),
        (
            [(6.0, 2), (3.0, 2), (1.0, 2)],
            [(2.0, 0.9936), (20.0, 0.3998), (60.0, 0.0161)],
        ),
        (
            [(6.0, 6), (3.0, 4), (1.0, 2)],
            [(10.0, 0.9973), (50.0, 0.4353), (120.0, 0.0088)],
        ),
    ] {
        let each = weights.iter().flat_map(|&(w, df)| vec![w; df]);
        let form = Form::new(each);
        for (q, p) in values {
            let found = davies::upper(&form, q, 1e-6).unwrap();
            assert!((found.p - p).abs() <= 1e-4 + found.error, "{q}: {found:?}");
            let rough = saddlepoint::ln_upper(&form, q);
            assert!((rough - p.ln()).abs() <= STIRLING, "{q}: {rough}");
        }
    }
}

#[test]
fn davies_error_is_within_its_bound_for_weights_of_both_signs() {
    let pairs = [5.0, 2.0, 0.7, 0.2, -0.4, -1.5, -4.0, -9.0];
    let form = doubled(&pairs);
    for q in [0.0, 0.5, 3.0, 20.0, 60.0, 120.0] {
        let exact = hypoexponential(&pairs, q).exp();
        for accuracy in [1e-4, 1e-8, 1e-12] {
            let found = davies::upper(&form, q, accuracy).unwrap();
            assert!(
                (found.p - exact).abs() <= found.error,
                "{q}: {found:?} {exact}"
            );
            assert!(found.error <= accuracy + 1e-12, "{found:?}");
        }
    }
}

#[test]
fn saddlepoints_keep_their_accuracy_where_probabilities_underflow() {
    let pairs = [3.0, 2.0, 1.2, 0.3, -0.5, -2.5];
    let form = doubled(&pairs);
    for q in [100.0, 150.0, 1e3, 1e4, 1e6] {
        let (exact, found) = (hypoexponential(&pairs, q), form.tail(q));
        assert!(
            (found.ln_p - exact).abs() <= STIRLING,
            "{q}: {found:?} {exact}"
        );
    }
    let deep = form.tail(1e4);
    assert_eq!(deep.method, Method::Saddlepoint);
    assert!(deep.ln_p < -320.0 * LN_10 && deep.ln_p.is_finite());
    assert_eq!(form.tail(20.0).method, Method::Davies);
}

#[test]
fn many_weights_agree_with_the_inverted_laplace_transform() {
    let form = spread(400);
    let (mean, sd) = (form.mean(), form.variance().sqrt());
    for z in [0.5, 2.0, 4.0, 6.0, 9.0, 20.0, 60.0] {
        let q = mean + z * sd;
        let (exact, found) = (ln_inverted(&form, q), form.tail(q));
        let bound = match found.method {
            // 2·10⁻¹² of 10⁻¹⁰ at least, and the rounding of the oracle.
            Method::Davies => 0.02_f64.min(2e-12 / exact.exp()) + 1e-9,
            Method::Saddlepoint => STIRLING,
        };
        assert!(
            (found.ln_p - exact).abs() <= bound,
            "{z}: {found:?} {exact}"
        );
        // With many weights the approximation is much better than at its worst.
        let rough = saddlepoint::ln_upper(&form, q);
        assert!(
            (rough - exact).abs() <= 0.25 * STIRLING,
            "{z}: {rough} {exact}"
        );
    }
}

#[test]
fn frequencies_of_drawn_forms_are_their_probabilities() {
    let weights = [
        4.0, 2.5, 1.0, 1.0, 0.5, 0.5, 0.2, 0.1, -0.3, -0.8, -1.0, -3.0,
    ];
    let form = Form::new(weights);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let draws = 100_000;
    let drawn: Vec<f64> = (0..draws)
        .map(|_| {
            let square = |w: &f64| {
                let z: f64 = StandardNormal.sample(&mut rng);
                w * z * z
            };
            weights.iter().map(square).sum()
        })
        .collect();
    for q in [-10.0, 0.0, 5.0, 15.0, 40.0] {
        let above = drawn.iter().filter(|x| **x > q).count() as f64 / f64::from(draws);
        let p = form.tail(q).ln_p.exp();
        let sd = (p * (1.0 - p) / f64::from(draws)).sqrt();
        assert!((above - p).abs() <= 5.0 * sd, "{q}: {above} {p}");
    }
}

#[test]
fn forms_of_one_sign_end_at_zero() {
    let form = Form::new([3.0, 2.0, 1.0, 0.5, 0.0]);
    assert_eq!(form.weights().len(), 4);
    assert_eq!(form.mirrored().tail(0.0).ln_p, f64::NEG_INFINITY);
    assert_eq!(form.mirrored().tail(1.0).ln_p, f64::NEG_INFINITY);
    assert_eq!(form.tail(-1.0).ln_p, 0.0);
    for q in [0.3, 2.0, 9.0] {
        let both = saddlepoint::ln_upper(&form, q).exp()
            + saddlepoint::ln_upper(&form.mirrored(), -q).exp();
        // One is computed from the other.
        assert!((both - 1.0).abs() <= 4.0 * f64::EPSILON, "{both}");
    }
    let nothing = Form::new([0.0]);
    assert_eq!(nothing.tail(-1.0).ln_p, 0.0);
    assert_eq!(nothing.tail(1.0).ln_p, f64::NEG_INFINITY);
}

#[test]
fn a_scale_does_not_matter() {
    let form = spread(60);
    let q = form.mean() + 3.0 * form.variance().sqrt();
    let p = form.tail(q).ln_p;
    for scale in [1e-150, 1e-3, 1e150] {
        let other = Form::new(form.weights().iter().map(|w| w * scale));
        let found = other.tail(q * scale).ln_p;
        // Both err by 10⁻¹² at a p of 10⁻³.
        assert!((found - p).abs() <= 1e-8, "{scale}: {found} {p}");
    }
}
