//! The likelihood with a SNP in the model, at the ρ of a grid, for all SNPs of a block together.
//!
//! Of its sums Σ w u v and Σ w² u v those without the SNP are the null model's; the rest are
//! products of the block with columns that are weighted once. Between the points of the grid a
//! maximum is then searched for SNP by SNP.

use faer::Mat;

use super::rotation::{NullModel, Rotation};
use crate::dense::{for_each_column, product};
use crate::null::spectral::{Sums, places, power};

/// Parts of the range of ρ, each with one maximum at most.
pub const PARTS: usize = 10;

/// Products of a weighted column (rows: w at every point of the grid, then w²) with every SNP.
type Products = Mat<f64>;

/// What the traits of a group share.
pub struct Shared {
    /// w at every point of the grid, then w²: one column each.
    weights: Mat<f64>,
    /// Of each column of X.
    x: Vec<Products>,
    /// Of SNPs with themselves.
    squares: Products,
}

/// What a trait adds.
pub struct Own<'a> {
    shared: &'a Shared,
    null: &'a NullModel,
    y: Products,
}

impl Shared {
    /// For the SNPs that are the columns of `block`, rotated. 44·(c + 1)·n operations a SNP.
    pub fn new(rotation: &Rotation, block: &Mat<f64>) -> Self {
        let ratios: Vec<f64> = places(PARTS).map(power).collect();
        let values = &rotation.eigen.values;
        let mut weights = Mat::zeros(values.len(), 2 * ratios.len());
        for_each_column(&mut weights, |g, column| {
            let ratio = ratios[g % ratios.len()];
            for (w, d) in column.iter_mut().zip(values) {
                *w = 1.0 / (ratio * d + 1.0);
                if g >= ratios.len() {
                    *w *= *w;
                }
            }
        });
        let mut squares = block.clone();
        for_each_column(&mut squares, |_, column| {
            column.iter_mut().for_each(|v| *v *= *v);
        });
        let of = |x: &Vec<f64>| weighted(&weights, x, block);
        Shared {
            x: rotation.x.iter().map(of).collect(),
            squares: product(weights.transpose(), squares.as_ref()),
            weights,
        }
    }

    /// With the trait of `null`. 44·n operations a SNP.
    pub fn with<'a>(&'a self, null: &'a NullModel, block: &Mat<f64>) -> Own<'a> {
        Own {
            y: weighted(&self.weights, &null.y, block),
            shared: self,
            null,
        }
    }
}

/// The columns of `weights`, each times `column`, with every column of `block`.
fn weighted(weights: &Mat<f64>, column: &[f64], block: &Mat<f64>) -> Products {
    let mut left = weights.clone();
    for_each_column(&mut left, |_, w| {
        for (w, v) in w.iter_mut().zip(column) {
            *w *= v;
        }
    });
    product(left.transpose(), block.as_ref())
}

impl Own<'_> {
    /// Sums with SNP `k` of the block at every point of the grid.
    pub fn grid(&self, k: usize) -> Vec<Sums> {
        let points = self.null.grid.len();
        let with = |(g, sums): (usize, &Sums)| {
            let pair = |of: &Products| [of[(g, k)], of[(points + g, k)]];
            let mut row = vec![pair(&self.y)];
            row.extend(self.shared.x.iter().map(pair));
            row.push(pair(&self.shared.squares));
            sums.with(&row)
        };
        self.null.grid.iter().enumerate().map(with).collect()
    }
}
