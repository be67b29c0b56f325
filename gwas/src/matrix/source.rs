//! Where the rows of a matrix come from.

use std::ops::Range;

use epitile_core::backend::Backend;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::precision::Precision;

use super::joint::Joint;
use crate::backend::device_error;
use crate::error::Result;
use crate::similarity::Similarity;

/// Neighbouring rows of a matrix, one after the other.
#[derive(Default)]
pub(super) struct Rows {
    /// Values.
    pub(super) values: Vec<f64>,
    /// SNPs behind each value, where they differ between pairs.
    pub(super) calls: Option<Vec<u32>>,
}

/// What gives rows.
pub(super) enum Source<'a, B: Backend> {
    /// A kernel function of a pair statistic.
    Kernel(Tiles<'a, B>),
    /// Σ z_i z_j / M_ij. The sum needs no other statistic: missing calls are z = 0 in it.
    Product(Tiles<'a, B>, Joint<'a>),
    /// 1 − Σ|x−y| / 2M_ij.
    Ibs(Joint<'a>),
}

impl<B: Backend> Source<'_, B> {
    /// The rows of `individuals`.
    pub(super) fn rows(&self, individuals: Range<usize>) -> Result<Rows> {
        match self {
            Source::Kernel(tiles) => Ok(Rows {
                values: tiles.rows(individuals)?,
                calls: None,
            }),
            Source::Product(tiles, joint) => {
                let calls = joint.calls(individuals.clone())?;
                let mut values = tiles.rows(individuals)?;
                for (value, &calls) in values.iter_mut().zip(&calls) {
                    *value /= f64::from(calls);
                }
                let calls = Some(calls);
                Ok(Rows { values, calls })
            }
            Source::Ibs(joint) => {
                let calls = joint.calls(individuals.clone())?;
                let distances = joint.distances(individuals).into_iter();
                let ibs = |(d, &calls): (u64, &u32)| 1.0 - d as f64 / (2.0 * f64::from(calls));
                let values = distances.zip(&calls).map(ibs).collect();
                let calls = Some(calls);
                Ok(Rows { values, calls })
            }
        }
    }
}

/// Kernel tiles of a backend: rows of the matrix, which are columns of it.
pub(super) struct Tiles<'a, B: Backend> {
    backend: &'a B,
    pairs: &'a B::Pairs,
    map: KernelMap,
    all: Vec<u32>,
}

impl<'a, B: Backend> Tiles<'a, B> {
    /// `kernel` of all individuals.
    pub(super) fn new(
        similarity: &'a Similarity<'_, B>,
        (kernel, gamma): (Kernel, f64),
        samples: usize,
    ) -> Self {
        Tiles {
            backend: similarity.backend(),
            pairs: similarity.pairs(kernel),
            map: similarity.map(kernel, gamma),
            all: (0..samples as u32).collect(),
        }
    }

    /// The same without a divisor: the sums themselves.
    pub(super) fn sums(mut self) -> Self {
        self.map.scale = 1.0;
        self
    }

    fn rows(&self, individuals: Range<usize>) -> Result<Vec<f64>> {
        let (map, pairs, f64) = (&self.map, self.pairs, Precision::F64);
        // The matrix is symmetric: columns of a tile, which lie one after the other, are rows.
        let tile = self
            .backend
            .kernel_tile(map, pairs, &self.all, &self.all[individuals], f64)
            .and_then(|tile| self.backend.download(&tile))
            .map_err(device_error)?;
        Ok(tile.to_f64())
    }
}
