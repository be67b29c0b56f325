//! Whole FP64 matrices in memory: what null models need beside the tile algebra, which is made for
//! one kernel that is never stored.
//!
//! Work is cut into a number of pieces that does not depend on the threads that do it, so bits
//! do not either.

use std::sync::Once;

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{DenseSolveCore, Llt, Solve};
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

/// Pieces a product or a factor is cut into: enough for this many threads.
const PIECES: usize = 16;

/// Columns of a matrix that one task works on.
const COLUMNS: usize = 32;

fn partition() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| faer::set_global_parallelism(Par::rayon(PIECES)));
}

/// Eigenvalues, ascending, and the eigenvectors in the columns of a matrix.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// Eigenvalues; what rounding left below zero is zero.
    pub values: Vec<f64>,
    /// U, with A = U diag(values) Uᵀ.
    pub vectors: Mat<f64>,
}

impl Eigen {
    /// Of a positive semidefinite matrix, of which the lower triangle is read. About 9·N³
    /// operations. `None` if it has entries that are no numbers.
    pub fn new(a: &Mat<f64>) -> Option<Eigen> {
        partition();
        let eigen = a.self_adjoint_eigen(Side::Lower).ok()?;
        let values = eigen.S().column_vector().iter();
        Some(Eigen {
            values: values.map(|v| v.max(0.0)).collect(),
            vectors: eigen.U().to_owned(),
        })
    }

    /// Uᵀ x.
    ///
    /// # Panics
    /// If x has not N entries.
    pub fn rotate(&self, x: &[f64]) -> Vec<f64> {
        transposed_product(&self.vectors, x)
    }
}

/// Eigenvalues of a positive semidefinite matrix, ascending; see [`Eigen`]. Half its work.
pub fn eigenvalues(a: &Mat<f64>) -> Option<Vec<f64>> {
    let values = symmetric_eigenvalues(a)?;
    Some(values.into_iter().map(|v| v.max(0.0)).collect())
}

/// Eigenvalues of any symmetric matrix, of which the lower triangle is read, ascending. `None` if
/// it has entries that are no numbers.
pub fn symmetric_eigenvalues(a: &Mat<f64>) -> Option<Vec<f64>> {
    partition();
    a.self_adjoint_eigenvalues(Side::Lower).ok()
}

/// A Bᵗ-free product: A B. 2·M·N·K operations.
///
/// # Panics
/// If A has not as many columns as B has rows.
pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    partition();
    a * b
}

/// LᵀAL of a symmetric A, lower triangle alone, for a lower triangle L. 1.3·N³ operations.
///
/// # Panics
/// If the shapes differ.
pub fn congruence(a: &Mat<f64>, l: &Mat<f64>) -> Mat<f64> {
    use BlockStructure::{Rectangular, TriangularLower, TriangularUpper};
    partition();
    let n = a.nrows();
    let (mut half, mut whole) = (Mat::zeros(n, n), Mat::zeros(n, n));
    let (to, par) = (Accum::Replace, faer::get_global_parallelism());
    matmul(
        &mut half,
        Rectangular,
        to,
        a,
        Rectangular,
        l,
        TriangularLower,
        1.0,
        par,
    );
    let upper = l.transpose();
    matmul(
        &mut whole,
        TriangularLower,
        to,
        upper,
        TriangularUpper,
        &half,
        Rectangular,
        1.0,
        par,
    );
    whole
}

/// Aᵀ x.
///
/// # Panics
/// If x has not as many entries as A has rows.
pub fn transposed_product(a: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    assert_eq!(x.len(), a.nrows(), "entries of a vector");
    let column = |j| epitile_core::dense::dot(a.col_as_slice(j), x);
    (0..a.ncols()).into_par_iter().map(column).collect()
}

/// The Cholesky factor of a positive definite matrix.
#[derive(Clone, Debug)]
pub struct Factor(Llt<f64>);

