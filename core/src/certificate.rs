//! The certificate: how good a solution is, whatever produced it.

use alloc::vec::Vec;
use core::fmt;

/// Unit roundoff of FP64, 2⁻⁵³.
pub const UNIT: f64 = f64::EPSILON / 2.0;

/// Backward error at which refinement stops by default.
pub const TOLERANCE: f64 = 4.0 * UNIT;

/// Why the refinement of a column ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The backward error is at or under the tolerance.
    Tolerance,
    /// It no longer halves, and is under the HPL-MxP bound 16·N·2⁻⁵³.
    Stagnation,
    /// The iterations allowed did not suffice.
    Limit,
    /// Refinement was switched off.
    Unrefined,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stop::Tolerance => "tolerance",
            Stop::Stagnation => "stagnation",
            Stop::Limit => "iteration limit",
            Stop::Unrefined => "not refined",
        })
    }
}

/// Evidence for one solution α of (K + λI) α = b, with r = b − (K + λI) α computed in FP64 from
/// the exact pair statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    /// Normwise backward error η = ‖r‖_∞ / (‖A‖_∞‖α‖_∞ + ‖b‖_∞) of the factor's own solution.
    pub before: f64,
    /// η of the solution returned.
    pub after: f64,
    /// Conjugate gradient steps.
    pub iterations: u32,
    /// Passes over the kernel.
    pub passes: u32,
    /// Why it ended.
    pub stop: Stop,
    /// N.
    pub order: usize,
    /// ‖r‖₂.
    pub residual: f64,
    /// ‖r‖₂/λ ≥ ‖Δα‖₂, since K is positive semidefinite.
    pub weight_bound: f64,
    /// ‖r‖₂/√λ: times √k(x*,x*) it bounds the error of the prediction at x* (fixed effects given).
    pub prediction_bound: f64,
    /// Step of the fallback ladder whose factor was used (0: the plan as made).
    pub level: u32,
}

impl Certificate {
    /// η / (N·2⁻⁵³): HPL-MxP accepts 16.
    pub fn scaled(&self) -> f64 {
        self.after / (self.order as f64 * UNIT)
    }

    /// Whether the solution is as good as FP64 allows: within tolerance or stagnated below the
    /// HPL-MxP bound.
    pub fn is_certified(&self) -> bool {
        matches!(self.stop, Stop::Tolerance | Stop::Stagnation)
    }
}

/// A solution with its certificate.
pub type Solved = (Vec<f64>, Certificate);
