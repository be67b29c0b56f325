//! The τ at which the restricted likelihood has no slope: a root, between τ where it rises and τ
//! where it falls.
//!
//! Steps of average information alone shrink slowly where cases are few, since W moves with τ; the
//! secant through the last two τ foresees that. A step out of what is known to hold the root is
//! replaced by half of it.

use super::{MOST, Near};
use crate::assoc::effect::Untested;

/// A search ends where the step from a τ is no longer than this share of 1 + τ: variances of
/// scores would change by as little.
pub(super) const STEP: f64 = 1e-6;

/// The longest step, in steps of average information, until some τ is known to be too large.
const LONGEST: f64 = 5.0;

/// Steps after which secants are given up for halves, and after which all is.
const STEPS: (usize, usize) = (20, 60);

/// A search in progress.
pub(super) struct Search {
    /// The likelihood rises here.
    low: f64,
    /// It falls here.
    high: f64,
    /// The last τ.
    at: f64,
    /// The step of average information from there.
    step: f64,
    /// How that step changes with τ.
    slope: f64,
    near: Option<Near>,
    steps: usize,
}

impl Search {
    /// From the step at 0, or near the end of another search.
    pub(super) fn new(step: f64, near: Option<Near>) -> Self {
        Search {
            low: 0.0,
            high: f64::INFINITY,
            at: 0.0,
            step,
            slope: -1.0,
            near,
            steps: 0,
        }
    }

    /// The next τ to look at; `None` if the likelihood falls from 0 on.
    ///
    /// # Errors
    /// `Separated` if it rises without end, `NotConverged`.
    pub(super) fn ahead(&self) -> Result<Option<f64>, Untested> {
        if self.steps == 0 && self.step <= 0.0 {
            return Ok(None);
        }
        if self.low >= MOST {
            return Err(Untested::Separated);
        }
        if self.steps >= STEPS.1 {
            return Err(Untested::NotConverged);
        }
        let slope = match self.high.is_finite() {
            true => self.slope,
            false => self.slope.min(-1.0 / LONGEST),
        };
        let to = match (self.steps, self.near) {
            (0, Some(near)) => near.variance,
            _ => self.at - self.step / slope,
        };
        let inside = to > self.low && to < self.high && self.steps < STEPS.0;
        let to = match (inside, self.high.is_finite()) {
            (true, _) => to,
            (false, true) => 0.5 * (self.low + self.high),
            (false, false) => 1.0 + 2.0 * self.low,
        };
        Ok(Some(to.min(MOST)))
    }

    /// Takes the step of average information from the τ ahead; whether the search ends there.
    pub(super) fn took(&mut self, at: f64, step: f64) -> bool {
        let slope = match (self.steps, self.near) {
            (0, Some(near)) => near.slope,
            _ => (step - self.step) / (at - self.at),
        };
        if slope.is_finite() {
            self.slope = slope;
        }
        match step > 0.0 {
            true => self.low = at,
            false => self.high = at,
        }
        (self.at, self.step) = (at, step);
        self.steps += 1;
        let end = STEP * (1.0 + at);
        (self.slope < 0.0 && step.abs() <= -self.slope * end) || self.high - self.low <= end
    }

    /// How many τ were looked at, beside 0.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// How the step changes with τ at the end.
    pub(super) fn slope(&self) -> f64 {
        self.slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a search for the root of `of`, and its steps.
    fn search(of: impl Fn(f64) -> f64, near: Option<Near>) -> Result<(f64, usize), Untested> {
        let mut search = Search::new(of(0.0), near);
        while let Some(tau) = search.ahead()? {
            if search.took(tau, of(tau)) {
                return Ok((tau, search.steps()));
            }
        }
        Ok((0.0, search.steps()))
    }

    #[test]
    fn a_search_finds_the_root_from_anywhere() {
        let of = |tau: f64| (3.0 - tau) / (2.0 + tau);
        for near in [None, Some(0.1), Some(2.9), Some(3.0), Some(200.0)] {
            let near = near.map(|variance| Near {
                variance,
                slope: -0.2,
            });
            let (tau, steps) = search(of, near).unwrap();
            assert!((tau - 3.0).abs() <= 4.0 * STEP, "{near:?} {tau}");
            assert!(steps <= 12, "{near:?} {steps}");
        }
    }

    #[test]
    fn steps_that_swing_are_halved() {
        // Steps of average information would jump from side to side for ever.
        let of = |tau: f64| 8.0 * (1.0 - tau).signum() * (1.0 - tau).abs().sqrt();
        let (tau, _) = search(of, None).unwrap();
        assert!((tau - 1.0).abs() <= 2.0 * STEP, "{tau}");
    }

    #[test]
    fn a_likelihood_without_a_maximum_says_which_way_it_goes() {
        assert_eq!(search(|tau| -1.0 - tau, None), Ok((0.0, 0)));
        assert_eq!(search(|tau| 1.0 + tau, None), Err(Untested::Separated));
    }
}
