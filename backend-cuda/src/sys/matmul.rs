//! Products by cuBLASLt.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::from_ref;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::cublaslt::{result, sys};

use super::buffer::Buffer;
use super::device::{Device, Lane};
use super::launch::holds;
use super::number::Number;
use crate::error::CudaError;

/// A column-major matrix as it is stored, and whether its transpose is meant. A scale that is kept on
/// the device multiplies it; products in F16 and E4M3 take such.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) ld: usize,
    pub(crate) transposed: bool,
    pub(crate) natural: Option<&'a Buffer>,
    pub(crate) buffer: &'a Buffer,
}

impl Matrix<'_> {
    /// Shape of op(A).
    fn shape(&self) -> (usize, usize) {
        match self.transposed {
            false => (self.rows, self.cols),
            true => (self.cols, self.rows),
        }
    }

    /// Address, once the buffer was found to hold numbers of `bytes` each.
    fn checked(&self, bytes: usize) -> u64 {
        let numbers = (self.cols - 1) * self.ld + self.rows;
        assert!(
            self.ld >= self.rows && self.buffer.bytes() >= numbers * bytes,
            "bytes of a matrix"
        );
        self.buffer.address()
    }
}

/// What an algorithm is chosen by: numbers, whether factors lie on the device, and shape, leading
/// dimension and transposition of each matrix.
type Key = (Number, bool, [(usize, usize, usize, bool); 3]);

/// The library's handle, and the algorithms it chose.
#[derive(Debug)]
pub(crate) struct Products {
    handle: sys::cublasLtHandle_t,
    chosen: Mutex<HashMap<Key, sys::cublasLtMatmulAlgo_t>>,
}

// SAFETY: the library's handles may be used from any thread.
unsafe impl Send for Products {}
// SAFETY: as above, at the same time too.
unsafe impl Sync for Products {}

fn failed(what: &'static str) -> impl Fn(result::CublasError) -> CudaError {
    move |error| CudaError::call(what, error.0)
}

impl Products {
    /// A handle for the current context.
    pub(crate) fn new() -> Result<Self, CudaError> {
        Ok(Products {
            handle: result::create_handle().map_err(failed("cublasLtCreate"))?,
            chosen: Mutex::default(),
        })
    }
}

