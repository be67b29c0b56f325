//! Pair statistics of all pairs, block by block on rayon.
//!
//! Distances count differing bits of the planes (N²M/2 dosage pairs, 64 to a word), or multiply
//! dosages as bytes where a matrix unit does that faster, and then add what missing calls change;
//! products count bits that have weights, or multiply bytes. All sums are integers, so their order,
//! the number of threads and the instruction set cannot change a bit.

mod counts;
mod job;

use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PAIR_EDGE, PairMatrix, PairStatistic, PairTile};

pub(crate) use job::Job;
use job::{Sums, blocks};

use crate::simd::convert::to_nearest;

/// Tables longer than this are not worth their memory.
const TABLE_MAX: usize = 1 << 22;
/// Tables kept.
const TABLES: usize = 4;

/// Stored pair statistics.
#[derive(Debug)]
pub struct Pairs {
    matrix: PairMatrix,
    unit: i32,
    /// Largest stored value, if they are whole.
    max: Option<u32>,
    tables: Mutex<Vec<(TableKey, Arc<Table>)>>,
}

/// Puts a block elsewhere.
pub(crate) type Keep<'a, E> = &'a (dyn Fn(PairTile) -> Result<PairTile, E> + Sync);

/// Kernel values of whole statistics.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) wide: Vec<f64>,
    /// The same, rounded as tiles are.
    pub(crate) narrow: Vec<f32>,
}

/// What a table of kernel values depends on: the function and the bits of γ and the divisor.
type TableKey = (Kernel, u64, u64);

impl Pairs {
    /// The statistic of all pairs of `rows` × `cols`, or of `rows` with themselves.
    ///
    /// # Panics
    /// If the sets and the statistic differ in their SNPs or segments, or sums of squares might
    /// not fit 32 bits (from 2³⁰ SNPs on).
    pub fn new(statistic: &PairStatistic, rows: &Genotypes, cols: Option<&Genotypes>) -> Self {
        let Ok(pairs) = Self::made(statistic, rows, cols, None::<Keep<Infallible>>);
        pairs
    }

