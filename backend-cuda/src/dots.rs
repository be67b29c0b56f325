//! Products of dosages on integer tensor cores: bit planes are expanded to bytes for some SNPs at a
//! time and multiplied, N²M operations in all.

use std::sync::Arc;

use epitile_core::pairs::PairKind;

use crate::error::CudaError;
use crate::sys::{Buffer, Bytes, Calls, Device, Index, Matrix, Number};

/// Words of a plane that are expanded at a time, at most: 8,192 SNPs, 32 MiB for the individuals of a block.
pub(crate) const WORDS: usize = 128;
/// Words of a plane that are expanded at a time for the products of `individuals` on both sides, `width`
/// bytes a call: fewer where memory is small.
pub(crate) fn span(device: &Device, individuals: usize, width: usize) -> usize {
    let word = individuals * 64 * width;
    WORDS.min(device.total / 64 / word.max(1)).max(1)
}

/// Individuals are padded to this for the tensor cores, and so are rows of bytes.
pub(crate) const PAD: usize = 16;

/// Σxy or Σmin(x, y) of these pairs, as i32, column-major, rows and columns padded.
pub(crate) fn dots(
    device: &Arc<Device>,
    kind: PairKind,
    (a, rows): (&Calls, &Index),
    (b, cols): (&Calls, &Index),
) -> Result<Buffer, CudaError> {
    let [m, n] = [rows, cols].map(|index| index.len().next_multiple_of(PAD));
    let planes = if kind == PairKind::Squared { 1 } else { 2 };
    let span = span(device, m + n, planes).min(a.words);
    let widest = span * 64 * planes;
    let dots = device.buffer(m * n * 4)?;
    let (x, y) = (device.buffer(m * widest)?, device.buffer(n * widest)?);
    if m * n == 0 {
        return Ok(dots);
    }
    if a.words == 0 {
        device.zero(&dots)?;
        return Ok(dots);
    }
    for first in (0..a.words).step_by(span) {
        let words = span.min(a.words - first);
        let k = words * 64 * planes;
        let bytes = Bytes::Distance(kind);
        device.expand((a, rows), bytes, (first, words), (m, k), &x)?;
        device.expand((b, cols), bytes, (first, words), (n, k), &y)?;
        multiply(device, k, (&x, m), (&y, n), (&dots, first > 0))?;
    }
    Ok(dots)
}

/// D(m × n) ← D + X(k × m)ᵀ Y(k × n), without what stood in D unless it is to be `kept`.
pub(crate) fn multiply(
    device: &Arc<Device>,
    k: usize,
    (x, m): (&Buffer, usize),
    (y, n): (&Buffer, usize),
    (dots, kept): (&Buffer, bool),
) -> Result<(), CudaError> {
    let matrix = |buffer, cols, transposed| Matrix {
        rows: k,
        cols,
        ld: k,
        transposed,
        natural: None,
        buffer,
    };
    let to = Matrix {
        rows: m,
        cols: n,
        ld: m,
        transposed: false,
        natural: None,
        buffer: dots,
    };
    let beta = if kept { 1.0 } else { 0.0 };
    let (x, y) = (matrix(x, m, true), matrix(y, n, false));
    device.multiply(Number::I8, (1.0, beta), x, y, to)
}
