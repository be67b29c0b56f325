//! The micro-kernel: sums of products for a few rows and columns, all of them in registers.

use super::lanes::{Lanes, MOST, VECTORS};
use crate::operand::Real;

/// Sums of at most `VECTORS · LANES` rows, by column.
#[repr(C, align(64))]
pub(super) struct Block<T, const N: usize>(pub(super) [[T; VECTORS * MOST]; N]);

/// Packed slivers of `LANES` rows each, `steps` units deep: unit (step, row) of a sliver is
/// `step · LANES + row`.
pub(super) struct Slivers<'a, P> {
    pub(super) units: &'a [P],
    pub(super) steps: usize,
}

impl<P> Slivers<'_, P> {
    /// Units of one sliver.
    fn stride<L: Lanes<Packed = P>>(&self) -> usize {
        self.steps * L::LANES
    }
}

/// `block` ← Σ a·b over the first `steps` units (added to what `block` holds, if `go_on`), for
/// `vectors` slivers of `a` from number `sliver` on and for the N rows of `b` from `row` on.
/// Every entry is one chain of additions in the order of the terms.
///
/// # Safety
/// The processor has the instruction set of `L`.
///
/// # Panics
/// If a sliver is not there.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes, const N: usize>(
    (a, sliver, vectors): (&Slivers<'_, L::Packed>, usize, usize),
    (b, row): (&Slivers<'_, L::Packed>, usize),
    steps: usize,
    go_on: bool,
    block: &mut Block<L::Real, N>,
) {
    let (a, b) = ((a, sliver), (b, row));
    // SAFETY: the caller's promise.
    unsafe {
        match vectors {
            1 => chains::<L, 1, N>(a, b, steps, go_on, block),
            2 => chains::<L, 2, N>(a, b, steps, go_on, block),
            VECTORS => chains::<L, VECTORS, N>(a, b, steps, go_on, block),
            _ => unreachable!("1 to {VECTORS} slivers"),
        }
    }
}

#[inline(always)]
unsafe fn chains<L: Lanes, const V: usize, const N: usize>(
    (a, sliver): (&Slivers<'_, L::Packed>, usize),
    (b, row): (&Slivers<'_, L::Packed>, usize),
    steps: usize,
    go_on: bool,
    block: &mut Block<L::Real, N>,
) {
    let (step_a, step_b) = (a.stride::<L>(), b.stride::<L>());
    assert!(steps <= a.steps && steps <= b.steps);
    assert!(row % L::LANES + N <= L::LANES && V * L::LANES <= VECTORS * MOST);
    let a = &a.units[sliver * step_a..][..V * step_a];
    let b = &b.units[row / L::LANES * step_b..][..step_b];
    let (mut a, mut b) = (a.as_ptr(), b.as_ptr().wrapping_add(row % L::LANES));
    // SAFETY: `steps` units of V slivers of `a` and of one of `b` were seen to be there, in which
    // the N rows lie; a column of the block holds V vectors; the instruction set is the caller's
    // promise.
    unsafe {
        // Plain loops: closures are not always compiled for the caller's instruction set.
        let zero = [L::Real::of_f64(0.0); MOST];
        let mut sums = [[L::sums(zero.as_ptr()); V]; N];
        if go_on {
            for (sums, column) in sums.iter_mut().zip(&block.0) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = L::sums(column.as_ptr().add(v * L::LANES));
                }
            }
        }
        for _ in 0..steps {
            let mut rows = [L::load(a); V];
            for (v, row) in rows.iter_mut().enumerate().skip(1) {
                *row = L::load(a.add(v * step_a));
            }
            for (j, sums) in sums.iter_mut().enumerate() {
                let column = L::splat(b.add(j));
                for (sum, &row) in sums.iter_mut().zip(&rows) {
                    *sum = L::add(*sum, row, column);
                }
            }
            a = a.add(L::LANES);
            b = b.wrapping_add(L::LANES);
        }
        for (j, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                L::store(sum, block.0[j].as_mut_ptr().add(v * L::LANES));
            }
        }
    }
}
