//! Sums over SNPs of integers that are too large for a byte, on integer tensor cores: v = Σ_k d_k·r^k
//! with digits d_k that fit a byte, so five products of bytes, one for each place k, give Σ v·y exactly
//! where y are small. Digits of integers that are multiplied on their own are how Ozaki, Ogita, Oishi
//! and Rump (Numer. Algorithms 59, 2012) and Ootomo, Ozaki and Yokota (arXiv 2306.11975) sum exactly,
//! there of floating-point numbers.

use std::sync::Arc;

use bytemuck::cast_slice;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::PairKind;

use crate::dots::{PAD, WORDS, multiply, span};
use crate::error::CudaError;
use crate::sys::{Buffer, Bytes, Calls, Device, Index, Numbers, Rest, SLICES};

/// Words after which sums of 32 bits are put together: 65,536 SNPs; they would hold 8 million times
/// two products of a byte and a dosage.
const ROUND: usize = 8 * WORDS;

/// What stands for the calls on one side of a product; those with digits once for each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Dosages.
    Dosages,
    /// Dosages times digits.
    Weighed,
    /// Indicators of missing calls.
    Missing,
    /// Digits by dosage.
    Chosen,
    /// Digits by dosage, those of dosage 0 where calls are missing.
    Assumed,
}

impl Side {
    fn has_digits(self) -> bool {
        matches!(self, Side::Weighed | Side::Chosen | Side::Assumed)
    }
}

/// A sum of products of two sides, one of which has digits.
#[derive(Debug)]
pub(crate) struct Digits {
    radix: i64,
    /// By place, table and bit.
    digits: Buffer,
    products: Vec<[Side; 2]>,
}

/// v = Σ_k digit k · radix^k, digits up to half the radix in magnitude.
///
/// # Panics
/// If v has more digits.
fn split(mut v: i64, radix: i64) -> [i8; SLICES] {
    let half = radix / 2;
    let digits = [(); SLICES].map(|()| {
        let digit = (v + half).rem_euclid(radix) - half;
        v = (v - digit) / radix;
        digit as i8
    });
    assert_eq!(v, 0, "an integer of {SLICES} digits");
    digits
}

/// Numbers by SNP, by the SNP's bit in a row; zeros in the padding.
pub(crate) fn by_bit<T: Copy + Default>(genotypes: &Genotypes, numbers: &[T]) -> Vec<T> {
    let mut all = vec![T::default(); genotypes.words() * 64];
    for segment in genotypes.segments() {
        let place = &mut all[segment.words.start * 64..][..segment.snps.len()];
        place.copy_from_slice(&numbers[segment.snps.clone()]);
    }
    all
}

impl Digits {
    /// Of integers by SNP, one table of them for weights, three for digits by dosage.
    ///
    /// # Panics
    /// If an integer has more than five digits of this (odd) radix.
    pub(crate) fn new(
        device: &Arc<Device>,
        genotypes: &Genotypes,
        tables: &[Vec<i64>],
        radix: i64,
        products: Vec<[Side; 2]>,
    ) -> Result<Self, CudaError> {
        let bits = genotypes.words() * 64;
        let mut all = vec![0i8; SLICES * tables.len() * bits];
        for (t, table) in tables.iter().enumerate() {
            for (bit, &v) in by_bit(genotypes, table).iter().enumerate() {
                // The order of `spread` in `kernels/expand.cu`: of eight the last bit first.
                let at = bit / 8 * 8 + 7 - bit % 8;
                for (k, digit) in split(v, radix).into_iter().enumerate() {
                    all[(k * tables.len() + t) * bits + at] = digit;
                }
            }
        }
        Ok(Digits {
            radix,
            digits: device.upload(cast_slice(&all))?,
            products,
        })
    }

    fn bytes(&self, side: Side, place: usize) -> Bytes<'_> {
        match side {
            Side::Dosages => Bytes::Distance(PairKind::Squared),
            Side::Weighed => Bytes::Weighed(&self.digits, place),
            Side::Missing => Bytes::Missing,
            Side::Chosen => Bytes::Chosen(&self.digits, place),
            Side::Assumed => Bytes::Assumed(&self.digits, place),
        }
    }

    /// Adds the sums of these pairs to `rest`, or to what is there.
    pub(crate) fn add(
        &self,
        device: &Arc<Device>,
        (a, rows): (&Calls, &Index),
        (b, cols): (&Calls, &Index),
        rest: Option<Rest<'_>>,
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let [m, n] = [rows, cols].map(|index| index.len().next_multiple_of(PAD));
        if m * n == 0 {
            return Ok(());
        }
        let span = span(device, m + n, 1).min(a.words);
        let widest = span * 64;
        let (x, y) = (device.buffer(m * widest)?, device.buffer(n * widest)?);
        let slices = all([(); SLICES].map(|()| device.buffer(m * n * 4)))?;
        if a.words == 0 {
            slices.iter().try_for_each(|slice| device.zero(slice))?;
        }
        for round in (0..a.words.max(1)).step_by(ROUND) {
            let mut begun = false;
            let end = a.words.min(round + ROUND);
            for first in (round..end).step_by(span.max(1)) {
                let words = span.min(end - first);
                let (k, part) = (words * 64, (first, words));
                for &[left, right] in &self.products {
                    for (place, sum) in slices.iter().enumerate() {
                        if place == 0 || left.has_digits() {
                            let bytes = self.bytes(left, place);
                            device.expand((a, rows), bytes, part, (m, k), &x)?;
                        }
                        if place == 0 || right.has_digits() {
                            let bytes = self.bytes(right, place);
                            device.expand((b, cols), bytes, part, (n, k), &y)?;
                        }
                        multiply(device, k, (&x, m), (&y, n), (sum, begun))?;
                    }
                    begun = true;
                }
            }
            let rest = rest.filter(|_| round == 0);
            device.add_digits((&slices, m, self.radix), (a, rows), (b, cols), rest, out)?;
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
    fn integers_are_the_sums_of_their_digits() {
        for radix in [127, 255] {
            for v in [0, 1, 63, 64, 127, 8_000_000, (1 << 33) - 1, 1 << 33, -5] {
                for v in [v, -v] {
                    let digits = split(v, radix);
                    let sum = digits.iter().rev();
                    let sum = sum.fold(0, |sum, &d| sum * radix + i64::from(d));
                    assert_eq!(sum, v);
                    let most = digits.iter().map(|d| i64::from(d.abs())).max();
                    assert!(most.unwrap() <= radix / 2, "{v}");
                }
            }
        }
    }
}
