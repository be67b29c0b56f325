//! Triangular solves by cuBLAS and Cholesky factors by cuSOLVER.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::Arc;

use cudarc::driver::result::memcpy_dtoh_async;
use cudarc::{cublas, cusolver};
use epitile_core::precision::Precision;

use super::device::Device;
use super::driver::{Stream, failed};
use super::launch::Operand;
use crate::error::CudaError;

/// The libraries' handles, bound to one stream.
#[derive(Debug)]
pub(crate) struct Factors {
    blas: cublas::sys::cublasHandle_t,
    solver: cusolver::sys::cusolverDnHandle_t,
}

// SAFETY: a handle may move between threads; a lane's lock keeps others away from it.
unsafe impl Send for Factors {}

/// The triangular system: X Lᵀ = B, L X = B or Lᵀ X = B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// X Lᵀ = B.
    RightTransposed,
    /// L X = B.
    Left,
    /// Lᵀ X = B.
    LeftTransposed,
}

fn blas(what: &'static str) -> impl Fn(cublas::result::CublasError) -> CudaError {
    move |error| CudaError::call(what, error.0)
}

/// cuSOLVER's answer.
fn solver(what: &'static str, status: cusolver::sys::cusolverStatus_t) -> Result<(), CudaError> {
    match status {
        cusolver::sys::cusolverStatus_t::CUSOLVER_STATUS_SUCCESS => Ok(()),
        status => Err(CudaError::call(what, status)),
    }
}

impl Factors {
    /// Handles for `stream`, cuBLAS with `workspace` (address and bytes): with memory of its own it
    /// might give other bits.
    pub(super) fn new(stream: &Stream, workspace: (u64, usize)) -> Result<Self, CudaError> {
        let handle = cublas::result::create_handle().map_err(blas("cublasCreate"))?;
        let mut factors = Factors {
            blas: handle,
            solver: null_mut(),
        };
        // SAFETY: the handle and the stream live, and so does the workspace: they are of one lane.
        unsafe {
            cublas::sys::cublasSetStream_v2(handle, stream.raw().cast())
                .result()
                .map_err(blas("cublasSetStream"))?;
            cublas::sys::cublasSetWorkspace_v2(handle, workspace.0 as *mut _, workspace.1)
                .result()
                .map_err(blas("cublasSetWorkspace"))?;
            let created = cusolver::sys::cusolverDnCreate(&mut factors.solver);
            solver("cusolverDnCreate", created)?;
            let set = cusolver::sys::cusolverDnSetStream(factors.solver, stream.raw().cast());
            solver("cusolverDnSetStream", set)?;
        }
        Ok(factors)
    }
}

impl Drop for Factors {
    fn drop(&mut self) {
        // SAFETY: each was created once by `new`, or never.
        unsafe {
            if !self.solver.is_null() {
                let _ = cusolver::sys::cusolverDnDestroy(self.solver);
            }
            let _ = cublas::result::destroy_handle(self.blas);
        }
    }
}

/// A size as the libraries take it.
fn int(n: usize) -> c_int {
    c_int::try_from(n).expect("a tile's edge fits 32 bits")
}

/// An accumulator's address, once its buffer was found large enough.
fn accumulator(tile: Operand<'_>) -> u64 {
    assert!(matches!(tile.precision, Precision::F64 | Precision::F32) && tile.scale == 0);
    assert!(tile.buffer.bytes() >= tile.rows * tile.cols * tile.precision.bytes());
    tile.buffer.address()
}

impl Device {
    /// Solves a triangular system with the lower triangle of L; B becomes X.
    ///
    /// # Panics
    /// Unless both are accumulators of one precision, and L is square and of B's order.
    pub(crate) fn triangular(
        self: &Arc<Self>,
        side: Side,
        l: Operand<'_>,
        b: Operand<'_>,
    ) -> Result<(), CudaError> {
        use cublas::sys::{
            cublasDiagType_t, cublasFillMode_t, cublasOperation_t, cublasSideMode_t,
        };
        let (right, transposed) = match side {
            Side::RightTransposed => (cublasSideMode_t::CUBLAS_SIDE_RIGHT, true),
            Side::Left => (cublasSideMode_t::CUBLAS_SIDE_LEFT, false),
            Side::LeftTransposed => (cublasSideMode_t::CUBLAS_SIDE_LEFT, true),
        };
        let trans = match transposed {
            true => cublasOperation_t::CUBLAS_OP_T,
            false => cublasOperation_t::CUBLAS_OP_N,
        };
        let order = match side {
            Side::RightTransposed => b.cols,
            _ => b.rows,
        };
        assert_eq!((l.rows, l.cols), (order, order), "shape of the triangle");
        assert_eq!(l.precision, b.precision, "precision of the triangle");
        if b.rows * b.cols == 0 {
            return Ok(());
        }
        let (fill, diagonal) = (
            cublasFillMode_t::CUBLAS_FILL_MODE_LOWER,
            cublasDiagType_t::CUBLAS_DIAG_NON_UNIT,
        );
        let (from, to, m, n) = (accumulator(l), accumulator(b), int(b.rows), int(b.cols));
        self.issue(&[l.buffer], &[b.buffer], |lane| {
            let handle = self.factors(lane)?.blas;
            // SAFETY: both buffers hold the numbers of their shapes, which match, without gaps; the
            // factor 1 is read before the call returns.
            let status = unsafe {
                match l.precision {
                    Precision::F64 => cublas::sys::cublasDtrsm_v2(
                        handle,
                        right,
                        fill,
                        trans,
                        diagonal,
                        m,
                        n,
                        &1.0,
                        from as *const f64,
                        int(order),
                        to as *mut f64,
                        m,
                    ),
                    _ => cublas::sys::cublasStrsm_v2(
                        handle,
                        right,
                        fill,
                        trans,
                        diagonal,
                        m,
                        n,
                        &1.0,
                        from as *const f32,
                        int(order),
                        to as *mut f32,
                        m,
                    ),
                }
            };
            status.result().map_err(blas("cublas trsm"))
        })
    }

