//! Columns of a panel to rows of vectors and back.

use super::turn::turn;
use super::{Lane, Work, dispatch};

/// Rows of all groups of L columns, one group after the other; the last is filled up with zeros.
type Rows<T, const L: usize> = Vec<[T; L]>;

/// The columns of a column-major matrix of `rows` rows as rows.
pub(crate) fn from_columns<T: Lane, const L: usize>(
    (values, ld): (&[T], usize),
    (rows, cols): (usize, usize),
) -> Rows<T, L> {
    let mut out = vec![[T::ZERO; L]; rows * cols.div_ceil(L)];
    dispatch(Gather {
        values,
        ld,
        cols,
        rows,
        out: &mut out,
    });
    out
}

/// The columns of a matrix as they were before [`from_columns`].
pub(crate) fn to_columns<T: Lane, const L: usize>(
    panel: &[[T; L]],
    (values, ld): (&mut [T], usize),
    (rows, cols): (usize, usize),
) {
    let change = |_: T, new: T| new;
    dispatch(Scatter {
        panel,
        values,
        ld,
        rows,
        cols,
        change,
    });
}

/// y ← y + α·(`unit`·sum), each operation rounded, for the columns y of a matrix. The unit may be
/// out of T's range.
pub(crate) fn add_to<T: Lane, const L: usize>(
    sums: &[[T; L]],
    (alpha, unit): (T, f64),
    (values, ld): (&mut [T], usize),
    (rows, cols): (usize, usize),
) {
    let change = |old: T, sum: T| old + alpha * T::of_f64(unit * sum.to_f64());
    dispatch(Scatter {
        panel: sums,
        values,
        ld,
        rows,
        cols,
        change,
    });
}

struct Gather<'a, T, const L: usize> {
    values: &'a [T],
    ld: usize,
    rows: usize,
    cols: usize,
    out: &'a mut [[T; L]],
}

impl<T: Lane, const L: usize> Work for Gather<'_, T, L> {
    #[inline(always)]
    fn run<const WIDE: bool, const FUSED: bool, const R: usize, const V: usize>(self) {
        for (g, out) in self.out.chunks_exact_mut(self.rows).enumerate() {
            let first = g * L;
            let few = L.min(self.cols - first);
            let column = |c: usize| match c < few {
                true => &self.values[(first + c) * self.ld..][..self.rows],
                false => &[],
            };
            let columns: [&[T]; L] = core::array::from_fn(column);
            let (squares, rest) = out.as_chunks_mut::<L>();
            let whole = squares.len() * L;
            for (s, out) in squares.iter_mut().enumerate() {
                for (out, column) in out.iter_mut().zip(&columns[..few]) {
                    *out = *column[s * L..].first_chunk().expect("a whole vector");
                }
                turned::<T, L, WIDE>(out);
            }
            for (r, out) in rest.iter_mut().enumerate() {
                for (out, column) in out.iter_mut().zip(&columns[..few]) {
                    *out = column[whole + r];
                }
            }
        }
    }
}

/// Transposes a square.
#[inline(always)]
fn turned<T: Lane, const L: usize, const WIDE: bool>(square: &mut [[T; L]; L]) {
    match WIDE {
        // SAFETY: wide is what runs where AVX-512 was found.
        true => unsafe { T::turn(square) },
        false => turn(square),
    }
}

struct Scatter<'a, T, F, const L: usize> {
    panel: &'a [[T; L]],
    values: &'a mut [T],
    ld: usize,
    rows: usize,
    cols: usize,
    change: F,
}

impl<T: Lane, F: Fn(T, T) -> T, const L: usize> Work for Scatter<'_, T, F, L> {
    #[inline(always)]
    fn run<const WIDE: bool, const FUSED: bool, const R: usize, const V: usize>(self) {
        for (g, panel) in self.panel.chunks_exact(self.rows).enumerate() {
            let first = g * L;
            let few = L.min(self.cols - first);
            let (squares, rest) = panel.as_chunks::<L>();
            let whole = squares.len() * L;
            for (s, square) in squares.iter().enumerate() {
                let mut square = *square;
                turned::<T, L, WIDE>(&mut square);
                for (c, new) in square.iter().take(few).enumerate() {
                    let column = &mut self.values[(first + c) * self.ld + s * L..][..L];
                    for (old, new) in column.iter_mut().zip(new) {
                        *old = (self.change)(*old, *new);
                    }
                }
            }
            for (r, row) in rest.iter().enumerate() {
                for (c, new) in row.iter().take(few).enumerate() {
                    let old = &mut self.values[(first + c) * self.ld + whole + r];
                    *old = (self.change)(*old, *new);
                }
            }
        }
    }
}
