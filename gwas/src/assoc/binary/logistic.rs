//! Logistic regression by Newton's method: P(y = 1) = 1/(1 + e^−η), η = o + Xb.

use epitile_core::dense::{axpy, cholesky, dot, solve_lower, solve_lower_transposed};

use crate::assoc::effect::{COLLINEAR, Untested};
use crate::null::projected::times;

/// Steps after which a fit is given up. Where cases and controls are separated, each step moves
/// the log-odds of those concerned by about 1, without end.
const STEPS: usize = 30;

/// A fit ends with a step of this many standard errors: the next would be of the square of it.
const STEP: f64 = 1e-8;

/// Log-odds beyond which a fit that does not end is called separated.
const CERTAIN: f64 = 15.0;

/// What regressions are made of: n individuals, c columns of X.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Columns of X.
    pub x: &'a [&'a [f64]],
    /// 1 for cases, 0 for controls.
    pub y: &'a [f64],
    /// o, known parts of the log-odds; none if empty.
    pub offset: &'a [f64],
}

/// A model at some b.
#[derive(Clone, Debug)]
pub struct Fit {
    /// b.
    pub effects: Vec<f64>,
    /// η.
    pub log_odds: Vec<f64>,
    /// μ = P(y = 1).
    pub means: Vec<f64>,
    /// W = μ(1 − μ).
    pub weights: Vec<f64>,
    /// Cholesky factor of XᵀWX, column by column.
    pub factor: Vec<f64>,
    /// ln L.
    pub log_likelihood: f64,
}

impl Data<'_> {
    /// The model at `effects`. c²·n operations.
    ///
    /// # Errors
    /// `Collinear` if a column of X depends on the others.
    pub fn at(&self, effects: Vec<f64>) -> Result<Fit, Untested> {
        let n = self.y.len();
        let mut log_odds = match self.offset.is_empty() {
            true => vec![0.0; n],
            false => self.offset.to_vec(),
        };
        for (x, b) in self.x.iter().zip(&effects) {
            axpy(*b, x, &mut log_odds);
        }
        let mut fit = Fit {
            effects,
            means: Vec::with_capacity(n),
            weights: Vec::with_capacity(n),
            factor: Vec::new(),
            log_likelihood: 0.0,
            log_odds,
        };
        for (&eta, y) in fit.log_odds.iter().zip(self.y) {
            let e = (-eta.abs()).exp();
            let rarer = e / (1.0 + e);
            fit.means.push(if eta < 0.0 { rarer } else { 1.0 - rarer });
            fit.weights.push(rarer / (1.0 + e));
            fit.log_likelihood += y * eta - eta.max(0.0) - e.ln_1p();
        }
        fit.factor = factor(self.x, &fit.weights)?;
        Ok(fit)
    }

    /// The maximum of ln L, from `start`.
    ///
    /// # Errors
    /// `Separated` if some probabilities go to 0 or 1 without end, `NotConverged` if there is no
    /// end for another reason, `Collinear`.
    pub fn fit(&self, start: Vec<f64>) -> Result<Fit, Untested> {
        let mut fit = self.at(start)?;
        for _ in 0..STEPS {
            let left = fit.residual(self.y);
            let score: Vec<f64> = self.x.iter().map(|x| dot(x, &left)).collect();
            let step = solved(&fit.factor, score.clone());
            let size = dot(&step, &score).sqrt();
            let Some(next) = self.climb(&fit, &step) else {
                break;
            };
            fit = next;
            if size <= STEP {
                return Ok(fit);
            }
        }
        let certain = fit.log_odds.iter().any(|eta| eta.abs() > CERTAIN);
        Err(match certain {
            true => Untested::Separated,
            false => Untested::NotConverged,
        })
    }

    /// Along `step` as far as ln L does not fall by more than rounding: all the way, or a half, a
    /// quarter, … `None` too where W vanishes.
    fn climb(&self, from: &Fit, step: &[f64]) -> Option<Fit> {
        let mut share = 1.0;
        for _ in 0..12 {
            let to = from.effects.iter().zip(step);
            let next = self.at(to.map(|(b, s)| b + share * s).collect()).ok();
            let rounding = f64::EPSILON * self.y.len() as f64;
            let floor = from.log_likelihood - rounding * from.log_likelihood.abs();
            if let Some(next) = next
                && next.log_likelihood >= floor
            {
                return Some(next);
            }
            share *= 0.5;
        }
        None
    }
}

