//! Stored pair statistics, block by block.

use alloc::vec::Vec;

use crate::stored::Stored;

/// Integers of a block of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairTile {
    /// Whole values.
    Whole(Stored<u32>),
    /// Values in units of the statistic.
    Fixed(Stored<i64>),
}

/// Stored pair statistics of `rows × cols` individuals in square blocks, row-major inside a
/// block; only the lower triangle of blocks where rows and columns are the same individuals.
#[derive(Clone, Debug, PartialEq)]
pub struct PairMatrix {
    rows: usize,
    cols: usize,
    symmetric: bool,
    unit: i32,
    tiles: Vec<PairTile>,
}

/// Rows and columns of a stored block.
pub const PAIR_EDGE: usize = 256;

impl PairMatrix {
    /// Blocks in row order, each `PAIR_EDGE²` numbers (also at the border), lower triangle only
    /// if `symmetric`. `unit` is 0 for whole blocks.
    ///
    /// # Panics
    /// If the number or the size of the blocks is not that.
    pub fn new(
        (rows, cols): (usize, usize),
        symmetric: bool,
        unit: i32,
        tiles: Vec<PairTile>,
    ) -> Self {
        assert_eq!(
            tiles.len(),
            Self::places(rows, cols, symmetric).len(),
            "blocks of pairs"
        );
        for t in &tiles {
            let len = match t {
                PairTile::Whole(v) => v.len(),
                PairTile::Fixed(v) => v.len(),
            };
            assert_eq!(len, PAIR_EDGE * PAIR_EDGE, "pairs of a block");
        }
        PairMatrix {
            rows,
            cols,
            symmetric,
            unit,
            tiles,
        }
    }

    /// Places (block row, block column) of the blocks in order.
    pub fn places(rows: usize, cols: usize, symmetric: bool) -> Vec<(usize, usize)> {
        let columns = cols.div_ceil(PAIR_EDGE);
        (0..rows.div_ceil(PAIR_EDGE))
            .flat_map(|i| (0..if symmetric { i + 1 } else { columns }).map(move |j| (i, j)))
            .collect()
    }

    /// Individuals of the rows and of the columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Exponent of the unit of the stored numbers.
    pub fn unit(&self) -> i32 {
        self.unit
    }

    /// Whether rows and columns are the same individuals.
    pub fn is_symmetric(&self) -> bool {
        self.symmetric
    }

    /// The stored blocks, in the order of [`places`](Self::places).
    pub fn blocks(&self) -> &[PairTile] {
        &self.tiles
    }

    /// Bytes of the stored numbers.
    pub fn bytes(&self) -> usize {
        let size = |t: &PairTile| match t {
            PairTile::Whole(v) => v.len() * 4,
            PairTile::Fixed(v) => v.len() * 8,
        };
        self.tiles.iter().map(size).sum()
    }

    /// The stored number of a pair, in units of 2^unit.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> i64 {
        let (i, j) = if self.symmetric && i < j {
            (j, i)
        } else {
            (i, j)
        };
        let (bi, bj) = (i / PAIR_EDGE, j / PAIR_EDGE);
        let block = match self.symmetric {
            true => bi * (bi + 1) / 2 + bj,
            false => bi * self.cols.div_ceil(PAIR_EDGE) + bj,
        };
        let at = (i % PAIR_EDGE) * PAIR_EDGE + j % PAIR_EDGE;
        match &self.tiles[block] {
            PairTile::Whole(v) => i64::from(v[at]),
            PairTile::Fixed(v) => v[at],
        }
    }
}
