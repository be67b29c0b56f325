//! The operations a machine must offer; everything else is written once on top of them.
//!
//! *Users* call the algorithms ([`crate::system`]) with a backend value and an engine.
//! *Implementers* provide the operations below and prove them with
//! `conformance!`. Operations may run asynchronously: an error may surface
//! at a later operation or at [`Backend::synchronize`]. Shape errors are bugs and panic.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::genotypes::Genotypes;
use crate::kernel::KernelMap;
use crate::pairs::PairStatistic;
use crate::precision::Precision;
use crate::tile::{Tile, TileRef, is_scaled, natural_scale};

/// What went wrong, as far as generic code needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A pivot of a Cholesky factorisation was not positive; its row within the tile.
    NotPositiveDefinite {
        /// Row of the pivot, from 0.
        pivot: usize,
    },
    /// The backend does not implement this operation in this precision.
    Unsupported,
    /// Memory of the host or the device is exhausted.
    OutOfMemory,
    /// The device or its driver failed.
    Device,
    /// What does not fit in memory could not be written where it should go instead.
    Storage,
}

/// A backend's own error, which may say more than its kind.
pub trait BackendError: core::error::Error + Send + Sync + 'static {
    /// The kind of this error.
    fn kind(&self) -> ErrorKind;
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NotPositiveDefinite { pivot } => {
                write!(f, "pivot {pivot} of the tile is not positive")
            }
            ErrorKind::Unsupported => f.write_str("operation not supported in this precision"),
            ErrorKind::OutOfMemory => f.write_str("out of memory"),
            ErrorKind::Device => f.write_str("device failure"),
            ErrorKind::Storage => f.write_str("storage failure"),
        }
    }
}

impl core::error::Error for ErrorKind {}

impl BackendError for ErrorKind {
    fn kind(&self) -> ErrorKind {
        *self
    }
}

/// Whether an operand is taken as it is or transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trans {
    /// As it is.
    No,
    /// Transposed.
    Yes,
}

/// Which triangular system [`Backend::trsm`] solves, L lower triangular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solve {
    /// X Lᵀ = B.
    RightTransposed,
    /// L X = B.
    Left,
    /// Lᵀ X = B.
    LeftTransposed,
}

/// Size of a tile's entries (scale applied).
#[derive(Clone, Debug, PartialEq)]
pub struct TileNorm {
    /// Frobenius norm ‖A‖_F.
    pub frobenius: f64,
    /// Largest magnitude; NaN if a number is.
    pub max: f64,
    /// Sum of magnitudes of each row, summed from the first column on, in FP64.
    pub rows: Vec<f64>,
    /// Sum of magnitudes of each column, in FP64.
    pub cols: Vec<f64>,
}

/// A machine that computes on tiles.
///
/// Tiles handed to `gemm`, `syrk`, `trsm` and `potrf` as output are *accumulators*: F64 or F32
/// with scale 2⁰. The operation computes in the output's precision; operands of any other
/// supported precision are converted to it first (exactly if it is wider).
///
/// Right-hand sides are F64 tiles of any number of columns, or F32 tiles where
/// [`takes_panels`](Backend::takes_panels) says so. In what `apply` and `trsm` (from the left) make
/// of them no column's bits may depend on its place or on the other columns, and in `apply` no row's
/// bits on the other rows.
pub trait Backend: Sync {
    /// A matrix on the device.
    type Tile: Send + Sync;
    /// Genotypes on the device.
    type Panel: Send + Sync;
    /// Pair statistics on the device: stored, or rebuilt when asked.
    type Pairs: Send + Sync;
    /// Errors.
    type Error: BackendError;

    /// Short name for logs.
    fn name(&self) -> &str;

    /// Whether tiles of this precision can be operands.
    fn supports(&self, precision: Precision) -> bool;

    /// Whether right-hand sides may be tiles of this precision: always F64; F32 where that is
    /// faster. A preconditioner without F64 tiles is then applied in it.
    fn takes_panels(&self, precision: Precision) -> bool {
        precision == Precision::F64
    }

    /// Formats that adaptive plans choose tiles of a factor from, cheapest first. Of formats whose
    /// products are equally fast only the most accurate pays; F64 is the last.
    fn formats(&self) -> &'static [Precision];

    /// Rows of the largest tiles that are chosen by default, see
    /// [`default_edge`](crate::system::default_edge): what suits a processor's caches if this is not
    /// overridden.
    fn largest_edge(&self) -> usize {
        crate::system::LARGEST_EDGE
    }

    /// Rows of the largest kernel tiles that a pass over the kernel evaluates and uses at once: 512
    /// KiB in F64, a part of a second-level cache, if this is not overridden.
    fn pass_edge(&self) -> usize {
        256
    }

    /// Unit roundoff of sums of products of two `operands` (they may be alike) that end in an
    /// accumulator of precision `output`: that of the accumulator, unless the backend sums in something
    /// narrower.
    fn accumulator_roundoff(&self, operands: [Precision; 2], output: Precision) -> f64;

    /// What each of these products may lose beside that, because what sums it takes it for
    /// subnormal; in units of the product of the operands' scales. Zero unless something narrower than
    /// the accumulator sums.
    fn accumulator_underflow(&self, _operands: [Precision; 2], _output: Precision) -> f64 {
        0.0
    }

    /// Puts genotypes on the device.
    fn panel(&self, genotypes: Arc<Genotypes>) -> Result<Self::Panel, Self::Error>;

