//! Weighted sums, Σ (w·x·y + alone(x) + alone(y) + v) over SNPs, with a missing call as dosage 0: Σ w·x·y
//! by products of the digits of w, the rest by individual, and what missing calls change.

use std::sync::Arc;

use bytemuck::cast_slice;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PairStatistic, Term};

use crate::digits::{Digits, Side, by_bit};
use crate::error::CudaError;
use crate::missing::corrections;
use crate::sys::{Buffer, Calls, Device, Index, Numbers, Rest};

/// Digits are at most 63, twice that fits a byte, and five of them hold more than 2³³.
const RADIX: i64 = 127;

/// Weights on the device, and what beside Σ w·x·y makes the sums.
#[derive(Debug)]
pub(crate) struct Weighted {
    /// Individuals of the rows and of the columns.
    calls: [Arc<Calls>; 2],
    /// What each adds alone.
    alone: [Buffer; 2],
    weights: Digits,
    /// Σ v.
    constant: i64,
    corrections: Option<Digits>,
}

impl Weighted {
    /// Of pairs between individuals of `calls`, whose SNPs lie as those of `genotypes`.
    pub(crate) fn new(
        device: &Arc<Device>,
        statistic: &PairStatistic,
        genotypes: &Genotypes,
        calls: [Arc<Calls>; 2],
    ) -> Result<Self, CudaError> {
        let terms = statistic.terms();
        let of = |part: fn(&Term) -> i64| -> Vec<i64> { terms.iter().map(part).collect() };
        let products = vec![[Side::Weighed, Side::Dosages]];
        let weights = [of(|t| t.weight)];
        let mut of_bits = by_bit(genotypes, &of(|t| t.alone[1]));
        of_bits.extend(by_bit(genotypes, &of(|t| t.alone[2] - t.alone[1])));
        let of_bits = device.upload(cast_slice(&of_bits))?;
        let alone = |calls: &Calls| device.alone(calls, &of_bits);
        let both = [&*calls[0], &*calls[1]];
        Ok(Weighted {
            alone: [alone(&calls[0])?, alone(&calls[1])?],
            weights: Digits::new(device, genotypes, &weights, RADIX, products)?,
            constant: terms.iter().map(|t| t.constant + 2 * t.alone[0]).sum(),
            corrections: corrections(device, genotypes, statistic, both)?,
            calls,
        })
    }

    /// Makes the numbers of these pairs.
    pub(crate) fn fill(
        &self,
        device: &Arc<Device>,
        (rows, cols): (&Index, &Index),
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (a, b) = ((&*self.calls[0], rows), (&*self.calls[1], cols));
        let rest = Rest {
            constant: self.constant,
            alone: self.alone.each_ref(),
        };
        self.weights.add(device, a, b, Some(rest), out)?;
        match &self.corrections {
            Some(corrections) => corrections.add(device, a, b, None, out),
            None => Ok(()),
        }
    }
}
