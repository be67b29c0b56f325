//! The living definition: every operation of [`Backend`] as naive loops, slow and small.
//!
//! Sums run in plain index order. With F32 output every elementary operation is rounded to f32,
//! with F64 output to f64.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::backend::{Backend, ErrorKind, Solve, TileNorm, Trans};
use crate::genotypes::Genotypes;
use crate::kernel::KernelMap;
use crate::pairs::PairStatistic;
use crate::policy::BY_SIZE;
use crate::precision::{Precision, exp2};
use crate::round::{FLUSH_BELOW, round};
use crate::tile::{Tile, TileRef};

mod loops;

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

    fn takes_panels(&self, precision: Precision) -> bool {
        accumulator(precision).is_ok()
    }

    fn formats(&self) -> &'static [Precision] {
        &BY_SIZE
    }

    fn supports(&self, precision: Precision) -> bool {
        precision != Precision::I8
    }

    fn accumulator_roundoff(&self, _: [Precision; 2], output: Precision) -> f64 {
        output.accumulator().unit_roundoff()
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
        let (mut squares, mut max) = (0.0, 0.0);
        let (mut rows, mut cols) = (vec![0.0; tile.rows()], vec![0.0; tile.cols()]);
        for (at, v) in tile.to_f64().into_iter().enumerate() {
            squares += v * v;
            max = match v.is_nan() || f64::is_nan(max) {
                true => f64::NAN,
                false => f64::max(max, v.abs()),
            };
            rows[at % tile.rows()] += v.abs();
            cols[at / tile.rows()] += v.abs();
        }
        let frobenius = num_traits::Float::sqrt(squares);
        Ok(TileNorm {
            frobenius,
            max,
            rows,
            cols,
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
            Precision::F64 => loops::gemm::<f64>(alpha, a, b, c),
            _ => loops::gemm::<f32>(alpha, a, b, c),
        }
    }

    fn apply(
        &self,
        alpha: f64,
        a: (&Tile, Trans),
        x: &Tile,
        y: &mut Tile,
    ) -> Result<(), ErrorKind> {
        assert_eq!((x.precision(), x.scale()), (y.precision(), 0), "X");
        assert_eq!(y.scale(), 0, "Y");
        self.gemm(alpha, a, (x, Trans::No), y)
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), ErrorKind> {
        self.gemm(alpha, (a, Trans::No), (a, Trans::Yes), c)
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), ErrorKind> {
        match accumulator(b.precision())? {
            Precision::F64 => loops::trsm::<f64>(solve, l, b),
            _ => loops::trsm::<f32>(solve, l, b),
        }
    }

    fn potrf(&self, a: &mut Tile) -> Result<(), ErrorKind> {
        match accumulator(a.precision())? {
            Precision::F64 => loops::potrf::<f64>(a),
            _ => loops::potrf::<f32>(a),
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
