//! Sums of products of columns with the weights w = 1/(ρd + 1).

use crate::simd::level::multiversion;

/// Numbers of a vector.
const LANES: usize = 8;

/// Entries whose weights are made together: they stay in the first-level cache.
const BLOCK: usize = 8 * LANES;

multiversion! {
    /// `sums` ← Σw, and for all columns u and those v up to it, row by row, Σwuv and Σw²uv.
    fn sums(values: &[f64], ratio: f64, columns: &[&[f64]], sums: &mut [f64])
        = body::<true>, body::<false>
}

type Lanes = [f64; LANES];

#[inline(always)]
fn body<const FUSED: bool>(values: &[f64], ratio: f64, columns: &[&[f64]], sums: &mut [f64]) {
    let mut lanes: Vec<Lanes> = vec![[0.0; LANES]; sums.len()];
    // w and, for each column, u and wu; entries past the end have no weight.
    let mut weights = [0.0; BLOCK];
    let mut scaled = vec![([0.0; BLOCK], [0.0; BLOCK]); columns.len()];
    for from in (0..values.len()).step_by(BLOCK) {
        let to = values.len().min(from + BLOCK);
        if to - from < BLOCK {
            weights.fill(0.0);
        }
        for (w, d) in weights.iter_mut().zip(&values[from..to]) {
            *w = 1.0 / (ratio * d + 1.0);
        }
        for ((u, wu), column) in scaled.iter_mut().zip(columns) {
            u[..to - from].copy_from_slice(&column[from..to]);
            for ((wu, u), w) in wu.iter_mut().zip(&*u).zip(&weights) {
                *wu = w * u;
            }
        }
        add(&mut lanes[0], &weights);
        let mut pairs = lanes[1..].as_chunks_mut::<2>().0.iter_mut();
        for (i, (_, wu)) in scaled.iter().enumerate() {
            for ((v, wv), [first, second]) in scaled[..=i].iter().zip(&mut pairs) {
                multiply_add::<FUSED>(first, wu, v);
                multiply_add::<FUSED>(second, wu, wv);
            }
        }
    }
    for (sum, lanes) in sums.iter_mut().zip(&lanes) {
        *sum = lanes.iter().sum();
    }
}

#[inline(always)]
fn add(sum: &mut Lanes, x: &[f64; BLOCK]) {
    let mut lanes = *sum;
    for x in x.as_chunks::<LANES>().0 {
        for l in 0..LANES {
            lanes[l] += x[l];
        }
    }
    *sum = lanes;
}

/// `sum` + x·y, lane by lane.
#[inline(always)]
fn multiply_add<const FUSED: bool>(sum: &mut Lanes, x: &[f64; BLOCK], y: &[f64; BLOCK]) {
    let mut lanes = *sum;
    let vectors = x.as_chunks::<LANES>().0.iter();
    for (x, y) in vectors.zip(y.as_chunks::<LANES>().0) {
        for l in 0..LANES {
            lanes[l] = match FUSED {
                true => x[l].mul_add(y[l], lanes[l]),
                false => lanes[l] + x[l] * y[l],
            };
        }
    }
    *sum = lanes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::level::tests::at_every_level;

    #[test]
    fn sums_are_those_of_single_products_at_every_length() {
        let number = |i: usize, k: usize| ((i * 7 + k * 31) % 17) as f64 / 8.0 - 1.0;
        at_every_level(|level| {
            for n in [1, 7, 8, 63, 64, 65, 200] {
                let values: Vec<f64> = (0..n).map(|i| (i % 13) as f64 / 4.0).collect();
                let columns: Vec<Vec<f64>> = (0..3)
                    .map(|k| (0..n).map(|i| number(i, k)).collect())
                    .collect();
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                let ratio = 0.7;
                let mut found = vec![0.0; 13];
                sums(&values, ratio, &columns, &mut found);
                let w: Vec<f64> = values.iter().map(|d| 1.0 / (ratio * d + 1.0)).collect();
                let mut expected = vec![w.iter().sum::<f64>()];
                for i in 0..3 {
                    for j in 0..=i {
                        for power in [1, 2] {
                            let term = |r: usize| w[r].powi(power) * columns[i][r] * columns[j][r];
                            expected.push((0..n).map(term).sum());
                        }
                    }
                }
                // n terms of at most 2, each product rounded three times.
                let bound = (2 * n * (n + 3)) as f64 * f64::EPSILON;
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() <= bound, "{level:?} {n}");
                }
            }
        });
    }
}
