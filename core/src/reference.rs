//! The living definition: every operation of [`Backend`] as naive loops, slow and small.
//!
//! Sums run in plain index order. With F32 output every elementary operation is rounded to f32,
//! with F64 output to f64.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use num_traits::Float;

use crate::backend::{Backend, ErrorKind, Solve, TileNorm, Trans};
use crate::genotypes::Genotypes;
use crate::kernel::KernelMap;
use crate::pairs::PairStatistic;
use crate::precision::{Precision, exp2};
use crate::round::{FLUSH_BELOW, round};
use crate::tile::{Tile, TileRef};

/// The backend that other backends are measured by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// Pairs that are computed by their definition whenever asked.
#[derive(Clone, Debug)]
pub struct ReferencePairs {
    statistic: PairStatistic,
    rows: Arc<Genotypes>,
    cols: Arc<Genotypes>,
}

impl ReferencePairs {
    fn block(&self, rows: &[u32], cols: &[u32]) -> impl Iterator<Item = (usize, usize, i64)> {
        let pairs = cols.iter().flat_map(|&j| rows.iter().map(move |&i| (i, j)));
        pairs.map(|(i, j)| {
            let (i, j) = (i as usize, j as usize);
            (i, j, self.statistic.pair(&self.rows, i, &self.cols, j))
        })
    }
}

impl Backend for Reference {
    type Tile = Tile;
    type Panel = Arc<Genotypes>;
    type Pairs = ReferencePairs;
    type Error = ErrorKind;

    fn name(&self) -> &str {
        "reference"
    }

    fn supports(&self, precision: Precision) -> bool {
        precision != Precision::I8
    }