impl Factor {
    /// Of the matrix of which this is the lower triangle; `None` if it is not positive definite.
    /// N³/3 operations.
    pub fn new(a: &Mat<f64>) -> Option<Factor> {
        partition();
        a.llt(Side::Lower).ok().map(Factor)
    }

    /// L.
    pub fn lower(&self) -> Mat<f64> {
        let l = self.0.L();
        Mat::from_fn(l.nrows(), l.nrows(), |i, j| match i < j {
            true => 0.0,
            false => l[(i, j)],
        })
    }

    /// ln det A.
    pub fn log_determinant(&self) -> f64 {
        let l = self.0.L();
        2.0 * (0..l.nrows()).map(|i| l[(i, i)].ln()).sum::<f64>()
    }

    /// A⁻¹ b.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let b = MatRef::from_column_major_slice(b, b.len(), 1);
        self.0.solve(b).col_as_slice(0).to_vec()
    }

    /// A⁻¹, both triangles. 2N³/3 operations.
    pub fn inverse(&self) -> Mat<f64> {
        self.0.inverse()
    }

    /// L⁻¹ b.
    pub fn whiten(&self, b: &[f64]) -> Vec<f64> {
        let mut b = Mat::from_fn(b.len(), 1, |i, _| b[i]);
        self.forward(&mut b);
        b.col_as_slice(0).to_vec()
    }

    /// L⁻¹ K L⁻ᵀ of a symmetric K. 2N³ operations.
    pub fn whiten_matrix(&self, k: &Mat<f64>) -> Mat<f64> {
        let mut half = k.clone();
        self.forward(&mut half);
        let mut whole = half.transpose().to_owned();
        self.forward(&mut whole);
        whole
    }

    fn forward(&self, b: &mut Mat<f64>) {
        partition();
        faer::linalg::triangular_solve::solve_lower_triangular_in_place(
            self.0.L(),
            b.as_mut(),
            faer::get_global_parallelism(),
        );
    }

    /// L z: a draw from N(0, A) if z is one from N(0, I).
    pub fn colour(&self, z: &[f64]) -> Vec<f64> {
        let l = self.0.L();
        let mut y = vec![0.0; z.len()];
        for (j, z) in z.iter().enumerate() {
            for i in j..y.len() {
                y[i] += l[(i, j)] * z;
            }
        }
        y
    }
}

/// Calls `work` with the number and the entries of every column.
pub fn for_each_column(a: &mut Mat<f64>, work: impl Fn(usize, &mut [f64]) + Sync) {
    let stride = a.ncols();
    let mut columns: Vec<&mut [f64]> = Vec::with_capacity(stride);
    columns.extend(a.col_iter_mut().map(|column| {
        let column = column.try_as_col_major_mut();
        column.expect("columns lie in one piece").as_slice_mut()
    }));
    let columns = columns.par_iter_mut().enumerate();
    columns
        .with_min_len(COLUMNS)
        .for_each(|(j, column)| work(j, column));
}

/// Σ_ij A_ij B_ij, summed column by column.
///
/// # Panics
/// If the shapes differ.
pub fn inner(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    assert_eq!((a.nrows(), a.ncols()), (b.nrows(), b.ncols()), "shapes");
    let columns = (0..a.ncols()).into_par_iter();
    let sums: Vec<f64> = columns
        .map(|j| epitile_core::dense::dot(a.col_as_slice(j), b.col_as_slice(j)))
        .collect();
    sums.into_iter().sum()
}

