//! Packed lower triangles of anything: tiles, norms, precisions, the factor.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut, Range};

/// How N rows are cut into blocks of `edge` rows, the last one shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Rows, N.
    pub rows: usize,
    /// Rows of a whole block.
    pub edge: usize,
}

impl Blocks {
    /// N rows in blocks of `edge`.
    ///
    /// # Panics
    /// If `edge` is zero.
    pub fn new(rows: usize, edge: usize) -> Self {
        assert!(edge > 0, "block of zero rows");
        Blocks { rows, edge }
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        self.rows.div_ceil(self.edge)
    }

    /// Rows of block `i`.
    pub fn range(&self, i: usize) -> Range<usize> {
        i * self.edge..((i + 1) * self.edge).min(self.rows)
    }

    /// All row ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let blocks = *self;
        (0..self.count()).map(move |i| blocks.range(i))
    }
}

/// The lower triangle, diagonal included, of an `order × order` arrangement of `T`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymTiles<T> {
    order: usize,
    items: Vec<T>,
}

impl<T> SymTiles<T> {
    /// Fills the triangle row by row: (0,0), (1,0), (1,1), (2,0) …
    pub fn from_fn(order: usize, mut f: impl FnMut(usize, usize) -> T) -> Self {
        let items = (0..order)
            .flat_map(|i| (0..=i).map(move |j| (i, j)))
            .map(|(i, j)| f(i, j));
        SymTiles {
            order,
            items: items.collect(),
        }
    }

    /// A triangle from its items in row order; `None` if their number is not `order(order+1)/2`.
    pub fn from_vec(order: usize, items: Vec<T>) -> Option<Self> {
        (items.len() == order * (order + 1) / 2).then_some(SymTiles { order, items })
    }

    /// Block rows.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Items in row order.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// Items in row order, to change.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Items in row order, owned.
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }

    /// Items with their places, in row order.
    pub fn iter(&self) -> impl Iterator<Item = ((usize, usize), &T)> {
        (0..self.order)
            .flat_map(|i| (0..=i).map(move |j| (i, j)))
            .zip(&self.items)
    }

    /// The same triangle of something else.
    pub fn map<U>(&self, mut f: impl FnMut((usize, usize), &T) -> U) -> SymTiles<U> {
        SymTiles {
            order: self.order,
            items: self.iter().map(|(at, t)| f(at, t)).collect(),
        }
    }

    /// Place of (i, j) in row order.
    ///
    /// # Panics
    /// Unless j ≤ i < order.
    pub fn position(&self, (i, j): (usize, usize)) -> usize {
        assert!(
            j <= i && i < self.order,
            "({i}, {j}) of a lower triangle of order {}",
            self.order
        );
        i * (i + 1) / 2 + j
    }
}

impl<T> Index<(usize, usize)> for SymTiles<T> {
    type Output = T;

    fn index(&self, at: (usize, usize)) -> &T {
        &self.items[self.position(at)]
    }
}

impl<T> IndexMut<(usize, usize)> for SymTiles<T> {
    fn index_mut(&mut self, at: (usize, usize)) -> &mut T {
        let position = self.position(at);
        &mut self.items[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_rows_of_the_triangle() {
        let s = SymTiles::from_fn(4, |i, j| 10 * i + j);
        assert_eq!(s.as_slice(), [0, 10, 11, 20, 21, 22, 30, 31, 32, 33]);
        assert!(
            s.iter()
                .all(|((i, j), &v)| v == 10 * i + j && s[(i, j)] == v)
        );
        assert_eq!(SymTiles::from_vec(4, s.clone().into_vec()), Some(s));
        assert_eq!(SymTiles::from_vec(4, alloc::vec![0; 9]), None);
    }

    #[test]
    fn the_last_block_holds_the_rest() {
        let b = Blocks::new(10, 4);
        assert_eq!(b.iter().collect::<Vec<_>>(), [0..4, 4..8, 8..10]);
        assert_eq!(Blocks::new(0, 4).count(), 0);
    }
}
