//! The same backend on a system BLAS and LAPACK: Debian's OpenBLAS, linked dynamically.
//!
//! Only gemm, syrk, trsm and potrf differ from [`Cpu`]. OpenBLAS runs on one thread, since tiles
//! are what runs in parallel; a processor newer than the library may need
//! `OPENBLAS_CORETYPE=SAPPHIRERAPIDS` (or the like) to be recognised.

// Links the library.
use blas_src as _;
use std::borrow::Cow;
use std::ffi::c_int;
use std::sync::Arc;

use epitile_core::backend::{Backend, Solve, TileNorm, Trans};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::KernelMap;
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::Precision;
use epitile_core::tile::{Tile, TileRef};

use crate::algebra::{self, Algebra, Output};
use crate::backend::Cpu;
use crate::error::CpuError;
use crate::operand::{Operand, Real};
use crate::pairs::Pairs;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
}

/// Tiles in main memory, computed with OpenBLAS.
///
/// Right-hand sides in F64, whose bits are promised, are those of [`Cpu`].
#[derive(Clone, Copy, Debug)]
pub struct LapackCpu(());

impl LapackCpu {
    /// The backend. OpenBLAS is set to one thread for the whole process.
    pub fn new() -> Self {
        // SAFETY: the function takes a plain integer and may be called at any time.
        unsafe { openblas_set_num_threads(1) };
        LapackCpu(())
    }
}

impl Default for LapackCpu {
    fn default() -> Self {
        LapackCpu::new()
    }
}

/// The library's kernels.
struct Lapack;

/// A size as BLAS takes it.
fn int(n: usize) -> i32 {
    i32::try_from(n).expect("a tile's edge fits 32 bits")
}

fn letter(trans: Trans) -> u8 {
    match trans {
        Trans::No => b'N',
        Trans::Yes => b'T',
    }
}

/// Checks that the numbers of a `rows × cols` matrix are there, and gives its leading dimension.
fn checked<T>(values: &[T], (rows, cols, ld): (usize, usize, usize)) -> i32 {
    assert!(ld >= rows.max(1) && cols > 0 && values.len() >= (cols - 1) * ld + rows);
    int(ld)
}

/// An operand as the library takes it, and its leading dimension.
fn widened<T: Real>(tile: TileRef<'_>) -> (Cow<'_, [T]>, i32) {
    let operand = Operand::of(tile, "a product").expect("I8 was refused");
    let ld = checked(&operand.values, (tile.rows(), tile.cols(), operand.ld));
    (operand.values, ld)
}

