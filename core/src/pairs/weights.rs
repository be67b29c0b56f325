//! Weights of SNPs as sums of a few numbers that many SNPs share.
//!
//! Bits are counted many at a time, but only where they weigh the same. So SNPs are sorted by
//! weight and every [`GROUP`] neighbours share one number; what that leaves of each weight, where it is
//! not small yet, is sorted and shared again, until what is left is small against the sum over all
//! SNPs. M log M steps a round; two to three rounds for tens of thousands of SNPs, more for thousands.

use alloc::vec;
use alloc::vec::Vec;

use crate::precision::{exp2, exponent};
use crate::round::nearest_integer;

/// SNPs that share a number, at most.
pub const GROUP: usize = 16;

/// Groups that share a power of two.
pub const CHUNK_GROUPS: usize = 512;

/// No SNP.
pub const NO_SNP: u32 = u32::MAX;

/// Bits of a number besides its sign. Of larger products of two factors there are too few.
const BITS: u32 = 12;
/// Bits of the largest weight: with eight times as much, lookups of what missing calls change
/// stay exact.
pub(super) const LARGEST: i32 = 33;
/// Bits of the sum of all weights: products take 16 times as much and fit 62 bits.
const TOTAL: i32 = 58;
/// What weights may be off by, as the typical error of Σ/M′.
const ERROR: f64 = 1.0 / (1 << 28) as f64;
/// Besides one for every two full groups: groups that may be closed before they are full.
const SPARE: usize = 256;

/// The factors of a number, at most in magnitude: one for either individual of a pair, so small that
/// a matrix unit can multiply dosages as bytes by them, one with a sign and one without.
pub const FACTORS: [i64; 2] = [63, 127];

/// Neighbouring groups and the numbers they add to their SNPs' weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The power of two that [`values`](Self::values) are multiplied by.
    pub shift: u32,
    /// One number for each group, at most [`CHUNK_GROUPS`]: products of two [`FACTORS`], at most
    /// 2¹² in magnitude.
    pub values: Vec<i16>,
    /// [`GROUP`] SNPs for each group, [`NO_SNP`] where there are fewer.
    pub snps: Vec<u32>,
}

/// Weights of all SNPs, in units of 2^−`fraction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) fixed: Vec<i64>,
    pub(super) fraction: i32,
    pub(super) chunks: Vec<Chunk>,
}

impl Weights {
    /// Weights that err by no more than stated at [`PairStatistic::new`](super::PairStatistic::new)
    /// from `wanted`, 0 or more, the largest with at most `most_bits`.
    pub(super) fn new(wanted: &[f64], most_bits: i32) -> Self {
        let bits = |v: f64| if v > 0.0 { exponent(v) + 1 } else { 0 };
        let largest = wanted.iter().copied().fold(0.0, f64::max);
        let fraction = (most_bits - bits(largest)).min(TOTAL - bits(wanted.iter().sum()));
        let targets: Vec<i64> = wanted
            .iter()
            .map(|w| nearest_integer(w * exp2(fraction)) as i64)
            .collect();
        let vary = wanted.iter().filter(|&&w| w > 0.0).count() as f64;
        let mut rest = targets.clone();
        let mut chunks = Vec::new();
        let products = products();
        // A term has the variance 1/w of (x − μ)(y − μ), if x and y are independent.
        let square = |r: i64, w: f64| match w > 0.0 {
            true => {
                let e = r as f64 * exp2(-fraction) / w;
                e * e
            }
            false => 0.0,
        };
        let most = (vary * ERROR) * (vary * ERROR);
        let sum =
            |rest: &[i64]| -> f64 { rest.iter().zip(wanted).map(|(&r, &w)| square(r, w)).sum() };
        while sum(&rest) > most {
            // What is small already may stay: all of it together is half of what is allowed.
            let large = |m: u32| square(rest[m as usize], wanted[m as usize]) > most / (2.0 * vary);
            let order = (0..rest.len() as u32).filter(|&m| large(m)).collect();
            share(&mut rest, order, &products, &mut chunks);
        }
        let fixed = targets.iter().zip(rest).map(|(t, r)| t - r).collect();
        Weights {
            fixed,
            fraction,
            chunks,
        }
    }
}

/// All products of two factors up to 2^[`BITS`], ascending.
fn products() -> Vec<i64> {
    let mut are = vec![false; (1 << BITS) + 1];
    for a in 1..=FACTORS[0] {
        for b in 1..=FACTORS[1].min((1 << BITS) / a) {
            are[a as usize * b as usize] = true;
        }
    }
    are[0] = true;
    (0..)
        .zip(are)
        .filter(|&(_, is)| is)
        .map(|(v, _)| v)
        .collect()
}

/// The product nearest to a number, with its sign.
fn nearest_product(v: i64, products: &[i64]) -> i64 {
    let magnitude = v.abs();
    let above = products
        .partition_point(|&p| p < magnitude)
        .min(products.len() - 1);
    let below = products[above.saturating_sub(1)];
    let nearest = match products[above] - magnitude < magnitude - below {
        true => products[above],
        false => below,
    };
    nearest * v.signum()
}

