//! Weighted sums of all pairs, as integers: Σ w (x − μ)(y − μ), or Σ w (x − y)².
//!
//! Each is a sum of weighted products x·y and of what depends on one individual
//! ([`PairStatistic::terms`]). With the dosages x = h + 2t and |·| a sum of weights,
//!
//! Σ w x y = Σ w x + Σ w y − |A| − 2|B|,
//!
//! A = h ∨ h′ and B the opposite homozygotes (see `simd/popcount.rs`). The bits are counted once
//! for every round of [`PairStatistic::chunks`], in whose order the planes are sorted first; the
//! rest depends on one individual, or on missing calls as in distances. N²M operations a round,
//! and as much memory as the planes.
//!
//! Where a matrix unit multiplies bytes faster, it does Σ w x y: each w of a round is a product of two
//! factors, one for the bytes of either individual. N²M operations a round as well. Bytes have their own
//! weights, so a round of most SNPs leaves them where they stand.
//!
//! | file | holds |
//! |---|---|
//! | `rounds.rs` | weights as bits or bytes are multiplied by them |
//! | `side.rs` | calls in the order of each round; what an individual adds alone |

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{PAIR_EDGE, PairStatistic};

use crate::missing::Missing;
use crate::pairs::Job;
use crate::room::Block;
use crate::simd::count::Count;
use crate::simd::dosages::{self, Factor, Grid};
use crate::simd::popcount::weighted;
use rounds::{Numbers, Round, rounds};
use side::Side;

/// What products of two sets of individuals are made of.
pub(crate) struct Products {
    rounds: Vec<Round>,
    rows: Side,
    /// `None` if rows and columns are the same individuals.
    cols: Option<Side>,
    /// `None` if no call is missing.
    missing: Option<Missing>,
}

impl Products {
    /// For the pairs of `rows` with `cols`, or with themselves; sums in units of 2^unit, by which all
    /// can be divided.
    pub(crate) fn new(
        statistic: &PairStatistic,
        rows: &Genotypes,
        cols: Option<&Genotypes>,
        unit: i32,
    ) -> Self {
        let fraction = (unit - statistic.unit()) as u32;
        let rounds = rounds(statistic.chunks(), rows, fraction);
        let side = |g: &Genotypes| Side::new(statistic, &rounds, g, fraction);
        let missing = rows.has_missing() || cols.is_some_and(Genotypes::has_missing);
        Products {
            rows: side(rows),
            cols: cols.map(side),
            missing: missing.then(|| Missing::new(statistic.corrections(), rows, cols)),
            rounds,
        }
    }

    /// Blocks along a side of a job.
    pub(crate) fn edge(&self) -> usize {
        match self.rounds.first().map(|round| &round.numbers) {
            Some(Numbers::Bytes(..)) => dosages::EDGE,
            _ => 1,
        }
    }

    /// The sums of every block of a job, row-major with [`PAIR_EDGE`] columns, as if all calls were
    /// there.
    pub(crate) fn sum<T: Count>(&self, job: &Job, grid: &mut Grid, blocks: &mut [Block<'_, T>]) {
        let other = self.cols.as_ref().unwrap_or(&self.rows);
        let (a, b) = (
            &self.rows.calls[job.rows.clone()],
            &other.calls[job.cols.clone()],
        );
        let own = |(i, j): (usize, usize)| (self.rows.own(i), other.own(j));
        // The first products of bytes are written with the rest, once.
        if self.edge() == 1 {
            for (place, sums) in job.places().zip(&mut *blocks) {
                let (rows, cols) = own(place);
                for (sums, own) in sums.chunks_exact_mut(PAIR_EDGE).zip(rows) {
                    for (sum, other) in sums.iter_mut().zip(cols) {
                        *sum = T::of_sum(own + other);
                    }
                }
            }
        }
        for (k, round) in self.rounds.iter().enumerate() {
            let shift = round.shift;
            match &round.numbers {
                Numbers::Bits(lines) => {
                    for ((i, j), sums) in job.places().zip(&mut *blocks) {
                        let (a, b) = (&self.rows.calls[i], &other.calls[j]);
                        let sides = (a[k].bits(), b[k].bits());
                        weighted::subtract(sides, lines, shift, job.diagonal && i == j, sums);
                    }
                }
                Numbers::Bytes(first, second) => {
                    let [a, b] =
                        [a, b].map(|side| side.iter().map(|c| c[k].bytes()).collect::<Vec<_>>());
                    grid.clear(a.len(), b.len());
                    let factor = Factor::Weighted(first, second.as_deref());
                    dosages::multiply((&a, &b), factor, job.diagonal, grid);
                    for ((i, j), sums) in job.places().zip(&mut *blocks) {
                        let place = (i - job.rows.start, j - job.cols.start);
                        match k {
                            0 => dosages::weighted(grid, place, shift, own((i, j)), sums),
                            _ => dosages::add(grid, place, shift, sums),
                        }
                    }
                }
            }
        }
    }

    /// What missing calls change, if any are missing.
    pub(crate) fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }
}

mod rounds;
mod side;
