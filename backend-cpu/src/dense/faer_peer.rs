use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::matmul::{matmul, triangular};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Accum, MatMut, MatRef, Par};

use crate::algebra::{Algebra, Output};
use crate::operand::{Operand, Real};
use epitile_core::backend::*;
use epitile_core::tile::*;

/// faer's blocked kernels.
pub(crate) struct Faer;

fn view<'a, T: Real>(a: &'a Operand<'_, T>) -> MatRef<'a, T> {
    MatRef::from_column_major_slice_with_stride(&a.values, a.rows, a.cols, a.ld)
}

fn view_mut<T: Real>(c: Output<'_, T>) -> MatMut<'_, T> {
    MatMut::from_column_major_slice_with_stride_mut(c.values, c.rows, c.cols, c.ld)
}

fn op<'a, T: Real>((a, trans): (&'a Operand<'_, T>, Trans)) -> MatRef<'a, T> {
    match trans {
        Trans::No => view(a),
        Trans::Yes => view(a).transpose(),
    }
}

impl<T: Real> Algebra<T> for Faer {
    fn gemm(alpha: T, a: (TileRef<'_>, Trans), b: (TileRef<'_>, Trans), c: Output<'_, T>) {
        let (a1, b1) = (
            Operand::<T>::of(a.0, "").unwrap(),
            Operand::<T>::of(b.0, "").unwrap(),
        );
        let (a, b) = ((&a1, a.1), (&b1, b.1));
        if c.rows > 1 && c.cols > 1 {
            matmul(view_mut(c), Accum::Add, op(a), op(b), alpha, Par::Seq);
            return;
        }
        // faer rounds a vector after every term; C would pay for each of them.
        let mut sum = faer::Mat::<T>::zeros(c.rows, c.cols);
        matmul(&mut sum, Accum::Replace, op(a), op(b), alpha, Par::Seq);
        let mut c = view_mut(c);
        c += &sum;
    }

    fn syrk(alpha: T, a: TileRef<'_>, c: Output<'_, T>) {
        let a = &Operand::<T>::of(a, "").unwrap();
        use triangular::BlockStructure::{Rectangular, TriangularLower};
        triangular::matmul(
            view_mut(c),
            TriangularLower,
            Accum::Add,
            view(a),
            Rectangular,
            view(a).transpose(),
            Rectangular,
            alpha,
            Par::Seq,
        );
    }

    fn trsm(solve: Solve, l: TileRef<'_>, b: Output<'_, T>) {
        let l = Operand::<T>::of(l, "").unwrap();
        let (l, b) = (view(&l), view_mut(b));
        match solve {
            Solve::Left => solve_lower_triangular_in_place(l, b, Par::Seq),
            Solve::LeftTransposed => solve_upper_triangular_in_place(l.transpose(), b, Par::Seq),
            // X Lᵀ = B is L Xᵀ = Bᵀ.
            Solve::RightTransposed => {
                solve_lower_triangular_in_place(l, b.transpose_mut(), Par::Seq);
            }
        }
    }

    fn potrf(a: Output<'_, T>) -> Result<(), usize> {
        use faer::dyn_stack::{MemBuffer, MemStack};
        let scratch = llt::cholesky_in_place_scratch::<T>(a.rows, Par::Seq, Default::default());
        llt::cholesky_in_place(
            view_mut(a),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map(|_| ())
        .map_err(|llt::LltError::NonPositivePivot { index }| index)
    }
}
