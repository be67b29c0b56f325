//! Weighted sums of independent Bernoulli variables, S = Σ_j a_j (Y_j − μ_j), P(Y_j = 1) = μ_j: the
//! saddlepoint approximation of P(S ≥ s), in log space, from the cumulant generating function
//!
//! ```text
//! K(t) = Σ_j ln(1 − μ_j + μ_j e^{a_j t}) − a_j μ_j t
//! ```
//!
//! as Dey, Schmidt, Abecasis and Lee use it for score tests of binary traits (Am. J. Hum. Genet.
//! 101:37, 2017). There is no correction for continuity: where S has few values, the
//! approximation lies between P(S > s) and P(S ≥ s).

use super::ln_normal_tail;
use super::saddlepoint::ln_from_roots;

/// Steps of the search for the saddlepoint; Newton's take about ten.
const STEPS: usize = 100;

/// A search ends with a step of this share of t. Newton's next one would be of its square.
const STEP: f64 = 1e-9;

/// Standard deviations from the mean below which the argument of Φ̄ is continued.
const NEAR: f64 = 1e-3;

/// The weights a and the means μ of a sum.
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli<'a> {
    weights: &'a [f64],
    means: &'a [f64],
}

/// K and its derivatives at one t.
struct Point {
    t: f64,
    k: f64,
    k1: f64,
    k2: f64,
}

impl<'a> Bernoulli<'a> {
    /// Weights a and means μ.
    ///
    /// # Panics
    /// If there are not as many means as weights.
    pub fn new(weights: &'a [f64], means: &'a [f64]) -> Self {
        assert_eq!(weights.len(), means.len(), "means");
        Bernoulli { weights, means }
    }

    /// Var S = Σ a²μ(1 − μ).
    pub fn variance(&self) -> f64 {
        let terms = self.weights.iter().zip(self.means);
        terms.map(|(a, m)| a * a * m * (1.0 - m)).sum()
    }

    /// ln P(|S| ≥ |s|); `None` if s is beyond the largest value S can have on its side. About 20
    /// evaluations of K.
    pub fn ln_both(&self, s: f64) -> Option<f64> {
        let side = if s < 0.0 { -1.0 } else { 1.0 };
        let own = self.ln_tail(side, s.abs())?;
        match self.ln_tail(-side, s.abs()) {
            Some(other) => {
                let (less, more) = (own.min(other), own.max(other));
                Some((more + (less - more).exp().ln_1p()).min(0.0))
            }
            None => Some(own),
        }
    }

    /// ln P(S ≥ s), by the same rule; s must be at least 0.
    pub fn ln_upper(&self, s: f64) -> Option<f64> {
        self.ln_tail(1.0, s)
    }

    /// ln P(side·S ≥ s), s ≥ 0.
    fn ln_tail(&self, side: f64, s: f64) -> Option<f64> {
        let sd = self.variance().sqrt();
        if sd.is_nan() || sd <= 0.0 {
            return None;
        }
        let z = s / sd;
        if z < NEAR {
            let terms = self.weights.iter().zip(self.means);
            let third: f64 = terms
                .map(|(a, m)| a.powi(3) * m * (1.0 - m) * (1.0 - 2.0 * m))
                .sum();
            return Some(ln_normal_tail(z + side * third / (6.0 * sd.powi(3))));
        }
        let (most, ln_chance) = self.largest(side);
        let rounding = self.weights.len() as f64 * f64::EPSILON * most;
        if s.is_nan() || s > most + rounding {
            return None;
        }
        if s >= most - rounding {
            return Some(ln_chance);
        }
        let at = self.saddlepoint(side, s, s / (sd * sd))?;
        let w = (2.0 * (at.t * s - at.k)).sqrt();
        let found = ln_from_roots(w, at.t * at.k2.sqrt());
        found.is_finite().then_some(found)
    }

    /// The largest value that side·S can have, and ln of its probability. Variables of weight 0 may
    /// have any.
    fn largest(&self, side: f64) -> (f64, f64) {
        let terms = self.weights.iter().zip(self.means);
        terms.fold((0.0, 0.0), |(most, ln_chance), (a, &m)| {
            let a = side * a;
            match a {
                a if a > 0.0 => (most + a * (1.0 - m), ln_chance + m.ln()),
                a if a < 0.0 => (most - a * m, ln_chance + (-m).ln_1p()),
                _ => (most, ln_chance),
            }
        })
    }