    /// Pair statistics of all pairs of `rows` × `cols` individuals, or of `rows` with themselves
    /// if `cols` is `None`. Exactly the integers of [`PairStatistic::pair`].
    ///
    /// # Panics
    /// If the panels and the statistic differ in their number of SNPs.
    fn pairs(
        &self,
        statistic: &PairStatistic,
        rows: &Self::Panel,
        cols: Option<&Self::Panel>,
    ) -> Result<Self::Pairs, Self::Error>;

    /// Numbers of the pairs `rows[r]`, `cols[c]`, column-major, in units of
    /// [`PairStatistic::unit`] (whole values too).
    ///
    /// # Panics
    /// If an index is out of range.
    fn pair_block(
        &self,
        pairs: &Self::Pairs,
        rows: &[u32],
        cols: &[u32],
    ) -> Result<Vec<i64>, Self::Error>;

    /// The kernel tile of individuals `rows` × `cols`, rounded once to `precision` (F64 or F32,
    /// there with [`FLUSH_BELOW`](crate::round::FLUSH_BELOW)), scale 2⁰.
    ///
    /// # Panics
    /// If an index is out of range.
    fn kernel_tile(
        &self,
        map: &KernelMap,
        pairs: &Self::Pairs,
        rows: &[u32],
        cols: &[u32],
        precision: Precision,
    ) -> Result<Self::Tile, Self::Error>;

    /// Copies a matrix to the device, bit for bit.
    fn upload(&self, tile: TileRef<'_>) -> Result<Self::Tile, Self::Error>;

    /// Copies a matrix from the device, bit for bit.
    fn download(&self, tile: &Self::Tile) -> Result<Tile, Self::Error>;

    /// `tile` in another precision and scale: value / 2^scale, rounded once. To a format narrower
    /// than F64, quotients under [`FLUSH_BELOW`](crate::round::FLUSH_BELOW) become zero, keeping
    /// their sign.
    fn convert(
        &self,
        tile: &Self::Tile,
        precision: Precision,
        scale: i32,
    ) -> Result<Self::Tile, Self::Error>;

    /// `tile` in another precision and its [`natural_scale`]: [`convert`](Self::convert) to the scale
    /// of [`norm`](Self::norm)'s `max`, bit for bit. For *implementers* the moment to find that scale
    /// where the numbers are: nobody has to wait for it.
    fn demote(&self, tile: &Self::Tile, precision: Precision) -> Result<Self::Tile, Self::Error> {
        let scale = match is_scaled(precision) {
            true => natural_scale(self.norm(tile)?.max, precision),
            false => 0,
        };
        self.convert(tile, precision, scale)
    }

    /// `tile`, bit for bit, which from now on is only read: for *users* the end of its making; for
    /// *implementers* the moment to move it to memory that is larger and slower. Stays where it is
    /// if this is not overridden.
    fn settle(&self, tile: Self::Tile) -> Result<Self::Tile, Self::Error> {
        Ok(tile)
    }

    /// Takes a tile that nobody needs any more: an implementation may make the next one in its memory.
    /// It is dropped if this is not overridden.
    fn recycle(&self, tile: Self::Tile) {
        drop(tile);
    }

    /// Norms of a tile, accumulated in FP64.
    fn norm(&self, tile: &Self::Tile) -> Result<TileNorm, Self::Error>;

    /// Adds `value` to the diagonal of an accumulator.
    ///
    /// # Panics
    /// If the tile is not square.
    fn shift(&self, tile: &mut Self::Tile, value: f64) -> Result<(), Self::Error>;

    /// C ← C + α·op(A)·op(B).
    ///
    /// # Panics
    /// Unless op(A) is m × k, op(B) k × n and C m × n.
    fn gemm(
        &self,
        alpha: f64,
        a: (&Self::Tile, Trans),
        b: (&Self::Tile, Trans),
        c: &mut Self::Tile,
    ) -> Result<(), Self::Error>;

    /// Y ← Y + α·op(A)·X for right-hand sides X and Y, both F64 or both F32, with scale 2⁰ and A of
    /// any precision: a product that keeps columns and rows apart (see [`Backend`]).
    ///
    /// # Panics
    /// Unless op(A) is m × k, X k × t and Y m × t.
    fn apply(
        &self,
        alpha: f64,
        a: (&Self::Tile, Trans),
        x: &Self::Tile,
        y: &mut Self::Tile,
    ) -> Result<(), Self::Error>;

    /// Lower triangle of C ← C + α·A·Aᵀ; what stands above the diagonal is unspecified afterwards.
    ///
    /// # Panics
    /// Unless C is n × n and A n × k.
    fn syrk(&self, alpha: f64, a: &Self::Tile, c: &mut Self::Tile) -> Result<(), Self::Error>;

    /// Solves a triangular system with the lower triangle of `l`; B becomes X.
    ///
    /// # Panics
    /// Unless `l` is n × n and B has n rows (left) or n columns (right).
    fn trsm(&self, solve: Solve, l: &Self::Tile, b: &mut Self::Tile) -> Result<(), Self::Error>;

    /// Lower Cholesky factor of the lower triangle of A, in place; zeros above the diagonal.
    ///
    /// # Errors
    /// [`ErrorKind::NotPositiveDefinite`] if a pivot is not positive or not finite.
    ///
    /// # Panics
    /// If the tile is not square.
    fn potrf(&self, a: &mut Self::Tile) -> Result<(), Self::Error>;

    /// Waits for everything issued so far.
    fn synchronize(&self) -> Result<(), Self::Error>;
}
