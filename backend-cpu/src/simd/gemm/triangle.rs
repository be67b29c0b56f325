//! Triangular solves and Cholesky factors: a few columns at a time, less what is left of them.
//!
//! Every entry is one chain of products from the first column on, subtracted from what stood
//! there, then the substitution within its N columns, then a product with the reciprocal of the
//! pivot: the bits depend on nothing but its own row and the triangle.

use super::lanes::{Lanes, MOST, VECTORS};
use super::micro::{Block, Slivers, multiply};
use super::pack::{Source, pack};
use super::space::{Space, slots};
use crate::algebra::Output;
use crate::operand::Real;

/// The lower triangle that N columns meet on the diagonal, its entries by row; the reciprocals of
/// its pivots, or zero for those whose reciprocal is not a number of full precision.
struct Corner<T, const N: usize> {
    rows: [[T; N]; N],
    reciprocals: [T; N],
}

impl<T: Real, const N: usize> Corner<T, N> {
    fn new(rows: [[T; N]; N]) -> Self {
        let reciprocals = core::array::from_fn(|j| reciprocal(rows[j][j]));
        Corner { rows, reciprocals }
    }

    /// The first `columns` columns of a block of right-hand sides become the solution, by row.
    #[inline(always)]
    fn substitute<L: Lanes<Real = T>>(&self, columns: usize, block: &mut Block<T, N>) {
        for j in 0..columns {
            let (solved, rest) = block.0.split_at_mut(j);
            let column = &mut rest[0][..VECTORS * L::LANES];
            for (solved, &l) in solved.iter().zip(&self.rows[j]) {
                for (x, &solved) in column.iter_mut().zip(solved) {
                    *x = L::fused(-solved, l, *x);
                }
            }
            let (pivot, reciprocal) = (self.rows[j][j], self.reciprocals[j]);
            if reciprocal == T::of_f64(0.0) {
                column.iter_mut().for_each(|x| *x = *x / pivot);
            } else {
                column.iter_mut().for_each(|x| *x = *x * reciprocal);
            }
        }
    }
}

/// 1 / `pivot`, or zero if that is subnormal or infinite.
fn reciprocal<T: Real>(pivot: T) -> T {
    let reciprocal = T::of_f64(1.0) / pivot;
    match reciprocal.is_full() {
        true => reciprocal,
        false => T::of_f64(0.0),
    }
}

/// X Lᵀ = B for the lower triangle L; B becomes X.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn solve<L: Lanes<Packed = <L as Lanes>::Real>, const N: usize>(
    l: &Source<'_>,
    b: Output<'_, L::Real>,
    space: &mut Space,
) {
    let zero = L::Real::of_f64(0.0);
    let n = b.cols;
    let right: &mut [L::Real] = slots(&mut space.right, n.next_multiple_of(L::LANES) * n);
    // SAFETY: the caller's promise.
    unsafe { pack::<L>(l, 0..n, 0..n, right) };
    let right = Slivers {
        units: right,
        steps: n,
    };
    let panel = VECTORS * L::LANES;
    let solved: &mut [L::Real] = slots(&mut space.left, panel * n);
    let mut block = Block([[zero; VECTORS * MOST]; N]);
    for r0 in (0..b.rows).step_by(panel) {
        let count = panel.min(b.rows - r0);
        let vectors = count.div_ceil(L::LANES);
        for j0 in (0..n).step_by(N) {
            let columns = N.min(n - j0);
            let left = Slivers {
                units: &*solved,
                steps: n,
            };
            // SAFETY: the caller's promise.
            unsafe { multiply::<L, N>((&left, 0, vectors), (&right, j0), j0, false, &mut block) };
            for (j, sums) in block.0[..columns].iter_mut().enumerate() {
                let column = &b.values[(j0 + j) * b.ld + r0..][..count];
                for (sum, &b) in sums.iter_mut().zip(column) {
                    *sum = b - *sum;
                }
            }
            let corner = Corner::<L::Real, N>::new(core::array::from_fn(|r| {
                core::array::from_fn(|c| match r < columns && c <= r {
                    true => {
                        right.units[(j0 / L::LANES * n + j0 + c) * L::LANES + j0 % L::LANES + r]
                    }
                    false => zero,
                })
            }));
            corner.substitute::<L>(columns, &mut block);
            for (j, x) in block.0[..columns].iter().enumerate() {
                b.values[(j0 + j) * b.ld + r0..][..count].copy_from_slice(&x[..count]);
            }
            spread::<L, N>(&block, (0, vectors), (j0, columns), n, solved);
        }
    }
}

