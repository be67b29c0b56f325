//! The score test of a binary trait, and how improbable its statistic is.

use crate::assoc::effect::Effect;
use crate::tails::bernoulli::Bernoulli;
use crate::tails::{ln_chi2_tail, normal_beyond};

/// |z| above which the saddlepoint approximation takes the normal one's place.
const NORMAL_TO: f64 = 2.0;

/// A score and what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Score<'a> {
    /// T = x̃ᵀ(y − μ), x̃ the dosages without what X explains of them, weighted by W.
    pub score: f64,
    /// Var T = xᵀPx.
    pub variance: f64,
    /// x̃ᵀWx̃, the variance if all traits were independent given μ.
    pub independent: f64,
    /// x̃.
    pub dosages: &'a [f64],
    /// μ.
    pub means: &'a [f64],
}

impl Score<'_> {
    /// By the normal approximation: β = T/Var T, χ² = T²/Var T.
    pub fn normal(&self) -> Effect {
        let statistic = self.score * self.score / self.variance;
        Effect {
            beta: self.score / self.variance,
            se: 1.0 / self.variance.sqrt(),
            statistic,
            ln_p: ln_chi2_tail(statistic),
            fast: false,
            form: Some("score"),
        }
    }

    /// By the saddlepoint approximation if |z| > 2, as Dey et al. (Am. J. Hum. Genet. 101:37, 2017),
    /// for T as a sum of independent traits. The normal deviate of that p-value is then divided by the
    /// root of xᵀPx/x̃ᵀWx̃, the share of their variance that T has. SAIGE (Zhou et al., Nat. Genet.
    /// 50:1335, 2018) divides T itself: where a rare allele's carriers are nearly all cases that leads
    /// beyond what a sum can be, and a single carrier has a p-value of 1e-6. The standard error and χ²
    /// are those with which β has the p-value. Where the approximation has no value, the normal one
    /// stands.
    pub fn saddlepoint(&self) -> Effect {
        let normal = self.normal();
        if normal.statistic <= NORMAL_TO * NORMAL_TO {
            return normal;
        }
        let sum = Bernoulli::new(self.dosages, self.means);
        let Some(independent) = sum.ln_both(self.score) else {
            return normal;
        };
        let z = normal_beyond(independent) * (self.independent / self.variance).sqrt();
        Effect {
            se: normal.beta.abs() / z,
            statistic: z * z,
            ln_p: ln_chi2_tail(z * z),
            fast: false,
            form: Some("spa"),
            ..normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln C(n, k).
    fn ln_choose(n: usize, k: usize) -> f64 {
        let ln = |n: usize| libm::lgamma(n as f64 + 1.0);
        ln(n) - ln(k) - ln(n - k)
    }

    /// Sizes at `level` of the normal and of the saddlepoint test: `cases` of `n` individuals,
    /// `carriers` of one copy each; exact, since the number of carriers among the cases is
    /// hypergeometric.
    fn sizes(n: usize, cases: usize, carriers: usize, level: f64) -> [f64; 2] {
        let share = carriers as f64 / n as f64;
        let dosage = |i: usize| f64::from(i < carriers) - share;
        let dosages: Vec<f64> = (0..n).map(dosage).collect();
        let mean = cases as f64 / n as f64;
        let means = vec![mean; n];
        let mut sizes = [0.0; 2];
        for k in 0..=carriers.min(cases) {
            let chance = ln_choose(carriers, k) + ln_choose(n - carriers, cases - k);
            let chance = (chance - ln_choose(n, cases)).exp();
            let size: f64 = dosages.iter().map(|x| x * x).sum();
            let variance = mean * (1.0 - mean) * size;
            let of = Score {
                score: k as f64 - carriers as f64 * mean,
                variance,
                independent: variance,
                dosages: &dosages,
                means: &means,
            };
            for (size, effect) in sizes.iter_mut().zip([of.normal(), of.saddlepoint()]) {
                *size += if effect.ln_p <= level.ln() {
                    chance
                } else {
                    0.0
                };
            }
        }
        sizes
    }

    #[test]
    fn one_case_in_fifty_controls_inflates_the_normal_score_and_not_the_saddlepoint() {
        // 40 cases, 2,000 controls, and SNPs of 10 to 100 carriers: minor allele frequencies of
        // 0.25 to 2.5 %. A test on few values cannot have its nominal size at each SNP; the mean
        // over SNPs can.
        let level = 1e-4;
        let carriers: Vec<usize> = (10..=100).step_by(6).collect();
        let mut mean = [0.0; 2];
        for &m in &carriers {
            for (sum, size) in mean.iter_mut().zip(sizes(2040, 40, m, level)) {
                *sum += size / carriers.len() as f64;
            }
        }
        let [normal, saddlepoint] = mean.map(|size| size / level);
        assert!(normal > 18.0, "{normal}");
        assert!(saddlepoint < 1.5 && saddlepoint > 0.2, "{saddlepoint}");
    }

    #[test]
    fn a_single_carrier_is_no_finding() {
        // Of cases with a mean of 0.15, as random effects leave it; the others are 0.017 each.
        let n = 1000;
        let means: Vec<f64> = (0..n).map(|i| if i < 20 { 0.15 } else { 0.017 }).collect();
        let weights: Vec<f64> = means.iter().map(|m| m * (1.0 - m)).collect();
        let share = weights[0] / weights.iter().sum::<f64>();
        let dosages: Vec<f64> = (0..n).map(|i| f64::from(i == 0) - share).collect();
        let left = |i: usize| f64::from(i < 20) - means[i];
        let terms = dosages.iter().zip(&weights);
        let independent: f64 = terms.map(|(x, w)| x * x * w).sum();
        let of = Score {
            score: (0..n).map(|i| dosages[i] * left(i)).sum(),
            variance: 0.8 * independent,
            independent,
            dosages: &dosages,
            means: &means,
        };
        let effect = of.saddlepoint();
        assert!(of.normal().statistic > 4.0 && effect.form == Some("spa"));
        // The carrier is a case with a chance of 0.15.
        assert!(effect.ln_p > 0.01_f64.ln(), "{}", effect.ln_p);
    }

    #[test]
    fn p_effect_and_error_fit_each_other() {
        let n = 300;
        let dosages: Vec<f64> = (0..n).map(|i| f64::from(i < 9) - 0.03).collect();
        let means: Vec<f64> = (0..n).map(|i| 0.02 + 1e-4 * f64::from(i % 50)).collect();
        let independent: f64 = dosages
            .iter()
            .zip(&means)
            .map(|(x, m)| x * x * m * (1.0 - m))
            .sum();
        for score in [-0.05, 0.3, 2.5, 6.0] {
            let of = Score {
                score,
                variance: 0.8 * independent,
                independent,
                dosages: &dosages,
                means: &means,
            };
            let effect = of.saddlepoint();
            let z = effect.beta / effect.se;
            assert!((z * z - effect.statistic).abs() <= 1e-12 * z * z);
            assert!((ln_chi2_tail(z * z) - effect.ln_p).abs() <= 1e-10 * effect.ln_p.abs());
            assert_eq!(effect.beta, score / (0.8 * independent));
            let far = of.normal().statistic > 4.0;
            assert_eq!(effect.form, Some(if far { "spa" } else { "score" }));
        }
    }
}
