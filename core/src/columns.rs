//! Right-hand sides: N × 8 panels of FP64 columns.
//!
//! The width is fixed, unused columns are zero, and backends keep columns independent, so a
//! column's bits never depend on what it is solved together with.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::precision::Precision;
use crate::sym::Blocks;
use crate::tile::TileRef;

/// Columns of a panel.
pub const WIDTH: usize = 8;

/// An N × [`WIDTH`] matrix, column-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    rows: usize,
    data: Vec<f64>,
}

impl Columns {
    /// Zeros.
    pub fn zeros(rows: usize) -> Self {
        Columns {
            rows,
            data: vec![0.0; rows * WIDTH],
        }
    }

    /// At most [`WIDTH`] columns, the rest zero.
    ///
    /// # Panics
    /// If there are more, or their lengths differ from `rows`.
    pub fn from_slices<'a>(rows: usize, columns: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let mut panel = Columns::zeros(rows);
        for (c, column) in columns.into_iter().enumerate() {
            panel.column_mut(c).copy_from_slice(column);
        }
        panel
    }

    /// Rows, N.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Column `c`.
    pub fn column(&self, c: usize) -> &[f64] {
        &self.data[c * self.rows..][..self.rows]
    }

    /// Column `c`, to change.
    pub fn column_mut(&mut self, c: usize) -> &mut [f64] {
        &mut self.data[c * self.rows..][..self.rows]
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
                let shape = (r.len(), WIDTH, self.rows);
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
        let mut panel = Columns::zeros(blocks.rows);
        for (r, tile) in blocks.iter().zip(tiles) {
            let values = backend.download(tile)?.to_f64();
            for (c, column) in values.chunks_exact(r.len()).enumerate() {
                panel.column_mut(c)[r.clone()].copy_from_slice(column);
            }
        }
        Ok(panel)
    }
}
