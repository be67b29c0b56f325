//! Products slab by slab: A packed once, then a slab of columns of C after the other, so that what
//! is packed, and C where it is changed, stay in the second-level cache.

use core::ops::Range;

use super::Operands;
use super::pack::Source;
use super::space::{Space, slots};
use crate::algebra::Output;

/// An operand of a product of packed numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Rows of A: rows of C.
    Left,
    /// Rows of B: columns of C.
    Right,
}

/// How a kernel packs and multiplies.
pub(super) trait Slabs {
    /// Columns of a slab.
    const COLUMNS: usize;
    /// Rows of an operand that are packed together.
    const GROUP: usize;

    /// Terms that are multiplied before the next ones are packed.
    fn terms(&self) -> usize;

    /// Bytes of a group of this side, `terms` deep.
    fn group(&self, side: Side, terms: usize) -> usize;

    /// Packs these rows; whether [`sums`](Self::sums) is good for them and all that was packed on
    /// the other side before.
    fn pack(&mut self, side: Side, source: &Source<'_>, rows: Range<usize>, out: &mut [u8])
    -> bool;

    /// C ← C + α·(packed rows of A, as many as C has) · (packed rows of B)ᵀ, `terms` deep; what
    /// stands above the diagonal may be left out if `lower`.
    fn sums(&self, alpha: f32, packed: [&[u8]; 2], terms: usize, c: Output<'_, f32>, lower: bool);
}

/// C ← C + α·A·Bᵀ, or the lower triangle of C ← C + α·A·Aᵀ where there is no B; there, entries above
/// the diagonal may change. Slabs of which `kernel` does not make exact enough sums are left to
/// `otherwise`.
pub(super) fn run<K: Slabs>(
    kernel: &mut K,
    alpha: f32,
    (a, b): Operands<'_, '_>,
    c: &mut Output<'_, f32>,
    space: &mut Space,
    otherwise: impl Fn(f32, Operands<'_, '_>, &mut Output<'_, f32>, &mut Space),
) {
    for first in (0..a.terms).step_by(kernel.terms()) {
        let terms = first..a.terms.min(first.saturating_add(kernel.terms()));
        let a = a.block(0..a.rows, terms.clone());
        let b = b.map(|b| b.block(0..b.rows, terms));
        part(kernel, alpha, (&a, b.as_ref()), c, space, &otherwise);
    }
}

/// [`run`] for terms that are multiplied together.
fn part<K: Slabs>(
    kernel: &mut K,
    alpha: f32,
    (a, b): Operands<'_, '_>,
    c: &mut Output<'_, f32>,
    space: &mut Space,
    otherwise: impl Fn(f32, Operands<'_, '_>, &mut Output<'_, f32>, &mut Space),
) {
    let of_b = b.unwrap_or(a);
    let (m, n, terms) = (a.rows, of_b.rows, a.terms);
    let [left, right] = [Side::Left, Side::Right].map(|side| kernel.group(side, terms));
    let room = m.div_ceil(K::GROUP) * left;
    let mut slab = core::mem::take(&mut space.slab);
    let packed = slots(&mut slab, room + K::COLUMNS.div_ceil(K::GROUP) * right);
    let (rows, cols) = packed.split_at_mut(room);
    let is_good = kernel.pack(Side::Left, a, 0..m, rows);
    for first in (0..n).step_by(K::COLUMNS) {
        let own = first..n.min(first + K::COLUMNS);
        let top = if b.is_none() { first } else { 0 };
        if is_good && kernel.pack(Side::Right, of_b, own.clone(), cols) {
            let packed = [&rows[top / K::GROUP * left..], cols];
            kernel.sums(alpha, packed, terms, c.part(top..m, own), b.is_none());
        } else {
            let operands = (
                &a.block(top..m, 0..terms),
                Some(&of_b.block(own.clone(), 0..terms)),
            );
            otherwise(alpha, operands, &mut c.part(top..m, own), space);
        }
    }
    space.slab = slab;
}
