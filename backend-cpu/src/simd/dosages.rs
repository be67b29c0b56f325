//! Products of dosages as bytes, for the matrix unit.
//!
//! Calls wait packed, two bits each. [`multiply`] unpacks them to panels of bytes that fit the caches
//! and adds Σ f(x)·g(y) to 32-bit sums: f and g are the dosage, or whether it is 1, or the dosage times
//! a weight. Distances follow: with h the heterozygous calls,
//!
//! Σ(x−y)² = Σx² + Σy² − 2Σxy,  Σ|x−y| = Σx + Σy − Σxy − Σhh′.
//!
//! Bytes of rows lie as an individual's 64 SNPs (A), those of columns as four SNPs of 16
//! individuals (B): what the instruction for products of tiles wants.

use grid::{BLOCK, SQUARE, Sums};
pub(crate) use grid::{Grid, add, distances, weighted};

use crate::simd::level::{Half, isa};
use crate::simd::line::{LINE, Line};
use crate::simd::transpose::SNPS;

/// Individuals of a tile.
const STRIP: usize = 16;
/// Individuals whose sums are in registers together.
pub(crate) const GROUP: usize = 2 * STRIP;
/// Lines of a tile.
const TILE: usize = 16;
/// Steps of 64 SNPs whose bytes lie in panels together: 32 individuals take 32 KiB of the
/// first-level cache, 512 take a quarter of a second-level one.
const STEPS: usize = 16;

/// Blocks along a side of what is multiplied together: their sums take half of a second-level cache.
pub(crate) const EDGE: usize = 2;

/// Whether this is the fastest way to compare individuals.
pub(crate) fn are_fast() -> bool {
    isa().half == Half::Amx
}

/// Calls of some individuals, two bits each: by [`STEPS`] of 64 SNPs, then by 16 individuals, then by
/// step, for each individual the 32 SNPs at even places, then those at odd ones.
pub(crate) struct Calls {
    lines: Vec<Line>,
    steps: usize,
    groups: usize,
}

impl Calls {
    /// No alleles.
    pub(crate) fn zeros(individuals: usize, steps: usize) -> Self {
        let groups = individuals.div_ceil(GROUP);
        Calls {
            lines: vec![Line::default(); groups * 2 * steps * TILE / 4],
            steps,
            groups,
        }
    }

    /// Sets the planes h (dosage 1) and t (dosage 2) of an individual at 64 SNPs.
    pub(crate) fn set(&mut self, individual: usize, step: usize, het: u64, two: u64) {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let (strip, row) = (individual / STRIP, individual % STRIP);
        let at = self.place(strip, step / STEPS * STEPS) + step % STEPS * TILE / 4;
        let line = &mut self.lines[at + row / 4];
        line.0[row % 4 * 2] = het & EVEN | (two & EVEN) << 1;
        line.0[row % 4 * 2 + 1] = het >> 1 & EVEN | two & !EVEN;
    }

    /// The lines of 16 individuals from step `from`, a multiple of [`STEPS`], on.
    fn strip(&self, strip: usize, from: usize) -> &[Line] {
        let steps = STEPS.min(self.steps - from);
        &self.lines[self.place(strip, from)..][..steps * TILE / 4]
    }

    /// The lines of 32 individuals from step `from`, a multiple of [`STEPS`], on.
    fn group(&self, group: usize, from: usize) -> &[Line] {
        if from >= self.steps {
            return &[];
        }
        let len = self.strip(2 * group, from).len();
        &self.lines[self.place(2 * group, from)..][..2 * len]
    }

    /// Where these lines begin.
    fn place(&self, strip: usize, from: usize) -> usize {
        let steps = STEPS.min(self.steps - from);
        (2 * self.groups * from + strip * steps) * TILE / 4
    }
}

/// The byte of a line at which SNP `s` of a step stands.
fn place(s: usize) -> usize {
    s / 2 + s % 2 * (SNPS / 2)
}

