//! The kernels that make bytes of bit planes, each with its checks.

use std::sync::Arc;

use epitile_core::pairs::PairKind;

use super::buffer::Buffer;
use super::calls::{Calls, Index};
use super::device::Device;
use super::launch::{LIST, holds, launch, list};
use super::pairs::SLICES;
use crate::error::CudaError;

/// What the bytes of a call are, `Bytes` of `kernels/expand.cu`. Digits are those of a place of
/// [`SLICES`], a byte by bit, of every eight bits the last first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bytes<'a> {
    /// Σx², Σxy: the dosage. Σx, Σmin(x, y): indicators of dosage ≥ 1 and, behind them, of 2.
    Distance(PairKind),
    /// The dosage times the SNP's digit. Digits by place and bit.
    Weighed(&'a Buffer, usize),
    /// 1 where the call is missing.
    Missing,
    /// The SNP's digit for the dosage, none where it is missing. Digits by place, dosage and bit.
    Chosen(&'a Buffer, usize),
    /// The same, for dosage 0 where it is missing.
    Assumed(&'a Buffer, usize),
}

/// `kind` of a distance in `kernels/expand.cu`, and bytes of a call.
fn planes(kind: PairKind) -> (i32, usize) {
    match kind {
        PairKind::Absolute => (1, 2),
        _ => (0, 1),
    }
}

impl<'a> Bytes<'a> {
    /// The kernel's code, bytes of a call, and the digits: their place, and how many a bit has there.
    fn raw(self) -> (i32, usize, Option<(&'a Buffer, usize, usize)>) {
        match self {
            Bytes::Distance(kind) => (planes(kind).0, planes(kind).1, None),
            Bytes::Weighed(digits, place) => (2, 1, Some((digits, place, 1))),
            Bytes::Missing => (3, 1, None),
            Bytes::Chosen(digits, place) => (4, 1, Some((digits, place, 3))),
            Bytes::Assumed(digits, place) => (5, 1, Some((digits, place, 3))),
        }
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
                    planes(kind).0,
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
    /// If an individual, a word, a byte or a digit is out of range.
    pub(crate) fn expand(
        self: &Arc<Self>,
        (calls, index): (&Calls, &Index),
        what: Bytes<'_>,
        (first, words): (usize, usize),
        (padded, ld): (usize, usize),
        out: &Buffer,
    ) -> Result<(), CudaError> {
        let (kind, width, digits) = what.raw();
        assert!(index.end <= calls.samples && first + words <= calls.words);
        assert!(index.len <= padded && ld % 8 == 0 && words * 64 * width <= ld);
        let to = holds::<u8>(out, padded * ld);
        let (bytes, stride) = (words * 8, calls.words * 8);
        let table = digits.map_or(0, |(digits, place, each)| {
            assert!(place < SLICES, "a place of {SLICES}");
            let of_place = each * calls.words * 64;
            holds::<u8>(digits, SLICES * of_place) + (place * of_place) as u64
        });
        if padded * bytes == 0 {
            return Ok(());
        }
        let mut reads = calls.buffers();
        reads.push(&index.buffer);
        reads.extend(digits.map(|(digits, ..)| digits));
        self.issue(&reads, &[out], |lane| {
            // SAFETY: every individual has a row of each plane, every bit its digits, `out` a row for
            // each individual.
            unsafe {
                launch!(
                    lane,
                    self.kernels.expand,
                    list(padded * bytes),
                    calls.some.address(),
                    calls.two.address(),
                    calls.missing_address(),
                    stride as u64,
                    index.buffer.address(),
                    index.len as u64,
                    padded as u64,
                    first as u64 * 8,
                    bytes as u64,
                    kind,
                    table,
                    to,
                    ld as u64
                )
            }
        })
    }
}