macro_rules! algebra_of {
    ($t:ty, $gemm:path, $syrk:path, $trsm:path, $potrf:path) => {
        impl Algebra<$t> for Lapack {
            fn gemm(
                alpha: $t,
                (a, ta): (TileRef<'_>, Trans),
                (b, tb): (TileRef<'_>, Trans),
                c: Output<'_, $t>,
            ) {
                let (of_a, of_b) = (algebra::shape((a, ta)), algebra::shape((b, tb)));
                let ((a, lda), (b, ldb)) = (widened::<$t>(a), widened::<$t>(b));
                let ldc = checked(c.values, (c.rows, c.cols, c.ld));
                assert!(of_a == (c.rows, of_b.0) && of_b.1 == c.cols);
                let (m, n, k) = (int(c.rows), int(c.cols), int(of_a.1));
                let (ta, tb) = (letter(ta), letter(tb));
                // SAFETY: the shapes match, and every matrix has the numbers of its shape.
                unsafe { $gemm(ta, tb, m, n, k, alpha, &a, lda, &b, ldb, 1.0, c.values, ldc) }
            }

            fn syrk(alpha: $t, a: TileRef<'_>, c: Output<'_, $t>) {
                let ldc = checked(c.values, (c.rows, c.cols, c.ld));
                assert!((c.rows, c.cols) == (a.rows(), a.rows()));
                let (n, k) = (int(a.rows()), int(a.cols()));
                let (a, lda) = widened::<$t>(a);
                // SAFETY: the shapes match, and every matrix has the numbers of its shape.
                unsafe { $syrk(b'L', b'N', n, k, alpha, &a, lda, 1.0, c.values, ldc) }
            }

            fn trsm(solve: Solve, l: TileRef<'_>, b: Output<'_, $t>) {
                let of_l = (l.rows(), l.cols());
                let (l, lda) = widened::<$t>(l);
                let ldb = checked(b.values, (b.rows, b.cols, b.ld));
                let (side, trans, order) = match solve {
                    Solve::RightTransposed => (b'R', b'T', b.cols),
                    Solve::Left => (b'L', b'N', b.rows),
                    Solve::LeftTransposed => (b'L', b'T', b.rows),
                };
                assert!(of_l == (order, order));
                let (m, n) = (int(b.rows), int(b.cols));
                // SAFETY: the shapes match, and every matrix has the numbers of its shape.
                unsafe { $trsm(side, b'L', trans, b'N', m, n, 1.0, &l, lda, b.values, ldb) }
            }

            fn potrf(a: Output<'_, $t>) -> Result<(), usize> {
                let lda = checked(a.values, (a.rows, a.cols, a.ld));
                assert!(a.rows == a.cols);
                let mut info = 0;
                // SAFETY: A is square and has the numbers of its shape.
                unsafe { $potrf(b'L', int(a.rows), a.values, lda, &mut info) };
                assert!(info >= 0, "argument {info} of potrf");
                // LAPACK compares pivots with zero only: an infinite one passes, and what follows
                // it is NaN or zero.
                let wrong = |i: &usize| !a.values[i * a.ld + i].is_finite();
                let infinite = (0..a.rows).find(wrong);
                let failed = usize::try_from(info - 1).ok();
                match failed.into_iter().chain(infinite).min() {
                    Some(pivot) => Err(pivot),
                    None => Ok(()),
                }
            }
        }
    };
}

algebra_of!(f64, blas::dgemm, blas::dsyrk, blas::dtrsm, lapack::dpotrf);
algebra_of!(f32, blas::sgemm, blas::ssyrk, blas::strsm, lapack::spotrf);

impl Backend for LapackCpu {
    type Tile = Tile;
    type Panel = Arc<Genotypes>;
    type Pairs = Pairs;
    type Error = CpuError;

    fn name(&self) -> &str {
        "lapack"
    }

    fn gemm(
        &self,
        alpha: f64,
        (a, ta): (&Tile, Trans),
        (b, tb): (&Tile, Trans),
        c: &mut Tile,
    ) -> Result<(), CpuError> {
        algebra::gemm::<Lapack>(alpha, (a.as_ref(), ta), (b.as_ref(), tb), c.as_mut())
    }

    fn syrk(&self, alpha: f64, a: &Tile, c: &mut Tile) -> Result<(), CpuError> {
        algebra::syrk::<Lapack>(alpha, a.as_ref(), c.as_mut())
    }

    fn trsm(&self, solve: Solve, l: &Tile, b: &mut Tile) -> Result<(), CpuError> {
        // Right-hand sides need bits that do not depend on their number.
        if solve != Solve::RightTransposed && b.precision() == Precision::F64 {
            return Cpu::MEMORY.trsm(solve, l, b);
        }
        algebra::trsm::<Lapack>(solve, l.as_ref(), b.as_mut())
    }

    fn potrf(&self, a: &mut Tile) -> Result<(), CpuError> {
        algebra::potrf::<Lapack>(a.as_mut())
    }

    // Everything else is as in `Cpu`.

    fn formats(&self) -> &'static [Precision] {
        // Everything is widened to what the library computes in.
        &[Precision::F16, Precision::F32, Precision::F64]
    }

    fn apply(&self, alpha: f64, a: (&Tile, Trans), x: &Tile, y: &mut Tile) -> Result<(), CpuError> {
        Cpu::MEMORY.apply(alpha, a, x, y)
    }

    fn supports(&self, precision: Precision) -> bool {
        Cpu::MEMORY.supports(precision)
    }

    fn accumulator_roundoff(&self, _: [Precision; 2], output: Precision) -> f64 {
        output.accumulator().unit_roundoff()
    }

    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<Self::Panel, CpuError> {
        Cpu::MEMORY.panel(genotypes)
    }

    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &Self::Panel,
        cols: Option<&Self::Panel>,
    ) -> Result<Pairs, CpuError> {
        Cpu::MEMORY.pairs(statistic, rows, cols)
    }

    fn pair_block(&self, pairs: &Pairs, rows: &[u32], cols: &[u32]) -> Result<Vec<i64>, CpuError> {
        Cpu::MEMORY.pair_block(pairs, rows, cols)
    }

    fn kernel_tile(
        &self,
        map: &KernelMap,
        pairs: &Pairs,
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<Tile, CpuError> {
        Cpu::MEMORY.kernel_tile(map, pairs, rows, cols, precision)
    }

    fn upload(&self, tile: TileRef<'_>) -> Result<Tile, CpuError> {
        Cpu::MEMORY.upload(tile)
    }

    fn download(&self, tile: &Tile) -> Result<Tile, CpuError> {
        Cpu::MEMORY.download(tile)
    }

    fn convert(&self, tile: &Tile, precision: Precision, scale: i32) -> Result<Tile, CpuError> {
        Cpu::MEMORY.convert(tile, precision, scale)
    }

    fn norm(&self, tile: &Tile) -> Result<TileNorm, CpuError> {
        Cpu::MEMORY.norm(tile)
    }

    fn shift(&self, tile: &mut Tile, value: f64) -> Result<(), CpuError> {
        Cpu::MEMORY.shift(tile, value)
    }

    fn synchronize(&self) -> Result<(), CpuError> {
        Cpu::MEMORY.synchronize()
    }
}
