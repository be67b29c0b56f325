//! Order statistics of the pair statistic: the median that scales γ, and quantiles for reports.

use alloc::vec;
use alloc::vec::Vec;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::pairs::{MEAN_BITS, PairStatistic};
use crate::precision::exp2;
use crate::sym::Blocks;

/// Up to this many individuals every pair is counted; beyond, the pairs of this many individuals
/// drawn evenly from the file.
pub const EXACT_SAMPLES: usize = 32_768;

/// Parts that the pairs are counted in, side by side.
const PARTS: usize = 16;

/// Groups whose medians give the standard error of a sampled median.
const GROUPS: usize = 16;

/// Order statistics of a distance over all pairs i < j.
#[derive(Clone, Debug, PartialEq)]
pub struct Distances {
    /// Minimum, 5 %, 25 %, median, 75 %, 95 %, maximum.
    pub quantiles: [f64; 7],
    /// Pairs counted.
    pub pairs: u64,
    /// Standard error of the median if pairs were sampled; `None` if all were counted.
    pub standard_error: Option<f64>,
}

/// The levels of [`Distances::quantiles`].
pub const LEVELS: [f64; 7] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0];

impl Distances {
    /// The median: the mean of the two middle order statistics.
    pub fn median(&self) -> f64 {
        self.quantiles[3]
    }

    /// Counts the pairs of `statistic`, a symmetric distance (not of products), over `samples`
    /// individuals. A pass over N²/2 numbers, two where they have fractions. `None` for fewer than two individuals.
    ///
    /// # Errors
    /// If the backend fails.
    pub fn count<B: Backend, E: Engine>(
        backend: &B,
        engine: &E,
        (statistic, pairs): (&PairStatistic, &B::Pairs),
        samples: usize,
    ) -> Result<Option<Self>, B::Error> {
        let bins = Bins::of(statistic);
        let chosen: Vec<u32> = match samples {
            0..=EXACT_SAMPLES => (0..samples as u32).collect(),
            n => (0..EXACT_SAMPLES)
                .map(|i| (i * n / EXACT_SAMPLES) as u32)
                .collect(),
        };
        let Some(quantiles) = quantiles(backend, engine, (pairs, bins), &chosen)? else {
            return Ok(None);
        };
        let standard_error = match samples > EXACT_SAMPLES {
            false => None,
            true => Some(median_error(backend, engine, (pairs, bins), &chosen)?),
        };
        let n = chosen.len() as u64;
        Ok(Some(Distances {
            quantiles,
            pairs: n * (n - 1) / 2,
            standard_error,
        }))
    }
}

/// Standard error of the median from disjoint groups, interleaved over the file.
fn median_error<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    pairs: (&B::Pairs, Bins),
    chosen: &[u32],
) -> Result<f64, B::Error> {
    let mut medians = Vec::with_capacity(GROUPS);
    for g in 0..GROUPS {
        let group: Vec<u32> = chosen.iter().skip(g).step_by(GROUPS).copied().collect();
        medians.extend(quantiles(backend, engine, pairs, &group)?.map(|q| q[3]));
    }
    let n = medians.len() as f64;
    let mean = medians.iter().sum::<f64>() / n;
    let ss: f64 = medians.iter().map(|m| (m - mean) * (m - mean)).sum();
    Ok(num_traits::Float::sqrt(ss / (n - 1.0) / n))
}

