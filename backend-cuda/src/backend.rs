//! The backend: tiles in the memory of one GPU, operations issued on streams.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use epitile_core::backend::{Backend, Solve, TileNorm, Trans};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::{Precision, exponent};
use epitile_core::tile::{Tile, TileRef};

use crate::error::CudaError;
use crate::pairs::{CudaPairs, CudaPanel};
use crate::probe::{Missing, probe};
use crate::sys;
use crate::tile::{CudaTile, by_rows, is_turned};
use crate::{algebra, convert, kernel, norm, panel};

/// Rows of the largest tiles by default, and of the kernel tiles of a pass: products of 2,048 × 2,048
/// are about 128 blocks of 128 × 256 numbers, one for each of the 132 multiprocessors of a large
/// GPU. Larger ones fill it no better, and let precisions follow the structure less.
pub const LARGEST_EDGE: usize = 2048;

/// One GPU. Not yet run on a real one.
///
/// Operations are issued on the calling thread's stream and run later; an error of the device may
/// surface at any later operation. Threads share a few streams, and what an operation needs from
/// another stream it waits for on the device. The bits of a result do not depend on streams.
#[derive(Clone, Debug)]
pub struct Cuda {
    pub(crate) device: Arc<sys::Device>,
    keep: bool,
}

impl Cuda {
    /// Opens the first device. Libraries are looked for in `libraries` first, if that is a folder.
    ///
    /// # Errors
    /// What is missing.
    pub fn open(libraries: Option<PathBuf>) -> Result<Self, Missing> {
        let device = probe(libraries.as_deref())?;
        let opened = sys::Device::open(device.ordinal as i32);
        opened
            .map(|device| Cuda { device, keep: true })
            .map_err(|error| Missing::Failure(error.to_string()))
    }

    /// The same, with pair statistics made again at every use instead of kept in memory: what
    /// happens anyway where a quarter of what is free does not hold them. The bits are the same.
    pub fn without_stored_pairs(mut self) -> Self {
        self.keep = false;
        self
    }

    /// Bytes of the device's memory that are free, and all of them.
    ///
    /// # Errors
    /// If the driver does not tell.
    pub fn memory(&self) -> Result<(usize, usize), CudaError> {
        self.device.memory()
    }

    /// Pairs whose statistics were made for one use, because they are not kept, so far.
    pub fn pairs_made_again(&self) -> u64 {
        self.device.made_again.load(Ordering::Relaxed)
    }
}

impl Backend for Cuda {
    type Tile = CudaTile;
    type Panel = CudaPanel;
    type Pairs = CudaPairs;
    type Error = CudaError;

    fn name(&self) -> &str {
        "cuda"
    }

    fn supports(&self, precision: Precision) -> bool {
        precision != Precision::I8
    }