    /// The same with every block put through `keep`, which gives back an equal one.
    ///
    /// # Errors
    /// That of `keep`.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub(crate) fn kept<E: Send>(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        keep: Keep<'_, E>,
    ) -> Result<Self, E> {
        Self::made(statistic, rows, cols, Some(keep))
    }

    fn made<E: Send>(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        keep: Option<Keep<'_, E>>,
    ) -> Result<Self, E> {
        let symmetric = cols.is_none();
        let cols = cols.unwrap_or(rows);
        let snps = [rows.snps(), cols.snps(), statistic.snps()];
        assert!(
            snps.iter().all(|&m| m == snps[0]),
            "SNPs {snps:?} of a pair"
        );
        assert!(snps[0] < 1 << 30, "sums of squares of {} SNPs", snps[0]);
        let places = |g: &Genotypes| -> Vec<_> {
            let segments = g.segments().iter();
            segments
                .map(|s| (s.snps.clone(), s.words.clone()))
                .collect()
        };
        assert_eq!(places(rows), places(cols), "segments of a pair");
        let shape = (rows.samples(), cols.samples());
        let whole = statistic.whole_unit(rows, cols);
        let unit = whole.unwrap_or(statistic.unit());
        let sums = Sums::new(statistic, rows, (!symmetric).then_some(cols), unit);
        let (tiles, max) = match whole {
            Some(_) => blocks::<u32, E>(&sums, (rows, cols), symmetric, keep)?,
            None => blocks::<i64, E>(&sums, (rows, cols), symmetric, keep)?,
        };
        Ok(Pairs {
            matrix: PairMatrix::new(shape, symmetric, unit, tiles),
            unit: statistic.unit(),
            max: whole.map(|_| max),
            tables: Mutex::default(),
        })
    }

    /// The stored numbers.
    pub fn matrix(&self) -> &PairMatrix {
        &self.matrix
    }

    /// Numbers of the pairs `rows[r]`, `cols[c]`, column-major, in units of the statistic.
    ///
    /// # Panics
    /// If an index is out of range.
    pub(crate) fn numbers(&self, rows: &[u32], cols: &[u32]) -> Vec<i64> {
        let (n, m) = self.matrix.shape();
        assert!(rows.iter().all(|&i| (i as usize) < n), "a row of {n}");
        assert!(cols.iter().all(|&j| (j as usize) < m), "a column of {m}");
        // Whole values are stored in units of their own.
        let shift = self.matrix.unit() - self.unit;
        if let (Some(rows), Some(cols)) = (stretch(rows), stretch(cols)) {
            return self.stretch(rows, cols, shift);
        }
        let of = |j: u32| {
            let number = move |&i: &u32| self.matrix.get(i as usize, j as usize) << shift;
            rows.iter().map(number)
        };
        cols.iter().flat_map(|&j| of(j)).collect()
    }

    /// The same for neighbouring rows of one block and neighbouring columns of one.
    fn stretch(&self, rows: Range<usize>, cols: Range<usize>, shift: i32) -> Vec<i64> {
        let (bi, bj) = (rows.start / PAIR_EDGE, cols.start / PAIR_EDGE);
        let symmetric = self.matrix.is_symmetric();
        let width = self.matrix.shape().1.div_ceil(PAIR_EDGE);
        let (block, down, along) = match (symmetric, bi < bj) {
            (true, true) => (bj * (bj + 1) / 2 + bi, 1, PAIR_EDGE),
            (true, false) => (bi * (bi + 1) / 2 + bj, PAIR_EDGE, 1),
            (false, _) => (bi * width + bj, PAIR_EDGE, 1),
        };
        let first = rows.start % PAIR_EDGE * down + cols.start % PAIR_EDGE * along;
        let mut out = Vec::with_capacity(rows.len() * cols.len());
        for c in 0..cols.len() {
            let at = (0..rows.len()).map(|r| first + r * down + c * along);
            match &self.matrix.blocks()[block] {
                PairTile::Whole(v) => {
                    let v = &**v;
                    out.extend(at.map(|at| i64::from(v[at]) << shift));
                }
                PairTile::Fixed(v) => {
                    let v = &**v;
                    out.extend(at.map(|at| v[at] << shift));
                }
            }
        }
        out
    }

    /// Values of `map` at whole statistics 0…max, if that is a table and worth making.
    pub(crate) fn table(&self, map: &KernelMap) -> Option<Arc<Table>> {
        let max = self.max? as usize;
        let (rows, cols) = self.matrix.shape();
        if max > TABLE_MAX || max >= rows * cols {
            return None;
        }
        let key = (map.kernel, map.gamma.to_bits(), map.scale.to_bits());
        // A table is pushed whole: a panic elsewhere cannot have broken the list.
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = tables.iter().find(|(k, _)| *k == key) {
            // Whether a map is a table also depends on its norms and covariates.
            return map.table(0, 0).map(|_| table.clone());
        }
        let wide = map.table(max, self.matrix.unit())?;
        let mut narrow = vec![0.0; wide.len()];
        to_nearest(&wide, [1.0; 3], &mut narrow);
        let table = Arc::new(Table { wide, narrow });
        if tables.len() == TABLES {
            tables.remove(0);
        }
        tables.push((key, table.clone()));
        Some(table)
    }
}

/// The range of `indices`, if they are neighbours in one stored block.
fn stretch(indices: &[u32]) -> Option<Range<usize>> {
    let range = *indices.first()? as usize..*indices.last()? as usize + 1;
    let neighbours = indices.windows(2).all(|w| w[0] + 1 == w[1]);
    let last = range.end - 1;
    (neighbours && range.start / PAIR_EDGE == last / PAIR_EDGE).then_some(range)
}

#[cfg(test)]
pub(crate) mod tests;
