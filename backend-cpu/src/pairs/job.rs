//! Blocks of pairs in parallel, some neighbours together.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use bytemuck::Pod;
use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{MEAN_BITS, PAIR_EDGE, PairKind, PairMatrix, PairStatistic, PairTile};
use epitile_core::stored::Stored;
use rayon::prelude::*;

use super::Keep;
use super::counts::{Counts, finish};
use crate::missing::Missing;
use crate::product::Products;
use crate::room::{Block, Room};
use crate::simd::dosages::Grid;
use crate::simd::popcount::{self, Distance};
use crate::slice::Slice;

/// All blocks in order, and the largest number if they are whole.
pub(super) fn blocks<T: Summed, E: Send>(
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
    let jobs: Vec<(Job, Vec<Option<&mut [T]>>)> = jobs
        .map(|job| {
            let parts = job.places().map(|place| parts.remove(&place)).collect();
            (job, parts)
        })
        .collect();
    let done: Vec<(Vec<_>, u32)> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(job, parts)| {
            // Blocks of their own live no longer than it takes to keep them elsewhere.
            let parts = parts.into_iter();
            let mut blocks: Vec<Block<'_, T>> = parts
                .map(|part| part.map_or_else(Block::new, Block::Part))
                .collect();
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
pub(super) enum Sums {
    /// Whole distances.
    Whole(Counts),
    /// Distances with missing calls.
    Imputed(Counts, Missing),
    /// Distances or products of SNPs that have weights.
    Weighted(Products),
}

impl Sums {
    pub(super) fn new(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        unit: i32,
    ) -> Self {
        if statistic.is_weighted() {
            return Sums::Weighted(Products::new(statistic, rows, cols, unit));
        }
        let distance = match statistic.kind() {
            PairKind::Absolute => Distance::Absolute,
            _ => Distance::Squared,
        };
        let counts = Counts::new(distance, rows, cols);
        match unit {
            0 => Sums::Whole(counts),
            _ => Sums::Imputed(counts, Missing::new(statistic.corrections(), rows, cols)),
        }
    }

    /// Blocks along a side of a job.
    fn edge(&self) -> usize {
        match self {
            Sums::Whole(counts) | Sums::Imputed(counts, _) => counts.edge(),
            Sums::Weighted(products) => products.edge(),
        }
    }
}

/// Numbers of a block of pairs.
pub(super) trait Summed: Pod + Send + Sync {
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
        match sums {
            Sums::Whole(counts) => counts.multiply(job, &mut space.grid),
            Sums::Weighted(products) => products.sum(job, &mut space.grid, blocks),
            Sums::Imputed(..) => panic!("sums that are not whole"),
        }
        let mut max = 0;
        for ((i, j), block) in job.places().zip(blocks) {
            let sides = (Slice::block(rows, i), Slice::block(cols, j));
            if let Sums::Whole(counts) = sums
                && !counts.fill(job, sides, &space.grid, block)
            {
                counts.count(sides, job.diagonal && i == j, block);
            }
            finish(sides, job.diagonal && i == j, block);
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
            Sums::Weighted(products) => products.sum(job, &mut space.grid, blocks),
            Sums::Whole(_) => panic!("sums that are not whole"),
        }
        for ((i, j), block) in job.places().zip(blocks) {
            let sides = (Slice::block(rows, i), Slice::block(cols, j));
            let diagonal = job.diagonal && i == j;
            let missing = match sums {
                Sums::Imputed(distances, missing) => {
                    if !distances.fill(job, sides, &space.grid, block) {
                        let counts = &mut space.counts;
                        counts.clear();
                        counts.resize(PAIR_EDGE * PAIR_EDGE, 0);
                        distances.count(sides, diagonal, counts);
                        for (sum, &count) in block.iter_mut().zip(&*counts) {
                            *sum = i64::from(count) << MEAN_BITS;
                        }
                    }
                    Some(missing)
                }
                Sums::Weighted(products) => products.missing(),
                Sums::Whole(_) => None,
            };
            finish(sides, diagonal, block);
            if let Some(missing) = missing {
                missing.add(sides, diagonal, &mut space.corrections, block);
            }
        }
        0
    }
}

/// What a job needs while it is summed.
#[derive(Default)]
pub(super) struct Space {
    counts: Vec<u32>,
    corrections: Vec<i64>,
    grid: Grid,
}

thread_local! {
    /// Kept from job to job: memory that is new to the process costs more than to fill it.
    static SPACE: RefCell<Space> = RefCell::default();
}
