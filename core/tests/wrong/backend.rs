//! The reference backend with one thing wrong.

use std::sync::{Arc, Mutex};

use epitile_core::backend::{Backend, ErrorKind, Solve, TileNorm, Trans};
use epitile_core::conformance::panels::WIDTH;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::policy::BY_SIZE;
use epitile_core::precision::Precision::{self, *};
use epitile_core::reference::{Reference, ReferencePairs};
use epitile_core::round::round;
use epitile_core::tile::{Tile, TileRef, is_scaled, natural_scale};

use crate::Fault::{self, *};

/// The reference with one fault, and an error that has not surfaced yet.
pub(crate) struct Wrong(Fault, Mutex<Option<ErrorKind>>);

impl Wrong {
    pub(crate) fn new(fault: Fault) -> Self {
        Wrong(fault, Mutex::new(None))
    }

    fn is(&self, fault: Fault) -> bool {
        self.0 == fault
    }
}

/// The tile with every value replaced.
fn map(t: &Tile, mut f: impl FnMut(usize, usize, f64) -> f64) -> Tile {
    let values = t.to_f64().into_iter().enumerate();
    let values: Vec<f64> = values
        .map(|(at, v)| f(at % t.rows(), at / t.rows(), v))
        .collect();
    Tile::from_f64(t.rows(), t.cols(), &values, t.precision(), t.scale())
}

fn transposed(trans: Trans) -> Trans {
    match trans {
        Trans::No => Trans::Yes,
        Trans::Yes => Trans::No,
    }
}

/// The value of the format next to `v`.
fn next(v: f64, p: Precision) -> f64 {
    let away = round(v * (1.0 + 2.0 * p.unit_roundoff()), p);
    if away == v { -v } else { away }
}

impl Backend for Wrong {
    type Tile = Tile;
    type Panel = Arc<Genotypes>;
    type Pairs = (ReferencePairs, bool);
    type Error = ErrorKind;

    fn name(&self) -> &str {
        "wrong"
    }

