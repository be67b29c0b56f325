//! Right-hand sides: N × T panels of FP64 columns.
//!
//! Backends keep columns independent, so a column's bits never depend on what it is solved
//! together with.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::precision::{Precision, exp2};
use crate::sym::Blocks;
use crate::tile::TileRef;

/// Columns that share a pass over the kernel: past four registers' widths of them its entries
/// cost little beside the products, and more columns only take more memory.
pub const WIDTH: usize = 32;

/// An N × T matrix, column-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    rows: usize,
    cols: usize,
    data: Vec<f64>,
}

impl Columns {
    /// Zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Columns {
            rows,
            cols,
            data: vec![0.0; rows * cols],
        }
    }

    /// These columns.
    ///
    /// # Panics
    /// If their lengths differ from `rows`.
    pub fn from_slices<'a>(rows: usize, columns: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let (mut cols, mut data) = (0, Vec::new());
        for column in columns {
            assert_eq!(column.len(), rows, "rows of a column");
            data.extend_from_slice(column);
            cols += 1;
        }
        Columns { rows, cols, data }
    }

    /// Rows, N.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns, T.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Column `c`.
    pub fn column(&self, c: usize) -> &[f64] {
        &self.data[c * self.rows..][..self.rows]
    }

    /// Column `c`, to change.
    pub fn column_mut(&mut self, c: usize) -> &mut [f64] {
        &mut self.data[c * self.rows..][..self.rows]
    }

    /// Column c times 2^(`sign` · `scales[c]`).
    pub(crate) fn scaled(mut self, scales: &[i32], sign: i32) -> Self {
        for (c, scale) in scales.iter().enumerate().filter(|(_, s)| **s != 0) {
            // Twice half of it: the whole may be out of range.
            let half = exp2(sign * scale / 2);
            let rest = exp2(sign * scale - sign * scale / 2);
            self.column_mut(c)
                .iter_mut()
                .for_each(|v| *v = *v * half * rest);
        }
        self
    }

    /// One F64 device tile per block of rows.
    pub fn upload<B: Backend>(
        &self,
        backend: &B,
        blocks: Blocks,
    ) -> Result<Vec<B::Tile>, B::Error> {
        let bytes = bytemuck::cast_slice(&self.data);
        blocks
            .iter()
            .map(|r| {
                let shape = (r.len(), self.cols, self.rows);
                backend.upload(TileRef::new(
                    shape,
                    Precision::F64,
                    0,
                    &bytes[r.start * 8..],
                ))
            })
            .collect()
    }

    /// The panel held by one F64 device tile per block of rows.
    pub fn download<B: Backend>(
        backend: &B,
        blocks: Blocks,
        tiles: &[B::Tile],
    ) -> Result<Self, B::Error> {
        let mut values = Vec::with_capacity(tiles.len());
        for tile in tiles {
            values.push(backend.download(tile)?.to_f64());
        }
        Ok(Self::from_blocks(blocks, &values))
    }

    /// The panel with these values for each block of rows, column-major.
    pub(crate) fn from_blocks(blocks: Blocks, values: &[Vec<f64>]) -> Self {
        let cols = match values.first() {
            Some(v) => v.len() / blocks.range(0).len(),
            None => 0,
        };
        let mut panel = Columns::zeros(blocks.rows, cols);
        for (r, values) in blocks.iter().zip(values) {
            for (c, column) in values.chunks_exact(r.len()).enumerate() {
                panel.column_mut(c)[r.clone()].copy_from_slice(column);
            }
        }
        panel
    }
}
