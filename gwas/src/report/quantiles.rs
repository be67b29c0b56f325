//! Quantiles that a QQ plot needs: of χ² with one degree of freedom, and of ordered p-values.

use crate::tails::{beta_fraction, ln_chi2_tail};

/// Median of χ² with one degree of freedom.
pub(super) const CHI2_MEDIAN: f64 = 0.454_936_423_119_572_6;

/// χ²₁ whose upper tail is p = 10^`-log10p`.
pub(super) fn chi2_of(log10p: f64) -> f64 {
    if log10p <= 0.0 {
        return 0.0;
    }
    let ln_p = -log10p * std::f64::consts::LN_10;
    // p ≤ exp(−χ²/2), so 2·|ln p| is above the root.
    let (mut low, mut high) = (0.0, -2.0 * ln_p);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if ln_chi2_tail(middle) > ln_p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The median; `None` of nothing. Moves the values about.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let (lower, upper) = middle(values)?;
    Some(0.5 * (lower + upper))
}

/// The two values in the middle, which are one where their number is odd.
fn middle(values: &mut [f64]) -> Option<(f64, f64)> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let lower = below.iter().copied().fold(f64::MIN, f64::max);
    Some((if n % 2 == 1 { upper } else { lower }, upper))
}

/// λ_GC: median χ² of the tests over that of χ²₁. `log10p` need not be in order.
pub(super) fn lambda_gc(log10p: &mut [f64]) -> Option<f64> {
    let (lower, upper) = middle(log10p)?;
    Some(0.5 * (chi2_of(lower) + chi2_of(upper)) / CHI2_MEDIAN)
}

/// Quantile `q` of the `i`-th smallest (from 1) of `n` independent uniform numbers, which has the
/// distribution Beta(i, n − i + 1), as −log10.
pub(super) fn ordered(i: f64, n: f64, q: f64) -> f64 {
    let (a, b) = (i, n - i + 1.0);
    // In ln x, so that small quantiles keep their digits.
    let (mut low, mut high) = (-745.0, 0.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if beta_below(middle, a, b) < q {
            low = middle;
        } else {
            high = middle;
        }
    }
    -0.5 * (low + high) / std::f64::consts::LN_10
}

/// I_x(a, b), the probability below x = exp(`ln_x`) of Beta(a, b).
fn beta_below(ln_x: f64, a: f64, b: f64) -> f64 {
    let x = ln_x.exp();
    if x >= 1.0 {
        return 1.0;
    }
    let ln_rest = (-x).ln_1p();
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * ln_x + b * ln_rest;
    // The fraction converges fast below the mean; above it the complement does.
    match x < (a + 1.0) / (a + b + 2.0) {
        true => (front.exp() / a) * beta_fraction(x, a, b),
        false => 1.0 - (front.exp() / b) * beta_fraction(1.0 - x, b, a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chi_squares_match_their_p_values() {
        // R: qchisq(p, 1, lower.tail = FALSE); half a unit of the digits given.
        for (log10p, chi2, half) in [
            (-(0.5f64.log10()), CHI2_MEDIAN, 1e-12),
            (-(0.05f64.log10()), 3.841_458_820_694_124, 1e-12),
            (8.0, 32.841_253_361_236_4, 1e-10),
            (0.0, 0.0, 0.0),
        ] {
            assert!((chi2_of(log10p) - chi2).abs() <= half, "{log10p}");
        }
        // p = 1e-320 and far beyond.
        assert!(chi2_of(320.0) > 1460.0 && chi2_of(320.0) < 1474.0);
        assert!(chi2_of(5000.0).is_finite());
    }

    #[test]
    fn lambda_is_one_for_uniform_p() {
        let mut p: Vec<f64> = (0..1001)
            .map(|i| -((f64::from(i) + 0.5) / 1001.0).log10())
            .collect();
        let lambda = lambda_gc(&mut p).unwrap();
        assert!((lambda - 1.0).abs() < 1e-12, "{lambda}");
        assert_eq!(lambda_gc(&mut []), None);
        // Of two, the mean of both χ².
        let two = lambda_gc(&mut [8.0, 0.0]).unwrap();
        assert!((two - 0.5 * chi2_of(8.0) / CHI2_MEDIAN).abs() < 1e-12);
    }

    #[test]
    fn ordered_p_values_have_their_closed_forms() {
        // The smallest of n is below x with probability 1 − (1 − x)ⁿ, the largest with xⁿ.
        for n in [1.0, 7.0, 1e6] {
            for q in [0.025_f64, 0.5, 0.975] {
                let smallest = -(-((-q).ln_1p() / n).exp_m1()).log10();
                let largest = -q.ln() / n / std::f64::consts::LN_10;
                let (a, b) = (ordered(1.0, n, q), ordered(n, n, q));
                // ln Γ(10⁶) has 7 digits before the point, so 9 remain of 16.
                assert!((a - smallest).abs() < 1e-8 * smallest, "{n} {q} {a}");
                assert!((b - largest).abs() < 1e-8, "{n} {q} {b} {largest}");
            }
        }
    }
}