/// Σ_k w_k A_k, and w₀ on the diagonal.
///
/// # Panics
/// If the shapes differ.
pub fn combine(terms: &[(f64, &Mat<f64>)], diagonal: f64, order: usize) -> Mat<f64> {
    let mut sum = Mat::zeros(order, order);
    for_each_column(&mut sum, |j, column| {
        for (w, a) in terms {
            epitile_core::dense::axpy(*w, a.col_as_slice(j), column);
        }
        column[j] += diagonal;
    });
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: usize) -> Mat<f64> {
        let z = Mat::from_fn(n, n, |i, j| ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.5);
        let mut a = product(z.as_ref(), z.transpose());
        for i in 0..n {
            a[(i, i)] += 1.0;
        }
        a
    }

    #[test]
    fn an_inverse_and_a_solution_fit_their_matrix() {
        let n = 70;
        let a = sample(n);
        let factor = Factor::new(&a).unwrap();
        let identity = product(a.as_ref(), factor.inverse().as_ref());
        let x: Vec<f64> = (0..n).map(|i| i as f64 - 3.0).collect();
        let solved = factor.solve(&transposed_product(&a, &x));
        // The condition is at most the trace over the least eigenvalue, 1; residuals are within
        // N·u·κ of it.
        let trace: f64 = (0..n).map(|i| a[(i, i)]).sum();
        let bound = n as f64 * trace * f64::EPSILON;
        for j in 0..n {
            for i in 0..n {
                let expected = f64::from(i == j);
                assert!((identity[(i, j)] - expected).abs() <= bound);
            }
            assert!((solved[j] - x[j]).abs() <= bound * n as f64);
        }
    }

    #[test]
    fn eigenvectors_rebuild_their_matrix_with_the_same_bits_for_any_threads() {
        let a = sample(200);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| Eigen::new(&a).unwrap())
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.values, three.values);
        assert_eq!(one.vectors, three.vectors);
        let sum: f64 = one.values.iter().map(|v| v.ln()).sum();
        let determinant = Factor::new(&a).unwrap().log_determinant();
        // Eigenvalues of at least 1 err by a few N·u·‖A‖.
        let bound = 200.0 * 200.0 * one.values[199] * f64::EPSILON;
        assert!((sum - determinant).abs() <= bound, "{sum} {determinant}");
    }

    #[test]
    fn a_congruence_is_the_product_of_three() {
        let n = 75;
        let (a, l) = (sample(n), Factor::new(&sample(n)).unwrap().lower());
        let half = product(a.as_ref(), l.as_ref());
        let expected = product(l.transpose(), half.as_ref());
        let found = congruence(&a, &l);
        // Sums of n² products, with entries of A and L below those of the diagonal.
        let largest = (0..n).map(|i| a[(i, i)]).fold(0.0, f64::max);
        let bound = (n * n) as f64 * f64::EPSILON * largest * largest;
        for j in 0..n {
            for i in j..n {
                assert!((found[(i, j)] - expected[(i, j)]).abs() <= bound);
            }
        }
    }

    #[test]
    fn a_whitened_matrix_has_the_eigenvalues_of_the_pencil() {
        let n = 60;
        let (a, k) = (sample(n), Mat::from_fn(n, n, |i, j| f64::from(i == j)));
        let factor = Factor::new(&a).unwrap();
        // L⁻¹ A L⁻ᵀ = I, and L⁻¹L⁻ᵀ has the eigenvalues of A⁻¹.
        let trace: f64 = (0..n).map(|i| a[(i, i)]).sum();
        let bound = n as f64 * trace * f64::EPSILON;
        let same = factor.whiten_matrix(&a);
        for j in 0..n {
            for i in 0..n {
                assert!((same[(i, j)] - k[(i, j)]).abs() <= bound);
            }
        }
        let inverse = symmetric_eigenvalues(&factor.whiten_matrix(&k)).unwrap();
        let values = eigenvalues(&a).unwrap();
        for (inverse, value) in inverse.iter().zip(values.iter().rev()) {
            assert!((inverse * value - 1.0).abs() <= bound);
        }
        let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let (w, solved) = (factor.whiten(&x), factor.solve(&x));
        let quadratic = epitile_core::dense::dot(&x, &solved);
        let norm = epitile_core::dense::dot(&w, &w);
        assert!((norm - quadratic).abs() <= bound * quadratic);
    }

    #[test]
    fn an_indefinite_matrix_has_no_factor() {
        let mut a = sample(5);
        a[(3, 3)] = -1.0;
        assert!(Factor::new(&a).is_none());
    }
}
