//! The null model beside a kernel by penalised quasi-likelihood (Breslow and Clayton, J. Am. Stat.
//! Assoc. 88:9, 1993): η = Xb + f, f ~ N(0, τK).
//!
//! At a τ, b and f are where the penalised likelihood ln L − fᵀ(τK)⁻¹f/2 is highest. With
//! W = μ(1 − μ) and the working trait z = η + (y − μ)/W of that place, the model is taken for a
//! linear one whose errors have the variance 1/W: V = W⁻¹ + τK, of dispersion 1. τ is where the
//! restricted likelihood of z has no slope (as GMMAT: Chen et al., Am. J. Hum. Genet. 98:653,
//! 2016). The quasi-likelihood's τ is too small where cases are few; tests remain valid, since
//! they use the same V throughout.
//!
//! A model is a function of K, X, y and τ alone, bit by bit: how its τ was found, and from where,
//! changes no other number. So a search may begin anywhere, and jobs share τ.
//!
//! | module | question it answers |
//! |---|---|
//! | [`penalised`] | which b and f belong to a τ? N² a step |
//! | [`point`] | V⁻¹ and P there; the slope in τ. N³ |
//! | [`search`] | at which τ is the slope 0? |

mod penalised;
mod point;
mod search;

use epitile_core::dense::dot;
use faer::Mat;

use super::logistic::Data;
use super::model::Model;
use crate::assoc::effect::Untested;
use crate::dense::transposed_product;
use penalised::Penalised;
use point::Point;
use search::Search;

/// Beyond this variance of log-odds the kernel separates cases from controls.
pub(in crate::assoc) const MOST: f64 = 1e3;

/// Where the search of a τ may begin: the end of that beside a kernel much alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Its τ.
    variance: f64,
    /// How the step towards it changes with τ there.
    slope: f64,
}

/// The model at a τ, before it is one.
struct At {
    of: Penalised,
    point: Point,
    /// The step of average information from here.
    step: f64,
}

impl At {
    fn new(k: &Mat<f64>, plain: &Model, tau: f64) -> Result<Self, Untested> {
        let of = Penalised::new(k, plain, tau)?;
        let point = Point::new(k, &plain.x, &of.fit.weights, tau)?;
        // K a, of which f is τ times. Pz = a.
        let left = of.fit.residual(&plain.y);
        let moved = transposed_product(k, &left);
        let score = 0.5 * (dot(&moved, &left) - point.trace(k));
        let information = 0.5 * dot(&moved, &point.project(&moved));
        let step = score / information;
        match step.is_finite() {
            true => Ok(At { of, point, step }),
            false => Err(Untested::NotConverged),
        }
    }

    fn into_model(self, plain: Model, tau: f64) -> Result<Model, Untested> {
        let columns: Vec<&[f64]> = plain.x.iter().map(Vec::as_slice).collect();
        let data = Data {
            x: &columns,
            y: &plain.y,
            offset: &self.of.random,
        };
        let fit = data.at(self.of.fit.effects)?;
        let mut model = Model::assemble(plain.x, plain.y, fit, self.of.random);
        model.variance = tau;
        model.p = self.point.into_projection();
        Ok(model)
    }
}

impl Model {
    /// Of columns `x` and a trait `y` of zeros and ones beside the kernel `k`, centred and of
    /// mean diagonal 1. N³ operations a step and some hundred passes over K; four to six steps, from
    /// `near` three or four. A variance whose likelihood falls from 0 on is 0, and the model that
    /// without a random effect.
    ///
    /// # Errors
    /// `Separated`, `NotConverged`, `Collinear`.
    pub fn beside(
        k: &Mat<f64>,
        x: Vec<Vec<f64>>,
        y: Vec<f64>,
        near: Option<Near>,
    ) -> Result<Self, Untested> {
        let plain = Model::new(x, y)?;
        let mut search = Search::new(At::new(k, &plain, 0.0)?.step, near);
        while let Some(tau) = search.ahead()? {
            let at = At::new(k, &plain, tau)?;
            if search.took(tau, at.step) {
                let mut model = at.into_model(plain, tau)?;
                (model.steps, model.slope) = (search.steps(), search.slope());
                return Ok(model);
            }
        }
        Ok(plain)
    }

    /// The same at a τ that is known: one step.
    ///
    /// # Errors
    /// As [`beside`](Self::beside).
    pub fn beside_at(
        k: &Mat<f64>,
        x: Vec<Vec<f64>>,
        y: Vec<f64>,
        tau: f64,
    ) -> Result<Self, Untested> {
        let plain = Model::new(x, y)?;
        match tau > 0.0 {
            true => At::new(k, &plain, tau)?.into_model(plain, tau),
            false => Ok(plain),
        }
    }

    /// Where the search beside another kernel may begin; without a random effect, anywhere.
    pub fn near(&self) -> Option<Near> {
        (self.variance > 0.0).then_some(Near {
            variance: self.variance,
            slope: self.slope,
        })
    }
}

#[cfg(test)]
mod tests;
