//! The null model beside a kernel by penalised quasi-likelihood (Breslow and Clayton, J. Am. Stat.
//! Assoc. 88:9, 1993): η = Xb + f, f ~ N(0, τK).
//!
//! With W = μ(1 − μ) and the working trait z = η + (y − μ)/W, the model is taken for a linear one
//! whose errors have the variance 1/W: V = W⁻¹ + τK, of dispersion 1. b and f come from it, τ from
//! a step of average information of its restricted likelihood, and W and z from the new η, until
//! nothing moves (as GMMAT: Chen et al., Am. J. Hum. Genet. 98:653, 2016). The quasi-likelihood's
//! τ is too small where cases are few; tests remain valid, since they use the same V throughout.

use epitile_core::dense::{axpy, dot};
use faer::Mat;

use super::logistic::{Data, solved};
use super::model::Model;
use crate::assoc::effect::Untested;
use crate::dense::{Factor, for_each_column, inner, transposed_product};
use crate::null::projected::times;

/// Steps after which a fit is given up.
const STEPS: usize = 100;

/// A fit ends when no log-odds moves by more: scores then move by √(N·W)/2 of this, in standard
/// deviations.
const STEP: f64 = 1e-8;

/// … and τ by no more than this share of 1 + τ: variances of scores then change by as little.
const STEP_OF_VARIANCE: f64 = 1e-6;

/// The longest step, in steps of average information.
const LONGEST: f64 = 5.0;

/// Beyond this variance of log-odds the kernel separates cases from controls.
const MOST: f64 = 1e3;

/// V⁻¹ and what X leaves of it.
struct Point {
    /// V⁻¹, if τ is not 0: W.
    inverse: Option<Mat<f64>>,
    weights: Vec<f64>,
    /// V⁻¹X.
    solved: Vec<Vec<f64>>,
    /// Cholesky factor of XᵀV⁻¹X.
    factor: Vec<f64>,
}

impl Point {
    /// V⁻¹ = W^½ (I + τW^½KW^½)⁻¹ W^½. N³ operations if τ is not 0.
    fn new(k: &Mat<f64>, x: &[Vec<f64>], weights: &[f64], tau: f64) -> Result<Self, Untested> {
        let roots: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
        let inverse = match tau > 0.0 {
            false => None,
            true => {
                let mut a = k.clone();
                for_each_column(&mut a, |j, column| {
                    for (v, root) in column.iter_mut().zip(&roots) {
                        *v *= tau * root * roots[j];
                    }
                    column[j] += 1.0;
                });
                let mut inverse = Factor::new(&a).ok_or(Untested::NotConverged)?.inverse();
                for_each_column(&mut inverse, |j, column| {
                    for (v, root) in column.iter_mut().zip(&roots) {
                        *v *= root * roots[j];
                    }
                });
                Some(inverse)
            }
        };
        let mut point = Point {
            inverse,
            weights: weights.to_vec(),
            solved: Vec::new(),
            factor: Vec::new(),
        };
        point.solved = x.iter().map(|x| point.apply(x)).collect();
        let c = x.len();
        point.factor = (0..c * c)
            .map(|at| dot(&point.solved[at / c], &x[at % c]))
            .collect();
        epitile_core::dense::cholesky(&mut point.factor, c, 0.0)
            .map_err(|_| Untested::Collinear)?;
        Ok(point)
    }

    /// V⁻¹v.
    fn apply(&self, v: &[f64]) -> Vec<f64> {
        match &self.inverse {
            Some(inverse) => transposed_product(inverse, v),
            None => times(&self.weights, v),
        }
    }

    /// b of v by generalised least squares, and Pv.
    fn project(&self, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let b = self.solved.iter().map(|x| dot(x, v)).collect();
        let b = solved(&self.factor, b);
        let mut left = self.apply(v);
        for (x, b) in self.solved.iter().zip(&b) {
            axpy(-b, x, &mut left);
        }
        (b, left)
    }

    /// tr(PK).
    fn trace(&self, k: &Mat<f64>) -> f64 {
        let whole = match &self.inverse {
            Some(inverse) => inner(inverse, k),
            None => (0..k.nrows()).map(|i| self.weights[i] * k[(i, i)]).sum(),
        };
        let own = |(j, x): (usize, &Vec<f64>)| {
            let moved = transposed_product(k, x);
            let b = self.solved.iter().map(|x| dot(x, &moved)).collect();
            solved(&self.factor, b)[j]
        };
        whole - self.solved.iter().enumerate().map(own).sum::<f64>()
    }

