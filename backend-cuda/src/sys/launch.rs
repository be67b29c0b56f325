//! The kernels, and a safe function for each that works on tiles: it checks that every buffer has
//! what the kernel touches. Those of conversions and statistics are in files of their own.

use std::sync::Arc;

use epitile_core::precision::{Precision, exp2};

use super::buffer::Buffer;
use super::device::{Device, Lane};
use super::driver::{Kernel, Module};
use crate::error::CudaError;

/// Threads of a block of most kernels, LIST of `kernels/common.cuh`.
pub(super) const LIST: usize = 256;
/// Rows and columns of a block of `apply` and its threads; see `kernels/panel.cu`.
const ROWS: usize = 32;
const COLS: usize = 8;
const APPLY: usize = 128;

macro_rules! kernels {
    ($($file:ident: $($name:ident)+;)+) => {
        /// Every kernel, loaded.
        #[derive(Debug)]
        pub(crate) struct Kernels {
            _modules: Vec<Module>,
            $($(pub(super) $name: Kernel,)+)+
        }

        impl Kernels {
            /// Loads all of them into the current context.
            pub(super) fn load() -> Result<Self, CudaError> {
                $(let $file = Module::load(include_str!(concat!(
                    "../../ptx/", stringify!($file), ".ptx"
                )))?;)+
                Ok(Kernels {
                    $($($name: $file.kernel(stringify!($name))?,)+)+
                    _modules: vec![$($file),+],
                })
            }
        }
    };
}

kernels! {
    convert: convert turn;
    natural: largest natural factors;
    norm: norm_rows norm_columns;
    triangle: shift clear pivot;
    expand: expand moments;
    pairs: distances slopes digits gather;
    kernel: kernel_tile;
    panel: apply solve;
}

/// Launches a kernel on the lane with these arguments.
///
/// # Safety
/// The arguments are those of the kernel's text, and the memory behind addresses is as large as the
/// kernel needs.
macro_rules! launch {
    ($lane:expr, $kernel:expr, $shape:expr, $($argument:expr),+ $(,)?) => {{
        let (blocks, threads): (usize, usize) = $shape;
        let blocks = u32::try_from(blocks).expect("blocks of a grid");
        launch!(@arguments $lane, $kernel, (blocks, threads as u32), [$($argument,)+] [])
    }};
    (@arguments $lane:expr, $kernel:expr, $shape:expr, [] [$($held:ident)+]) => {{
        let mut pointers = [$(std::ptr::from_mut(&mut $held).cast::<std::ffi::c_void>()),+];
        $lane.stream.launch($kernel, $shape, &mut pointers)
    }};
    (@arguments $lane:expr, $kernel:expr, $shape:expr,
        [$first:expr, $($rest:expr,)*] [$($held:ident)*]) => {{
        let mut argument = $first;
        launch!(@arguments $lane, $kernel, $shape, [$($rest,)*] [$($held)* argument])
    }};
}

pub(super) use launch;

/// Blocks that give each of `count` entries a thread.
pub(super) fn list(count: usize) -> (usize, usize) {
    (count.div_ceil(LIST), LIST)
}

/// The code of a format in `kernels/format.cuh`: its place in the list of formats.
pub(super) fn format(precision: Precision) -> i32 {
    let codes = [
        Precision::F64,
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::F8E4M3,
        Precision::F8E5M2,
    ];
    let code = codes.iter().position(|&p| p == precision);
    code.expect("a floating-point format") as i32
}

/// A matrix that kernels read, column-major without gaps, stored numbers times 2^scale and times the
/// number (F64) that is kept on the device, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand<'a> {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) precision: Precision,
    pub(crate) scale: i32,
    pub(crate) natural: Option<&'a Buffer>,
    pub(crate) buffer: &'a Buffer,
}

impl<'a> Operand<'a> {
    pub(super) fn count(&self) -> usize {
        self.rows * self.cols
    }

    /// The numbers as they are stored, whatever their scale.
    pub(crate) fn bare(self) -> Self {
        Operand {
            scale: 0,
            natural: None,
            ..self
        }
    }

    /// Address of the number on the device, or none.
    pub(super) fn natural(&self) -> u64 {
        self.natural.map_or(0, |one| holds::<f64>(one, 1))
    }

    /// What is read with it.
    pub(super) fn buffers(&self) -> impl Iterator<Item = &'a Buffer> + use<'a> {
        [self.buffer].into_iter().chain(self.natural)
    }

    /// Address and format, once the buffer was found large enough.
    pub(super) fn checked(&self) -> (u64, i32) {
        let bytes = self.count() * self.precision.bytes();
        assert!(self.buffer.bytes() >= bytes, "bytes of an operand");
        (self.buffer.address(), format(self.precision))
    }
}

/// The address of a buffer that holds `count` numbers of type `T`.
pub(super) fn holds<T>(buffer: &Buffer, count: usize) -> u64 {
    let bytes = count * size_of::<T>();
    assert!(buffer.bytes() >= bytes, "{count} numbers of a buffer");
    buffer.address()
}

/// Sums of magnitudes of a tile.
#[derive(Debug)]
pub(crate) struct Sums {
    /// F64 by row, three after each other: Σ|v|, Σv², largest |v|.
    pub(crate) rows: Buffer,
    /// F64 by column: Σ|v|.
    pub(crate) cols: Buffer,
}

