//! Standardised products, Σ (w·x·y − u·(x + y) + v) over the SNPs that both individuals have calls of,
//! on integer tensor cores: w = Σ_k d_k 127^k with digits |d_k| ≤ 63, so a row of bytes d_k·x for each of
//! five digits, multiplied by rows of bytes y, gives Σ w·x·y exactly. Digits of integers that are
//! multiplied on their own are how Ozaki, Ogita, Oishi and Rump (Numer. Algorithms 59, 2012) and
//! Ootomo, Ozaki and Yokota (arXiv 2306.11975) sum exactly, there of floating-point numbers.

use std::sync::Arc;

use bytemuck::cast_slice;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PairKind, PairStatistic, Term};

use crate::dots::{PAD, WORDS, multiply};
use crate::error::CudaError;
use crate::pairs::by_bit;
use crate::sys::{Buffer, Calls, Device, Index, Numbers, RADIX, Rest, SLICES};

/// Words after which sums of 32 bits are put together: 65,536 SNPs; they would hold 8 million times
/// 63·2·2.
const ROUND: usize = 8 * WORDS;

/// Weights on the device, and what beside Σ w·x·y makes the products.
#[derive(Debug)]
pub(crate) struct Weighted {
    /// Individuals of the rows and of the columns.
    calls: [Arc<Calls>; 2],
    /// Σ u·x of each.
    slopes: [Buffer; 2],
    /// By digit and bit.
    digits: Buffer,
    constant: i64,
    corrections: Buffer,
}

/// w = Σ_k digit k · RADIX^k.
fn digits(mut weight: i64) -> [i8; SLICES] {
    let half = RADIX / 2;
    let digits = [(); SLICES].map(|()| {
        let digit = (weight + half).rem_euclid(RADIX) - half;
        weight = (weight - digit) / RADIX;
        digit as i8
    });
    assert_eq!(weight, 0, "a weight of at most 33 bits");
    digits
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
        let weights = by_bit(genotypes, &of(|t| t.weight));
        let mut slices = vec![0i8; SLICES * weights.len()];
        for (bit, &weight) in weights.iter().enumerate() {
            // The order of `spread` in `kernels/expand.cu`: of eight the last bit first.
            let place = bit / 8 * 8 + 7 - bit % 8;
            for (k, digit) in digits(weight).into_iter().enumerate() {
                slices[k * weights.len() + place] = digit;
            }
        }
        let corrections = match calls.iter().any(|calls| calls.has_missing()) {
            true => {
                let of_term = |t: &Term| [0, 1, 2].map(|x| t.slope * x - t.constant);
                let by_snp: Vec<[i64; 3]> = terms.iter().map(of_term).collect();
                by_bit(genotypes, &by_snp)
            }
            false => Vec::new(),
        };
        let of_bits = device.upload(cast_slice(&by_bit(genotypes, &of(|t| t.slope))))?;
        let slopes = |calls: &Calls| device.slopes(calls, &of_bits);
        Ok(Weighted {
            slopes: [slopes(&calls[0])?, slopes(&calls[1])?],
            calls,
            digits: device.upload(cast_slice(&slices))?,
            constant: terms.iter().map(|t| t.constant).sum(),
            corrections: device.upload(cast_slice(&corrections))?,
        })
    }

    /// Makes the numbers of these pairs.
    pub(crate) fn fill(
        &self,
        device: &Arc<Device>,
        (rows, cols): (&Index, &Index),
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let [a, b] = [&*self.calls[0], &*self.calls[1]];
        let [m, n] = [rows, cols].map(|index| index.len().next_multiple_of(PAD));
        if m * n == 0 {
            return Ok(());
        }
        let k = WORDS.min(a.words) * 64;
        let (x, y) = (device.buffer(m * k)?, device.buffer(n * k)?);
        let slices = [(); SLICES].map(|()| device.buffer(m * n * 4));
        let slices = all(slices)?;
        let rest = Rest {
            constant: self.constant,
            slopes: self.slopes.each_ref(),
            corrections: &self.corrections,
        };
        if a.words == 0 {
            slices.iter().try_for_each(|slice| device.zero(slice))?;
        }
        for round in (0..a.words.max(1)).step_by(ROUND) {
            for first in (round..a.words.min(round + ROUND)).step_by(WORDS) {
                let words = WORDS.min(a.words - first);
                let k = words * 64;
                device.expand((b, cols), PairKind::Squared, (first, words), (n, k), &y)?;
                for (slice, dots) in slices.iter().enumerate() {
                    let digits = (&self.digits, slice);
                    device.weigh((a, rows), digits, (first, words), (m, k), &x)?;
                    multiply(device, k, (&x, m), (&y, n), (dots, first > round))?;
                }
            }
            let start = (rest, round == 0);
            device.weighted((&slices, m), (a, rows), (b, cols), start, out)?;
        }
        Ok(())
    }
}

/// All of them, or the first error.
fn all(buffers: [Result<Buffer, CudaError>; SLICES]) -> Result<[Buffer; SLICES], CudaError> {
    let buffers: Vec<Buffer> = buffers.into_iter().collect::<Result<_, _>>()?;
    Ok(buffers.try_into().expect("as many as there were"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_sums_of_their_digits_and_twice_a_digit_fits_a_byte() {
        for weight in [0, 1, 63, 64, 127, 8_000_000, (1 << 33) - 1, 1 << 33, -5] {
            let digits = digits(weight);
            let sum = digits
                .iter()
                .rev()
                .fold(0, |sum, &d| sum * RADIX + i64::from(d));
            assert_eq!(sum, weight);
            assert!(digits.iter().all(|d| (-63..=63).contains(d)));
        }
    }
}