impl Fit {
    /// y − μ.
    pub fn residual(&self, y: &[f64]) -> Vec<f64> {
        y.iter().zip(&self.means).map(|(y, m)| y - m).collect()
    }

    /// Standard error of the last effect.
    pub fn last_error(&self) -> f64 {
        let c = self.effects.len();
        1.0 / self.factor[c * c - 1]
    }
}

/// Cholesky factor of XᵀWX.
///
/// # Errors
/// `Collinear` if a column depends on those before it, up to rounding.
pub fn factor(x: &[&[f64]], weights: &[f64]) -> Result<Vec<f64>, Untested> {
    let c = x.len();
    let mut a = vec![0.0; c * c];
    for (j, column) in x.iter().enumerate() {
        let weighted = times(weights, column);
        for i in j..c {
            a[j * c + i] = dot(&weighted, x[i]);
        }
    }
    let sizes: Vec<f64> = (0..c).map(|k| a[k * c + k]).collect();
    cholesky(&mut a, c, 0.0).map_err(|_| Untested::Collinear)?;
    let lost = |k: usize| a[k * c + k].powi(2) <= COLLINEAR * sizes[k];
    match (0..c).any(lost) {
        true => Err(Untested::Collinear),
        false => Ok(a),
    }
}

/// (LLᵀ)⁻¹ b.
pub fn solved(factor: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let c = b.len();
    solve_lower(factor, c, &mut b);
    solve_lower_transposed(factor, c, &mut b);
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding of sums of n terms of size 1, and of what Newton's last step leaves.
    const TINY: f64 = 1e-13;

    /// Three times 0 of 4, then 1 of 4 exposed …: two groups, whose log-odds are known.
    fn groups(cases: [usize; 2], controls: [usize; 2]) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for g in 0..2 {
            for (status, count) in [(1.0, cases[g]), (0.0, controls[g])] {
                x.extend(vec![g as f64; count]);
                y.extend(vec![status; count]);
            }
        }
        (x, y)
    }

    #[test]
    fn two_groups_have_the_log_odds_ratio_of_their_table() {
        let (x, y) = groups([5, 12], [20, 8]);
        let one = vec![1.0; y.len()];
        let data = Data {
            x: &[&one, &x],
            y: &y,
            offset: &[],
        };
        let fit = data.fit(vec![0.0; 2]).unwrap();
        assert!((fit.effects[0] - 0.25_f64.ln()).abs() < TINY);
        assert!((fit.effects[1] - 6_f64.ln()).abs() < TINY);
        // Woolf's standard error: the sum of the reciprocals of the four cells.
        let woolf: f64 = [5.0_f64, 12.0, 20.0, 8.0].iter().map(|v| 1.0 / v).sum();
        assert!((fit.last_error() - woolf.sqrt()).abs() < TINY);
        let likelihood = 5.0 * 0.2_f64.ln() + 20.0 * 0.8_f64.ln();
        let likelihood = likelihood + 12.0 * 0.6_f64.ln() + 8.0 * 0.4_f64.ln();
        assert!((fit.log_likelihood - likelihood).abs() < TINY * 100.0);
    }

    #[test]
    fn an_offset_is_taken_out_of_the_intercept() {
        let (_, y) = groups([3, 6], [10, 8]);
        let one = vec![1.0; y.len()];
        let data = Data {
            x: &[&one],
            y: &y,
            offset: &vec![0.7; y.len()],
        };
        let fit = data.fit(vec![0.0]).unwrap();
        assert!((fit.effects[0] - (0.5_f64.ln() - 0.7)).abs() < TINY);
    }

    #[test]
    fn fits_without_an_end_say_why() {
        let one = vec![1.0; 20];
        for cases in [[0, 6], [6, 0], [0, 10]] {
            let (x, y) = groups(cases, cases.map(|c| 10 - c));
            let data = Data {
                x: &[&one, &x],
                y: &y,
                offset: &[],
            };
            assert_eq!(data.fit(vec![0.0; 2]).unwrap_err(), Untested::Separated);
        }
        let (x, y) = groups([3, 6], [7, 4]);
        let other: Vec<f64> = x.iter().map(|x| 2.0 - 3.0 * x).collect();
        let data = Data {
            x: &[&one, &x, &other],
            y: &y,
            offset: &[],
        };
        assert_eq!(data.fit(vec![0.0; 3]).unwrap_err(), Untested::Collinear);
    }
}
