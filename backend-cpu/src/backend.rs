//! The backend: tiles in main memory, one thread per operation.

use std::sync::Arc;

use epitile_core::backend::{Backend, Solve, TileNorm, Trans};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Tile, TileRef};

use crate::dense::Blocked;
use crate::error::CpuError;
use crate::pairs::Pairs;
use crate::scratch::Scratch;
use crate::simd::level::{Half, isa};
use crate::{algebra, convert, kernel, norm, panel, spare};

/// Tiles in main memory, computed with this crate's kernels.
///
/// Every tile operation runs on the calling thread, so its bits do not depend on the number of
/// threads; [`pairs`](Backend::pairs) fills its blocks on the current rayon pool, in integers.
/// Products and solves of right-hand sides give each column and each row bits that depend on
/// nothing but their own operands.
///
/// What does not fit in memory can be kept in a file ([`Scratch`]): pair statistics, tiles that
/// are settled, or both. The bits are the same.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// Where pair statistics are kept; `None` for memory.
    pub pairs: Option<Scratch>,
    /// Where settled tiles are kept; `None` for memory.
    pub tiles: Option<Scratch>,
}

impl Cpu {
    /// With everything in memory, as [`Default`].
    pub const MEMORY: Self = Cpu {
        pairs: None,
        tiles: None,
    };
}

/// Whether products of these operands are summed in short chains of FP16.
fn sums_in_f16(operands: [Precision; 2]) -> bool {
    isa().half == Half::Fp16 && operands == [Precision::F16; 2]
}

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

    fn takes_panels(&self, precision: Precision) -> bool {
        matches!(precision, Precision::F64 | Precision::F32)
    }

    fn formats(&self) -> &'static [Precision] {
        use Precision::{Bf16, F16, F32, F64};
        match isa().half {
            Half::Bf16 | Half::Amx => &[Bf16, F16, F32, F64],
            // Where FP16 is as slow as FP32 it still takes half the memory.
            Half::Fp16 | Half::Widened => &[F16, F32, F64],
        }
    }

    fn accumulator_roundoff(&self, operands: [Precision; 2], output: Precision) -> f64 {
        match output {
            Precision::F64 => Precision::F64.unit_roundoff(),
            _ if sums_in_f16(operands) => Precision::F16.unit_roundoff(),
            _ => Precision::F32.unit_roundoff(),
        }
    }

    fn accumulator_underflow(&self, operands: [Precision; 2], output: Precision) -> f64 {
        match output {
            // Half of the least subnormal number.
            Precision::F32 if sums_in_f16(operands) => exp2(-25),
            _ => 0.0,
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
        let cols = cols.map(|c| &**c);
        match &self.pairs {
            Some(scratch) => Pairs::kept(statistic, rows, cols, &|block| scratch.block(block)),
            None => Ok(Pairs::new(statistic, rows, cols)),
        }
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

    fn settle(&self, tile: Tile) -> Result<Tile, CpuError> {
        match &self.tiles {
            Some(scratch) => scratch.tile(tile),
            None => Ok(tile),
        }
    }

    fn recycle(&self, tile: Tile) {
        spare::give(tile);
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
        algebra::gemm::<Blocked>(alpha, a, b, c.as_mut())
    }

    fn apply(
        &self,
        alpha: f64,
        (a, trans): (&Tile, Trans),
        x: &Tile,
        y: &mut Tile,
    ) -> Result<(), CpuError> {
        panel::apply(alpha, (a.as_ref(), trans), x.as_ref(), y.as_mut())
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), CpuError> {
        algebra::syrk::<Blocked>(alpha, a.as_ref(), c.as_mut())
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), CpuError> {
        if solve != Solve::RightTransposed {
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
