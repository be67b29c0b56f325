//! The kernels of pair statistics and kernel functions, each with its checks.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable, cast_slice};
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PAIR_EDGE, PairKind};
use epitile_core::precision::{Precision, exp2};

use super::buffer::Buffer;
use super::device::Device;
use super::launch::{LIST, format, holds, launch, list};
use crate::error::CudaError;

/// Pairs of a block of `products` in each direction, SQUARE of `kernels/pairs.cu`.
const SQUARE: usize = 16;

/// Calls of some individuals on the device.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) samples: usize,
    /// 64-bit words in a row of a plane.
    pub(crate) words: usize,
    some: Buffer,
    two: Buffer,
    missing: Option<Missing>,
}

/// Where calls are missing: the plane, and by individual the ends of its list of bits.
#[derive(Debug)]
struct Missing {
    plane: Buffer,
    ends: Buffer,
    places: Buffer,
}

/// `Calls` of `kernels/pairs.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawCalls {
    some: u64,
    two: u64,
    missing: u64,
    ends: u64,
    places: u64,
}

impl Calls {
    /// Puts genotypes on the device.
    pub(crate) fn new(device: &Arc<Device>, genotypes: &Genotypes) -> Result<Self, CudaError> {
        let all = 0..genotypes.samples();
        let planes = |of: &dyn Fn(usize) -> Vec<u64>| -> Result<Buffer, CudaError> {
            let rows: Vec<u64> = all.clone().flat_map(of).collect();
            device.upload(cast_slice(&rows))
        };
        let missing = match genotypes.has_missing() {
            false => None,
            true => {
                let row = |i| genotypes.missing(i).unwrap_or(&[]);
                let (mut ends, mut places) = (Vec::new(), Vec::new());
                for i in all.clone() {
                    for (w, &word) in row(i).iter().enumerate() {
                        let bits = (0..64).filter(|bit| word >> bit & 1 == 1);
                        places.extend(bits.map(|bit| w as u32 * 64 + bit));
                    }
                    ends.push(places.len() as u64);
                }
                Some(Missing {
                    plane: planes(&|i| row(i).to_vec())?,
                    ends: device.upload(cast_slice(&ends))?,
                    places: device.upload(cast_slice(&places))?,
                })
            }
        };
        Ok(Calls {
            samples: genotypes.samples(),
            words: genotypes.words(),
            some: planes(&|i| genotypes.some(i).to_vec())?,
            two: planes(&|i| genotypes.two(i).to_vec())?,
            missing,
        })
    }

    fn raw(&self) -> RawCalls {
        let missing = self.missing.as_ref();
        let address = |of: fn(&Missing) -> &Buffer| missing.map_or(0, |m| of(m).address());
        RawCalls {
            some: self.some.address(),
            two: self.two.address(),
            missing: address(|m| &m.plane),
            ends: address(|m| &m.ends),
            places: address(|m| &m.places),
        }
    }

    fn buffers(&self) -> Vec<&Buffer> {
        let missing = self.missing.iter();
        let more = missing.flat_map(|m| [&m.plane, &m.ends, &m.places]);
        [&self.some, &self.two].into_iter().chain(more).collect()
    }
}

/// Individuals by number, on the device.
#[derive(Debug)]
pub(crate) struct Index {
    buffer: Buffer,
    len: usize,
    /// One more than the largest.
    end: usize,
}