    /// P in place of V⁻¹; `None` where V⁻¹ is W.
    fn into_projection(self) -> Option<Mat<f64>> {
        let mut p = self.inverse?;
        let c = self.solved.len();
        // Columns of V⁻¹XL⁻ᵀ.
        let mut halves: Vec<Vec<f64>> = Vec::with_capacity(c);
        for (j, x) in self.solved.into_iter().enumerate() {
            let mut half = x;
            for (k, done) in halves.iter().enumerate() {
                axpy(-self.factor[k * c + j], done, &mut half);
            }
            half.iter_mut().for_each(|v| *v /= self.factor[j * c + j]);
            halves.push(half);
        }
        for_each_column(&mut p, |j, column| {
            for half in &halves {
                axpy(-half[j], half, column);
            }
        });
        Some(p)
    }
}

impl Model {
    /// Of columns `x` and a trait `y` of zeros and ones beside the kernel `k`, centred and of
    /// mean diagonal 1. N³ operations a step, ten to thirty steps. A variance whose
    /// likelihood is highest at 0 is 0, and the model that without a random effect.
    ///
    /// # Errors
    /// `Separated`, `NotConverged`, `Collinear`.
    pub fn beside(k: &Mat<f64>, x: Vec<Vec<f64>>, y: Vec<f64>) -> Result<Self, Untested> {
        let plain = Model::new(x, y)?;
        let (x, y) = (&plain.x, &plain.y);
        let mut eta = plain.fit.log_odds.clone();
        let (mut tau, mut random) = (0.0, vec![0.0; y.len()]);
        let mut last = (f64::NAN, f64::NAN);
        for steps in 1..=STEPS {
            let offset = Data {
                x: &[],
                y,
                offset: &eta,
            };
            let at = offset.at(Vec::new())?;
            let left = at.residual(y);
            let working = left.iter().zip(&at.weights).zip(&eta);
            let working: Vec<f64> = working.map(|((r, w), eta)| eta + r / w).collect();
            let point = Point::new(k, x, &at.weights, tau)?;
            let (effects, weights) = point.project(&working);
            let moved = transposed_product(k, &weights);
            let next: Vec<f64> = moved.iter().map(|v| tau * v).collect();
            let score = 0.5 * (dot(&moved, &weights) - point.trace(k));
            let information = 0.5 * dot(&moved, &point.project(&moved).1);
            let newton = match tau == 0.0 && score <= 0.0 {
                true => 0.0,
                false => score / information,
            };
            let mut to = next.clone();
            for (x, b) in x.iter().zip(&effects) {
                axpy(*b, x, &mut to);
            }
            let change = eta.iter().zip(&to).map(|(a, b)| (a - b).abs());
            let change = change.fold(0.0, f64::max);
            if change.is_nan() || newton.is_nan() || tau > MOST {
                break;
            }
            let settled = newton.abs() <= STEP_OF_VARIANCE * (1.0 + tau);
            if change <= STEP && settled {
                let data = Data {
                    x: &plain.x.iter().map(Vec::as_slice).collect::<Vec<_>>(),
                    y,
                    offset: &next,
                };
                let fit = data.at(effects)?;
                let mut model = Model::assemble(plain.x, plain.y, fit, next);
                model.variance = tau;
                model.steps = steps;
                model.p = point.into_projection();
                if model.p.is_none() {
                    model.random.clear();
                }
                return Ok(model);
            }
            (eta, random) = (to, next);
            // W moves with τ, so that steps of average information alone shrink slowly where cases
            // are few: the secant through the last two finds where they are 0.
            let slope = (newton - last.1) / (tau - last.0);
            let secant = match slope < -1.0 / LONGEST && slope.is_finite() {
                true => -newton / slope,
                false => newton,
            };
            let step = (tau + secant).max(0.0) - tau;
            last = (tau, newton);
            tau += if settled { 0.0 } else { step };
        }
        let certain = random.iter().any(|f| f.abs() > 15.0);
        Err(match certain || tau > MOST {
            true => Untested::Separated,
            false => Untested::NotConverged,
        })
    }
}

#[cfg(test)]
mod tests;
