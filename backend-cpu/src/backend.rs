//! The backend: tiles in main memory, one thread per operation.

use std::sync::Arc;

use epitile_core::backend::{Backend, Solve, TileNorm, Trans};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::Precision;
use epitile_core::tile::{Tile, TileRef};

use crate::dense::Blocked;
use crate::error::CpuError;
use crate::pairs::Pairs;
use crate::{algebra, convert, kernel, norm, panel};

/// Tiles in main memory, computed with this crate's kernels.
///
/// Every tile operation runs on the calling thread, so its bits do not depend on the number of
/// threads; [`pairs`](Backend::pairs) fills its blocks on the current rayon pool, in integers.
/// Products and solves of right-hand-side panels (F64, at most 8 columns) give each column and
/// each row bits that depend on nothing but their own operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu;

impl Backend for Cpu {
    type Tile = Tile;
    type Panel = Arc<Genotypes>;
    type Pairs = Pairs;
    type Error = CpuError;

    fn name(&self) -> &str {
        "cpu"
    }

    fn supports(&self, precision: Precision) -> bool {
        precision != Precision::I8
    }

    fn accumulator_roundoff(&self, precision: Precision) -> f64 {
        match precision {
            Precision::F64 => Precision::F64.unit_roundoff(),
            _ => Precision::F32.unit_roundoff(),
        }
    }

    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<Self::Panel, CpuError> {
        Ok(genotypes)
    }

    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &Self::Panel,
        cols: Option<&Self::Panel>,
    ) -> Result<Pairs, CpuError> {
        Ok(Pairs::new(statistic, rows, cols.map(|c| &**c)))
    }

    fn pair_block(&self, pairs: &Pairs, rows: &[u32], cols: &[u32]) -> Result<Vec<i64>, CpuError> {
        Ok(pairs.numbers(rows, cols))
    }

    fn kernel_tile(
        &self,
        map: &KernelMap,
        pairs: &Pairs,
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<Tile, CpuError> {
        kernel::tile(map, pairs, rows, cols, precision)
    }

    fn upload(&self, tile: TileRef<'_>) -> Result<Tile, CpuError> {
        Ok(tile.to_tile())
    }

    fn download(&self, tile: &Tile) -> Result<Tile, CpuError> {
        Ok(tile.clone())
    }

    fn convert(&self, tile: &Tile, precision: Precision, scale: i32) -> Result<Tile, CpuError> {
        convert::convert(tile.as_ref(), precision, scale)
    }

    fn norm(&self, tile: &Tile) -> Result<TileNorm, CpuError> {
        norm::norm(tile.as_ref())
    }

    fn shift(&self, tile: &mut Tile, value: f64) -> Result<(), CpuError> {
        algebra::shift(tile.as_mut(), value)
    }

    fn gemm(
        &self,
        alpha: f64,
        (a, ta): (&Tile, Trans),
        (b, tb): (&Tile, Trans),
        c: &mut Tile,
    ) -> Result<(), CpuError> {
        let (a, b) = ((a.as_ref(), ta), (b.as_ref(), tb));
        if panel::is_panel(c.as_ref()) {
            panel::gemm(alpha, a, b, c.as_mut())
        } else {
            algebra::gemm::<Blocked>(alpha, a, b, c.as_mut())
        }
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), CpuError> {
        algebra::syrk::<Blocked>(alpha, a.as_ref(), c.as_mut())
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), CpuError> {
        if solve != Solve::RightTransposed && panel::is_panel(b.as_ref()) {
            panel::trsm(solve, l.as_ref(), b.as_mut())
        } else {
            algebra::trsm::<Blocked>(solve, l.as_ref(), b.as_mut())
        }
    }

    fn potrf(&self, a: &mut Tile) -> Result<(), CpuError> {
        algebra::potrf::<Blocked>(a.as_mut())
    }

    fn synchronize(&self) -> Result<(), CpuError> {
        Ok(())
    }
}
