//! Numbers of pairs on the device, and where each is.

use std::sync::Arc;

use epitile_core::pairs::PAIR_EDGE;

use super::buffer::Buffer;
use super::calls::Index;
use super::device::Device;
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
