//! Standardised products, Σ (w·x·y − u·(x + y) + v) over the SNPs that both individuals have calls of:
//! Σ w·x·y by products of the digits of w, the rest by individual and by what missing calls take back.

use std::sync::Arc;

use bytemuck::cast_slice;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PairStatistic, Term};

use crate::digits::{Digits, Side, by_bit};
use crate::error::CudaError;
use crate::missing::{Neither, corrections};
use crate::sys::{Buffer, Calls, Device, Index, Numbers, Rest};

/// Digits are at most 63, twice that fits a byte, and five of them hold more than 2³³.
const RADIX: i64 = 127;

/// Weights on the device, and what beside Σ w·x·y makes the products.
#[derive(Debug)]
pub(crate) struct Weighted {
    /// Individuals of the rows and of the columns.
    calls: [Arc<Calls>; 2],
    /// Σ u·x of each.
    slopes: [Buffer; 2],
    weights: Digits,
    /// Σ v.
    constant: i64,
    /// u·x − v by dosage: takes back what is not of both.
    corrections: Option<Digits>,
}

impl Weighted {
    /// Of a product between individuals of `calls`, whose SNPs lie as those of `genotypes`.
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
        let of_term = |t: &Term| [0, 1, 2].map(|x| t.slope * x - t.constant);
        let by_snp: Vec<[i64; 3]> = terms.iter().map(of_term).collect();
        let of_bits = device.upload(cast_slice(&by_bit(genotypes, &of(|t| t.slope))))?;
        let slopes = |calls: &Calls| device.slopes(calls, &of_bits);
        let both = [&*calls[0], &*calls[1]];
        Ok(Weighted {
            slopes: [slopes(&calls[0])?, slopes(&calls[1])?],
            weights: Digits::new(device, genotypes, &weights, RADIX, products)?,
            constant: terms.iter().map(|t| t.constant).sum(),
            corrections: corrections(device, genotypes, &by_snp, both, Neither::Zero)?,
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
            slopes: self.slopes.each_ref(),
        };
        self.weights.add(device, a, b, Some(rest), out)?;
        match &self.corrections {
            Some(corrections) => corrections.add(device, a, b, None, out),
            None => Ok(()),
        }
    }
}