impl Device {
    /// Sums of magnitudes with the scale `scale` in place of the tile's own.
    pub(crate) fn sums(self: &Arc<Self>, tile: Operand<'_>, scale: i32) -> Result<Sums, CudaError> {
        let (rows, cols) = (tile.rows, tile.cols);
        let sums = Sums {
            rows: self.buffer(3 * rows * 8)?,
            cols: self.buffer(cols * 8)?,
        };
        let ((address, code), factor) = (tile.checked(), exp2(scale));
        let of_rows = holds::<f64>(&sums.rows, 3 * rows);
        let part = |k: usize| of_rows + (k * rows * 8) as u64;
        let reads: Vec<&Buffer> = tile.buffers().collect();
        self.issue(&reads, &[&sums.rows, &sums.cols], |lane| {
            if rows > 0 {
                // SAFETY: the tile holds its numbers, the sums three for each row.
                unsafe {
                    launch!(
                        lane,
                        self.kernels.norm_rows,
                        list(rows),
                        address,
                        code,
                        factor,
                        tile.natural(),
                        rows as u64,
                        cols as u64,
                        part(0),
                        part(1),
                        part(2)
                    )
                }?;
            }
            if cols > 0 {
                // SAFETY: as above, one for each column.
                unsafe {
                    launch!(
                        lane,
                        self.kernels.norm_columns,
                        (cols, LIST),
                        address,
                        code,
                        factor,
                        tile.natural(),
                        rows as u64,
                        holds::<f64>(&sums.cols, cols)
                    )
                }?;
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// Adds `value` to the diagonal of a square F64 or F32 tile.
    pub(crate) fn shift(self: &Arc<Self>, tile: Operand<'_>, value: f64) -> Result<(), CudaError> {
        let (n, (address, code)) = (tile.rows, tile.checked());
        assert_eq!(n, tile.cols, "a square tile");
        if n == 0 {
            return Ok(());
        }
        self.issue(&[], &[tile.buffer], |lane| {
            // SAFETY: the tile holds n × n numbers.
            unsafe {
                launch!(
                    lane,
                    self.kernels.shift,
                    list(n),
                    address,
                    code,
                    n as u64,
                    value
                )
            }
        })
    }

    /// Zeros above the diagonal of a square F64 or F32 tile, and the first row whose diagonal number
    /// is not positive and finite: `first` holds it as u64, or n.
    pub(super) fn clear(
        &self,
        lane: &mut Lane,
        tile: Operand<'_>,
        first: &Buffer,
    ) -> Result<(), CudaError> {
        let (n, (address, code)) = (tile.rows, tile.checked());
        assert!(n == tile.cols && n > 0, "a square tile");
        // SAFETY: the tile holds n × n numbers, `first` one.
        unsafe {
            launch!(
                lane,
                self.kernels.clear,
                list(n * n),
                address,
                code,
                n as u64
            )?;
            launch!(
                lane,
                self.kernels.pivot,
                (1, LIST),
                address,
                code,
                n as u64,
                holds::<u64>(first, 1)
            )
        }
    }

    /// Y ← Y + α·op(A)·X for F64 panels X (k × t) and Y (m × t), op(A) m × k.
    pub(crate) fn apply(
        self: &Arc<Self>,
        alpha: f64,
        (a, transposed): (Operand<'_>, bool),
        x: Operand<'_>,
        y: Operand<'_>,
    ) -> Result<(), CudaError> {
        let (m, k) = match transposed {
            false => (a.rows, a.cols),
            true => (a.cols, a.rows),
        };
        assert_eq!((x.rows, y.rows, y.cols), (k, m, x.cols), "shapes of Y, A·X");
        let ((address, code), (from, _), (to, _)) = (a.checked(), x.checked(), y.checked());
        for panel in [x, y] {
            let found = (panel.precision, panel.scale);
            assert_eq!(found, (Precision::F64, 0), "format of a panel");
        }
        let blocks = m.div_ceil(ROWS) * x.cols.div_ceil(COLS);
        if blocks * k == 0 {
            return Ok(());
        }
        let reads: Vec<&Buffer> = a.buffers().chain(x.buffers()).collect();
        self.issue(&reads, &[y.buffer], |lane| {
            // SAFETY: all three hold the numbers of their shapes, which match.
            unsafe {
                launch!(
                    lane,
                    self.kernels.apply,
                    (blocks, APPLY),
                    alpha,
                    address,
                    code,
                    exp2(a.scale),
                    a.natural(),
                    i32::from(transposed),
                    m as u64,
                    k as u64,
                    from,
                    x.cols as u64,
                    to
                )
            }
        })
    }

    /// L X = B or Lᵀ X = B for an F64 panel B, which becomes X.
    pub(crate) fn solve(
        self: &Arc<Self>,
        (l, transposed): (Operand<'_>, bool),
        b: Operand<'_>,
    ) -> Result<(), CudaError> {
        let n = l.rows;
        assert_eq!((l.cols, b.rows), (n, n), "shape of the triangle");
        let found = (b.precision, b.scale);
        assert_eq!(found, (Precision::F64, 0), "format of a panel");
        let ((address, code), (to, _)) = (l.checked(), b.checked());
        if n * b.cols == 0 {
            return Ok(());
        }
        let reads: Vec<&Buffer> = l.buffers().collect();
        self.issue(&reads, &[b.buffer], |lane| {
            // SAFETY: L holds n × n numbers, B n for each column.
            unsafe {
                launch!(
                    lane,
                    self.kernels.solve,
                    (b.cols, LIST),
                    address,
                    code,
                    exp2(l.scale),
                    l.natural(),
                    i32::from(transposed),
                    n as u64,
                    to
                )
            }
        })
    }
}