/// One round: groups of similar numbers, and what their shares leave of them.
fn share(rest: &mut [i64], mut order: Vec<u32>, products: &[i64], chunks: &mut Vec<Chunk>) {
    let of = |m: u32, rest: &[i64]| rest[m as usize];
    order.sort_unstable_by_key(|&m| (of(m, rest), m));
    let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
        return;
    };
    // Where numbers are sparse, groups are closed at this width, which bounds what is left.
    let parts = (order.len() / (2 * GROUP)).max(SPARE) as i64;
    let width = (of(last, rest) - of(first, rest)) / parts;
    let mut groups: Vec<&[u32]> = Vec::new();
    let mut left = &order[..];
    while let Some(&first) = left.first() {
        let most = &left[..left.len().min(GROUP)];
        let near = most.partition_point(|&m| of(m, rest) - of(first, rest) <= width);
        let (group, later) = left.split_at(near);
        groups.push(group);
        left = later;
    }
    let middle = |group: &[u32]| (of(group[0], rest) + of(group[group.len() - 1], rest)) / 2;
    let middles: Vec<i64> = groups.iter().map(|group| middle(group)).collect();
    let common = shift(&middles);
    for (groups, middles) in groups
        .chunks(CHUNK_GROUPS)
        .zip(middles.chunks(CHUNK_GROUPS))
    {
        // The unit of all numbers, if these are products in it.
        let exact = |&v: &i64| {
            let shifted = v >> common;
            shifted << common == v && nearest_product(shifted, products) == shifted
        };
        let shift = match middles.iter().all(exact) {
            true => common,
            false => shift(middles),
        };
        let half = 1 << shift >> 1;
        let values: Vec<i16> = middles
            .iter()
            .map(|v| nearest_product((v + half) >> shift, products) as i16)
            .collect();
        let mut snps = Vec::with_capacity(groups.len() * GROUP);
        for (group, &value) in groups.iter().zip(&values) {
            for &m in *group {
                rest[m as usize] -= i64::from(value) << shift;
            }
            snps.extend_from_slice(group);
            snps.resize(snps.len().next_multiple_of(GROUP), NO_SNP);
        }
        chunks.push(Chunk {
            shift,
            values,
            snps,
        });
    }
}

/// The least power of two in which numbers have [`BITS`].
fn shift(numbers: &[i64]) -> u32 {
    let largest = numbers.iter().map(|v| v.unsigned_abs()).max();
    (u64::BITS - largest.unwrap_or(0).leading_zeros()).saturating_sub(BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies between 2⁻⁹ and ½, and a SNP without variance among each hundred.
    fn wanted(snps: usize) -> Vec<f64> {
        let mut state = snps as u64 | 1;
        let mut weight = |m: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let p =
                exp2(-1 - (state >> 61) as i32) * (1.0 + (state >> 40) as f64 * exp2(-24)) / 2.0;
            if m % 100 == 7 {
                0.0
            } else {
                1.0 / (2.0 * p * (1.0 - p))
            }
        };
        (0..snps).map(&mut weight).collect()
    }

    #[test]
    fn weights_are_the_sums_of_their_shares_and_err_little() {
        for snps in [0, 1, 5, 100, 3_000, 20_000] {
            let wanted = wanted(snps);
            let weights = Weights::new(&wanted, LARGEST);
            let mut sums = alloc::vec![0; snps];
            for chunk in &weights.chunks {
                assert!(chunk.values.len() <= CHUNK_GROUPS);
                assert_eq!(chunk.snps.len(), GROUP * chunk.values.len());
                for (snps, &value) in chunk.snps.chunks(GROUP).zip(&chunk.values) {
                    for &m in snps.iter().filter(|&&m| m != NO_SNP) {
                        sums[m as usize] += i64::from(value) << chunk.shift;
                    }
                }
            }
            assert_eq!(weights.fixed, sums);
            let relative = wanted.iter().zip(&sums).map(|(w, &fixed)| {
                let error = fixed as f64 * exp2(-weights.fraction) - w;
                if *w > 0.0 { error / w } else { fixed as f64 }
            });
            let squares: f64 = relative.map(|e| e * e).sum();
            assert!(
                squares <= (snps as f64 * ERROR).powi(2),
                "{snps}: {squares:e}"
            );
        }
    }

    #[test]
    fn fewer_than_three_rounds_do_for_tens_of_thousands_of_snps() {
        let weights = Weights::new(&wanted(40_000), LARGEST);
        let groups: usize = weights.chunks.iter().map(|c| c.values.len()).sum();
        assert!(groups < 3 * 40_000 / GROUP, "{groups}");
    }

    #[test]
    fn numbers_are_products_of_two_factors() {
        let weights = Weights::new(&wanted(3_000), LARGEST);
        for &value in weights.chunks.iter().flat_map(|c| &c.values) {
            let value = i64::from(value);
            let [first, second] = FACTORS;
            let mut factors = 1..=second;
            let are = factors.any(|f| value % f == 0 && value.abs() / f <= first);
            assert!(are && value.abs() <= 1 << BITS, "{value}");
        }
    }
}
