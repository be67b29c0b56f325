//! Steps of the fallback ladder, how they went, and why there may be no solution.

use core::fmt;

use crate::backend::BackendError;

/// A step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// The plan of the policy.
    Plan,
    /// The same with `value` added to the diagonal of the matrix that is factored.
    Shift {
        /// What is added.
        value: f64,
    },
    /// Every tile so many formats wider.
    Promote {
        /// Formats.
        formats: u32,
    },
    /// FP64 throughout, nothing deflated.
    Double,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Plan => f.write_str("plan"),
            Step::Shift { value } => write!(f, "diagonal + {value:.3e}"),
            Step::Promote { formats } => write!(f, "all tiles {formats} formats wider"),
            Step::Double => f.write_str("f64"),
        }
    }
}

/// How a step of the ladder went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Factored; tiles and bytes by precision in the order of
    /// [`Precision::ALL`](crate::precision::Precision::ALL).
    Factored {
        /// Number of tiles.
        tiles: [usize; 8],
        /// Bytes of these tiles.
        bytes: [usize; 8],
    },
    /// A pivot was not positive.
    Breakdown {
        /// Diagonal tile.
        tile: usize,
        /// Row within it.
        pivot: usize,
    },
}

/// Why no certified solution exists.
#[derive(Clone, Debug, PartialEq)]
pub enum SolveError<E> {
    /// Even the FP64 factorisation of K + λI broke down: K is not positive semidefinite to FP64
    /// accuracy, or λ is too small.
    NotPositiveDefinite {
        /// Diagonal tile.
        tile: usize,
        /// Row within the tile.
        pivot: usize,
    },
    /// Even from the FP64 factor, refinement did not reach the HPL-MxP bound: the system is too
    /// ill-conditioned. η reached.
    NotConverged {
        /// Backward error of the best solution.
        backward_error: f64,
    },
    /// The backend failed.
    Backend(E),
}

impl<E: fmt::Display> fmt::Display for SolveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SolveError::NotPositiveDefinite { tile, pivot } => write!(
                f,
                "K + λI is not positive definite even in FP64 (diagonal tile {tile}, row \
                 {pivot}); choose a larger λ"
            ),
            SolveError::NotConverged { backward_error } => write!(
                f,
                "refinement ends at a backward error of {backward_error:.3e}, even from an FP64 \
                 factor; choose a larger λ"
            ),
            SolveError::Backend(e) => e.fmt(f),
        }
    }
}

impl<E: BackendError> core::error::Error for SolveError<E> {}
