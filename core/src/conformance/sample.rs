//! Deterministic inputs, ordinary and adversarial.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::genotypes::{GenotypeBuilder, Genotypes};
use crate::precision::{Precision, exp2};
use crate::tile::{Tile, natural_scale};

/// Splitmix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014).
#[derive(Clone, Debug)]
pub struct Sample(u64);

/// A list of cases; under Miri, which is slow, only the first `small` of them.
pub fn cases<T>(all: &[T], small: usize) -> &[T] {
    match cfg!(miri) {
        true => &all[..small.min(all.len())],
        false => all,
    }
}

impl Sample {
    /// A stream of numbers of its own for every seed.
    pub fn new(seed: u64) -> Self {
        Sample(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in −1…1, a multiple of 2⁻⁵².
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * exp2(-52) - 1.0
    }

    /// A number of magnitude 2⁻⁶ to 1 in exponent, one in sixteen zero.
    pub fn graded(&mut self) -> f64 {
        match self.below(16) {
            0 => 0.0,
            _ => {
                let fraction = (1.0 + self.uniform().abs()) / 2.0;
                fraction.copysign(self.uniform()) * exp2(-(self.below(7) as i32))
            }
        }
    }

    /// `len` graded numbers times 2^`exponent`.
    pub fn values(&mut self, len: usize, exponent: i32) -> Vec<f64> {
        (0..len).map(|_| self.graded() * exp2(exponent)).collect()
    }

    /// An operand of graded numbers around 2^`exponent`, stored in `precision` with the scale
    /// that suits it (a wide format gets one too, for the sake of the test).
    pub fn operand(&mut self, (rows, cols): (usize, usize), precision: Precision) -> Tile {
        let exponent = self.below(17) as i32 - 8;
        let values = self.values(rows * cols, exponent);
        stored((rows, cols), &values, precision, self.below(3) as i32 - 1)
    }

    /// An accumulator of graded numbers around 2^`exponent`, scale 2⁰.
    pub fn accumulator(
        &mut self,
        (rows, cols): (usize, usize),
        precision: Precision,
        exponent: i32,
    ) -> Tile {
        let values = self.values(rows * cols, exponent);
        Tile::from_f64(rows, cols, &values, precision, 0)
    }

    /// Lower triangular n × n, well conditioned, NaN above the diagonal.
    pub fn triangle(&mut self, n: usize, precision: Precision) -> Tile {
        let mut values = vec![f64::NAN; n * n];
        for c in 0..n {
            values[c * n + c] = (1.0 + self.uniform().abs()).copysign(self.uniform());
            for r in c + 1..n {
                values[c * n + r] = self.graded() / (n - c) as f64;
            }
        }
        stored((n, n), &values, precision, 1)
    }

    /// Lower triangular n × n whose inverse grows like 1.75^n, NaN above the diagonal.
    pub fn stiff(&mut self, n: usize, precision: Precision) -> Tile {
        let mut values = vec![f64::NAN; n * n];
        for c in 0..n {
            values[c * n + c] = 1.0;
            for r in c + 1..n {
                values[c * n + r] = -(1.0 + self.uniform().abs()) / 2.0;
            }
        }
        stored((n, n), &values, precision, -1)
    }

    /// Individuals with calls at SNPs in segments of the given sizes; of 1,000 calls about
    /// `missing` are missing. Some SNPs are monomorphic, and one in nine has twice as many calls
    /// missing, or (if any are) none left.
    pub fn genotypes(&mut self, n: usize, segments: &[usize], missing: usize) -> Arc<Genotypes> {
        let mut builder = GenotypeBuilder::new(n);
        for (s, &snps) in segments.iter().enumerate() {
            builder.segment(format!("{s}"));
            for _ in 0..snps {
                let (frequency, gone) = match self.below(9) {
                    0 => (self.below(2) * 1000, missing),
                    1 if missing > 0 => (500, 1000),
                    2 => (self.below(1000), 2 * missing),
                    _ => (self.below(1000), missing),
                };
                let calls: Vec<Option<u8>> = (0..n)
                    .map(|_| {
                        let alleles = [0, 0].map(|_| u8::from(self.below(1000) < frequency));
                        (self.below(1000) >= gone).then_some(alleles[0] + alleles[1])
                    })
                    .collect();
                builder.push(calls);
            }
        }
        Arc::new(builder.finish())
    }

    /// `len` places below `n` in random order, with repetitions.
    pub fn places(&mut self, len: usize, n: usize) -> Vec<u32> {
        (0..len).map(|_| self.below(n) as u32).collect()
    }
}

/// A tile of `values` in `precision`: formats of one and two bytes with the scale natural to
/// their largest magnitude, the others with 2^`scale`.
pub fn stored(
    (rows, cols): (usize, usize),
    values: &[f64],
    precision: Precision,
    scale: i32,
) -> Tile {
    let max = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let scale = match precision.bytes() {
        1 | 2 if precision != Precision::Bf16 => natural_scale(max, precision),
        _ => scale,
    };
    Tile::from_f64(rows, cols, values, precision, scale)
}

/// A square tile with `value` in every place above the diagonal.
pub fn above(tile: &Tile, value: f64) -> Tile {
    let (n, mut values) = (tile.rows(), tile.to_f64());
    for (at, v) in values.iter_mut().enumerate() {
        if at % n < at / n {
            *v = value;
        }
    }
    Tile::from_f64(n, n, &values, tile.precision(), tile.scale())
}
