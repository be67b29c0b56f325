//! C ← C + α·A·Bᵀ on packed operands.

use super::lanes::{Lanes, MOST, VECTORS};
use super::micro::{Block, Slivers, multiply};
use super::pack::{Source, pack};
use super::space::{Space, slots};
use crate::algebra::Output;
use crate::operand::Real;
use crate::simd::decode::prefetch;

/// Bytes of a row of packed numbers: what bounds the terms that are summed in one go.
const DEEP: usize = 2048;

/// Rows of A that are multiplied while they stay in the second-level cache.
pub(super) const TALL: usize = 288;

/// Rows of C from `top` on: C ← C + α·A·Bᵀ, or the lower triangle of C ← C + α·A·Aᵀ where there is
/// no B; there, entries above the diagonal may change. Gives the first row that is not done
/// because `L` does not multiply its operands exactly.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn run<L: Lanes, const N: usize>(
    alpha: L::Real,
    (a, b): (&Source<'_>, Option<&Source<'_>>),
    c: &mut Output<'_, L::Real>,
    top: usize,
    space: &mut Space,
) -> usize {
    let zero = L::Real::of_f64(0.0);
    let deep = DEEP / size_of::<L::Packed>();
    let most = deep * L::DEPTH;
    let of_b = b.unwrap_or(a);
    let (m, n, k) = (a.rows, of_b.rows, a.terms);
    let panel = VECTORS * L::LANES;
    let tall = m.div_ceil(m.div_ceil(TALL)).next_multiple_of(panel);
    // Unfinished sums, only if the terms do not fit: one column after the other.
    let high = m.next_multiple_of(panel);
    let unfinished = if k > most { high * n } else { 0 };
    let partial: &mut [L::Real] = slots(&mut space.partial, unfinished);
    let mut block = Block([[zero; VECTORS * MOST]; N]);
    for k0 in (0..k).step_by(most) {
        let terms = k0..k.min(k0 + most);
        let (is_first, is_last) = (k0 == 0, terms.end == k);
        let steps = terms.len().div_ceil(L::DEPTH);
        let right: &mut [L::Packed] = slots(&mut space.right, n.next_multiple_of(L::LANES) * steps);
        // SAFETY: the caller's promise.
        if !unsafe { pack::<L>(of_b, 0..n, terms.clone(), right) } {
            return top;
        }
        let right = Slivers {
            units: right,
            steps,
        };
        for i0 in (top..m).step_by(tall) {
            let rows = i0..m.min(i0 + tall);
            let next = rows.end..m.min(rows.end + tall);
            let (left, offset) = match b {
                None => (&right, 0),
                Some(_) => {
                    let len = rows.len().next_multiple_of(L::LANES) * steps;
                    let left: &mut [L::Packed] = slots(&mut space.left, len);
                    // SAFETY: the caller's promise.
                    if !unsafe { pack::<L>(a, rows.clone(), terms.clone(), left) } {
                        return if is_last { i0 } else { top };
                    }
                    (&Slivers { units: left, steps }, i0)
                }
            };
            for j0 in (0..n).step_by(N) {
                let cols = j0..n.min(j0 + N);
                if b.is_some() {
                    let part = |j: usize| terms.start + terms.len() * j / n;
                    a.prefetch(next.clone(), part(cols.start)..part(cols.end));
                }
                let above = match b {
                    None => rows.start.max(j0 / L::LANES * L::LANES),
                    Some(_) => rows.start,
                };
                for r0 in (above..rows.end).step_by(panel) {
                    let count = panel.min(rows.end - r0);
                    if is_last {
                        for j in cols.clone() {
                            prefetch(&c.values[j * c.ld + r0..][..count]);
                        }
                    }
                    if !is_first {
                        for (j, sums) in cols.clone().zip(&mut block.0) {
                            sums[..count].copy_from_slice(&partial[j * high + r0..][..count]);
                        }
                    }
                    let vectors = count.div_ceil(L::LANES);
                    let sliver = (r0 - offset) / L::LANES;
                    // SAFETY: the caller's promise.
                    unsafe {
                        multiply::<L, N>(
                            (left, sliver, vectors),
                            (&right, j0),
                            steps,
                            !is_first,
                            &mut block,
                        );
                    }
                    for (j, sums) in cols.clone().zip(&block.0) {
                        if is_last {
                            let column = &mut c.values[j * c.ld + r0..][..count];
                            for (c, &sum) in column.iter_mut().zip(sums) {
                                *c = L::fused(alpha, sum, *c);
                            }
                        } else {
                            partial[j * high + r0..][..count].copy_from_slice(&sums[..count]);
                        }
                    }
                }
            }
        }
    }
    m
}