/// The weights of the SNPs of a step.
pub(crate) fn weights(of: impl Fn(usize) -> u8) -> Line {
    let mut line = Line::default();
    for s in 0..SNPS {
        set(&mut line, place(s), of(s));
    }
    line
}

/// What is multiplied.
#[derive(Clone, Copy)]
pub(crate) enum Factor<'a> {
    /// x·y.
    Dosages,
    /// Whether both are 1.
    Heterozygous,
    /// vx·wy, lines of [`weights`] v, as i8 from −63 to 63, and w, to 127 or all 1, for every step.
    Weighted(&'a [Line], Option<&'a [Line]>),
}

impl Factor<'_> {
    /// The bits of a call that are taken.
    fn mask(self) -> u8 {
        match self {
            Factor::Heterozygous => 1,
            _ => 3,
        }
    }
}

/// Adds Σ over all SNPs to the sums of `grid`, modulo 2³², for the individuals of some blocks. With
/// `lower`, rows and columns are the same and sums above the diagonal may be left out.
///
/// # Panics
/// If the blocks differ in their SNPs.
pub(crate) fn multiply(
    (rows, cols): (&[&Calls], &[&Calls]),
    factor: Factor<'_>,
    lower: bool,
    grid: &mut Grid,
) {
    let steps = rows[0].steps;
    let same = rows.iter().chain(cols).all(|c| c.steps == steps);
    assert!(same, "SNPs of a pair");
    let panel = 2 * TILE * STEPS;
    grid.panel.resize(grid.rows * panel, Line::default());
    grid.column.resize(panel, Line::default());
    let unit = Unit::in_use();
    for from in (0..steps).step_by(STEPS) {
        let now = STEPS.min(steps - from);
        for (i, block, group) in groups(rows) {
            let panel = &mut grid.panel[i * panel..][..panel];
            for half in 0..2 {
                let calls = block.strip(2 * group + half, from);
                let tiles = &mut panel[half * TILE..];
                match factor {
                    Factor::Weighted(weights, _) => {
                        unit.weigh(calls, &weights[from..][..now], tiles);
                    }
                    _ => unit.unpack(calls, factor.mask(), tiles),
                }
            }
        }
        for (j, block, group) in groups(cols) {
            for half in 0..2 {
                let calls = block.strip(2 * group + half, from);
                let tiles = &mut grid.column[half * TILE..];
                match factor {
                    Factor::Weighted(_, Some(weights)) => {
                        unit.turn_weighted(calls, &weights[from..][..now], tiles);
                    }
                    _ => unit.turn(calls, factor.mask(), tiles),
                }
            }
            // What will be unpacked for the next steps is asked for in small parts.
            let later = |blocks| {
                let group = groups(blocks).find(|&(i, _, _)| i == j);
                let lines = group.map_or(&[][..], |(_, block, group)| {
                    block.group(group, from + STEPS)
                });
                lines.chunks(PART)
            };
            let mut later = later(rows).chain(later(cols));
            for (i, _, _) in groups(rows).filter(|&(i, _, _)| !lower || i >= j) {
                later.by_ref().take(2).for_each(|lines| unit.ask(lines));
                let (sums, _) = grid.sums[(j * grid.rows + i) * SQUARE..].as_chunks_mut();
                unit.product(&grid.panel[i * panel..], &grid.column, now, &mut sums[0]);
            }
        }
    }
}

/// Lines that are asked for together.
const PART: usize = 8;

/// Every group: its place in a grid, its block, its place there.
fn groups<'a>(blocks: &'a [&Calls]) -> impl Iterator<Item = (usize, &'a Calls, usize)> {
    let of = |(b, calls): (usize, &&'a Calls)| {
        let calls = *calls;
        (0..calls.groups).map(move |g| (b * BLOCK + g, calls, g))
    };
    blocks.iter().enumerate().flat_map(of)
}

/// What the work is done with, ready for use.
enum Unit {
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Unit),
    Portable,
}

