//! The kernels of pair statistics, each with its checks.

use std::sync::Arc;

use epitile_core::pairs::{PAIR_EDGE, PairKind};

use super::buffer::Buffer;
use super::calls::{Calls, Index};
use super::device::Device;
use super::launch::{LIST, holds, launch, list};
use crate::error::CudaError;

/// Where the number of a pair is, `Order` of `kernels/numbers.cuh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A block of some rows and columns, column-major.
    Dense {
        /// Rows.
        rows: usize,
        /// Columns.
        cols: usize,
    },
    /// Blocks of all pairs of `samples` individuals, the lower triangle.
    Packed {
        /// Individuals.
        samples: usize,
    },
    /// Blocks of all pairs of `rows` × `cols` individuals.
    Tall {
        /// Individuals of the rows.
        rows: usize,
        /// Individuals of the columns.
        cols: usize,
    },
}

impl Order {
    /// Numbers that are kept.
    pub(crate) fn count(self) -> usize {
        let blocks = |n: usize| n.div_ceil(PAIR_EDGE);
        match self {
            Order::Dense { rows, cols } => rows * cols,
            Order::Packed { samples: n } => blocks(n) * (blocks(n) + 1) / 2 * PAIR_EDGE * PAIR_EDGE,
            Order::Tall { rows, cols } => blocks(rows) * blocks(cols) * PAIR_EDGE * PAIR_EDGE,
        }
    }

    /// As kernels take it.
    pub(super) fn raw(self) -> (i32, u64) {
        match self {
            Order::Dense { rows, .. } => (0, rows as u64),
            Order::Packed { .. } => (1, 0),
            Order::Tall { cols, .. } => (2, cols.div_ceil(PAIR_EDGE) as u64),
        }
    }

    /// Whether the pairs of these individuals are kept.
    pub(super) fn holds(self, rows: &Index, cols: &Index) -> bool {
        match self {
            Order::Dense { rows: m, cols: n } => (rows.len, cols.len) == (m, n),
            Order::Packed { samples } => rows.end.max(cols.end) <= samples,
            Order::Tall { rows: m, cols: n } => rows.end <= m && cols.end <= n,
        }
    }
}

/// Numbers of pairs: u32 if they are whole, else i64.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(super) buffer: Buffer,
    pub(super) whole: bool,
    pub(super) order: Order,
}

impl Numbers {
    /// Room for them, contents unspecified.
    pub(crate) fn new(device: &Arc<Device>, whole: bool, order: Order) -> Result<Self, CudaError> {
        let bytes = order.count() * if whole { 4 } else { 8 };
        Ok(Numbers {
            buffer: device.buffer(bytes)?,
            whole,
            order,
        })
    }
}

/// `kind` of `kernels/expand.cu`.
fn distance(kind: PairKind) -> i32 {
    match kind {
        PairKind::Squared => 0,
        PairKind::Absolute => 1,
        PairKind::Product(_) => unreachable!("products are no distances"),
    }
}

impl Device {
    /// Σx² (squared) or Σx (absolute) of every individual, as u32.
    pub(crate) fn moments(
        self: &Arc<Self>,
        calls: &Calls,
        kind: PairKind,
    ) -> Result<Buffer, CudaError> {
        let out = self.buffer(calls.samples * 4)?;
        if calls.samples == 0 {
            return Ok(out);
        }
        self.issue(&[&calls.some, &calls.two], &[&out], |lane| {
            // SAFETY: the planes hold `words` words for each individual, `out` a number.
            unsafe {
                launch!(
                    lane,
                    self.kernels.moments,
                    (calls.samples, LIST),
                    calls.some.address(),
                    calls.two.address(),
                    calls.words as u64,
                    distance(kind),
                    out.address()
                )
            }
        })?;
        Ok(out)
    }