    /// The t > 0 with K′(t) = s of side·S, from `start`: Newton's steps within what is known to
    /// hold it.
    fn saddlepoint(&self, side: f64, s: f64, start: f64) -> Option<Point> {
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, start);
        for _ in 0..STEPS {
            let at = self.at(side, t);
            match at.k1 < s {
                true => low = t,
                false => high = t,
            }
            let newton = t + (s - at.k1) / at.k2;
            let next = match newton > low && newton < high {
                true => newton,
                false if high.is_finite() => 0.5 * (low + high),
                false => 2.0 * t,
            };
            if (next - t).abs() <= STEP * t {
                return Some(self.at(side, next));
            }
            t = next;
        }
        None
    }

    /// K of side·S at t.
    fn at(&self, side: f64, t: f64) -> Point {
        let (mut k, mut k1, mut k2) = (0.0, 0.0, 0.0);
        for (a, &mean) in self.weights.iter().zip(self.means) {
            let a = side * a;
            let power = a * t;
            // Of e^{at} and e^{−at} the one that is at most 1: nothing overflows or cancels.
            let (up, low) = match power > 0.0 {
                true => (mean, 1.0 - mean),
                false => (1.0 - mean, mean),
            };
            let shrunk = (-power.abs()).exp_m1();
            // 1 − μ + μe^{at} in units of the larger of 1 and e^{at}.
            let sum = 1.0 + low * shrunk;
            k += power.max(0.0) + (low * shrunk).ln_1p() - power * mean;
            let tilted = match power > 0.0 {
                true => up / sum,
                false => low * (shrunk + 1.0) / sum,
            };
            k1 += a * (tilted - mean);
            k2 += a * a * tilted * (1.0 - tilted);
        }
        Point { t, k, k1, k2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chances of all values of Σ a (Y − μ), by enumeration.
    fn outcomes(weights: &[f64], means: &[f64]) -> Vec<(f64, f64)> {
        let mut all = vec![(0.0, 1.0)];
        for (a, m) in weights.iter().zip(means) {
            let split = |&(s, p): &(f64, f64)| [(s + a * (1.0 - m), p * m), (s - a * m, p - p * m)];
            all = all.iter().flat_map(split).collect();
        }
        all
    }

    #[test]
    fn tails_of_uneven_sums_are_near_those_of_all_outcomes() {
        let weights: Vec<f64> = (0..16)
            .map(|i| (1.0 + f64::from(i)).sqrt() * if i % 3 == 0 { -1.0 } else { 1.0 })
            .collect();
        let means: Vec<f64> = (0..16).map(|i| 0.08 + 0.05 * f64::from(i % 5)).collect();
        let of = Bernoulli::new(&weights, &means);
        let all = outcomes(&weights, &means);
        let variance: f64 = all.iter().map(|(s, p)| p * s * s).sum();
        assert!((variance - of.variance()).abs() <= 1e-12 * variance);
        for z in [0.5, 1.0, 2.0, 3.0, 4.0] {
            let s = z * variance.sqrt();
            let both: f64 = all.iter().filter(|(v, _)| v.abs() >= s).map(|o| o.1).sum();
            let found = of.ln_both(s).unwrap().exp();
            // The approximation's own error is of the order of 1/16; the normal one is wrong
            // by a factor of 5 at z = 4.
            assert!((found / both - 1.0).abs() < 0.12, "{z}: {found} {both}");
            assert_eq!(of.ln_both(-s), of.ln_both(s));
        }
    }

    #[test]
    fn a_binomial_tail_is_between_those_with_and_without_its_point() {
        let (n, mean) = (40, 0.02);
        let (weights, means) = (vec![1.0; n], vec![mean; n]);
        let of = Bernoulli::new(&weights, &means);
        let mut chance = 0.98_f64.powi(40);
        let mut above = 1.0;
        for k in 0..30 {
            above -= chance;
            if k >= 2 {
                let s = f64::from(k) - 40.0 * mean;
                let found = of.ln_upper(s).unwrap().exp();
                let exact: f64 = above + chance;
                // Differences of 1 lose digits.
                if chance > 1e-10 {
                    assert!(
                        found > above && found < exact,
                        "{k}: {above} {found} {exact}"
                    );
                }
            }
            chance *= f64::from(40 - k) / f64::from(k + 1) * mean / (1.0 - mean);
        }
    }

    #[test]
    fn far_tails_keep_their_logarithm_and_impossible_ones_have_none() {
        let (weights, means) = (vec![1.0; 2000], vec![0.1; 2000]);
        let of = Bernoulli::new(&weights, &means);
        // 1,900 of 2,000: ln of the binomial coefficient and the chances, by Stirling's series.
        let ln_factorial = |n: f64| libm::lgamma(n + 1.0);
        let choose = ln_factorial(2000.0) - ln_factorial(1900.0) - ln_factorial(100.0);
        let exact = choose + 1900.0 * 0.1_f64.ln() + 100.0 * 0.9_f64.ln();
        let found = of.ln_upper(1700.0).unwrap();
        // The approximation is the integral of a density that falls like e^−θs from there, θ the
        // difference of the log-odds of 0.95 and 0.1. The point itself is known to 1/12·100, what
        // Stirling's series leaves.
        let theta = 19_f64.ln() + 9_f64.ln();
        let expected = exact - theta.ln();
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        assert_eq!(of.ln_upper(1801.0), None);
        // All of them: the one value that has a probability in closed form.
        let all = of.ln_upper(1800.0).unwrap();
        // A sum of 2,000 terms, each addition rounded.
        let rounding = 2000.0 * f64::EPSILON * all.abs();
        assert!((all - 2000.0 * 0.1_f64.ln()).abs() <= rounding);
        assert!(all < found);
        assert_eq!(of.ln_both(-2000.0), None);
        assert_eq!(Bernoulli::new(&[0.0], &[0.5]).ln_both(1.0), None);
    }

    #[test]
    fn tails_join_at_the_mean() {
        let weights: Vec<f64> = (0..50).map(|i| 1.0 + f64::from(i % 7)).collect();
        let means = vec![0.03; 50];
        let of = Bernoulli::new(&weights, &means);
        let sd = of.variance().sqrt();
        let [below, above] = [0.999, 1.001].map(|f| of.ln_upper(f * NEAR * sd).unwrap());
        // The next term of the expansion is z/8 of the excess kurtosis, which is below 1, and the
        // slope of ln Φ̄ is 0.8.
        assert!((below - above).abs() < 0.1 * NEAR, "{below} {above}");
    }
}