impl Unit {
    fn in_use() -> Self {
        #[cfg(target_arch = "x86_64")]
        if are_fast() {
            // SAFETY: AMX was found with all that the unit needs; `multiply` makes one at a time and calls
            // nothing that makes another.
            return Unit::Amx(unsafe { amx::Unit::new() });
        }
        Unit::Portable
    }

    /// Bytes of 16 individuals, tiles two apart.
    fn unpack(&self, calls: &[Line], mask: u8, tiles: &mut [Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.unpack(calls, mask, tiles),
            Unit::Portable => each(calls, tiles, |_, row, at, call, tile| {
                set(&mut tile[row], at, call & mask);
            }),
        }
    }

    /// The same, times a weight.
    fn weigh(&self, calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.weigh(calls, weights, tiles),
            Unit::Portable => each(calls, tiles, |step, row, at, call, tile| {
                let weight = byte(&weights[step], at) as i8;
                set(&mut tile[row], at, (call as i8 * weight) as u8);
            }),
        }
    }

    /// Bytes of 16 individuals, four SNPs of each in a line, tiles two apart.
    fn turn(&self, calls: &[Line], mask: u8, tiles: &mut [Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.turn(calls, mask, tiles),
            Unit::Portable => each(calls, tiles, |_, row, at, call, tile| {
                set(&mut tile[at / 4], 4 * row + at % 4, call & mask);
            }),
        }
    }

    /// The same, times a weight.
    fn turn_weighted(&self, calls: &[Line], weights: &[Line], tiles: &mut [Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.turn_weighted(calls, weights, tiles),
            Unit::Portable => each(calls, tiles, |step, row, at, call, tile| {
                let weight = byte(&weights[step], at);
                set(&mut tile[at / 4], 4 * row + at % 4, call * weight);
            }),
        }
    }

    /// Brings lines nearer.
    fn ask(&self, calls: &[Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.ask(calls),
            Unit::Portable => _ = calls,
        }
    }

    /// Adds the products of 32 rows and 32 columns.
    fn product(&self, rows: &[Line], cols: &[Line], steps: usize, sums: &mut [Sums; SQUARE]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(unit) => unit.product(rows, cols, steps, sums),
            Unit::Portable => product(rows, cols, steps, sums),
        }
    }
}

/// Calls `of` with step, individual, place and code of all calls, and the tile of the step.
fn each(calls: &[Line], tiles: &mut [Line], of: impl Fn(usize, usize, usize, u8, &mut [Line])) {
    let (calls, _) = calls.as_chunks::<{ TILE / 4 }>();
    for (step, (calls, tile)) in calls.iter().zip(tiles.chunks_mut(2 * TILE)).enumerate() {
        for (row, at) in (0..STRIP).flat_map(|row| (0..SNPS).map(move |at| (row, at))) {
            let code = byte(&calls[row / 4], row % 4 * 16 + at / 4) >> (at % 4 * 2) & 3;
            of(step, row, at, code, tile);
        }
    }
}

fn byte(line: &Line, at: usize) -> u8 {
    (line.0[at / LINE] >> (at % LINE * 8)) as u8
}

fn set(line: &mut Line, at: usize, value: u8) {
    let shift = at % LINE * 8;
    line.0[at / LINE] = line.0[at / LINE] & !(0xff << shift) | u64::from(value) << shift;
}

/// See [`Unit::product`].
fn product(rows: &[Line], cols: &[Line], steps: usize, sums: &mut [Sums; SQUARE]) {
    for (tile, sums) in sums.chunks_exact_mut(TILE).enumerate() {
        for step in 0..steps {
            let a = &rows[(2 * step + tile / 2) * TILE..][..TILE];
            let b = &cols[(2 * step + tile % 2) * TILE..][..TILE];
            for (a, sums) in a.iter().zip(&mut *sums) {
                for (j, sum) in sums.0.iter_mut().enumerate() {
                    for at in 0..SNPS {
                        let y = byte(&b[at / 4], 4 * j + at % 4);
                        *sum = sum.wrapping_add(i32::from(byte(a, at) as i8) * i32::from(y));
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod amx;
mod grid;
#[cfg(test)]
mod tests;
