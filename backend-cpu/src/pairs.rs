//! Pair statistics of all pairs, block by block on rayon.
//!
//! Distances count differing bits of the planes (N²M/2 dosage pairs, 64 to a word), or multiply
//! dosages as bytes where a matrix unit does that faster, and then add what missing calls change;
//! products count bits that have weights, or multiply bytes. All sums are integers, so their order,
//! the number of threads and the instruction set cannot change a bit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{MEAN_BITS, PAIR_EDGE, PairKind, PairMatrix, PairStatistic, PairTile};
use epitile_core::stored::Stored;
use rayon::prelude::*;

use crate::missing::Missing;
use crate::product::Products;
use crate::room::{Block, Room};
use crate::simd::dosages::{self, Calls, Factor, GROUP, Grid};
use crate::simd::line::LINE;
use crate::simd::popcount::{self, Distance, NO_WORD, Packed};
use crate::simd::transpose::SNPS;
use crate::slice::Slice;

/// Lines of a plane counted in one go: packed, a block's rows take half of a second-level cache
/// and the columns at work half of a first-level one.
const LINES: usize = 16;
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
    tables: Mutex<Vec<(TableKey, Arc<Vec<f64>>)>>,
}

/// Puts a block elsewhere.
pub(crate) type Keep<'a, E> = &'a (dyn Fn(PairTile) -> Result<PairTile, E> + Sync);

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
        let whole = statistic.is_whole(rows, cols);
        let sums = Sums::new(statistic, rows, (!symmetric).then_some(cols), whole);
        let (tiles, max) = match whole {
            true => blocks::<u32, E>(&sums, (rows, cols), symmetric, keep)?,
            false => blocks::<i64, E>(&sums, (rows, cols), symmetric, keep)?,
        };
        let unit = if whole { 0 } else { statistic.unit() };
        Ok(Pairs {
            matrix: PairMatrix::new(shape, symmetric, unit, tiles),
            unit: statistic.unit(),
            max: whole.then_some(max),
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
        // Whole values are stored in units of 1.
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
    pub(crate) fn table(&self, map: &KernelMap) -> Option<Arc<Vec<f64>>> {
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
            return map.table(0).map(|_| table.clone());
        }
        let table = Arc::new(map.table(max)?);
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

/// All blocks in order, and the largest number if they are whole.
fn blocks<T: Summed, E: Send>(
    sums: &Sums,
    sides: (&Genotypes, &Genotypes),
    symmetric: bool,
    keep: Option<Keep<'_, E>>,
) -> Result<(Vec<PairTile>, u32), E> {
    let shape = (sides.0.samples(), sides.1.samples());
    let places = PairMatrix::places(shape.0, shape.1, symmetric);
    let mut room = match keep {
        None => Room::new::<T>(places.len()),
        Some(_) => None,
    };
    let parts = room.iter_mut().flat_map(|room| room.blocks());
    let mut parts: BTreeMap<_, _> = places.into_iter().zip(parts).collect();
    let jobs = Job::all(shape, symmetric, sums.edge()).into_iter();
    let jobs: Vec<(Job, Vec<Block<'_, T>>)> = jobs
        .map(|job| {
            let block = |place| parts.remove(&place).map_or_else(Block::new, Block::Part);
            let blocks = job.places().map(block).collect();
            (job, blocks)
        })
        .collect();
    let done: Vec<(Vec<_>, u32)> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(job, mut blocks)| {
            let max = SPACE.with_borrow_mut(|space| T::sum(sums, &job, sides, &mut blocks, space));
            let mut own = Vec::new();
            for (place, block) in job.places().zip(blocks) {
                if let Block::Own(block) = block {
                    let tile = T::tile(block.into());
                    let tile = match keep {
                        Some(keep) => keep(tile)?,
                        None => tile,
                    };
                    own.push((place, tile));
                }
            }
            Ok((own, max))
        })
        .collect::<Result<_, E>>()?;
    let max = done.iter().map(|(_, max)| *max).max().unwrap_or(0);
    let tiles = match room {
        Some(room) => room.lend().map(T::tile).collect(),
        None => {
            let mut tiles: Vec<_> = done.into_iter().flat_map(|(own, _)| own).collect();
            tiles.sort_unstable_by_key(|&(place, _)| place);
            tiles.into_iter().map(|(_, tile)| tile).collect()
        }
    };
    Ok((tiles, max))
}

/// Neighbouring blocks that are summed together.
pub(crate) struct Job {
    pub(crate) rows: Range<usize>,
    pub(crate) cols: Range<usize>,
    /// Whether rows and columns are the same individuals: only the lower triangle is wanted.
    pub(crate) diagonal: bool,
}

/// Jobs for every thread, at least.
const MANY: usize = 8;

impl Job {
    /// All blocks of a matrix, up to `edge` × `edge` in a job.
    fn all((rows, cols): (usize, usize), symmetric: bool, edge: usize) -> Vec<Job> {
        let blocks = |n: usize| n.div_ceil(PAIR_EDGE);
        let (rows, cols) = (blocks(rows), blocks(cols));
        let halves = if symmetric { 2 } else { 1 };
        let many = halves * MANY * rayon::current_num_threads();
        let edge = if rows * cols < many * edge * edge {
            1
        } else {
            edge
        };
        let mut jobs = Vec::new();
        for i in (0..rows).step_by(edge) {
            let end = if symmetric { i + edge } else { cols };
            for j in (0..end.min(cols)).step_by(edge) {
                jobs.push(Job {
                    rows: i..rows.min(i + edge),
                    cols: j..cols.min(j + edge),
                    diagonal: symmetric && i == j,
                });
            }
        }
        jobs
    }

    /// Places of the blocks.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let lower = |&(i, j): &(usize, usize)| !self.diagonal || j <= i;
        let of = |i| self.cols.clone().map(move |j| (i, j));
        self.rows.clone().flat_map(of).filter(lower)
    }
}

/// How blocks are summed.
enum Sums {
    /// Whole distances.
    Whole(Counts),
    /// Distances with missing calls.
    Imputed(Counts, Missing),
    /// Products of standardised dosages.
    Products(Products),
}

impl Sums {
    fn new(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        whole: bool,
    ) -> Self {
        let distance = match statistic.kind() {
            PairKind::Product(_) => return Sums::Products(Products::new(statistic, rows, cols)),
            PairKind::Squared => Distance::Squared,
            PairKind::Absolute => Distance::Absolute,
        };
        let counts = Counts::new(distance, rows, cols);
        match whole {
            true => Sums::Whole(counts),
            false => {
                // Two missing calls are both the mean.
                let corrections = statistic.corrections().iter();
                let corrections: Vec<_> = corrections.map(|&[a, b, c]| [a, b, c, 0]).collect();
                Sums::Imputed(counts, Missing::new(&corrections, rows, cols))
            }
        }
    }

    /// Blocks along a side of a job.
    fn edge(&self) -> usize {
        match self {
            Sums::Whole(counts) | Sums::Imputed(counts, _) => counts.edge(),
            Sums::Products(products) => products.edge(),
        }
    }
}

/// Numbers of a block of pairs.
trait Summed: Pod + Send + Sync {
    /// The numbers as a block.
    fn tile(numbers: Stored<Self>) -> PairTile;

    /// Fills the blocks of a job, zeros so far, and gives the largest number if they are whole. Both
    /// halves of a diagonal block are filled.
    ///
    /// # Panics
    /// If the sums are of other numbers.
    fn sum(
        sums: &Sums,
        job: &Job,
        sides: (&Genotypes, &Genotypes),
        blocks: &mut [Block<'_, Self>],
        space: &mut Space,
    ) -> u32;
}

impl Summed for u32 {
    fn tile(numbers: Stored<u32>) -> PairTile {
        PairTile::Whole(numbers)
    }

    fn sum(
        sums: &Sums,
        job: &Job,
        (rows, cols): (&Genotypes, &Genotypes),
        blocks: &mut [Block<'_, u32>],
        space: &mut Space,
    ) -> u32 {
        let Sums::Whole(counts) = sums else {
            panic!("sums that are whole");
        };
        counts.multiply(job, &mut space.grid);
        let mut max = 0;
        for ((i, j), block) in job.places().zip(blocks) {
            let sides = (Slice::block(rows, i), Slice::block(cols, j));
            counts.fill(job, sides, job.diagonal && i == j, &space.grid, block);
            popcount::largest(block, &mut max);
        }
        max
    }
}

impl Summed for i64 {
    fn tile(numbers: Stored<i64>) -> PairTile {
        PairTile::Fixed(numbers)
    }

    fn sum(
        sums: &Sums,
        job: &Job,
        (rows, cols): (&Genotypes, &Genotypes),
        blocks: &mut [Block<'_, i64>],
        space: &mut Space,
    ) -> u32 {
        match sums {
            Sums::Imputed(counts, _) => counts.multiply(job, &mut space.grid),
            Sums::Products(products) => products.sum(job, &mut space.grid, blocks),
            Sums::Whole(_) => panic!("sums that are not whole"),
        }
        for ((i, j), block) in job.places().zip(blocks) {
            let sides = (Slice::block(rows, i), Slice::block(cols, j));
            let diagonal = job.diagonal && i == j;
            match sums {
                Sums::Imputed(distances, missing) => {
                    let counts = &mut space.counts;
                    counts.clear();
                    counts.resize(PAIR_EDGE * PAIR_EDGE, 0);
                    distances.fill(job, sides, diagonal, &space.grid, counts);
                    for (sum, &count) in block.iter_mut().zip(&*counts) {
                        *sum = i64::from(count) << MEAN_BITS;
                    }
                    missing.add(sides, diagonal, &mut space.corrections, block);
                }
                Sums::Products(of) => of.finish(sides, diagonal, &mut space.corrections, block),
                Sums::Whole(_) => {}
            }
        }
        0
    }
}

/// What a job needs while it is summed.
#[derive(Default)]
struct Space {
    counts: Vec<u32>,
    corrections: Vec<i64>,
    grid: Grid,
}

thread_local! {
    /// Kept from job to job: memory that is new to the process costs more than to fill it.
    static SPACE: RefCell<Space> = RefCell::default();
}

/// Distances over the planes, packed once for all blocks: as much memory as the planes.
struct Counts {
    distance: Distance,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
}

/// One set of individuals, by block.
enum Side {
    /// Planes, by block and [`LINES`].
    Bits(Vec<Vec<Packed>>),
    /// Calls, and of every individual Σx² or Σx.
    Bytes(Vec<(Calls, Vec<u32>)>),
}

impl Side {
    /// `words` are those with SNPs.
    fn new(genotypes: &Genotypes, words: &[u32], distance: Distance) -> Self {
        let blocks = (0..genotypes.samples().div_ceil(PAIR_EDGE)).into_par_iter();
        let slice = |b| Slice::block(genotypes, b);
        if dosages::are_fast() {
            let calls = |b| calls(slice(b), words, distance);
            return Side::Bytes(blocks.map(calls).collect());
        }
        let (full, rest) = words.as_chunks::<LINE>();
        let mut lines = full.to_vec();
        if !rest.is_empty() {
            let mut last = [NO_WORD; LINE];
            last[..rest.len()].copy_from_slice(rest);
            lines.push(last);
        }
        let packed = |b| {
            let chunks = lines.chunks(LINES);
            chunks.map(|w| Packed::new(slice(b).planes(), w)).collect()
        };
        Side::Bits(blocks.map(packed).collect())
    }
}

/// The calls of a block of individuals, and what each adds to its distances.
fn calls(slice: Slice<'_>, words: &[u32], distance: Distance) -> (Calls, Vec<u32>) {
    let mut calls = Calls::zeros(slice.count, words.len());
    let mut own = vec![0; slice.count.next_multiple_of(GROUP)];
    for (i, ([some, two], own)) in slice.planes().zip(&mut own).enumerate() {
        for (step, &word) in words.iter().enumerate() {
            let (some, two) = (some[word as usize], two[word as usize]);
            calls.set(i, step, some ^ two, two);
            *own += match distance {
                Distance::Squared => some.count_ones() + 3 * two.count_ones(),
                Distance::Absolute => some.count_ones() + two.count_ones(),
            };
        }
    }
    (calls, own)
}

impl Counts {
    fn new(distance: Distance, rows: &Genotypes, cols: Option<&Genotypes>) -> Self {
        // Segments are padded to whole lines; words of nothing but padding are left out.
        let segments = rows.segments().iter();
        let words: Vec<u32> = segments
            .flat_map(|s| (s.words.start..).take(s.snps.len().div_ceil(SNPS)))
            .map(|word| word as u32)
            .collect();
        let side = |g: &Genotypes| Side::new(g, &words, distance);
        Counts {
            distance,
            rows: side(rows),
            cols: cols.map(side),
        }
    }

    fn sides(&self) -> (&Side, &Side) {
        (&self.rows, self.cols.as_ref().unwrap_or(&self.rows))
    }

    fn edge(&self) -> usize {
        match self.rows {
            Side::Bits(_) => 1,
            Side::Bytes(_) => BYTES_EDGE,
        }
    }

    /// Products of bytes of a job, if there are bytes.
    fn multiply(&self, job: &Job, grid: &mut Grid) {
        let (Side::Bytes(rows), Side::Bytes(cols)) = self.sides() else {
            return;
        };
        let (rows, cols) = (&rows[job.rows.clone()], &cols[job.cols.clone()]);
        let [rows, cols] = [rows, cols].map(|side| side.iter().map(|(c, _)| c).collect::<Vec<_>>());
        grid.clear(rows.len(), cols.len());
        let factors = match self.distance {
            Distance::Squared => &[Factor::Dosages][..],
            Distance::Absolute => &[Factor::Dosages, Factor::Heterozygous],
        };
        for &factor in factors {
            dosages::multiply((&rows, &cols), factor, job.diagonal, grid);
        }
    }

    /// The distances of a block of a job instead of zeros, row-major with [`PAIR_EDGE`] columns.
    fn fill(
        &self,
        job: &Job,
        (rows, cols): (Slice<'_>, Slice<'_>),
        diagonal: bool,
        grid: &Grid,
        sums: &mut [u32],
    ) {
        match self.sides() {
            (Side::Bits(a), Side::Bits(b)) => {
                for (a, b) in a[rows.index()].iter().zip(&b[cols.index()]) {
                    popcount::count(a, b, self.distance, diagonal, sums);
                }
            }
            (Side::Bytes(a), Side::Bytes(b)) => {
                let own = (&a[rows.index()].1[..], &b[cols.index()].1[..]);
                let place = (rows.index() - job.rows.start, cols.index() - job.cols.start);
                let times = match self.distance {
                    Distance::Squared => 2,
                    Distance::Absolute => 1,
                };
                dosages::whole(grid, place, own, times, sums);
            }
            _ => unreachable!("both sides are packed alike"),
        }
        // Groups of individuals were filled up with some that have no alleles.
        for (i, sums) in sums.chunks_exact_mut(PAIR_EDGE).enumerate() {
            let used = if i < rows.count { cols.count } else { 0 };
            sums[used..].fill(0);
        }
        if diagonal {
            mirror(sums);
        }
    }
}

/// Blocks along a side of what is multiplied together: their sums take half of a second-level cache.
const BYTES_EDGE: usize = 2;

/// Fills the upper half of a block on the diagonal.
pub(crate) fn mirror<T: Copy>(block: &mut [T]) {
    for i in 0..PAIR_EDGE {
        for j in i + 1..PAIR_EDGE {
            block[i * PAIR_EDGE + j] = block[j * PAIR_EDGE + i];
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