impl Index {
    /// Puts a list on the device.
    pub(crate) fn new(device: &Arc<Device>, list: &[u32]) -> Result<Self, CudaError> {
        Ok(Index {
            buffer: device.upload(cast_slice(list))?,
            len: list.len(),
            end: list.iter().max().map_or(0, |&last| last as usize + 1),
        })
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

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

    fn raw(self) -> (i32, u64) {
        match self {
            Order::Dense { rows, .. } => (0, rows as u64),
            Order::Packed { .. } => (1, 0),
            Order::Tall { cols, .. } => (2, cols.div_ceil(PAIR_EDGE) as u64),
        }
    }

    /// Whether the pairs of these individuals are kept.
    fn holds(self, rows: &Index, cols: &Index) -> bool {
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
    buffer: Buffer,
    whole: bool,
    order: Order,
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

/// A kernel function with its constants for the rows and columns of one tile, on the device.
#[derive(Debug)]
pub(crate) struct Map {
    kernel: Kernel,
    gamma: f64,
    scale: f64,
    norms: Option<[Buffer; 2]>,
    covariates: Option<(usize, [Buffer; 2])>,
    /// Rows and columns.
    shape: (usize, usize),
}

/// `Map` of `kernels/kernel.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawMap {
    function: i32,
    degree: i32,
    gamma: f64,
    scale: f64,
    norms: [u64; 2],
    values: [u64; 2],
    covariates: u64,
}

impl Map {
    /// Puts a kernel function on the device, with norms and covariates of these individuals.
    pub(crate) fn new(
        device: &Arc<Device>,
        map: &KernelMap,
        (rows, cols): (&[u32], &[u32]),
    ) -> Result<Self, CudaError> {
        // `count` numbers of each individual, those of the rows and those of the columns.
        let both = |of: [&[f64]; 2], count: usize| -> Result<[Buffer; 2], CudaError> {
            let gathered = |of: &[f64], list: &[u32]| {
                let each = list.iter().map(|&i| &of[i as usize * count..][..count]);
                device.upload(cast_slice(&each.collect::<Vec<_>>().concat()))
            };
            Ok([gathered(of[0], rows)?, gathered(of[1], cols)?])
        };
        let norms = match map.kernel {
            Kernel::Linear | Kernel::Poly(_) => Some(both([&map.rows, &map.cols], 1)?),
            _ => None,
        };
        let covariates = match &map.covariates {
            Some(c) if c.count > 0 => Some((c.count, both([&c.rows, &c.cols], c.count)?)),
            _ => None,
        };
        Ok(Map {
            kernel: map.kernel,
            gamma: map.gamma,
            scale: map.scale,
            norms,
            covariates,
            shape: (rows.len(), cols.len()),
        })
    }

    fn raw(&self) -> RawMap {
        let (function, degree) = match self.kernel {
            Kernel::Linear => (0, 0),
            Kernel::Standardised => (1, 0),
            Kernel::TwoPq => (2, 0),
            Kernel::Gaussian => (3, 0),
            Kernel::Laplacian => (4, 0),
            Kernel::Ibs => (5, 0),
            Kernel::Poly(degree) => (6, degree as i32),
            Kernel::GrmSquared => (7, 0),
        };
        let addresses = |both: &[Buffer; 2]| [both[0].address(), both[1].address()];
        RawMap {
            function,
            degree,
            gamma: self.gamma,
            scale: self.scale,
            norms: self.norms.as_ref().map_or([0; 2], addresses),
            values: self.covariates.as_ref().map_or([0; 2], |c| addresses(&c.1)),
            covariates: self.covariates.as_ref().map_or(0, |c| c.0 as u64),
        }
    }

    fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        let norms = self.norms.iter().flatten();
        norms.chain(self.covariates.iter().flat_map(|c| &c.1))
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

    /// Products of standardised dosages, from their `terms` (three i64 by bit).
    ///
    /// # Panics
    /// As [`distances`](Self::distances).
    pub(crate) fn products(
        self: &Arc<Self>,
        (a, rows): (&Calls, &Index),
        (b, cols): (&Calls, &Index),
        terms: &Buffer,
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(rows.end <= a.samples && cols.end <= b.samples && a.words == b.words);
        assert!(out.order.holds(rows, cols) && !out.whole);
        let table = holds::<[i64; 3]>(terms, a.words * 64);
        let (order, width) = out.order.raw();
        let blocks = m.div_ceil(SQUARE) * n.div_ceil(SQUARE);
        if blocks == 0 {
            return Ok(());
        }
        let mut reads = vec![&rows.buffer, &cols.buffer, terms];
        reads.extend(a.buffers().into_iter().chain(b.buffers()));
        self.issue(&reads, &[&out.buffer], |lane| {
            // SAFETY: individuals are within the planes; pairs have a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.products,
                    (blocks, SQUARE * SQUARE),
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    a.raw(),
                    b.raw(),
                    a.words as u64,
                    table,
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

    /// Kernel values of the pairs `rows[r]`, `cols[c]`, whose numbers count in units of 2^unit, to a
    /// tile in F64 or F32.
    ///
    /// # Panics
    /// If a pair is not among them, or the constants are of another number of rows and columns.
    pub(crate) fn kernel_tile(
        self: &Arc<Self>,
        map: &Map,
        (numbers, unit): (&Numbers, i32),
        (rows, cols): (&Index, &Index),
        (out, precision): (&Buffer, Precision),
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(numbers.order.holds(rows, cols), "a pair that is kept");
        assert_eq!((m, n), map.shape, "rows and columns of the constants");
        assert!(out.bytes() >= m * n * precision.bytes(), "bytes of a tile");
        let (order, width) = numbers.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let mut reads = vec![&numbers.buffer, &rows.buffer, &cols.buffer];
        reads.extend(map.buffers());
        self.issue(&reads, &[out], |lane| {
            // SAFETY: every pair has its number, its individuals their constants, and `out` a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.kernel_tile,
                    list(m * n),
                    map.raw(),
                    numbers.buffer.address(),
                    i32::from(numbers.whole),
                    order,
                    width,
                    exp2(unit),
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    out.address(),
                    format(precision)
                )
            }
        })
    }
}
