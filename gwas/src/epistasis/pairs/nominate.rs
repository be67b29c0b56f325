//! Pairs by the model's mixed second derivative, averaged over the nominating individuals.
//!
//! With W_ij = α_i K_ij, of a ≠ b
//!
//! ```text
//! ∂²f/∂x_a∂x_b (x) = 4γ² Σ_i α_i k(x, x_i) (x − x_i)_a (x − x_i)_b
//! averaged:   H_ab = 4γ²/N Σ_ij W_ij (x_i − x_j)_a (x_i − x_j)_b = 4γ²/N (Xᵀ L X)_ab
//! L = diag((W + Wᵀ)1) − W − Wᵀ,   L X = s∘X − α∘(K X) − K (α∘X),   s = α∘(K1) + Kα
//! ```
//!
//! L1 = 0, so means of X do not matter. H_ab grows with the standard deviations of both SNPs if
//! nothing but noise is in α; divided by them, H_ab/(s_a s_b) = 4γ²/N (Zᵀ L Z)_ab with Z the
//! standardised dosages, chance makes all pairs about equally large. That is the score.
//!
//! Zᵀ L Z is M × M. It is made in squares of SNP blocks, of which only the largest entries stay.

use std::ops::Range;

use epitile_core::dense::dot;
use epitile_core::genotypes::Genotypes;
use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::dosages::standardised;
use super::limits::{Left, Limits};
use super::model::{Model, Weights};
use super::top::{Candidate, Top};
use crate::dense::{for_each_column, product};
use crate::run::Progress;

/// SNPs of a block.
const BLOCK: usize = 512;

/// What was found for a trait.
pub(super) struct Nominated {
    /// The pairs with the largest scores, in units of the root mean square over all pairs that
    /// could be nominated.
    pub(super) best: Vec<Candidate>,
    /// |Σ_i α_i z_i| of every SNP of the list: how much it has of an effect of its own.
    pub(super) slopes: Vec<f64>,
}

/// Sums and the best of a trait, in the making.
struct Work {
    top: Top,
    squares: f64,
    slopes: Vec<f64>,
}

/// L times the columns of `z`; `kz` is K times them. 2·N² operations a column.
pub(super) fn curvature(model: &Model, of: &Weights, z: &Mat<f64>, kz: &Mat<f64>) -> Mat<f64> {
    let mut weighted = z.clone();
    for_each_column(&mut weighted, |_, column| {
        column.iter_mut().zip(&of.alpha).for_each(|(v, a)| *v *= a);
    });
    let mut l = product(model.kernel.as_ref(), weighted.as_ref());
    for_each_column(&mut l, |k, column| {
        let (z, kz) = (z.col_as_slice(k), kz.col_as_slice(k));
        for (i, v) in column.iter_mut().enumerate() {
            let s = of.alpha[i] * model.sums[i] + of.fitted[i];
            *v = s * z[i] - of.alpha[i] * kz[i] - *v;
        }
    });
    l
}

