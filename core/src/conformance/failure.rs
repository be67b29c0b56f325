//! What a failed check says.

use alloc::string::{String, ToString};
use core::fmt;

use crate::backend::{Backend, BackendError, ErrorKind};
use crate::tile::{Tile, TileRef};

/// A broken promise, with what is needed to reproduce it by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Operation, shapes, formats and constants of the case.
    pub what: String,
    /// How it failed.
    pub how: How,
}

/// How a promise was broken.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// A number is further from the truth than its bound allows.
    Bound {
        /// Row and column.
        entry: (usize, usize),
        /// What the backend computed.
        got: f64,
        /// The truth, rounded to f64.
        expected: f64,
        /// Distance from the truth before that rounding.
        error: f64,
        /// Largest distance allowed.
        bound: f64,
    },
    /// A number is not the one it must be, bit for bit.
    Bits {
        /// Row and column.
        entry: (usize, usize),
        /// What the backend gave.
        got: String,
        /// What it had to give.
        expected: String,
    },
    /// An operation reported an error that it must not report.
    Error {
        /// Kind of the error.
        kind: ErrorKind,
        /// Text of the error.
        text: String,
    },
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match &self.how {
            How::Bound {
                entry: (r, c),
                got,
                expected,
                error,
                bound,
            } => write!(
                f,
                "entry ({r}, {c}) is {got:e}, expected {expected:e}, \
                 error {error:.3e} past the bound {bound:.3e}"
            ),
            How::Bits {
                entry: (r, c),
                got,
                expected,
            } => write!(f, "entry ({r}, {c}) is {got}, expected {expected}"),
            How::Error { kind, text } => write!(f, "{kind:?}: {text}"),
            How::Other(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for Failure {}

impl Failure {
    /// A failure told in words.
    pub fn other(what: &str, text: impl Into<String>) -> Self {
        Failure {
            what: what.into(),
            how: How::Other(text.into()),
        }
    }

    /// A failure by an error of a backend.
    pub fn error(what: &str, error: &impl BackendError) -> Self {
        Failure {
            what: what.into(),
            how: How::Error {
                kind: error.kind(),
                text: error.to_string(),
            },
        }
    }
}

/// The value of an operation that has no reason to fail.
///
/// # Errors
/// The operation's error, as a failure of the case `what`.
pub fn succeed<T, E: BackendError>(what: &str, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|e| Failure::error(what, &e))
}

/// Uploads a tile.
///
/// # Errors
/// That of [`Backend::upload`].
pub fn put<B: Backend>(backend: &B, what: &str, tile: TileRef<'_>) -> Result<B::Tile, Failure> {
    succeed(what, backend.upload(tile))
}

/// Waits for a tile and downloads it.
///
/// # Errors
/// That of [`Backend::synchronize`] or [`Backend::download`].
pub fn get<B: Backend>(backend: &B, what: &str, tile: &B::Tile) -> Result<Tile, Failure> {
    succeed(what, backend.synchronize())?;
    succeed(what, backend.download(tile))
}