    /// Numbers of scratch memory that the factor of a tile takes.
    fn factor_space(self: &Arc<Self>, tile: Operand<'_>) -> Result<usize, CudaError> {
        let (address, n) = (accumulator(tile), int(tile.rows));
        let lower = cusolver::sys::cublasFillMode_t::CUBLAS_FILL_MODE_LOWER;
        self.issue(&[], &[], |lane| {
            let (handle, mut length) = (self.factors(lane)?.solver, 0);
            // SAFETY: the handle lives; the size is written before the call returns.
            let status = unsafe {
                match tile.precision {
                    Precision::F64 => cusolver::sys::cusolverDnDpotrf_bufferSize(
                        handle,
                        lower,
                        n,
                        address as *mut f64,
                        n,
                        &mut length,
                    ),
                    _ => cusolver::sys::cusolverDnSpotrf_bufferSize(
                        handle,
                        lower,
                        n,
                        address as *mut f32,
                        n,
                        &mut length,
                    ),
                }
            };
            solver("cusolverDnpotrf_bufferSize", status)?;
            Ok(usize::try_from(length).expect("a size is not negative"))
        })
    }

    /// Lower Cholesky factor of the lower triangle, in place, zeros above it; the first pivot that
    /// is not positive and finite, if there is one. Waits for it.
    ///
    /// # Panics
    /// Unless the tile is a square accumulator.
    pub(crate) fn factor(self: &Arc<Self>, tile: Operand<'_>) -> Result<Option<usize>, CudaError> {
        assert_eq!(tile.rows, tile.cols, "a square tile");
        let (address, n) = (accumulator(tile), int(tile.rows));
        if n == 0 {
            return Ok(None);
        }
        let length = self.factor_space(tile)?;
        let space = self.buffer(length * tile.precision.bytes())?;
        // What we see of the pivots, a u64, and what the library says of them, an i32.
        let found = self.buffer(12)?;
        let writes = [tile.buffer, &space, &found];
        let lower = cusolver::sys::cublasFillMode_t::CUBLAS_FILL_MODE_LOWER;
        let mut seen = [0; 12];
        self.issue(&[], &writes, |lane| {
            let handle = self.factors(lane)?.solver;
            let (space, to) = (space.address(), (found.address() + 8) as *mut c_int);
            // SAFETY: the tile holds n × n numbers, the space as many as the library asked for.
            let status = unsafe {
                match tile.precision {
                    Precision::F64 => cusolver::sys::cusolverDnDpotrf(
                        handle,
                        lower,
                        n,
                        address as *mut f64,
                        n,
                        space as *mut f64,
                        int(length),
                        to,
                    ),
                    _ => cusolver::sys::cusolverDnSpotrf(
                        handle,
                        lower,
                        n,
                        address as *mut f32,
                        n,
                        space as *mut f32,
                        int(length),
                        to,
                    ),
                }
            };
            solver("cusolverDnpotrf", status)?;
            self.clear(lane, tile, &found)?;
            let stream = lane.stream.raw();
            // SAFETY: it has as many bytes, and the array lives until the stream is done.
            unsafe { memcpy_dtoh_async(&mut seen, found.address(), stream) }
                .map_err(failed("cuMemcpyDtoHAsync"))?;
            lane.stream.finish()
        })?;
        let (first, info) = seen.split_at(8);
        let info = i32::from_ne_bytes(info.try_into().expect("four bytes"));
        let first = u64::from_ne_bytes(first.try_into().expect("eight bytes")) as usize;
        assert!(info >= 0, "argument {info} of potrf");
        let last = tile.rows;
        // The library compares with zero only; what follows a NaN or an infinity is found by us.
        let library = (info as usize).checked_sub(1);
        let ours = (first < last).then_some(first);
        Ok(library.into_iter().chain(ours).min())
    }
}