/// The `most` best pairs of `limits.snps` for every trait of `model`, which is of the individuals
/// `own`, and what was left out; correlations are of the individuals `all`.
/// 2·N²·M·(t + 1) + M²·(N_all + N·t) operations for t traits.
pub(super) fn nominate(
    model: &Model,
    (own, all): (&Genotypes, &Genotypes),
    limits: &Limits<'_>,
    most: usize,
    progress: &Progress,
) -> (Vec<Nominated>, Left) {
    let snps = limits.snps;
    let n = own.samples() as f64;
    let unit = 4.0 * model.gamma * model.gamma / n;
    let mut left = Left::default();
    let mut works: Vec<Work> = (model.traits.iter())
        .map(|_| Work {
            top: Top::new(most),
            squares: 0.0,
            slopes: Vec::with_capacity(snps.len()),
        })
        .collect();
    for first in (0..snps.len()).step_by(BLOCK) {
        let columns = first..(first + BLOCK).min(snps.len());
        let z = standardised(own, &snps[columns.clone()]);
        let whole = standardised(all, &snps[columns.clone()]);
        let kz = product(model.kernel.as_ref(), z.as_ref());
        let curved: Vec<Mat<f64>> = (model.traits.iter())
            .map(|of| curvature(model, of, &z, &kz))
            .collect();
        drop(kz);
        for (work, of) in works.iter_mut().zip(&model.traits) {
            let slope = |k: usize| dot(&of.alpha, z.col_as_slice(k)).abs();
            work.slopes.extend((0..z.ncols()).map(slope));
        }
        for start in (0..columns.end).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(columns.end);
            let of_rows = standardised(own, &snps[rows.clone()]);
            let whole_rows = standardised(all, &snps[rows.clone()]);
            let r = product(whole_rows.transpose(), whole.as_ref());
            let square = Square {
                limits,
                rows,
                columns: columns.clone(),
            };
            let open = square.open(&r, all.samples(), &mut left);
            for (work, curved) in works.iter_mut().zip(&curved) {
                let h = product(of_rows.transpose(), curved.as_ref());
                square.scan(h.as_ref(), unit, &open, work);
            }
            progress.inc(square.pairs());
        }
    }
    let open = left.open();
    let finished = works.into_iter().map(|work| {
        let rms = (work.squares / open.max(1) as f64).sqrt();
        let mut best = work.top.finish();
        // All may be 0.
        let rms = rms.max(f64::MIN_POSITIVE);
        best.iter_mut().for_each(|c| c.score /= rms);
        Nominated {
            best,
            slopes: work.slopes,
        }
    });
    (finished.collect(), left)
}

/// Rows and columns of Zᵀ L Z, as places in the list of SNPs.
struct Square<'a> {
    limits: &'a Limits<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Square<'_> {
    /// Rows above the diagonal in column `k` of the square.
    fn above(&self, k: usize) -> usize {
        (self.columns.start + k).min(self.rows.end) - self.rows.start
    }

    fn pairs(&self) -> u64 {
        (0..self.columns.len()).map(|k| self.above(k) as u64).sum()
    }

    /// r² of every pair that may be nominated, NaN of the others, column by column.
    fn open(&self, r: &Mat<f64>, samples: usize, left: &mut Left) -> Vec<Vec<f64>> {
        let column = |k: usize| {
            let mut left = Left::default();
            let b = self.columns.start + k;
            let rows = &r.col_as_slice(k)[..self.above(k)];
            let r2 = rows.iter().enumerate().map(|(i, sum)| {
                // Rounding may leave a little more than 1.
                let r = (sum / samples as f64).clamp(-1.0, 1.0);
                self.limits
                    .judge([self.rows.start + i, b], r * r, &mut left)
            });
            (r2.collect::<Vec<f64>>(), left)
        };
        let columns: Vec<_> = (0..self.columns.len())
            .into_par_iter()
            .map(column)
            .collect();
        let add = |(column, own): (Vec<f64>, Left)| {
            left.add(&own);
            column
        };
        columns.into_iter().map(add).collect()
    }

    fn scan(&self, h: MatRef<'_, f64>, unit: f64, open: &[Vec<f64>], work: &mut Work) {
        let least = work.top.least();
        let snps = self.limits.snps;
        let column = |k: usize| {
            let (mut squares, mut found) = (0.0, Vec::new());
            for (i, &r2) in open[k].iter().enumerate().filter(|(_, r2)| !r2.is_nan()) {
                let score = unit * h[(i, k)];
                squares += score * score;
                if score.abs() >= least {
                    let snps = [snps[self.rows.start + i], snps[self.columns.start + k]];
                    found.push(Candidate { snps, score, r2 });
                }
            }
            (squares, found)
        };
        let columns: Vec<_> = (0..open.len()).into_par_iter().map(column).collect();
        for (squares, found) in columns {
            work.squares += squares;
            work.top.add(found);
        }
    }
}
