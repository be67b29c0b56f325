//! The kernels of standardised products, each with its checks.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::buffer::Buffer;
use super::calls::{Calls, Index};
use super::device::Device;
use super::launch::{LIST, holds, launch, list};
use super::statistic::Numbers;
use crate::error::CudaError;

/// Digits of a weight, SLICES of `kernels/pairs.cu`: five hold ±(127⁵ − 1)/2, more than 2³³.
pub(crate) const SLICES: usize = 5;
/// What they count in, RADIX of `kernels/pairs.cu`: digits are −63…63, and twice that fits a byte.
pub(crate) const RADIX: i64 = 127;

/// `Slices` of `kernels/pairs.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawSlices([u64; SLICES]);

/// What all SNPs add to a product beside Σ w·x·y, and what missing calls take back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a> {
    /// Σ v.
    pub(crate) constant: i64,
    /// Σ u·x by individual, of the rows' set and of the columns'.
    pub(crate) slopes: [&'a Buffer; 2],
    /// u·x − v as i64 by bit and dosage, if calls are missing.
    pub(crate) corrections: &'a Buffer,
}

impl Device {
    /// Σ u·x of every individual as i64; `of_bits`: u as i64 by bit.
    pub(crate) fn slopes(
        self: &Arc<Self>,
        calls: &Calls,
        of_bits: &Buffer,
    ) -> Result<Buffer, CudaError> {
        let out = self.buffer(calls.samples * 8)?;
        if calls.samples == 0 {
            return Ok(out);
        }
        let table = holds::<i64>(of_bits, calls.words * 64);
        let mut reads = calls.buffers();
        reads.push(of_bits);
        self.issue(&reads, &[&out], |lane| {
            // SAFETY: the planes hold `words` words for each individual, `out` a number.
            unsafe {
                launch!(
                    lane,
                    self.kernels.slopes,
                    (calls.samples, LIST),
                    calls.raw(),
                    calls.words as u64,
                    table,
                    out.address()
                )
            }
        })?;
        Ok(out)
    }

    /// As [`expand`](Self::expand) for squared distances, with every dosage times the digit `slice` of
    /// its SNP; `digits` hold a byte by slice and bit, of every eight the last first.
    ///
    /// # Panics
    /// If an individual, a word or a byte is out of range.
    pub(crate) fn weigh(
        self: &Arc<Self>,
        (calls, index): (&Calls, &Index),
        (digits, slice): (&Buffer, usize),
        (first, words): (usize, usize),
        (padded, ld): (usize, usize),
        out: &Buffer,
    ) -> Result<(), CudaError> {
        assert!(index.end <= calls.samples && first + words <= calls.words);
        assert!(index.len <= padded && ld % 8 == 0 && words * 64 <= ld && slice < SLICES);
        let to = holds::<u8>(out, padded * ld);
        let table = holds::<u8>(digits, SLICES * calls.words * 64);
        let (bytes, stride) = (words * 8, calls.words * 8);
        if padded * bytes == 0 {
            return Ok(());
        }
        let reads = [&calls.some, &calls.two, &index.buffer, digits];
        self.issue(&reads, &[out], |lane| {
            // SAFETY: every individual has a row of both planes, every bit a digit, `out` a row for
            // each.
            unsafe {
                launch!(
                    lane,
                    self.kernels.weigh,
                    list(padded * bytes),
                    calls.some.address(),
                    calls.two.address(),
                    stride as u64,
                    index.buffer.address(),
                    index.len as u64,
                    padded as u64,
                    first as u64 * 8,
                    bytes as u64,
                    table + (slice * calls.words * 64) as u64,
                    to,
                    ld as u64
                )
            }
        })
    }

    /// Products of standardised dosages from those with each digit of the weights (i32, column-major
    /// with `ld` rows); added to what is there without a `rest`.
    ///
    /// # Panics
    /// If an individual is out of range or has no place in `out`.
    pub(crate) fn weighted(
        self: &Arc<Self>,
        (slices, ld): (&[Buffer; SLICES], usize),
        (a, rows): (&Calls, &Index),
        (b, cols): (&Calls, &Index),
        (rest, start): (Rest<'_>, bool),
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(rows.end <= a.samples && cols.end <= b.samples && ld >= m);
        assert!(a.words == b.words && out.order.holds(rows, cols) && !out.whole);
        let from = slices.each_ref().map(|slice| holds::<i32>(slice, ld * n));
        let of_rows = holds::<i64>(rest.slopes[0], a.samples);
        let of_cols = holds::<i64>(rest.slopes[1], b.samples);
        let table = match a.has_missing() || b.has_missing() {
            true => holds::<[i64; 3]>(rest.corrections, a.words * 64),
            false => rest.corrections.address(),
        };
        let (order, width) = out.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let mut reads: Vec<&Buffer> = slices.iter().collect();
        reads.extend([&rows.buffer, &cols.buffer, rest.slopes[0], rest.slopes[1]]);
        reads.extend(a.buffers().into_iter().chain(b.buffers()));
        reads.push(rest.corrections);
        self.issue(&reads, &[&out.buffer], |lane| {
            // SAFETY: individuals are within the planes, lists and sums; pairs have a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.weighted,
                    list(m * n),
                    RawSlices(from),
                    ld as u64,
                    i32::from(start),
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    of_rows,
                    of_cols,
                    rest.constant,
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
}
