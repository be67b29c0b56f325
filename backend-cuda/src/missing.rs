//! What missing calls add to pair statistics: integers by SNP and dosage of the other individual, summed
//! over the SNPs that one of the two has no call of, by products of their digits with indicators of
//! missing calls. 2·10·M operations a pair.

use std::sync::Arc;

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PairKind, PairStatistic};

use crate::digits::{Digits, Side};
use crate::error::CudaError;
use crate::sys::{Calls, Device};

/// Digits are at most 127, and five of them hold 2³⁸: corrections of distances are at most 4·2³² (with
/// weights 4·2³²), those of products less than 2³⁷ (weights are below 2³³).
const RADIX: i64 = 255;

/// Of the pairs of two sets of individuals, whose SNPs lie as those of `genotypes`; `None` if no calls
/// are missing.
///
/// # Errors
/// If the device has no room.
pub(crate) fn corrections(
    device: &Arc<Device>,
    genotypes: &Genotypes,
    statistic: &PairStatistic,
    [rows, cols]: [&Calls; 2],
) -> Result<Option<Digits>, CudaError> {
    let by_snp = statistic.corrections();
    let mut products = Vec::new();
    if rows.has_missing() {
        // Of two missing calls both halves count: nothing, or together what is added for dosage 0.
        products.push(match statistic.kind() {
            PairKind::Product(_) => [Side::Missing, Side::Assumed],
            _ => [Side::Missing, Side::Chosen],
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
