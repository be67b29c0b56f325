use epitile_core::dense::norm2;

use super::*;
use crate::dense::product;
use crate::null::contrast::Contrasts;

fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// An additive kernel of n individuals and its square, entry by entry, both normalised.
fn kernels(n: usize) -> [Mat<f64>; 2] {
    let z = Mat::from_fn(n, 2 * n, |i, j| {
        noise(i * 2 * n + j) + noise(j + 7) * noise(i + 3)
    });
    let mut k = product(z.as_ref(), z.transpose());
    let mut squares = Mat::from_fn(n, n, |i, j| k[(i, j)] * k[(i, j)]);
    normalise(&mut k, "linear").unwrap();
    normalise(&mut squares, "squares").unwrap();
    [k, squares]
}

/// P = V⁻¹ − V⁻¹X(XᵀV⁻¹X)⁻¹XᵀV⁻¹, column by column.
fn projection(v: &Mat<f64>, x: &[Vec<f64>]) -> Mat<f64> {
    let factor = Factor::new(v).unwrap();
    let mut columns: Vec<Vec<f64>> = x.iter().map(|x| factor.whiten(x)).collect();
    epitile_core::dense::orthonormalise(&mut columns);
    let n = v.nrows();
    let whitened: Vec<Vec<f64>> = (0..n)
        .map(|j| {
            let mut e = vec![0.0; n];
            e[j] = 1.0;
            let mut e = factor.whiten(&e);
            for q in &columns {
                epitile_core::dense::axpy(-dot(q, &e), q, &mut e);
            }
            e
        })
        .collect();
    Mat::from_fn(n, n, |i, j| dot(&whitened[i], &whitened[j]))
}

#[test]
fn the_score_is_that_of_the_projection_matrix_with_covariates() {
    let n = 60;
    let [k, e] = kernels(n);
    let x = vec![vec![1.0; n], (0..n).map(|i| noise(i + 991)).collect()];
    let y: Vec<f64> = (0..n).map(|i| noise(i + 5000) + 3.0 * x[1][i]).collect();
    let variances = [0.4, 0.6];
    let contrasts = Contrasts::new(&x);
    let null = Null::new(
        &contrasts.vector(&y),
        &[contrasts.matrix(k.clone())],
        &variances,
    );
    let score = null.unwrap().test(&contrasts.matrix(e.clone())).unwrap();

    let p = projection(&combine(&[(0.4, &k)], 0.6, n), &x);
    let identity = combine(&[], 1.0, n);
    let a = &score.projection;
    let left = combine(&[(1.0, &e), (-a[0], &k), (-a[1], &identity)], 0.0, n);
    let times = |a: &Mat<f64>, b: &Mat<f64>| product(a.as_ref(), b.as_ref());
    let pkp = times(&times(&p, &left), &p);
    // V has eigenvalues of 0.6 at least: P errs by n·u·‖V‖/0.6 of its size, 1/0.6, and sums of n²
    // entries of K, which are below n, by n times that.
    let size = norm2(&(0..n).map(|i| k[(i, i)]).collect::<Vec<_>>());
    let bound = (n * n) as f64 * f64::EPSILON * size * n as f64;
    for kernel in [&k, &identity] {
        assert!(
            inner(&pkp, kernel).abs() <= bound,
            "{}",
            inner(&pkp, kernel)
        );
    }
    let q = dot(&y, &transposed_product(&pkp, &y));
    assert!(
        (score.q - q).abs() <= bound * dot(&y, &y),
        "{} {q}",
        score.q
    );
    // λ̃ are the eigenvalues of PK̃: Σλ̃ = tr(PK̃) = 0 and Σλ̃² = tr(PK̃PK̃).
    let pk = times(&p, &left);
    let square = inner(&pk, &pk.transpose().to_owned());
    assert!(score.form.mean().abs() <= bound, "{}", score.form.mean());
    assert!((score.form.variance() - 2.0 * square).abs() <= bound * square);
    let smallest = score.form.weights().iter().copied().fold(0.0, f64::min);
    assert!(smallest < 0.0);
}

#[test]
fn components_at_zero_are_not_taken_out() {
    let n = 50;
    let [k, e] = kernels(n);
    let contrasts = Contrasts::new(&[vec![1.0; n]]);
    let y: Vec<f64> = (0..n).map(noise).collect();
    let z = contrasts.vector(&y);
    let of = [contrasts.matrix(k)];
    let score = |variances: &[f64]| {
        let null = Null::new(&z, &of, variances).unwrap();
        null.test(&contrasts.matrix(e.clone())).unwrap()
    };
    let (alone, beside) = (score(&[0.0, 1.0]), score(&[0.3, 0.7]));
    assert_eq!(alone.projection[0], 0.0);
    assert!(beside.projection[0] > 0.0);
    // Beside the residual alone a is the mean eigenvalue.
    let trace: f64 = {
        let e = contrasts.matrix(e.clone());
        (0..n - 1).map(|i| e[(i, i)]).sum()
    };
    let mean = trace / (n - 1) as f64;
    assert!((alone.projection[1] - mean).abs() <= n as f64 * f64::EPSILON * mean * 16.0);
}

#[test]
fn a_kernel_of_the_null_cannot_be_tested() {
    let n = 40;
    let [k, _] = kernels(n);
    let contrasts = Contrasts::new(&[vec![1.0; n]]);
    let z = contrasts.vector(&(0..n).map(noise).collect::<Vec<_>>());
    let k = contrasts.matrix(k);
    let null = Null::new(&z, std::slice::from_ref(&k), &[0.5, 0.5]).unwrap();
    let sum = combine(&[(3.0, &k)], 2.0, n - 1);
    assert!(null.test(&sum).is_none());
}
