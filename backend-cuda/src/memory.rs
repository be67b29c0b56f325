//! What a run takes of the device's memory, told before any is taken.

use epitile_core::columns::WIDTH;

use crate::dots::WORDS;
use crate::pairs::BLOCK;
use crate::sys::{LANES, PIECE, SLICES, workspace};

/// Columns of tiles whose sums may be open at a time: those that an engine finishes together.
const PANEL: usize = 8;
/// Copies of a panel of right-hand sides: what the strips of a pass over the kernel accumulate, and
/// the panel on its way.
const PANELS: usize = 16 + 4;
/// F64 tiles that a thread works on: a kernel tile, its operands in another format, scratch memory.
const TILES: usize = 4;

/// A run, by the sizes that decide its memory.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// Individuals, N.
    pub samples: usize,
    /// Bytes of the planes of all genotypes that are on the device.
    pub planes: usize,
    /// Bytes of all numbers of each kind of pair statistic.
    pub pairs: Vec<usize>,
    /// Whether numbers of pairs are made of digits: missing calls, or standardised products.
    pub digits: bool,
    /// Rows of a tile.
    pub edge: usize,
    /// Bytes of a number of a factor below the diagonal.
    pub number: usize,
    /// Factors at the same time.
    pub factors: usize,
    /// Deflated columns.
    pub rank: usize,
    /// Threads that issue work.
    pub threads: usize,
}

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Planes of genotypes.
    pub genotypes: u64,
    /// Pair statistics that are kept.
    pub pairs: u64,
    /// Factors.
    pub factors: u64,
    /// Right-hand sides, tiles at work, and scratch memory of the libraries.
    pub work: u64,
}

impl Estimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.genotypes + self.pairs + self.factors + self.work
    }
}

impl Sizes {
    /// What the run takes of a device with so many bytes of memory, `free` of them free: enough, not
    /// the least.
    pub fn estimate(&self, (free, total): (usize, usize)) -> Estimate {
        let of = |n: usize| n as u64;
        let (n, edge) = (of(self.samples), of(self.edge.min(self.samples)));
        let workspaces = of(LANES.min(self.threads + 1) * workspace(total));
        // Each kind is kept if it is a quarter of what is free then.
        let mut left = of(free).saturating_sub(of(self.planes));
        let (mut pairs, mut all_kept) = (0, true);
        for &bytes in &self.pairs {
            if of(bytes) <= left / 4 {
                pairs += of(bytes);
                left -= of(bytes);
            } else {
                all_kept = false;
            }
        }
        let number = of(self.number);
        let order = n.div_ceil(edge.max(1));
        let tiles = order * (order + 1) / 2;
        // Diagonal tiles are F32 at least; a scale takes a part of its own.
        let diagonal = n * edge * number.max(4).saturating_sub(number);
        let factor = n * (n + edge) / 2 * number + diagonal + 256 * tiles;
        let open = tiles.min(of(PANEL) * order) * edge * edge * 4u64.saturating_sub(number);
        // Numbers that are made for one use: sums of products, and bytes of both sides.
        let bytes = |individuals| of(total / 64).min(individuals * 64 * 2 * of(WORDS));
        let sums = 4 + if self.digits { 4 * of(SLICES) } else { 0 };
        let made = match all_kept {
            true => 0,
            false => edge * edge * (sums + 8) + bytes(2 * edge),
        };
        let thread = of(TILES) * 8 * edge * edge + made;
        // Once, before: the same for the blocks of all pairs.
        let block = of(BLOCK).min(n);
        let before = bytes(2 * block) + of(total / 16).min((sums + 8) * block * block);
        let panels = n * 8 * of(PANELS * WIDTH.max(self.rank) + self.rank);
        let solving = of(self.factors) * (factor + open + panels) + of(self.threads) * thread;
        let factors = of(self.factors) * factor;
        Estimate {
            genotypes: of(self.planes) + 16 * n,
            pairs,
            factors,
            // A piece of memory may not be used to its end.
            work: workspaces + of((total / 8).min(2 * PIECE)) + (solving - factors).max(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An H200's memory, and what its driver leaves of it.
    const H200: (usize, usize) = (140_000_000_000, 141_000_000_000);

    #[test]
    fn a_run_of_the_size_of_uk_biobank_fits_on_one_h200_in_16_and_in_8_bits() {
        let (samples, snps) = (305_880usize, 43_333usize);
        // A chromosome's SNPs are padded to 512 bits.
        let words = snps.div_ceil(64) + 22 * 8;
        let blocks = samples.div_ceil(256);
        let sizes = |number| Sizes {
            samples,
            planes: 2 * samples * words * 8,
            pairs: vec![blocks * (blocks + 1) / 2 * 256 * 256 * 4],
            digits: false,
            edge: crate::LARGEST_EDGE,
            number,
            factors: 1,
            rank: 8,
            threads: 16,
        };
        for number in [1, 2] {
            let estimate = sizes(number).estimate(H200);
            // Pair statistics of 187 GB are made again at every use.
            assert_eq!(estimate.pairs, 0);
            assert!(estimate.total() <= H200.0 as u64, "{number}: {estimate:?}");
        }
        // In FP32 the factor alone would be 187 GB.
        assert!(sizes(4).estimate(H200).total() > H200.1 as u64);
    }

    #[test]
    fn statistics_are_counted_where_they_are_kept() {
        let sizes = Sizes {
            samples: 1000,
            pairs: vec![1 << 20, 1 << 20],
            edge: 96,
            number: 4,
            factors: 1,
            ..Sizes::default()
        };
        let kept = |free| sizes.estimate((free, 64 << 20)).pairs;
        assert_eq!(kept(64 << 20), 2 << 20);
        assert_eq!(kept(4 << 20), 1 << 20);
        assert_eq!(kept(1 << 20), 0);
    }
}