    fn accumulator_roundoff(&self, precision: Precision) -> f64 {
        precision.accumulator().unit_roundoff()
    }

    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<Arc<Genotypes>, ErrorKind> {
        Ok(genotypes)
    }

    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &Arc<Genotypes>,
        cols: Option<&Arc<Genotypes>>,
    ) -> Result<ReferencePairs, ErrorKind> {
        let cols = cols.unwrap_or(rows);
        assert_eq!(
            (rows.snps(), cols.snps()),
            (statistic.snps(), statistic.snps()),
            "SNPs of the panels"
        );
        Ok(ReferencePairs {
            statistic: statistic.clone(),
            rows: rows.clone(),
            cols: cols.clone(),
        })
    }

    fn pair_block(
        &self,
        pairs: &ReferencePairs,
        rows: &[u32],
        cols: &[u32],
    ) -> Result<Vec<i64>, ErrorKind> {
        Ok(pairs.block(rows, cols).map(|(_, _, raw)| raw).collect())
    }

    fn kernel_tile(
        &self,
        map: &KernelMap,
        pairs: &ReferencePairs,
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<Tile, ErrorKind> {
        accumulator(precision)?;
        let unit = pairs.statistic.unit();
        let values: Vec<f64> = pairs
            .block(rows, cols)
            .map(|(i, j, raw)| demote(map.value(raw, unit, i, j), precision))
            .collect();
        Ok(Tile::from_f64(
            rows.len(),
            cols.len(),
            &values,
            precision,
            0,
        ))
    }

    fn upload(&self, tile: TileRef<'_>) -> Result<Tile, ErrorKind> {
        Ok(tile.to_tile())
    }

    fn download(&self, tile: &Tile) -> Result<Tile, ErrorKind> {
        Ok(tile.clone())
    }

    fn convert(&self, tile: &Tile, precision: Precision, scale: i32) -> Result<Tile, ErrorKind> {
        let (rows, cols, mut values) = (tile.rows(), tile.cols(), tile.to_f64());
        for v in &mut values {
            *v = demote(*v / exp2(scale), precision);
        }
        let stored = Tile::from_f64(rows, cols, &values, precision, 0);
        let scaled = Tile::from_bytes(rows, cols, precision, scale, stored.bytes());
        Ok(scaled.expect("the bytes are those of this shape"))
    }

    fn norm(&self, tile: &Tile) -> Result<TileNorm, ErrorKind> {
        let (mut squares, mut max, mut rows) = (0.0, 0.0, vec![0.0; tile.rows()]);
        for (at, v) in tile.to_f64().into_iter().enumerate() {
            squares += v * v;
            max = f64::max(max, v.abs());
            rows[at % tile.rows()] += v.abs();
        }
        let frobenius = Float::sqrt(squares);
        Ok(TileNorm {
            frobenius,
            max,
            rows,
        })
    }

    fn shift(&self, tile: &mut Tile, value: f64) -> Result<(), ErrorKind> {
        assert_eq!(tile.rows(), tile.cols(), "a square tile");
        let (n, mut values) = (tile.rows(), tile.to_f64());
        for i in 0..n {
            values[i * n + i] += value;
        }
        tile.as_mut().write(&values);
        Ok(())
    }

    fn gemm(
        &self,
        alpha: f64,
        a: (&Tile, Trans),
        b: (&Tile, Trans),
        c: &mut Tile,
    ) -> Result<(), ErrorKind> {
        match accumulator(c.precision())? {
            Precision::F64 => gemm::<f64>(alpha, a, b, c),
            _ => gemm::<f32>(alpha, a, b, c),
        }
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), ErrorKind> {
        self.gemm(alpha, (a, Trans::No), (a, Trans::Yes), c)
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), ErrorKind> {
        match accumulator(b.precision())? {
            Precision::F64 => trsm::<f64>(solve, l, b),
            _ => trsm::<f32>(solve, l, b),
        }
    }

    fn potrf(&self, a: &mut Tile) -> Result<(), ErrorKind> {
        match accumulator(a.precision())? {
            Precision::F64 => potrf::<f64>(a),
            _ => potrf::<f32>(a),
        }
    }

    fn synchronize(&self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// `v` rounded once to `precision`, tiny values flushed as [`Backend::convert`] promises.
fn demote(v: f64, precision: Precision) -> f64 {
    match v.abs() < FLUSH_BELOW && precision != Precision::F64 {
        true => 0f64.copysign(v),
        false => round(v, precision),
    }
}

fn accumulator(precision: Precision) -> Result<Precision, ErrorKind> {
    match precision {
        Precision::F64 | Precision::F32 => Ok(precision),
        _ => Err(ErrorKind::Unsupported),
    }
}

/// Values of an operand in the precision `to` of an output.
fn operand<T: Float>(tile: &Tile, to: Precision) -> Result<Vec<T>, ErrorKind> {
    let values = match (tile.precision(), tile.scale()) == (to, 0) {
        true => tile.to_f64(),
        false => Reference.convert(tile, to, 0)?.to_f64(),
    };
    Ok(values.into_iter().map(float).collect())
}

fn store<T: Float>(values: &[T], tile: &mut Tile) -> Result<(), ErrorKind> {
    assert_eq!(tile.scale(), 0, "scale of an accumulator");
    let values: Vec<f64> = values.iter().filter_map(|v| v.to_f64()).collect();
    tile.as_mut().write(&values);
    Ok(())
}

fn float<T: Float>(v: f64) -> T {
    T::from(v).expect("every float has a nearest value")
}

fn gemm<T: Float>(
    alpha: f64,
    (a, ta): (&Tile, Trans),
    (b, tb): (&Tile, Trans),
    c: &mut Tile,
) -> Result<(), ErrorKind> {
    let shape = |t: &Tile, trans| match trans {
        Trans::No => (t.rows(), t.cols(), 1, t.rows()),
        Trans::Yes => (t.cols(), t.rows(), t.rows(), 1),
    };
    let ((m, k, ar, ac), (bk, n, br, bc)) = (shape(a, ta), shape(b, tb));
    assert_eq!((m, k, n), (c.rows(), bk, c.cols()), "shapes of a product");
    let (p, alpha) = (c.precision(), float::<T>(alpha));
    let (a, b, mut out) = (
        operand::<T>(a, p)?,
        operand::<T>(b, p)?,
        operand::<T>(c, p)?,
    );
    for j in 0..n {
        for i in 0..m {
            let mut sum = T::zero();
            for l in 0..k {
                sum = sum + a[i * ar + l * ac] * b[l * br + j * bc];
            }
            out[j * m + i] = out[j * m + i] + alpha * sum;
        }
    }
    store(&out, c)
}

fn trsm<T: Float>(solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), ErrorKind> {
    let (n, rows, cols) = (l.rows(), b.rows(), b.cols());
    // Systems of n unknowns: the rows of B from the right, its columns from the left.
    let (order, systems, next, step) = match solve {
        Solve::RightTransposed => (cols, rows, 1, rows),
        Solve::Left | Solve::LeftTransposed => (rows, cols, rows, 1),
    };
    assert_eq!((n, n), (l.cols(), order), "shapes of a triangular system");
    let (l, mut x) = (
        operand::<T>(l, b.precision())?,
        operand::<T>(b, b.precision())?,
    );
    for system in 0..systems {
        let at = |i| system * next + i * step;
        for place in 0..n {
            let i = match solve {
                Solve::LeftTransposed => n - 1 - place,
                _ => place,
            };
            let mut sum = x[at(i)];
            match solve {
                Solve::LeftTransposed => {
                    (i + 1..n).for_each(|j| sum = sum - l[i * n + j] * x[at(j)]);
                }
                _ => (0..i).for_each(|j| sum = sum - l[j * n + i] * x[at(j)]),
            }
            x[at(i)] = sum / l[i * n + i];
        }
    }
    store(&x, b)
}

fn potrf<T: Float>(tile: &mut Tile) -> Result<(), ErrorKind> {
    let n = tile.rows();
    assert_eq!(n, tile.cols(), "a square tile");
    let mut a = operand::<T>(tile, tile.precision())?;
    for j in 0..n {
        for i in j..n {
            for k in 0..j {
                a[j * n + i] = a[j * n + i] - a[k * n + i] * a[k * n + j];
            }
            if i > j {
                a[j * n + i] = a[j * n + i] / a[j * n + j];
                a[i * n + j] = T::zero();
            } else if a[j * n + j] > T::zero() && a[j * n + j].is_finite() {
                a[j * n + j] = a[j * n + j].sqrt();
            } else {
                return Err(ErrorKind::NotPositiveDefinite { pivot: j });
            }
        }
    }
    store(&a, tile)
}
