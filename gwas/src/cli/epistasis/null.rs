//! Kernels of null models.

use epitile::error::{Error, Result};
use epitile_core::kernel::Kernel;

use crate::cli::args::kernels;

/// So many kernels beside the additive one are too many for `--marginal`.
const TOO_MANY: usize = 4;

/// The kernels given, or else one.
pub(super) fn kernels_or(given: &[String], default: Kernel) -> Result<Vec<Kernel>> {
    match given {
        [] => Ok(vec![default]),
        given => kernels(given),
    }
}

/// Kernels of the null of `--marginal` beside the additive one.
pub(super) fn further(given: &[String]) -> Result<Vec<Kernel>> {
    let mut null = kernels_or(given, Kernel::Standardised)?;
    let before = null.len();
    null.retain(|k| *k != Kernel::Standardised);
    match null.len() {
        len if len == before => Err(Error::usage(format!(
            "--null {}: found no linear:std, expected it among the kernels: the null model of \
             --marginal always has it",
            given.join(",")
        ))),
        TOO_MANY.. => Err(Error::usage(format!(
            "--null {}: found {} kernels beside linear:std, expected fewer than {TOO_MANY}: moments \
             do not tell so many variances apart",
            given.join(","),
            null.len()
        ))),
        _ => Ok(null),
    }
}