    fn formats(&self) -> &'static [Precision] {
        use Precision::{F8E4M3, F16, F32, F64};
        // BF16 is as fast as F16.
        match self.device.multiplies_eights() {
            true => &[F8E4M3, F16, F32, F64],
            // FP8 is widened to F16 before it is multiplied, so it is no faster.
            false => &[F16, F32, F64],
        }
    }

    fn largest_edge(&self) -> usize {
        LARGEST_EDGE
    }

    fn pass_edge(&self) -> usize {
        // Smaller kernel tiles would leave most of the device idle.
        LARGEST_EDGE
    }

    fn accumulator_roundoff(&self, operands: [Precision; 2], output: Precision) -> f64 {
        match output {
            Precision::F64 => Precision::F64.unit_roundoff(),
            // Hopper's tensor cores align 32 products of FP8 numbers and the sum so far to the largest of
            // them, keep 13 bits after its leading one and cut off the rest: DeepSeek-AI, "DeepSeek-V3
            // technical report", arXiv 2412.19437 (2024), §3.5.2, and their answers in issues 37 and 50
            // of github.com/deepseek-ai/DeepGEMM. The register holds as many (one sign, eight and
            // thirteen bits, also on Ada: Zhang et al., "SageAttention2", arXiv 2411.10958, §3.4).
            // Blackwell keeps 25 (issue 176 there). So of 32 products are lost 33 parts and one more in
            // the register, each at most 2⁻¹³ of their magnitudes. `epitile verify` measures it.
            _ if operands == [Precision::F8E4M3; 2] && self.device.multiplies_eights() => {
                34.0 / 32.0 * 2.0f64.powi(-13)
            }
            // Tensor cores drop the low bits of their FP32 sums instead of rounding to nearest:
            // Fasi, Higham, Mikaitis and Pranesh, PeerJ Comput. Sci. 7:e330 (2021), §3.
            _ => 2.0 * Precision::F32.unit_roundoff(),
        }
    }

    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<CudaPanel, CudaError> {
        CudaPanel::new(&self.device, genotypes)
    }

    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &CudaPanel,
        cols: Option<&CudaPanel>,
    ) -> Result<CudaPairs, CudaError> {
        CudaPairs::new((&self.device, self.keep), statistic, (rows, cols))
    }

    fn pair_block(
        &self,
        pairs: &CudaPairs,
        rows: &[u32],
        cols: &[u32],
    ) -> Result<Vec<i64>, CudaError> {
        pairs.numbers(rows, cols)
    }

    fn kernel_tile(
        &self,
        map: &KernelMap,
        pairs: &CudaPairs,
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<CudaTile, CudaError> {
        kernel::tile(&self.device, map, pairs, (rows, cols), precision)
    }

    fn upload(&self, tile: TileRef<'_>) -> Result<CudaTile, CudaError> {
        let (packed, turned) = (tile.to_tile(), is_turned(tile.precision()));
        let bytes = match turned {
            false => packed.bytes(),
            true => &by_rows(packed.bytes(), (tile.rows(), tile.cols())),
        };
        Ok(CudaTile {
            rows: tile.rows(),
            cols: tile.cols(),
            precision: tile.precision(),
            scale: tile.scale(),
            natural: None,
            turned,
            buffer: self.device.upload(bytes)?,
        })
    }

    fn download(&self, tile: &CudaTile) -> Result<Tile, CudaError> {
        let mut bytes = vec![0; tile.bytes()];
        self.device.download(&tile.buffer, &mut bytes)?;
        let (rows, cols, p) = (tile.rows, tile.cols, tile.precision);
        if tile.turned {
            bytes = by_rows(&bytes, (cols, rows));
        }
        let mut scale = tile.scale;
        if let Some(natural) = &tile.natural {
            let mut power = [0; 8];
            self.device.download(natural, &mut power)?;
            scale += exponent(f64::from_ne_bytes(power));
        }
        let downloaded = Tile::from_bytes(rows, cols, p, scale, &bytes);
        Ok(downloaded.expect("as many bytes as numbers"))
    }

    fn convert(
        &self,
        tile: &CudaTile,
        precision: Precision,
        scale: i32,
    ) -> Result<CudaTile, CudaError> {
        convert::convert(&self.device, tile, precision, scale)
    }

    fn demote(&self, tile: &CudaTile, precision: Precision) -> Result<CudaTile, CudaError> {
        convert::demote(&self.device, tile, precision)
    }

    fn norm(&self, tile: &CudaTile) -> Result<TileNorm, CudaError> {
        norm::norm(&self.device, tile)
    }

    fn shift(&self, tile: &mut CudaTile, value: f64) -> Result<(), CudaError> {
        algebra::shift(&self.device, tile, value)
    }

    fn gemm(
        &self,
        alpha: f64,
        a: (&CudaTile, Trans),
        b: (&CudaTile, Trans),
        c: &mut CudaTile,
    ) -> Result<(), CudaError> {
        algebra::gemm(&self.device, alpha, a, b, c)
    }

    fn apply(
        &self,
        alpha: f64,
        a: (&CudaTile, Trans),
        x: &CudaTile,
        y: &mut CudaTile,
    ) -> Result<(), CudaError> {
        panel::apply(&self.device, alpha, a, x, y)
    }

    fn syrk(&self, alpha: f64, a: &CudaTile, c: &mut CudaTile) -> Result<(), CudaError> {
        algebra::syrk(&self.device, alpha, a, c)
    }

    fn trsm(&self, solve: Solve, l: &CudaTile, b: &mut CudaTile) -> Result<(), CudaError> {
        if solve != Solve::RightTransposed && b.precision == Precision::F64 {
            panel::trsm(&self.device, solve, l, b)
        } else {
            algebra::trsm(&self.device, solve, l, b)
        }
    }

    fn potrf(&self, a: &mut CudaTile) -> Result<(), CudaError> {
        algebra::potrf(&self.device, a)
    }

    fn synchronize(&self) -> Result<(), CudaError> {
        self.device.finish()
    }
}