/// Puts the columns from `j0` on of a block into slivers that are `steps` deep.
#[inline(always)]
fn spread<L: Lanes<Packed = <L as Lanes>::Real>, const N: usize>(
    block: &Block<L::Real, N>,
    (sliver, vectors): (usize, usize),
    (j0, columns): (usize, usize),
    steps: usize,
    to: &mut [L::Real],
) {
    for v in 0..vectors {
        let at = ((sliver + v) * steps + j0) * L::LANES;
        let units = to[at..][..columns * L::LANES].chunks_exact_mut(L::LANES);
        for (units, column) in units.zip(&block.0) {
            units.copy_from_slice(&column[v * L::LANES..][..L::LANES]);
        }
    }
}

/// Lower triangle of A becomes its Cholesky factor, or the failing pivot is told.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn factor<L: Lanes<Packed = <L as Lanes>::Real>, const N: usize>(
    a: Output<'_, L::Real>,
    space: &mut Space,
) -> Result<(), usize> {
    let zero = L::Real::of_f64(0.0);
    let n = a.rows;
    let panel = VECTORS * L::LANES;
    let packed: &mut [L::Real] = slots(&mut space.right, n.next_multiple_of(L::LANES) * n);
    let mut block = Block([[zero; VECTORS * MOST]; N]);
    for j0 in (0..n).step_by(N) {
        let columns = N.min(n - j0);
        let below = j0 + columns;
        let slivers = Slivers {
            units: &*packed,
            steps: n,
        };
        let own = j0 / L::LANES;
        // SAFETY: the caller's promise.
        unsafe { multiply::<L, N>((&slivers, own, 1), (&slivers, j0), j0, false, &mut block) };
        let mut corner = [[zero; N]; N];
        for (r, row) in corner[..columns].iter_mut().enumerate() {
            for c in 0..=r {
                let sum = block.0[c][j0 % L::LANES + r];
                row[c] = a.values[(j0 + c) * a.ld + j0 + r] - sum;
            }
        }
        let corner = cholesky::<L, N>(columns, corner).map_err(|pivot| j0 + pivot)?;
        for (r, row) in corner.rows[..columns].iter().enumerate() {
            for c in 0..=r {
                a.values[(j0 + c) * a.ld + j0 + r] = row[c];
            }
        }
        // The rows below, from the sliver on in which they start: what comes before them in it
        // is finished, and not needed any more.
        for r0 in (below / L::LANES * L::LANES..n).step_by(panel) {
            let rows = r0.max(below)..n.min(r0 + panel);
            let vectors = (rows.end - r0).div_ceil(L::LANES);
            let slivers = Slivers {
                units: &*packed,
                steps: n,
            };
            let left = (&slivers, r0 / L::LANES, vectors);
            // SAFETY: the caller's promise.
            unsafe { multiply::<L, N>(left, (&slivers, j0), j0, false, &mut block) };
            for (j, sums) in block.0[..columns].iter_mut().enumerate() {
                let column = &a.values[(j0 + j) * a.ld..][rows.clone()];
                for (sum, &a) in sums[rows.start - r0..].iter_mut().zip(column) {
                    *sum = a - *sum;
                }
            }
            corner.substitute::<L>(columns, &mut block);
            for (j, x) in block.0[..columns].iter().enumerate() {
                let x = &x[rows.start - r0..][..rows.len()];
                a.values[(j0 + j) * a.ld..][rows.clone()].copy_from_slice(x);
            }
            spread::<L, N>(&block, (r0 / L::LANES, vectors), (j0, columns), n, packed);
        }
    }
    Ok(())
}

/// Cholesky factor of the first `order` rows, or the failing pivot.
fn cholesky<L: Lanes, const N: usize>(
    order: usize,
    mut a: [[L::Real; N]; N],
) -> Result<Corner<L::Real, N>, usize> {
    let zero = L::Real::of_f64(0.0);
    for c in 0..order {
        let done = a[c];
        let pivot = done[..c]
            .iter()
            .fold(done[c], |sum, &l| L::fused(-l, l, sum));
        if !(pivot > zero && pivot.to_f64().is_finite()) {
            return Err(c);
        }
        let root = pivot.root();
        a[c][c] = root;
        let inverse = reciprocal(root);
        for row in &mut a[c + 1..order] {
            let products = row[..c].iter().zip(&done);
            let rest = products.fold(row[c], |sum, (&x, &l)| L::fused(-x, l, sum));
            row[c] = match inverse == zero {
                true => rest / root,
                false => rest * inverse,
            };
        }
    }
    Ok(Corner::new(a))
}