fn quantiles<B: Backend, E: Engine>(
    backend: &B,
    engine: &E,
    (pairs, of): (&B::Pairs, Bins),
    chosen: &[u32],
) -> Result<Option<[f64; 7]>, B::Error> {
    let mut parts = vec![(Vec::new(), false); PARTS];
    engine.for_each(
        &mut parts,
        |part, (bins, fractions): &mut (Vec<u64>, bool)| {
            visit(backend, pairs, chosen, part, |v| {
                let bin = of.bin(v);
                if bins.len() <= bin {
                    bins.resize(bin + 1, 0);
                }
                bins[bin] += 1;
                *fractions |= of.is_fraction(v);
            })
        },
    )?;
    let has_fractions = parts.iter().any(|&(_, fractions)| fractions);
    let mut bins = vec![0; parts.iter().map(|(b, _)| b.len()).max().unwrap_or(0)];
    for (part, _) in &parts {
        for (sum, count) in bins.iter_mut().zip(part) {
            *sum += count;
        }
    }
    let count: u64 = bins.iter().sum();
    if count == 0 {
        return Ok(None);
    }
    // Each quantile is the mean of two order statistics (ranks from 0), equal but for a median
    // of an even number.
    let ranks = LEVELS.map(|level| {
        let twice = 2.0 * level * (count - 1) as f64;
        let low = (twice as u64) / 2;
        [low, if level == 0.5 { count / 2 } else { low }]
    });
    // Where the ranks fall: bin and rank within it.
    let place = |rank: u64| {
        let mut before = 0;
        for (b, &c) in bins.iter().enumerate() {
            if rank < before + c {
                return (b, (rank - before) as usize);
            }
            before += c;
        }
        (bins.len() - 1, 0)
    };
    let places = ranks.map(|r| r.map(place));
    let mut wanted: Vec<usize> = places.iter().flatten().map(|&(b, _)| b).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut parts = vec![vec![Vec::new(); wanted.len()]; PARTS];
    if has_fractions {
        engine.for_each(&mut parts, |part, found: &mut Vec<Vec<i64>>| {
            visit(backend, pairs, chosen, part, |v| {
                // Bins' own numbers need not be kept: they are the first in them.
                if of.is_fraction(v)
                    && let Ok(at) = wanted.binary_search(&of.bin(v))
                {
                    found[at].push(v.max(0));
                }
            })
        })?;
    }
    let mut found: Vec<Vec<i64>> = vec![Vec::new(); wanted.len()];
    for part in parts {
        for (all, some) in found.iter_mut().zip(part) {
            all.extend(some);
        }
    }
    found.iter_mut().for_each(|f| f.sort_unstable());
    let value = |(b, within): (usize, usize)| {
        let fractional = wanted.binary_search(&b).map_or(&[][..], |at| &found[at]);
        let whole = bins[b] as usize - fractional.len();
        match within.checked_sub(whole) {
            None => of.value((b as i64) << of.shift),
            Some(at) => of.value(fractional[at]),
        }
    };
    Ok(Some(places.map(|[a, b]| (value(a) + value(b)) / 2.0)))
}

/// How numbers of a statistic are counted: by all but their last bits.
#[derive(Clone, Copy)]
struct Bins {
    shift: u32,
    unit: i32,
}

/// Most bins of weighted distances, as bits.
const BINS: u32 = 20;

impl Bins {
    /// Whole numbers, or so many parts of what distances with weights can be.
    fn of(statistic: &PairStatistic) -> Self {
        let most: i64 = statistic.terms().iter().map(|t| t.alone[2]).sum();
        Bins {
            shift: match statistic.is_weighted() {
                true => (i64::BITS - most.leading_zeros()).saturating_sub(BINS),
                false => MEAN_BITS,
            },
            unit: statistic.unit(),
        }
    }

    /// The rounding of μ² can leave a distance just below zero.
    fn bin(self, v: i64) -> usize {
        (v >> self.shift).max(0) as usize
    }

    /// Whether more such numbers may be in the bin.
    fn is_fraction(self, v: i64) -> bool {
        v & ((1 << self.shift) - 1) != 0
    }

    fn value(self, v: i64) -> f64 {
        v as f64 * exp2(self.unit)
    }
}

/// Calls `f` with every pair i < j of one of [`PARTS`] parts.
fn visit<B: Backend>(
    backend: &B,
    pairs: &B::Pairs,
    chosen: &[u32],
    part: usize,
    mut f: impl FnMut(i64),
) -> Result<(), B::Error> {
    let blocks = Blocks::new(chosen.len(), 256);
    for (bi, rows) in blocks.iter().enumerate().skip(part).step_by(PARTS) {
        for cols in blocks.iter().take(bi + 1) {
            let block = backend.pair_block(pairs, &chosen[rows.clone()], &chosen[cols.clone()])?;
            for (c, column) in block.chunks_exact(rows.len()).enumerate() {
                let skip = (cols.start + c + 1)
                    .saturating_sub(rows.start)
                    .min(rows.len());
                column[skip..].iter().for_each(|&v| f(v));
            }
        }
    }
    Ok(())
}