    fn formats(&self) -> &'static [Precision] {
        &BY_SIZE
    }

    fn supports(&self, precision: Precision) -> bool {
        matches!(precision, F64 | F32 | F16)
    }

    fn accumulator_roundoff(&self, operands: [Precision; 2], output: Precision) -> f64 {
        let u = Reference.accumulator_roundoff(operands, output);
        if self.is(RoundoffIsClaimedTooLarge) {
            1.0 / 256.0
        } else {
            u
        }
    }

    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<Arc<Genotypes>, ErrorKind> {
        Reference.panel(genotypes)
    }

    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &Arc<Genotypes>,
        cols: Option<&Arc<Genotypes>>,
    ) -> Result<(ReferencePairs, bool), ErrorKind> {
        let missing = rows.has_missing() || cols.is_some_and(|c| c.has_missing());
        Ok((Reference.pairs(statistic, rows, cols)?, missing))
    }

    fn pair_block(
        &self,
        (pairs, missing): &(ReferencePairs, bool),
        rows: &[u32],
        cols: &[u32],
    ) -> Result<Vec<i64>, ErrorKind> {
        if self.is(PairWrapsAtTheBlockEdge) {
            let rows: Vec<u32> = rows.iter().map(|i| i % 256).collect();
            return Reference.pair_block(pairs, &rows, cols);
        }
        let mut block = Reference.pair_block(pairs, rows, cols)?;
        if self.is(PairOffByOneWhereMissing) && *missing {
            block.iter_mut().for_each(|v| *v += 1);
        }
        Ok(block)
    }

    fn kernel_tile(
        &self,
        kernel: &KernelMap,
        (pairs, _): &(ReferencePairs, bool),
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<Tile, ErrorKind> {
        let mut rows = rows.to_vec();
        if self.is(KernelSortsItsRows) {
            rows.sort_unstable();
        }
        let exact = Reference.kernel_tile(kernel, pairs, &rows, cols, F64)?;
        let tile = Reference.kernel_tile(kernel, pairs, &rows, cols, precision)?;
        Ok(match self.0 {
            KernelOneUlpOff => map(&tile, |r, _, v| if r == 2 { next(v, precision) } else { v }),
            KernelRoundsThroughF32 => map(&tile, |_, _, v| round(v, F32)),
            KernelForgetsToFlush => {
                Tile::from_f64(rows.len(), cols.len(), &exact.to_f64(), precision, 0)
            }
            _ => tile,
        })
    }

    fn upload(&self, tile: TileRef<'_>) -> Result<Tile, ErrorKind> {
        let copy = tile.to_tile();
        match self.0 {
            UploadIgnoresTheLeadingDimension if tile.ld() > tile.rows() && tile.cols() > 1 => {
                let (rows, cols) = (tile.rows(), tile.cols());
                let columns: Vec<f64> = copy.to_f64()[..rows].repeat(cols);
                Ok(Tile::from_f64(
                    rows,
                    cols,
                    &columns,
                    tile.precision(),
                    tile.scale(),
                ))
            }
            _ => Ok(copy),
        }
    }

    fn download(&self, tile: &Tile) -> Result<Tile, ErrorKind> {
        let (rows, cols, p) = (tile.rows(), tile.cols(), tile.precision());
        Ok(match self.0 {
            DownloadLosesTheScale => Tile::from_bytes(rows, cols, p, 0, tile.bytes()).unwrap(),
            _ => tile.clone(),
        })
    }

    fn convert(&self, tile: &Tile, to: Precision, scale: i32) -> Result<Tile, ErrorKind> {
        let exact = Reference.convert(tile, to, scale)?;
        let (rows, cols, stored) = (tile.rows(), tile.cols(), tile.precision());
        let unscaled: Vec<f64> = tile.to_f64().iter().map(|v| v / 2f64.powi(scale)).collect();
        let with = |values: Vec<f64>| {
            let t = Tile::from_f64(rows, cols, &values, to, 0);
            Tile::from_bytes(rows, cols, to, scale, t.bytes()).unwrap()
        };
        Ok(match self.0 {
            ConvertIsOneUlpOff if to == F16 => {
                map(
                    &exact,
                    |r, c, v| if (r, c) == (5, 1) { v * 1.001 } else { v },
                )
            }
            ConvertRoundsTwice if stored == F64 && to != F32 && to != F64 => {
                let single = Reference.convert(tile, F32, scale)?;
                Reference.convert(&single, to, scale)?
            }
            ConvertForgetsToFlush if to == F32 => with(unscaled),
            _ => exact,
        })
    }

    fn demote(&self, tile: &Tile, to: Precision) -> Result<Tile, ErrorKind> {
        let scale = match is_scaled(to) {
            true => natural_scale(self.norm(tile)?.max, to),
            false => 0,
        };
        let more = i32::from(self.is(DemoteTakesTheNextScale));
        self.convert(tile, to, scale + more)
    }

    fn settle(&self, tile: Tile) -> Result<Tile, ErrorKind> {
        let (rows, cols, p) = (tile.rows(), tile.cols(), tile.precision());
        let mut bytes = tile.bytes().to_vec();
        if let (true, Some(last)) = (self.is(SettleLosesTheLastBit), bytes.last_mut()) {
            *last &= !1;
        }
        Ok(Tile::from_bytes(rows, cols, p, tile.scale(), &bytes).unwrap())
    }

    fn norm(&self, tile: &Tile) -> Result<TileNorm, ErrorKind> {
        let mut norm = Reference.norm(tile)?;
        match self.0 {
            NormSumsInF32 => {
                let squares = tile.to_f64().into_iter().map(|v| (v * v) as f32);
                norm.frobenius = f64::from(squares.sum::<f32>()).sqrt();
            }
            NormSumsRowsAsColumns => norm.cols.clone_from(&norm.rows),
            NormForgetsTheScale => norm.max /= 2f64.powi(tile.scale()),
            _ => {}
        }
        Ok(norm)
    }

    fn shift(&self, tile: &mut Tile, value: f64) -> Result<(), ErrorKind> {
        if self.is(ShiftAddsToAColumn) {
            *tile = map(tile, |r, c, v| if r == c || c == 0 { v + value } else { v });
            return Ok(());
        }
        Reference.shift(tile, value)
    }

    fn gemm(
        &self,
        alpha: f64,
        (a, ta): (&Tile, Trans),
        (b, tb): (&Tile, Trans),
        c: &mut Tile,
    ) -> Result<(), ErrorKind> {
        let (rows, start) = (c.rows(), c.to_f64());
        let (k, last) = match ta {
            Trans::No => (a.cols(), (usize::MAX, a.cols().wrapping_sub(1))),
            Trans::Yes => (a.rows(), (a.rows().wrapping_sub(1), usize::MAX)),
        };
        match self.0 {
            GemmDropsTheLastProduct => {
                let short = map(
                    a,
                    |r, c, v| if r == last.0 || c == last.1 { 0.0 } else { v },
                );
                Reference.gemm(alpha, (&short, ta), (b, tb), c)
            }
            GemmSumsInHalf => {
                let mut product = Tile::zeros(rows, c.cols(), c.precision());
                Reference.gemm(alpha, (a, ta), (b, tb), &mut product)?;
                *c = map(&product, |r, j, v| start[j * rows + r] + round(v, F16));
                Ok(())
            }
            GemmStartsFromC => {
                let at = |t: &Tile, trans, r: usize, c: usize| match trans {
                    Trans::No => c * t.rows() + r,
                    Trans::Yes => r * t.rows() + c,
                };
                let (x, y, p) = (a.to_f64(), b.to_f64(), c.precision());
                *c = map(c, |r, j, v| {
                    (0..k).fold(v, |sum, l| {
                        round(sum + alpha * x[at(a, ta, r, l)] * y[at(b, tb, l, j)], p)
                    })
                });
                Ok(())
            }
            GemmTransposesB if b.rows() == b.cols() => {
                Reference.gemm(alpha, (a, ta), (b, transposed(tb)), c)
            }
            _ => Reference.gemm(alpha, (a, ta), (b, tb), c),
        }
    }

    fn apply(
        &self,
        alpha: f64,
        (a, trans): (&Tile, Trans),
        x: &Tile,
        y: &mut Tile,
    ) -> Result<(), ErrorKind> {
        let (rows, start, last) = (y.rows(), y.to_f64(), x.rows().wrapping_sub(1));
        if self.is(ApplyDropsTheLastProduct) {
            let short = map(x, |r, _, v| if r == last { 0.0 } else { v });
            return Reference.apply(alpha, (a, trans), &short, y);
        }
        Reference.apply(alpha, (a, trans), x, y)?;
        let hit = |r: usize, j: usize| match self.0 {
            ApplySeesColumns => j % 2 == 1,
            ApplySeesRows => r + 1 == rows && rows % 2 == 1,
            _ => false,
        };
        // One ulp of f64, inside the bound where the product outweighs Y.
        *y = map(y, |r, j, v| {
            match v.abs() > 2.0 * start[j * rows + r].abs() {
                true if hit(r, j) => f64::from_bits(v.to_bits() + 1),
                _ => v,
            }
        });
        Ok(())
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), ErrorKind> {
        if self.is(SyrkReadsTheUpperTriangle) {
            let (n, values) = (c.rows(), c.to_f64());
            *c = map(c, |r, col, v| (v + values[r * n + col]) / 2.0);
        }
        Reference.syrk(alpha, a, c)
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), ErrorKind> {
        let n = l.rows();
        match (self.0, solve) {
            (TrsmTransposes, Solve::LeftTransposed) => Reference.trsm(Solve::Left, l, b),
            (TrsmMultipliesByAnInverse, Solve::Left) => {
                let mut inverse = Tile::zeros(n, n, b.precision());
                Reference.shift(&mut inverse, 1.0)?;
                Reference.trsm(Solve::Left, l, &mut inverse)?;
                let mut x = Tile::zeros(n, b.cols(), b.precision());
                Reference.gemm(1.0, (&inverse, Trans::No), (b, Trans::No), &mut x)?;
                *b = x;
                Ok(())
            }
            (TrsmSeesColumns, Solve::Left) if b.cols() == WIDTH => {
                Reference.trsm(solve, l, b)?;
                *b = map(b, |_, c, v| if c > 3 { v + v * 1e-16 } else { v });
                Ok(())
            }
            _ => Reference.trsm(solve, l, b),
        }
    }

    fn potrf(&self, a: &mut Tile) -> Result<(), ErrorKind> {
        let (n, before) = (a.rows(), a.to_f64());
        if self.is(PotrfReadsTheUpperTriangle) {
            *a = map(a, |r, c, v| (v + before[r * n + c]) / 2.0);
        }
        match (Reference.potrf(a), self.0) {
            (Err(_), PotrfAcceptsIndefinite) => Ok(()),
            (Err(_), PotrfAcceptsNan) if before.iter().any(|v| v.is_nan()) => Ok(()),
            (Err(error), ErrorSurfacesAtSynchronize) => {
                *self.1.lock().unwrap() = Some(error);
                Ok(())
            }
            (Err(ErrorKind::NotPositiveDefinite { pivot }), PotrfBlamesTheNextPivot) => {
                Err(ErrorKind::NotPositiveDefinite { pivot: pivot + 1 })
            }
            (Ok(()), PotrfLeavesTheUpperTriangle) => {
                *a = map(a, |r, c, v| if r < c { before[c * n + r] } else { v });
                Ok(())
            }
            (outcome, _) => outcome,
        }
    }

    fn synchronize(&self) -> Result<(), ErrorKind> {
        self.1.lock().unwrap().take().map_or(Ok(()), Err)
    }
}
