//! The null distribution of one SNP's estimate by its eigenvalues.

use epitile_core::backend::Backend;
use epitile_core::dense::{axpy, dot};
use faer::Mat;

use super::background::Background;
use super::block::Found;
use super::snp::Design;
use crate::dense::{
    Eigen, Factor, combine, for_each_column, product, symmetric_eigenvalues, transposed_product,
};
use crate::tails::form::Form;

/// What σ̂² is where the SNP does not interact: σ̂² = yᵀHy is Σ λχ²₁ with λ the eigenvalues of RᵀHR,
/// RRᵀ = V₀. K = UΔUᵀ gives R = U(σ²αΔ + σ²_e)^½, since PK_kP = αPKP; where further kernels have
/// variance R is the Cholesky factor of V₀, or made of eigenvectors (9·N³ more) if V₀ is singular.
/// `None` if eigenvalues cannot be found. About 6·N³ operations.
pub(super) fn form<B: Backend>(of: &Background<'_, B>, x: Vec<f64>, found: &Found) -> Option<Form> {
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
    let (residual, kernels) = found.null.split_last()?;
    if kernels[1..].iter().any(|v| *v > 0.0) {
        let root = root(of, kernels, *residual)?;
        return symmetric_eigenvalues(&congruence(&dense, &root)).map(Form::new);
    }
    let mut whole = congruence(&dense, &of.eigen.vectors);
    let scale = of.eigen.values.iter();
    let scale: Vec<f64> = scale
        .map(|delta| (kernels[0] * of.alpha * delta + residual).sqrt())
        .collect();
    for_each_column(&mut whole, |j, column| {
        for (value, s) in column.iter_mut().zip(&scale) {
            *value *= s * scale[j];
        }
    });
    symmetric_eigenvalues(&whole).map(Form::new)
}

/// RᵀHR.
fn congruence(h: &Mat<f64>, r: &Mat<f64>) -> Mat<f64> {
    let half = product(h.as_ref(), r.as_ref());
    product(r.transpose(), half.as_ref())
}

/// R with RRᵀ = V₀.
fn root<B: Backend>(of: &Background<'_, B>, kernels: &[f64], residual: f64) -> Option<Mat<f64>> {
    let mut terms = vec![(kernels[0] * of.alpha, &of.matrix)];
    let further = kernels[1..].iter().zip(&of.further);
    terms.extend(further.map(|(v, e)| (*v, &e.of.matrix)));
    let v = combine(&terms, residual, of.samples());
    if let Some(factor) = Factor::new(&v) {
        return Some(factor.lower());
    }
    let mut eigen = Eigen::new(&v)?;
    for_each_column(&mut eigen.vectors, |j, column| {
        let scale = eigen.values[j].sqrt();
        column.iter_mut().for_each(|v| *v *= scale);
    });
    Some(eigen.vectors)
}
