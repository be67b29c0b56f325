//! Quadratic forms of normal variables, Q = Σ_j λ_j χ²₁, λ of both signs.
//!
//! With X ~ N(0, I) and A symmetric, XᵀAX is such a Q, its λ the eigenvalues of A.

use super::davies;
use super::saddlepoint;

/// Below this probability [`Form::tail`] is the saddlepoint approximation: the absolute error of
/// Davies' method, 10⁻¹², is no longer small against it.
pub const DAVIES_FROM: f64 = 1e-10;

/// Absolute error asked of Davies' method.
const ACCURACY: f64 = 1e-12;

/// How a tail probability was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Numerical inversion of the characteristic function, with a bound on its error.
    Davies,
    /// Saddlepoint approximation, in log space.
    Saddlepoint,
}

impl Method {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Davies => "davies",
            Method::Saddlepoint => "saddlepoint",
        }
    }
}

/// P(Q > q).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// ln P(Q > q).
    pub ln_p: f64,
    /// How it was found.
    pub method: Method,
}

/// The weights λ of a form, and how large they are together.
#[derive(Clone, Debug)]
pub struct Form {
    weights: Vec<f64>,
}

impl Form {
    /// With these λ; zeros do not matter.
    ///
    /// # Panics
    /// If one is not finite.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Form {
        let weights: Vec<f64> = weights.into_iter().filter(|w| *w != 0.0).collect();
        assert!(weights.iter().all(|w| w.is_finite()), "weights of a form");
        Form { weights }
    }

    /// λ other than 0.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Largest |λ|; 0 for the form that is always 0.
    pub fn largest(&self) -> f64 {
        self.weights.iter().fold(0.0, |m, w| w.abs().max(m))
    }

    /// E Q = Σλ.
    pub fn mean(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Var Q = 2Σλ².
    pub fn variance(&self) -> f64 {
        self.weights.iter().map(|w| 2.0 * w * w).sum()
    }

    /// −Q.
    pub fn mirrored(&self) -> Form {
        Form {
            weights: self.weights.iter().map(|w| -w).collect(),
        }
    }

    /// P(Q > q): Davies' method to 10⁻¹² where that is small against it, the saddlepoint
    /// approximation below [`DAVIES_FROM`] and where a form of few weights has too slow an
    /// integral. −∞ where Q cannot be.
    pub fn tail(&self, q: f64) -> Tail {
        let found = davies::upper(self, q, ACCURACY).filter(|d| d.p >= DAVIES_FROM);
        match found {
            Some(davies) => Tail {
                ln_p: davies.p.min(1.0).ln(),
                method: Method::Davies,
            },
            None => Tail {
                ln_p: saddlepoint::ln_upper(self, q),
                method: Method::Saddlepoint,
            },
        }
    }
}

/// The cumulant generating function K(t) = −½ Σ ln(1 − 2λt) of a form at t = s/2λ₁ ≥ 0, λ₁ the
/// largest |λ| of those that are positive, or of all if none is. 0 < d ≤ 1 stands for s = 1 − d
/// if t ends at 1/2λ₁, so that 1 − 2λt is (1 − λ/λ₁) + (λ/λ₁)d and nothing cancels, and for
/// s = (1 − d)/d if it never ends.
#[derive(Clone, Debug)]
pub(super) struct Cumulants {
    /// λ/λ₁.
    ratios: Vec<f64>,
    /// λ₁.
    unit: f64,
    /// Whether t ends.
    ends: bool,
}

/// K and its derivatives at one t.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) t: f64,
    pub(super) k: f64,
    pub(super) k1: f64,
    pub(super) k2: f64,
}

impl Cumulants {
    /// Of a form with at least one weight.
    pub(super) fn new(form: &Form) -> Cumulants {
        let positive = form.weights.iter().copied().fold(0.0, f64::max);
        let ends = positive > 0.0;
        let unit = if ends { positive } else { form.largest() };
        Cumulants {
            ratios: form.weights.iter().map(|w| w / unit).collect(),
            unit,
            ends,
        }
    }

    pub(super) fn at(&self, d: f64) -> Point {
        let s = if self.ends { 1.0 - d } else { (1.0 - d) / d };
        let (mut k, mut k1, mut k2) = (0.0, 0.0, 0.0);
        for r in &self.ratios {
            let left = match self.ends {
                true => (1.0 - r) + r * d,
                false => 1.0 - r * s,
            };
            k -= 0.5 * left.ln();
            k1 += r / left;
            k2 += 2.0 * (r / left) * (r / left);
        }
        Point {
            t: s / (2.0 * self.unit),
            k,
            k1: self.unit * k1,
            k2: self.unit * self.unit * k2,
        }
    }

    /// The point at which `below` changes from true (small t) to false: ln d is halved until it
    /// is one number.
    pub(super) fn search(&self, below: impl Fn(&Point) -> bool) -> Point {
        // d of 1e-300 is a q of 1e300 λ₁.
        let (mut near, mut far) = (-690.0, 0.0);
        for _ in 0..64 {
            let middle = 0.5 * (near + far);
            match below(&self.at(f64::exp(middle))) {
                true => far = middle,
                false => near = middle,
            }
        }
        self.at(f64::exp(0.5 * (near + far)))
    }
}

#[cfg(test)]
mod tests;
