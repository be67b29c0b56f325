//! Triangular solves and Cholesky factors: a few columns at a time, less what is left of them.
//!
//! Every entry is one chain of products from the first column on, subtracted from what stood
//! there, then the substitution within its N columns, then a product with the reciprocal of the
//! pivot: the bits depend on nothing but its own row and the triangle.

use core::ops::Range;

use super::lanes::{Lanes, MOST, VECTORS};
use super::micro::{Block, Slivers, multiply};
use super::pack::{Source, pack};
use super::product::TALL;
use super::space::{Line, Space, slots};
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

    /// The first `columns` columns of `vectors` vectors of right-hand sides become the solution,
    /// by row.
    ///
    /// # Safety
    /// The processor has the instruction set of `L`.
    #[inline(always)]
    unsafe fn substitute<L: Solves<Real = T>>(
        &self,
        (columns, vectors): (usize, usize),
        block: &mut Block<T, N>,
    ) {
        let zero = [T::of_f64(0.0); MOST];
        for v in 0..vectors {
            let at = v * L::LANES;
            // SAFETY: a column of the block holds `VECTORS` vectors, and the caller's promise.
            unsafe {
                let zero = L::sums(zero.as_ptr());
                let mut solved = [zero; N];
                for j in 0..columns {
                    let column = &mut block.0[j][at..at + L::LANES];
                    let mut x = L::sums(column.as_ptr());
                    for (&solved, &l) in solved[..j].iter().zip(&self.rows[j]) {
                        x = L::add(x, solved, L::splat(&-l));
                    }
                    let reciprocal = self.reciprocals[j];
                    if reciprocal == T::of_f64(0.0) {
                        L::store(x, column.as_mut_ptr());
                        column.iter_mut().for_each(|x| *x = *x / self.rows[j][j]);
                        x = L::sums(column.as_ptr());
                    } else {
                        x = L::add(zero, x, L::splat(&reciprocal));
                        L::store(x, column.as_mut_ptr());
                    }
                    solved[j] = x;
                }
            }
        }
    }
}

/// Lanes that solve triangular systems: they multiply what they sum.
pub(super) trait Solves:
    Lanes<Packed = <Self as Lanes>::Real, Vector = <Self as Lanes>::Sums>
{
}
impl<L: Lanes<Packed = <L as Lanes>::Real, Vector = <L as Lanes>::Sums>> Solves for L {}

/// 1 / `pivot`, or zero if that is subnormal or infinite.
fn reciprocal<T: Real>(pivot: T) -> T {
    let reciprocal = T::of_f64(1.0) / pivot;
    match reciprocal.is_full() {
        true => reciprocal,
        false => T::of_f64(0.0),
    }
}

/// Rows of a matrix, with its finished columns packed: slivers as deep as it has columns.
struct Columns<'a, L: Solves> {
    matrix: Output<'a, L::Real>,
    packed: &'a mut [L::Packed],
}

impl<'a, L: Solves> Columns<'a, L> {
    fn new(matrix: Output<'a, L::Real>, room: &'a mut Vec<Line>) -> Self {
        let packed = slots(room, matrix.rows.next_multiple_of(L::LANES) * matrix.cols);
        Columns { matrix, packed }
    }

    /// The finished columns.
    fn slivers(&self) -> Slivers<'_, L::Packed> {
        Slivers {
            units: self.packed,
            steps: self.matrix.cols,
        }
    }

    /// Columns from `j0` on of the rows `own`: what is left of them when the products with the N
    /// rows of `right` (of the matrix itself, if none) are subtracted, solved and packed.
    ///
    /// # Safety
    /// The processor has the instruction set of `L`.
    #[inline(always)]
    unsafe fn finish<const N: usize>(
        &mut self,
        own: Range<usize>,
        (j0, columns): (usize, usize),
        right: Option<&Slivers<'_, L::Packed>>,
        corner: &Corner<L::Real, N>,
        block: &mut Block<L::Real, N>,
    ) {
        let panel = VECTORS * L::LANES;
        let (cols, ld) = (self.matrix.cols, self.matrix.ld);
        let (first, end) = (own.start, own.end);
        // Rows that share a sliver with the first, but come before it, are finished: what is
        // packed over them is not needed.
        for r0 in (first / L::LANES * L::LANES..end).step_by(panel) {
            let own = r0.max(first)..end.min(r0 + panel);
            let vectors = (own.end - r0).div_ceil(L::LANES);
            let left = self.slivers();
            let right = right.unwrap_or(&left);
            let left = (&left, r0 / L::LANES, vectors);
            // SAFETY: the caller's promise.
            unsafe { multiply::<L, N>(left, (right, j0), j0, false, block) };
            for (j, sums) in block.0[..columns].iter_mut().enumerate() {
                let column = &self.matrix.values[(j0 + j) * ld..][own.clone()];
                for (sum, &b) in sums[own.start - r0..].iter_mut().zip(column) {
                    *sum = b - *sum;
                }
            }
            // SAFETY: the caller's promise.
            unsafe { corner.substitute::<L>((columns, vectors), block) };
            for (j, x) in block.0[..columns].iter().enumerate() {
                let x = &x[own.start - r0..][..own.len()];
                self.matrix.values[(j0 + j) * ld..][own.clone()].copy_from_slice(x);
            }
            for v in 0..vectors {
                let at = ((r0 / L::LANES + v) * cols + j0) * L::LANES;
                let units = self.packed[at..][..columns * L::LANES].chunks_exact_mut(L::LANES);
                for (units, column) in units.zip(&block.0) {
                    units.copy_from_slice(&column[v * L::LANES..][..L::LANES]);
                }
            }
        }
    }
}