impl Drop for Products {
    fn drop(&mut self) {
        // SAFETY: created once by `new`.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

/// A matrix as the library describes it.
struct Layout(sys::cublasLtMatrixLayout_t);

impl Layout {
    fn new(kind: sys::cudaDataType, matrix: &Matrix<'_>) -> Result<Self, CudaError> {
        let (rows, cols, ld) = (matrix.rows as u64, matrix.cols as u64, matrix.ld as i64);
        let layout = result::create_matrix_layout(kind, rows, cols, ld);
        layout
            .map(Layout)
            .map_err(failed("cublasLtMatrixLayoutCreate"))
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: created once by `new`.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

/// How a product is to be made.
struct Description(sys::cublasLtMatmulDesc_t);

impl Description {
    fn new(number: Number, transposed: [bool; 2], on_device: bool) -> Result<Self, CudaError> {
        let (_, out, sum) = number.types();
        let description = result::create_matmul_desc(sum, out);
        let description = Description(description.map_err(failed("cublasLtMatmulDescCreate"))?);
        use sys::cublasLtMatmulDescAttributes_t as Attribute;
        // CUBLAS_OP_N and CUBLAS_OP_T; CUBLASLT_POINTER_MODE_HOST and _DEVICE.
        let attributes = [
            (Attribute::CUBLASLT_MATMUL_DESC_TRANSA, transposed[0]),
            (Attribute::CUBLASLT_MATMUL_DESC_TRANSB, transposed[1]),
            (Attribute::CUBLASLT_MATMUL_DESC_POINTER_MODE, on_device),
        ];
        for (attribute, value) in attributes {
            let value = u32::from(value);
            let (from, bytes) = (from_ref(&value).cast::<c_void>(), size_of::<u32>());
            // SAFETY: the attribute is a 32-bit enumeration, read before the call returns.
            unsafe { result::set_matmul_desc_attribute(description.0, attribute, from, bytes) }
                .map_err(failed("cublasLtMatmulDescSetAttribute"))?;
        }
        Ok(description)
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        // SAFETY: created once by `new`.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}

/// What the library may use.
struct Preference(sys::cublasLtMatmulPreference_t);

impl Preference {
    fn new(workspace: usize) -> Result<Self, CudaError> {
        let preference = result::create_matmul_pref();
        let preference = Preference(preference.map_err(failed("cublasLtMatmulPreferenceCreate"))?);
        let attribute =
            sys::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        let from = from_ref(&workspace).cast::<c_void>();
        // SAFETY: the attribute is a 64-bit number, read before the call returns.
        unsafe { result::set_matmul_pref_attribute(preference.0, attribute, from, 8) }
            .map_err(failed("cublasLtMatmulPreferenceSetAttribute"))?;
        Ok(preference)
    }
}

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: created once by `new`.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}

impl Device {
    /// C ← β·C + α·op(A)·op(B); α and β are rounded to the type of C.
    ///
    /// # Panics
    /// Unless the shapes match and none is empty.
    pub(crate) fn multiply(
        self: &Arc<Self>,
        number: Number,
        (alpha, beta): (f64, f64),
        a: Matrix<'_>,
        b: Matrix<'_>,
        c: Matrix<'_>,
    ) -> Result<(), CudaError> {
        let naturals = [a.natural, b.natural];
        if naturals.iter().all(Option::is_none) {
            let factors = Scalars::Here(alpha, beta);
            return self.issue(&[a.buffer, b.buffer], &[c.buffer], |lane| {
                self.multiply_on(lane, number, factors, [a, b, c])
            });
        }
        assert!(
            matches!(number, Number::F16 | Number::F8E4M3),
            "numbers with a scale"
        );
        let factors = self.buffer(8)?;
        let mut reads = vec![a.buffer, b.buffer];
        reads.extend(naturals.into_iter().flatten());
        self.issue(&reads, &[c.buffer, &factors], |lane| {
            self.scalars(lane, (alpha, beta), naturals, &factors)?;
            self.multiply_on(lane, number, Scalars::Device(&factors), [a, b, c])
        })
    }

    fn multiply_on(
        self: &Arc<Self>,
        lane: &mut Lane,
        number: Number,
        factors: Scalars<'_>,
        [a, b, c]: [Matrix<'_>; 3],
    ) -> Result<(), CudaError> {
        let ((m, k), (kb, n)) = (a.shape(), b.shape());
        assert_eq!(((m, n), k), (c.shape(), kb), "shapes of C, A·B");
        assert!(m * n * k > 0 && !c.transposed, "numbers of a product");
        let (workspace, bytes) = self.workspace(lane)?;
        let on_device = matches!(factors, Scalars::Device(_));
        let (kind, out, _) = number.types();
        let description = Description::new(number, [a.transposed, b.transposed], on_device)?;
        let layouts = [
            Layout::new(kind, &a)?,
            Layout::new(kind, &b)?,
            Layout::new(out, &c)?,
        ];
        let key = (
            number,
            on_device,
            [a, b, c].map(|m| (m.rows, m.cols, m.ld, m.transposed)),
        );
        let algorithm = self
            .products
            .algorithm(key, &description, &layouts, bytes)?;
        let (each, sum) = number.bytes();
        let [pa, pb, pc] = [a.checked(each), b.checked(each), c.checked(sum)];
        let here;
        let [alpha, beta]: [*const c_void; 2] = match factors {
            Scalars::Here(alpha, beta) => {
                here = [number.factor(alpha), number.factor(beta)];
                [0, 1].map(|k| from_ref(&here[k]).cast())
            }
            Scalars::Device(both) => {
                let address = holds::<f32>(both, 2);
                [address, address + 4].map(|at| at as *const c_void)
            }
        };
        // SAFETY: the three buffers hold the numbers of their layouts, whose shapes match; factors here
        // are read before the call returns, those on the device were made before on this lane; the
        // workspace is this lane's.
        unsafe {
            sys::cublasLtMatmul(
                self.products.handle,
                description.0,
                alpha,
                pa as *const c_void,
                layouts[0].0,
                pb as *const c_void,
                layouts[1].0,
                beta,
                pc as *const c_void,
                layouts[2].0,
                pc as *mut c_void,
                layouts[2].0,
                &algorithm,
                workspace as *mut c_void,
                bytes,
                lane.stream.raw().cast(),
            )
        }
        .result()
        .map_err(failed("cublasLtMatmul"))
    }
}

/// α and β of a product.
enum Scalars<'a> {
    /// Read when the product is issued.
    Here(f64, f64),
    /// Two numbers in F32, read when it runs.
    Device(&'a Buffer),
}

impl Products {
    /// The algorithm for this shape, asked for once.
    fn algorithm(
        &self,
        key: Key,
        description: &Description,
        [a, b, c]: &[Layout; 3],
        workspace: usize,
    ) -> Result<sys::cublasLtMatmulAlgo_t, CudaError> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(algorithm) = chosen.get(&key) {
            return Ok(*algorithm);
        }
        let preference = Preference::new(workspace)?;
        // SAFETY: all descriptions live.
        let found = unsafe {
            result::get_matmul_algo_heuristic(
                self.handle,
                description.0,
                a.0,
                b.0,
                c.0,
                c.0,
                preference.0,
            )
        };
        let algorithm = found
            .map_err(failed("cublasLtMatmulAlgoGetHeuristic"))?
            .algo;
        chosen.insert(key, algorithm);
        Ok(algorithm)
    }
}
