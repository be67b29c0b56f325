//! Tail probabilities in log space: a p-value of 1e-320 or less keeps its logarithm.
//!
//! | module | question it answers |
//! |---|---|
//! | [`form`] | how probable is a larger quadratic form of normal variables? |
//! | [`davies`] | the same by its characteristic function, with a bound on the error |
//! | [`saddlepoint`] | the same far in the tail |
//! | [`bernoulli`] | how probable is a larger sum of zeros and ones, each with its own weight? |

pub mod bernoulli;
pub mod davies;
pub mod form;
pub mod saddlepoint;

use std::f64::consts::PI;

/// ln P(χ²₁ ≥ x).
pub fn ln_chi2_tail(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let s = (x / 2.0).sqrt();
    if s < 5.0 {
        return libm::erfc(s).ln();
    }
    // erfc(s) = e^{−s²}/(s√π) · 1/(1 + q/(1 + 2q/(1 + 3q/…))), q = 1/2s²; at s ≥ 5 forty terms
    // leave less than a rounding.
    let q = 1.0 / (2.0 * s * s);
    let fraction = (1..=40).rev().fold(1.0, |f, k| 1.0 + f64::from(k) * q / f);
    -s * s - s.ln() - 0.5 * PI.ln() - fraction.ln()
}

/// ln P(F ≥ f) on (1, d) degrees of freedom: ln I_x(d/2, ½) at x = d/(d + f).
pub fn ln_f_tail(f: f64, d: f64) -> f64 {
    if f <= 0.0 {
        return 0.0;
    }
    let (a, b) = (d / 2.0, 0.5);
    // ln x and ln(1 − x), neither from a rounded x.
    let (ln_x, ln_y) = (-(f / d).ln_1p(), -(d / f).ln_1p());
    let ln_beta = 0.5 * PI.ln() - ln_gamma_step(a);
    let front = a * ln_x + b * ln_y - ln_beta;
    let x = d / (d + f);
    if x < (a + 1.0) / (a + b + 2.0) {
        front - a.ln() + beta_fraction(x, a, b).ln()
    } else {
        // The probability is not small here: nothing cancels.
        let below = (front - b.ln()).exp() * beta_fraction(f / (d + f), b, a);
        (-below).ln_1p()
    }
}

/// ln Γ(a + ½) − ln Γ(a), where both are large by its asymptotic series: nothing cancels.
fn ln_gamma_step(a: f64) -> f64 {
    if a < 50.0 {
        return libm::lgamma(a + 0.5) - libm::lgamma(a);
    }
    // The next term, 17/14336 a⁷, is below a rounding.
    let r = 1.0 / a;
    0.5 * a.ln() - r / 8.0 + r.powi(3) / 192.0 - r.powi(5) / 640.0
}

/// The continued fraction of I_x(a, b) (Abramowitz and Stegun 26.5.8), by Lentz' method. It takes
/// some √max(a, b) steps.
pub(crate) fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let guard = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..20_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0_f64).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

/// ln P(Z ≥ z) of a standard normal Z.
pub fn ln_normal_tail(z: f64) -> f64 {
    match z >= 0.0 {
        true => ln_chi2_tail(z * z) - std::f64::consts::LN_2,
        false => (-0.5 * ln_chi2_tail(z * z).exp()).ln_1p(),
    }
}

/// The z ≥ 0 with P(|Z| ≥ z) of logarithm `ln_p`, Z standard normal: halved until it is one
/// number.
pub fn normal_beyond(ln_p: f64) -> f64 {
    // P ≤ e^{−z²/2}.
    let (mut low, mut high) = (0.0, (-2.0 * ln_p.min(0.0)).sqrt());
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        match ln_chi2_tail(middle * middle) > ln_p {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// −log₁₀ of a probability of which the natural logarithm is given.
pub fn log10p(ln_p: f64) -> f64 {
    // Without the sign of a zero.
    -ln_p / std::f64::consts::LN_10 + 0.0
}

/// The point above which a standard normal variable is with probability `p`.
pub fn normal_above(p: f64) -> f64 {
    // Φ̄ falls on either side of the answer: halve what is left of ±40 until it is one number.
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        match 0.5 * libm::erfc(middle / std::f64::consts::SQRT_2) > p {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// Density of a standard normal variable.
pub fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last digits of tables with 12 or more.
    const TABLE: f64 = 1e-11;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        let scale = expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= TABLE * scale,
            "{found} {expected}"
        );
    }

    #[test]
    fn chi2_tails_join_and_reach_far() {
        close(ln_chi2_tail(3.841_458_820_694_124), 0.05_f64.ln());
        close(
            ln_chi2_tail(49.999_999),
            libm::erfc(24.999_999_5_f64.sqrt()).ln(),
        );
        close(
            ln_chi2_tail(50.000_001),
            libm::erfc(25.000_000_5_f64.sqrt()).ln(),
        );
        // erfc(40) = 2.3e-697: ln by its asymptotic series, six terms.
        let q = 1.0 / 3200.0;
        let series = 1.0 - q + 3.0 * q * q - 15.0 * q * q * q;
        close(
            ln_chi2_tail(3200.0),
            -1600.0 - 40_f64.ln() - 0.5 * PI.ln() + f64::ln(series),
        );
        assert_eq!(log10p(ln_chi2_tail(0.0)), 0.0);
    }

    #[test]
    fn f_tails_equal_closed_forms() {
        for t in [1e-6_f64, 0.3, 1.0, 2.0, 30.0, 1e6] {
            // Student's t with 1 and 2 degrees of freedom has closed tails.
            close(ln_f_tail(t * t, 1.0), (2.0 / PI * (1.0 / t).atan()).ln());
            let r = t / (2.0 + t * t).sqrt();
            let tail = 2.0 / (2.0 + t * t) / (1.0 + r);
            close(ln_f_tail(t * t, 2.0), tail.ln());
        }
        // With 4: P = 1 − (3/2)·s + s³/2, s = t/√(4+t²); at t² = 1e300 it is 3·(2/t²)²·…
        close(
            ln_f_tail(1e200, 4.0),
            (3.0 / 8.0 * 16.0_f64).ln() - 400.0 * 10_f64.ln(),
        );
    }

    #[test]
    fn an_f_tail_of_many_degrees_is_nearly_that_of_chi2() {
        for x in [0.1, 2.0, 20.0] {
            let (f, chi) = (ln_f_tail(x, 1e9), ln_chi2_tail(x));
            // The first correction is (x² + x)/4d, relative to the hazard's scale.
            assert!((f - chi).abs() <= (x * x + x + 1.0) * 1e-9, "{f} {chi}");
        }
        assert!(log10p(ln_f_tail(1e4, 1300.0)) > 600.0);
        // Both ways to ln Γ(a + ½) − ln Γ(a) agree where they meet.
        let direct = libm::lgamma(60.5) - libm::lgamma(60.0);
        close(ln_gamma_step(60.0), direct);
    }

    #[test]
    fn quantiles_of_the_normal_are_those_of_tables() {
        close(normal_above(0.025), 1.959_963_984_540_054);
        close(normal_above(0.5), 0.0);
        for z in [0.0, 0.01, 1.959_963_984_540_054, 45.0] {
            close(normal_beyond(ln_chi2_tail(z * z)), z);
        }
        close(normal_density(0.0), 0.398_942_280_401_432_7);
    }
}