/// X Lᵀ = B for the lower triangle L; B becomes X.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn solve<L: Solves, const N: usize>(
    l: &Source<'_>,
    b: Output<'_, L::Real>,
    space: &mut Space,
) {
    let zero = L::Real::of_f64(0.0);
    let (rows, n) = (b.rows, b.cols);
    let right: &mut [L::Real] = slots(&mut space.right, n.next_multiple_of(L::LANES) * n);
    // SAFETY: the caller's promise.
    unsafe { pack::<L>(l, 0..n, 0..n, right) };
    let right = Slivers {
        units: right,
        steps: n,
    };
    let mut block = Block([[zero; VECTORS * MOST]; N]);
    let mut solved = Columns::<L>::new(b, &mut space.left);
    let corners: Vec<Corner<L::Real, N>> = (0..n)
        .step_by(N)
        .map(|j0| {
            let mut corner = [[zero; N]; N];
            for (r, row) in corner[..N.min(n - j0)].iter_mut().enumerate() {
                for (c, l) in row[..=r].iter_mut().enumerate() {
                    let step = j0 / L::LANES * n + j0 + c;
                    *l = right.units[step * L::LANES + j0 % L::LANES + r];
                }
            }
            Corner::new(corner)
        })
        .collect();
    // Rows whose finished columns stay in the second-level cache.
    for i0 in (0..rows).step_by(TALL) {
        for (j0, corner) in (0..n).step_by(N).zip(&corners) {
            let own = i0..rows.min(i0 + TALL);
            let columns = (j0, N.min(n - j0));
            // SAFETY: the caller's promise.
            unsafe { solved.finish(own, columns, Some(&right), corner, &mut block) };
        }
    }
}

/// Lower triangle of A becomes its Cholesky factor, or the failing pivot is told.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn factor<L: Solves, const N: usize>(
    a: Output<'_, L::Real>,
    space: &mut Space,
) -> Result<(), usize> {
    let zero = L::Real::of_f64(0.0);
    let (n, ld) = (a.rows, a.ld);
    let mut block = Block([[zero; VECTORS * MOST]; N]);
    let mut factor = Columns::<L>::new(a, &mut space.left);
    for j0 in (0..n).step_by(N) {
        let columns = N.min(n - j0);
        let slivers = factor.slivers();
        let own = (&slivers, j0 / L::LANES, 1);
        // SAFETY: the caller's promise.
        unsafe { multiply::<L, N>(own, (&slivers, j0), j0, false, &mut block) };
        let mut corner = [[zero; N]; N];
        for (r, row) in corner[..columns].iter_mut().enumerate() {
            for (c, rest) in row[..=r].iter_mut().enumerate() {
                let sum = block.0[c][j0 % L::LANES + r];
                *rest = factor.matrix.values[(j0 + c) * ld + j0 + r] - sum;
            }
        }
        let corner = cholesky::<L, N>(columns, corner).map_err(|pivot| j0 + pivot)?;
        for (r, row) in corner.rows[..columns].iter().enumerate() {
            for (c, &l) in row[..=r].iter().enumerate() {
                factor.matrix.values[(j0 + c) * ld + j0 + r] = l;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { factor.finish(j0 + columns..n, (j0, columns), None, &corner, &mut block) };
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
