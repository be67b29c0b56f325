//! How often p is below a level, with an interval by drawing traits again, and λ_GC.

use epitile::tails::normal_above;
use rand::RngExt;

use crate::lab::stream;
use crate::study::Study;

/// Levels of tests of single SNPs.
pub(crate) const LEVELS: [f64; 4] = [0.05, 0.01, 1e-3, 1e-4];

/// Times that traits are drawn again.
const DRAWS: usize = 4000;

/// What an interval leaves out: 1 %.
const OUTSIDE: f64 = 0.01;

/// Fewer tests expected below a level say nothing about it.
const FEWEST: f64 = 40.0;

/// Median of χ²₁.
const MEDIAN: f64 = 0.454_936_423_119_572_7;

/// A share of tests, with the interval that holds 99 % of what other draws of traits give. Tests of
/// one trait are not independent; traits are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) share: f64,
    low: f64,
    high: f64,
}

impl Share {
    /// Of `counts`, one a trait, each out of `each`.
    pub(crate) fn new(study: &Study, counts: &[u32], each: usize) -> Share {
        let total = (counts.len() * each) as f64;
        let share = |sum: u64| sum as f64 / total;
        let mut rng = stream(study, u32::MAX, 0);
        let mut drawn: Vec<u64> = (0..DRAWS)
            .map(|_| {
                let one = |_| u64::from(counts[rng.random_range(0..counts.len())]);
                (0..counts.len()).map(one).sum()
            })
            .collect();
        drawn.sort_unstable();
        let cut = (DRAWS as f64 * OUTSIDE / 2.0) as usize;
        Share {
            share: share(counts.iter().map(|&c| u64::from(c)).sum()),
            low: share(drawn[cut]),
            high: share(drawn[DRAWS - 1 - cut]),
        }
    }

    /// Whether `level` is in the interval.
    pub(crate) fn holds(&self, level: f64) -> bool {
        self.low <= level && level <= self.high
    }

    /// As a cell, in units of the level.
    pub(crate) fn cell(&self, level: f64) -> String {
        let digits = (2.0 - level.log10().floor()) as usize;
        format!(
            "{:.digits$} [{:.digits$}, {:.digits$}]",
            self.share, self.low, self.high
        )
    }
}

/// A line of a table of sizes: the cells that follow its name, and levels that are not held.
pub(crate) fn line(study: &Study, log10p: &[Vec<f64>]) -> (Vec<String>, Vec<String>) {
    let each = log10p[0].len();
    let tests = each * log10p.len();
    let (mut cells, mut outside) = (vec![tests.to_string()], Vec::new());
    for level in LEVELS {
        if (tests as f64) * level < FEWEST {
            cells.push("–".into());
            continue;
        }
        let below = |p: &Vec<f64>| p.iter().filter(|p| **p >= -level.log10()).count() as u32;
        let counts: Vec<u32> = log10p.iter().map(below).collect();
        let share = Share::new(study, &counts, each);
        let mark = match share.holds(level) {
            true => "",
            false => " ✗",
        };
        cells.push(share.cell(level) + mark);
        if !share.holds(level) {
            outside.push(format!("{level}"));
        }
    }
    cells.push(format!("{:.3}", inflation(log10p)));
    (cells, outside)
}

/// The heads of [`line()`]'s cells.
pub(crate) const HEADS: [&str; 6] = ["tests", "0.05", "0.01", "0.001", "0.0001", "λ_GC"];

/// λ_GC of every trait, as χ²₁ of the median p over the median of χ²₁; their mean.
pub(crate) fn inflation(log10p: &[Vec<f64>]) -> f64 {
    let one = |p: &Vec<f64>| {
        let mut p = p.clone();
        let middle = p.len() / 2;
        let (_, median, _) = p.select_nth_unstable_by(middle, f64::total_cmp);
        normal_above(0.5 * 10_f64.powf(-*median)).powi(2) / MEDIAN
    };
    log10p.iter().map(one).sum::<f64>() / log10p.len() as f64
}

/// The largest distance of the distribution of `p` from the uniform one (Kolmogorov and Smirnov),
/// and what it is below with probability 99 %.
pub(crate) fn kolmogorov(mut p: Vec<f64>) -> (f64, f64) {
    p.sort_by(f64::total_cmp);
    let n = p.len() as f64;
    let distance = p.iter().enumerate().fold(0.0, |d: f64, (i, p)| {
        d.max((p - i as f64 / n).abs())
            .max(((i + 1) as f64 / n - p).abs())
    });
    (distance, 1.628 / n.sqrt())
}
