//! What missing calls add to pair statistics: integers by SNP and dosage of the other individual, summed
//! over the SNPs that one of the two has no call of, by products of their digits with indicators of
//! missing calls. 2·10·M operations a pair.

use std::sync::Arc;

use epitile_core::genotypes::Genotypes;

use crate::digits::{Digits, Side};
use crate::error::CudaError;
use crate::sys::{Calls, Device};

/// Digits are at most 127, and five of them hold 2³⁸: corrections of distances are at most 4·2³², those
/// of products less than 2³⁷ (weights are below 2³³).
const RADIX: i64 = 255;

/// Where neither individual has a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Neither {
    /// Nothing is added.
    Nothing,
    /// What is added for dosage 0, once.
    Zero,
}

/// Of the pairs of two sets of individuals, whose SNPs lie as those of `genotypes`, by SNP and dosage;
/// `None` if no calls are missing.
///
/// # Errors
/// If the device has no room.
pub(crate) fn corrections(
    device: &Arc<Device>,
    genotypes: &Genotypes,
    by_snp: &[[i64; 3]],
    [rows, cols]: [&Calls; 2],
    neither: Neither,
) -> Result<Option<Digits>, CudaError> {
    let mut products = Vec::new();
    if rows.has_missing() {
        products.push(match neither {
            Neither::Nothing => [Side::Missing, Side::Chosen],
            Neither::Zero => [Side::Missing, Side::Assumed],
        });
    }
    if cols.has_missing() {
        products.push([Side::Chosen, Side::Missing]);
    }
    if products.is_empty() {
        return Ok(None);
    }
    let tables = [0, 1, 2].map(|x| by_snp.iter().map(|of| of[x]).collect());
    Digits::new(device, genotypes, &tables, RADIX, products).map(Some)
}