    /// Bytes for the SNPs of `words` words from `first` on, of some individuals: rows of `ld` bytes,
    /// those after the last individual zero.
    ///
    /// # Panics
    /// If an individual, a word or a byte is out of range.
    pub(crate) fn expand(
        self: &Arc<Self>,
        (calls, index): (&Calls, &Index),
        kind: PairKind,
        (first, words): (usize, usize),
        (padded, ld): (usize, usize),
        out: &Buffer,
    ) -> Result<(), CudaError> {
        let planes = if kind == PairKind::Squared { 1 } else { 2 };
        assert!(index.end <= calls.samples && first + words <= calls.words);
        assert!(index.len <= padded && ld % 8 == 0 && words * 64 * planes <= ld);
        let to = holds::<u8>(out, padded * ld);
        let (bytes, stride) = (words * 8, calls.words * 8);
        if padded * bytes == 0 {
            return Ok(());
        }
        self.issue(&[&calls.some, &calls.two, &index.buffer], &[out], |lane| {
            // SAFETY: every individual has a row of both planes, `out` has a row for each.
            unsafe {
                launch!(
                    lane,
                    self.kernels.expand,
                    list(padded * bytes),
                    calls.some.address(),
                    calls.two.address(),
                    stride as u64,
                    index.buffer.address(),
                    index.len as u64,
                    padded as u64,
                    first as u64 * 8,
                    bytes as u64,
                    distance(kind),
                    to,
                    ld as u64
                )
            }
        })
    }

    /// Distances from products of dosages (i32, column-major with `ld` rows), sums of each
    /// individual, and what missing calls add (i64 by bit and dosage).
    ///
    /// # Panics
    /// If an individual is out of range or has no place in `out`.
    pub(crate) fn distances(
        self: &Arc<Self>,
        (dots, ld): (&Buffer, usize),
        (a, rows, row_moments): (&Calls, &Index, &Buffer),
        (b, cols, col_moments): (&Calls, &Index, &Buffer),
        corrections: &Buffer,
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(rows.end <= a.samples && cols.end <= b.samples && ld >= m);
        assert!(a.words == b.words && out.order.holds(rows, cols));
        let from = holds::<i32>(dots, ld * n);
        let of_rows = holds::<u32>(row_moments, a.samples);
        let of_cols = holds::<u32>(col_moments, b.samples);
        let table = match out.whole {
            true => corrections.address(),
            false => holds::<[i64; 3]>(corrections, a.words * 64),
        };
        let (order, width) = out.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let mut reads = vec![dots, &rows.buffer, &cols.buffer, row_moments, col_moments];
        reads.extend(a.buffers().into_iter().chain(b.buffers()));
        reads.push(corrections);
        self.issue(&reads, &[&out.buffer], |lane| {
            // SAFETY: individuals are within the planes, lists and sums; pairs have a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.distances,
                    list(m * n),
                    from,
                    ld as u64,
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    of_rows,
                    of_cols,
                    a.raw(),
                    b.raw(),
                    a.words as u64,
                    table,
                    i32::from(out.whole),
                    out.buffer.address(),
                    order,
                    width
                )
            }
        })
    }

    /// The numbers of the pairs `rows[r]`, `cols[c]` times 2^shift, column-major, as i64.
    ///
    /// # Panics
    /// If a pair is not among them.
    pub(crate) fn gather(
        self: &Arc<Self>,
        numbers: &Numbers,
        (rows, cols): (&Index, &Index),
        shift: u32,
    ) -> Result<Buffer, CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(numbers.order.holds(rows, cols), "a pair that is kept");
        let out = self.buffer(m * n * 8)?;
        let (order, width) = numbers.order.raw();
        if m * n == 0 {
            return Ok(out);
        }
        let reads = [&numbers.buffer, &rows.buffer, &cols.buffer];
        self.issue(&reads, &[&out], |lane| {
            // SAFETY: every pair has its number, and a place in `out`.
            unsafe {
                launch!(
                    lane,
                    self.kernels.gather,
                    list(m * n),
                    numbers.buffer.address(),
                    i32::from(numbers.whole),
                    order,
                    width,
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    shift as i32,
                    out.address()
                )
            }
        })?;
        Ok(out)
    }
}
