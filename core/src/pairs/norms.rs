//! How far individuals are from the mean.

use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::Range;

use crate::engine::Engine;
use crate::genotypes::{Bits, Counts, Genotypes};
use crate::precision::{exp2, exponent};
use crate::round::nearest_integer;
use crate::sym::Blocks;

/// Fraction bits of squared deviations.
const NORM_BITS: i32 = 48;

/// w (x − μ)² for the three dosages x of every SNP, w its weight or 1, in units of 2^unit: 48
/// fraction bits beside the largest weight.
fn deviations(counts: &[Counts], weights: Option<&[f64]>) -> (Vec<[i64; 3]>, i32) {
    let largest = weights.unwrap_or(&[]).iter().copied().fold(0.0, f64::max);
    let unit = match largest > 0.0 {
        true => exponent(largest) - NORM_BITS,
        false => -NORM_BITS,
    };
    let of = |(m, c): (usize, &Counts)| {
        let (mu, w) = (c.mean(), weights.map_or(1.0, |w| w[m]));
        let fixed = |x: f64| nearest_integer(w * ((x - mu) * (x - mu)) * exp2(-unit));
        [0.0, 1.0, 2.0].map(|x| fixed(x) as i64)
    };
    (counts.iter().enumerate().map(of).collect(), unit)
}

/// Mean of ‖x̂ − μ‖² over the individuals that were counted; see [`centred_norms`]. The sum is
/// exact.
///
/// # Panics
/// If there are weights, but not one for each SNP.
pub fn mean_centred_norm(counts: &[Counts], weights: Option<&[f64]>) -> f64 {
    let (deviations, unit) = deviations(counts, weights);
    let of = |(d, c): (&[i64; 3], &Counts)| -> i128 {
        let terms = d.iter().zip(c.dosage);
        terms.map(|(&d, n)| i128::from(d) * i128::from(n)).sum()
    };
    let samples = |c: &Counts| c.observed() + u64::from(c.missing);
    let sum: i128 = deviations.iter().zip(counts).map(of).sum();
    sum as f64 * exp2(unit) / counts.first().map_or(0, samples) as f64
}

/// ‖x̂_i − μ‖² of every individual: the squared distance of its mean-imputed dosages from the
/// SNP means of `counts`, each SNP counting as often as its weight says. Summed in fixed point with
/// 48 fraction bits. N·M/4 steps.
///
/// # Panics
/// If there are weights, but not one for each SNP.
pub fn centred_norms<E: Engine>(
    engine: &E,
    g: &Genotypes,
    counts: &[Counts],
    weights: Option<&[f64]>,
) -> Vec<f64> {
    let (deviations, unit) = deviations(counts, weights);
    let with_missing = |[none, one, two]: [i64; 3]| [none, one, two, 0];
    let tables: Vec<[i64; 4]> = deviations.into_iter().map(with_missing).collect();
    let blocks = Blocks::new(g.samples(), g.samples().div_ceil(PARTS).max(1));
    let mut norms: Vec<Vec<f64>> = vec![Vec::new(); blocks.count()];
    let done: Result<(), Infallible> = engine.for_each(&mut norms, |b, norms| {
        let sums = dosage_sums(g, blocks.range(b), &tables).into_iter();
        *norms = sums.map(|sum| sum as f64 * exp2(unit)).collect();
        Ok(())
    });
    let Ok(()) = done;
    norms.concat()
}

/// Parts of the individuals that are summed side by side.
const PARTS: usize = 16;

/// SNPs whose sums are in one table: one for each pattern of their bits in both planes.
const TOGETHER: usize = 4;

/// Σ over the SNPs of a number by the call of each of `individuals`: dosage 0, 1, 2 or missing.
/// Numbers are below 2⁵⁶ in magnitude.
pub fn dosage_sums(g: &Genotypes, individuals: Range<usize>, numbers: &[[i64; 4]]) -> Vec<i128> {
    let mut sums = vec![0; individuals.len()];
    let mut tables = vec![[0; 1 << (2 * TOGETHER)]; 64 / TOGETHER];
    for s in g.segments() {
        for w in s.words.clone() {
            let first = s.snps.start + (w - s.words.start) * 64;
            let numbers = &numbers[first.min(s.snps.end)..s.snps.end.min(first + 64)];
            if numbers.is_empty() {
                continue;
            }
            for (k, table) in tables.iter_mut().enumerate() {
                let from = numbers.len().min(TOGETHER * k);
                let to = numbers.len().min(TOGETHER * (k + 1));
                *table = patterns(&numbers[from..to]);
            }
            for (sum, i) in sums.iter_mut().zip(individuals.clone()) {
                let (some, two) = (g.some(i)[w], g.two(i)[w]);
                let mut part = 0;
                for (k, table) in tables.iter().enumerate() {
                    let bits = |word: u64| (word >> (TOGETHER * k)) as usize & 15;
                    part += table[bits(some) | bits(two) << TOGETHER];
                }
                // Missing calls stand as dosage 0 in both planes.
                for bit in Bits(g.missing(i).map_or(0, |plane| plane[w])) {
                    let [none, _, _, gone] = numbers[bit as usize];
                    part += gone - none;
                }
                *sum += i128::from(part);
            }
        }
    }
    sums
}

/// Sums of the numbers of at most [`TOGETHER`] SNPs by their bits of the planes `some`, lowest
/// first, and `two`.
fn patterns(numbers: &[[i64; 4]]) -> [i64; 1 << (2 * TOGETHER)] {
    let mut table = [0; 1 << (2 * TOGETHER)];
    // What each bit adds.
    let mut more = [0; 2 * TOGETHER];
    for (k, &[none, one, two, _]) in numbers.iter().enumerate() {
        table[0] += none;
        (more[k], more[TOGETHER + k]) = (one - none, two - one);
    }
    for (k, more) in more.into_iter().enumerate() {
        let (without, with) = table.split_at_mut(1 << k);
        for (with, without) in with.iter_mut().zip(without) {
            *with = *without + more;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genotypes::GenotypeBuilder;

    #[test]
    fn sums_are_those_of_a_loop_over_calls() {
        for missing in [0, 9] {
            let mut builder = GenotypeBuilder::new(5);
            let many = if cfg!(miri) { 65 } else { 600 };
            for (segment, snps) in [("1", 70), ("2", 3), ("3", many)] {
                builder.segment(segment);
                for m in 0..snps {
                    builder.push((0..5).map(|i| match i * 7 + m * 5 + i * m {
                        k if missing > 0 && k % missing == 0 => None,
                        k => Some((k % 3) as u8),
                    }));
                }
            }
            let g = builder.finish();
            let number = |m: usize, k: usize| (m * 31 + k * k * 1001) as i64 - 5000;
            let numbers: Vec<[i64; 4]> = (0..g.snps())
                .map(|m| core::array::from_fn(|k| number(m, k)))
                .collect();
            let sums = dosage_sums(&g, 1..4, &numbers);
            for (sum, i) in sums.into_iter().zip(1..4) {
                let of = |m| number(m, g.dosage(i, m).map_or(3, usize::from));
                assert_eq!(sum, (0..g.snps()).map(of).sum::<i64>().into());
            }
        }
    }
}
