//! The kernels that make numbers of pairs, each with its checks.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::buffer::Buffer;
use super::calls::{Calls, Index};
use super::device::Device;
use super::launch::{LIST, holds, launch, list};
use super::numbers::Numbers;
use crate::error::CudaError;

/// Digits of an integer, SLICES of `kernels/pairs.cu`.
pub(crate) const SLICES: usize = 5;

/// `Slices` of `kernels/pairs.cu`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct RawSlices([u64; SLICES]);

/// What a sum of pairs starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a> {
    /// Of every pair.
    pub(crate) constant: i64,
    /// By individual, what is taken away: of the rows' set and of the columns', as i64.
    pub(crate) slopes: [&'a Buffer; 2],
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
        self.issue(&[&calls.some, &calls.two, of_bits], &[&out], |lane| {
            // SAFETY: the planes hold `words` words for each individual, `out` a number.
            unsafe {
                launch!(
                    lane,
                    self.kernels.slopes,
                    (calls.samples, LIST),
                    calls.some.address(),
                    calls.two.address(),
                    calls.words as u64,
                    table,
                    out.address()
                )
            }
        })?;
        Ok(out)
    }

    /// Distances from products of dosages (i32, column-major with `ld` rows), sums of each
    /// individual; a missing call counts as dosage 0.
    ///
    /// # Panics
    /// If an individual is out of range or has no place in `out`.
    pub(crate) fn distances(
        self: &Arc<Self>,
        (dots, ld): (&Buffer, usize),
        (a, rows, row_moments): (&Calls, &Index, &Buffer),
        (b, cols, col_moments): (&Calls, &Index, &Buffer),
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(rows.end <= a.samples && cols.end <= b.samples && ld >= m);
        assert!(a.words == b.words && out.order.holds(rows, cols));
        let from = holds::<i32>(dots, ld * n);
        let of_rows = holds::<u32>(row_moments, a.samples);
        let of_cols = holds::<u32>(col_moments, b.samples);
        let (order, width) = out.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let reads = [dots, &rows.buffer, &cols.buffer, row_moments, col_moments];
        self.issue(&reads, &[&out.buffer], |lane| {
            // SAFETY: individuals are within the lists and sums; pairs have a place.
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
                    i32::from(out.whole),
                    out.buffer.address(),
                    order,
                    width
                )
            }
        })
    }

    /// Adds Σ_k s_k·radix^k to the numbers of pairs, s_k in `slices` (i32, column-major with `ld` rows);
    /// with a `rest` to that instead of what is there.
    ///
    /// # Panics
    /// If an individual is out of range or has no place in `out`.
    pub(crate) fn add_digits(
        self: &Arc<Self>,
        (slices, ld, radix): (&[Buffer; SLICES], usize, i64),
        (a, rows): (&Calls, &Index),
        (b, cols): (&Calls, &Index),
        rest: Option<Rest<'_>>,
        out: &Numbers,
    ) -> Result<(), CudaError> {
        let (m, n) = (rows.len, cols.len);
        assert!(rows.end <= a.samples && cols.end <= b.samples && ld >= m);
        assert!(out.order.holds(rows, cols) && !out.whole);
        let from = slices.each_ref().map(|slice| holds::<i32>(slice, ld * n));
        let (constant, of_rows, of_cols) = rest.map_or((0, 0, 0), |rest| {
            let [of_rows, of_cols] = rest.slopes;
            let of_rows = holds::<i64>(of_rows, a.samples);
            (rest.constant, of_rows, holds::<i64>(of_cols, b.samples))
        });
        let (order, width) = out.order.raw();
        if m * n == 0 {
            return Ok(());
        }
        let mut reads: Vec<&Buffer> = slices.iter().collect();
        reads.extend([&rows.buffer, &cols.buffer]);
        reads.extend(rest.iter().flat_map(|rest| rest.slopes));
        self.issue(&reads, &[&out.buffer], |lane| {
            // SAFETY: individuals are within the lists and slopes; pairs have a place.
            unsafe {
                launch!(
                    lane,
                    self.kernels.digits,
                    list(m * n),
                    RawSlices(from),
                    ld as u64,
                    radix,
                    rows.buffer.address(),
                    m as u64,
                    cols.buffer.address(),
                    n as u64,
                    of_rows,
                    of_cols,
                    constant,
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
