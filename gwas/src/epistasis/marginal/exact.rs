//! The null distribution of one SNP's estimate by its eigenvalues.

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot};
use faer::Mat;

use super::background::Background;
use super::block::Found;
use super::snp::Design;
use crate::dense::{congruence, for_each_column, symmetric_eigenvalues, transposed_product};
use crate::tails::form::Form;

/// What σ̂² is where the SNP does not interact: σ̂² = yᵀHy is Σ λχ²₁ with λ the eigenvalues of LᵀHL,
/// V₀ = LLᵀ the covariance of the null model. `None` if eigenvalues cannot be found. About 3·N³
/// operations.
pub(super) fn form<B: Backend>(
    of: &Background<'_, B>,
    x: Vec<f64>,
    found: &Found,
    lower: &Mat<f64>,
) -> Option<Form> {
    let d = Design::new(x, &of.q)?;
    let (n, h) = (of.samples(), &found.h);
    let mut dense = Mat::zeros(n, n);
    for_each_column(&mut dense, |j, column| {
        let k = of.matrix.col_as_slice(j);
        let (xj, wj) = (h[0] * of.alpha * d.x[j], h[0] * of.beta * d.w[j]);
        for (i, value) in column.iter_mut().enumerate() {
            *value = (xj * d.x[i] + h[1] * of.alpha) * k[i] - wj * d.w[i];
        }
        for (h, e) in h[2..].iter().zip(&of.further) {
            axpy(*h, e.of.matrix.col_as_slice(j), column);
        }
        column[j] += h[h.len() - 1];
    });
    for v in of.q.iter().chain([&d.u]) {
        // H ← (I − vvᵀ)H(I − vvᵀ)
        let mut hv = transposed_product(&dense, v);
        axpy(-0.5 * dot(v, &hv), v, &mut hv);
        for_each_column(&mut dense, |j, column| {
            axpy(-hv[j], v, column);
            axpy(-v[j], &hv, column);
        });
    }
    symmetric_eigenvalues(&congruence(&dense, lower)).map(Form::new)
}
