//! What a user may choose, and what depends on the kernel but not on λ.

use crate::backend::Backend;
use crate::certificate::TOLERANCE;
use crate::deflate::Deflation;
use crate::engine::Engine;
use crate::policy::Policy;
use crate::precision::Precision;
use crate::sym::SymTiles;
use crate::system::System;

/// Largest rank of the deflation for plans with 16- and 8-bit tiles when none is given: as many
/// columns as are multiplied together. On mice, wheat, rice and simulated cohorts twice as many
/// give the same plans and at most one iteration less.
pub const DEFAULT_RANK: usize = 8;

/// Among those, columns are kept up to the last that stands out of the rest by this factor: the
/// pivots of unrelated individuals after the first, the mean's, are all of a size, and one column
/// gives the plan and the iterations of eight.
const OUTSTANDING: f64 = 2.0;

/// What a user may choose about the solution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolveOptions {
    /// Precisions of the factor.
    pub policy: Policy,
    /// Rank of the deflation; `None` for the rule: at most [`DEFAULT_RANK`] where the policy may
    /// plan 16 or 8 bits, else 0.
    pub rank: Option<usize>,
    /// Backward error at which refinement stops.
    pub tolerance: f64,
    /// Whether to refine at all.
    pub refine: bool,
}

impl Default for SolveOptions {
    fn default() -> Self {
        SolveOptions {
            policy: Policy::Uniform(Precision::F64),
            rank: None,
            tolerance: TOLERANCE,
            refine: true,
        }
    }
}

/// What depends on the kernel and the individuals, but not on λ.
pub struct Prepared<T> {
    pub(super) deflation: Option<Deflation<T>>,
    pub(super) norms: Option<SymTiles<f64>>,
    /// ‖K‖_∞.
    pub(super) norm: f64,
}

impl<T> Prepared<T> {
    /// Rank of the deflation.
    pub fn rank(&self) -> usize {
        self.deflation.as_ref().map_or(0, |d| d.columns.len())
    }

    /// ‖R_ij‖_F of the deflated kernel's tiles, where the policy asked for them.
    pub fn norms(&self) -> Option<&SymTiles<f64>> {
        self.norms.as_ref()
    }
}

impl<B: Backend, E: Engine> System<'_, B, E> {
    /// Computes what does not depend on λ: the deflation, the tile norms, ‖K‖_∞.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn prepare(&self, options: &SolveOptions) -> Result<Prepared<B::Tile>, B::Error> {
        let deflation = match options.rank {
            Some(0) => None,
            Some(rank) => self.deflate(rank, 0.0)?,
            None if options.policy.is_low() => self.deflate(DEFAULT_RANK, OUTSTANDING)?,
            None => None,
        };
        let wanted = options.policy.needs_norms();
        let (norm, norms) = self.norms(deflation.as_ref().filter(|_| wanted))?;
        Ok(Prepared {
            deflation,
            norms: wanted.then_some(norms),
            norm,
        })
    }
}
