use epitile_core::dense::dot;
use epitile_cpu::Cpu;

use super::*;
use crate::dense::{combine, inner, product, symmetric_eigenvalues, transposed_product};
use crate::epistasis::marginal::further::Further;
use crate::epistasis::marginal::snp::Design;
use crate::null::matrix::normalise;
use faer::Mat;

fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

const N: usize = 60;
const SNPS: usize = 25;

/// Standardised dosages, fixed effects (orthonormal) and a trait without them.
fn data() -> (Vec<Vec<f64>>, Vec<Vec<f64>>, Vec<f64>) {
    let snp = |m: usize| {
        let x: Vec<f64> = (0..N)
            .map(|i| (noise(i * 31 + m * 977) * 3.0).floor())
            .collect();
        let mean = x.iter().sum::<f64>() / N as f64;
        let sd = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / N as f64).sqrt();
        x.iter().map(|x| (x - mean) / sd).collect()
    };
    let z: Vec<Vec<f64>> = (0..SNPS).map(snp).collect();
    let mut q = vec![vec![1.0; N], (0..N).map(|i| noise(i + 7777)).collect()];
    orthonormalise(&mut q);
    let y = (0..N)
        .map(|i| noise(i + 99_999) + 0.3 * z[0][i] * z[1][i])
        .collect();
    let y = without(y, &q);
    (z, q, y)
}

/// Σ z zᵀ / count over these SNPs.
fn kernel(z: &[Vec<f64>], but: Option<usize>) -> Mat<f64> {
    let used: Vec<&Vec<f64>> = (0..z.len())
        .filter(|m| Some(*m) != but)
        .map(|m| &z[m])
        .collect();
    Mat::from_fn(N, N, |i, j| {
        used.iter().map(|z| z[i] * z[j]).sum::<f64>() / used.len() as f64
    })
}

/// P A P with P the projection orthogonal to these.
fn project(a: &Mat<f64>, basis: &[Vec<f64>]) -> Mat<f64> {
    let p = Mat::from_fn(N, N, |i, j| {
        f64::from(i == j) - basis.iter().map(|b| b[i] * b[j]).sum::<f64>()
    });
    product(product(p.as_ref(), a.as_ref()).as_ref(), p.as_ref())
}

/// Sums of N² products of numbers of the size of x², up to 9, for a condition of S of 1.
const ROUNDING: f64 = (N * N) as f64 * f64::EPSILON * 81.0;

/// Further kernels: the square of the additive one entry by entry, and a Gaussian one.
fn further(z: &[Vec<f64>], q: &[Vec<f64>], count: usize) -> Vec<Further> {
    let k = kernel(z, None);
    let squares = Mat::from_fn(N, N, |i, j| k[(i, j)] * k[(i, j)]);
    let gaussian = Mat::from_fn(N, N, |i, j| (2.0 * k[(i, j)] - k[(i, i)] - k[(j, j)]).exp());
    let all = [("grm^2", squares), ("gaussian", gaussian)];
    let made = all
        .into_iter()
        .zip(1..)
        .take(count)
        .map(|((name, mut matrix), place)| {
            normalise(&mut matrix, name).unwrap();
            Further::new((name.to_owned(), matrix), q, (1, place)).unwrap()
        });
    made.collect()
}

/// PAP of G, K_k, further kernels and I for the SNP m.
fn parts(z: &[Vec<f64>], q: &[Vec<f64>], m: usize, further: &[Further]) -> Vec<Mat<f64>> {
    let (x, kk) = (&z[m], kernel(z, Some(m)));
    let mut basis = [q, std::slice::from_ref(x)].concat();
    orthonormalise(&mut basis);
    let g = Mat::from_fn(N, N, |i, j| x[i] * kk[(i, j)] * x[j]);
    let mut all = vec![g, kk];
    all.extend(further.iter().map(|e| e.matrix.clone()));
    all.push(combine(&[], 1.0, N));
    all.iter().map(|a| project(a, &basis)).collect()
}

fn weighted(weights: &[f64], of: &[Mat<f64>]) -> Mat<f64> {
    let terms: Vec<(f64, &Mat<f64>)> = weights.iter().copied().zip(of).collect();
    combine(&terms, 0.0, N)
}

/// 2tr(HV₀HV₀).
fn null_variance(found: &Found, parts: &[Mat<f64>]) -> f64 {
    let (h, v) = (
        weighted(&found.h, parts),
        weighted(&found.null, &parts[1..]),
    );
    let hv = product(h.as_ref(), v.as_ref());
    2.0 * inner(&hv, &hv.transpose().to_owned())
}

/// The condition of S with diagonal 1, and S, of these matrices.
fn gram(parts: &[Mat<f64>]) -> (f64, Mat<f64>) {
    let s = Mat::from_fn(parts.len(), parts.len(), |i, j| inner(&parts[i], &parts[j]));
    let scaled = Mat::from_fn(parts.len(), parts.len(), |i, j| {
        s[(i, j)] / (s[(i, i)] * s[(j, j)]).sqrt()
    });
    let values = symmetric_eigenvalues(&scaled).unwrap();
    (values[values.len() - 1] / values[0], s)
}

#[test]
fn estimates_and_their_null_are_those_of_whole_matrices() {
    check_against_whole_matrices(0);
}

#[test]
fn further_kernels_of_the_null_give_the_estimates_of_whole_matrices() {
    check_against_whole_matrices(1);
    check_against_whole_matrices(2);
}

fn check_against_whole_matrices(count: usize) {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    let further = further(&z, &q, count);
    let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1, &further).unwrap();
    let responses = of.drawn(vec![y.clone()]).unwrap();
    let found = block(&of, z.clone(), &responses).unwrap();
    for (m, found) in found.iter().enumerate() {
        let found = found[0].as_ref().unwrap();
        let x = &z[m];
        let parts = parts(&z, &q, m, &further);
        let (condition, s) = gram(&parts);
        let tolerance = ROUNDING * condition;
        // H of σ̂² = yᵀHy has tr(H A_1) = 1 and tr(H A_i) = 0 of the others.
        assert_eq!(found.h.len(), parts.len());
        let whole = weighted(&found.h, &parts);
        for (k, part) in parts.iter().enumerate() {
            let expected = f64::from(k == 0);
            let trace = inner(&whole, part);
            assert!((trace - expected).abs() <= tolerance, "{m} {k}: {trace}");
        }
        let variance = dot(&y, &transposed_product(&whole, &y));
        assert!((found.variance - variance).abs() <= tolerance * dot(&y, &y));
        // The null fits the moments of K_k, E and I, those aside that would be negative.
        let null = &found.null;
        assert!(null.len() == parts.len() - 1 && null.iter().all(|v| *v >= 0.0));
        for i in (0..null.len()).filter(|i| null[*i] > 0.0) {
            let q = dot(&y, &transposed_product(&parts[1 + i], &y));
            let fitted = (0..null.len()).map(|j| null[j] * s[(1 + i, 1 + j)]);
            let fitted: f64 = fitted.sum();
            assert!((q - fitted).abs() <= tolerance * q, "{m}: {q} {fitted}");
        }
        // The exact null: mean 0 and variance 2tr(HV₀HV₀).
        let square = null_variance(found, &parts);
        let form = exact::form(&of, x.clone(), found).unwrap();
        assert!(
            form.mean().abs() <= tolerance * square.sqrt(),
            "{}",
            form.mean()
        );
        assert!((form.variance() / square - 1.0).abs() <= tolerance);
        // Draws of zᵀHV₀Hz: of their mean the squares are a form with the weights λ², whose
        // variance is 2Σλ⁴ over the number of draws.
        let fourth: f64 = form.weights().iter().map(|w| w.powi(4)).sum();
        let sd = 2.0 * (2.0 * fourth / background::PROBES as f64).sqrt();
        assert!(
            (found.se * found.se - square).abs() <= 5.0 * sd,
            "{m}: {} {square} {sd}",
            found.se * found.se
        );
    }
}

#[test]
fn a_null_without_residual_variance_has_its_exact_form() {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    let further = further(&z, &q, 1);
    let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1, &further).unwrap();
    let found = block(&of, z.clone(), &of.drawn(vec![y]).unwrap()).unwrap();
    let found = Found {
        null: vec![0.4, 0.6, 0.0],
        ..found[2][0].clone().unwrap()
    };
    // K + E has rank N − 1: eigenvectors take over from the Cholesky factor, or it has a pivot that
    // is rounding.
    let form = exact::form(&of, z[2].clone(), &found).unwrap();
    let parts = parts(&z, &q, 2, &further);
    let tolerance = ROUNDING * gram(&parts).0;
    let square = null_variance(&found, &parts);
    assert!((form.variance() / square - 1.0).abs() <= tolerance);
}

#[test]
fn a_further_kernel_that_is_a_sum_of_the_others_is_refused() {
    let (z, q, _) = data();
    let mut further = further(&z, &q, 1);
    let (k, e) = (kernel(&z, None), further[0].matrix.clone());
    let sum = combine(&[(0.5, &k), (0.3, &e)], 0.2, N);
    further.push(Further::new(("sum".into(), sum), &q, (1, 2)).unwrap());
    let of = Background::new(&Cpu::MEMORY, k, &q, (SNPS, true), 1, &further);
    let error = of.err().unwrap().to_string();
    assert!(error.contains("kernel sum"), "{error}");
}

#[test]
fn a_snp_that_the_fixed_effects_hold_is_left_out() {
    let (z, mut q, y) = data();
    q.push(z[3].clone());
    orthonormalise(&mut q);
    assert!(Design::new(z[3].clone(), &q).is_none());
    let cpu = Cpu::MEMORY;
    for count in [0, 1] {
        let further = further(&z, &q, count);
        let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1, &further).unwrap();
        let y = of.drawn(vec![without(y.clone(), &q)]).unwrap();
        let found = block(&of, z.clone(), &y).unwrap();
        assert_eq!(found[3], [None]);
        assert!(found[4][0].is_some());
    }
}

#[test]
fn a_snp_and_a_trait_have_the_same_bits_beside_any_others() {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    for count in [0, 2] {
        let further = further(&z, &q, count);
        let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1, &further).unwrap();
        let of_scale = |scale: f64| {
            let v: Vec<f64> = y.iter().map(|v| v.abs().sqrt() * scale).collect();
            without(v, &q)
        };
        let both = of.drawn(vec![of_scale(1.0), of_scale(-2.0)]).unwrap();
        let both = block(&of, z.clone(), &both).unwrap();
        let alone = of.drawn(vec![of_scale(-2.0)]).unwrap();
        let alone = block(&of, vec![z[5].clone()], &alone).unwrap();
        assert_eq!(alone[0][0], both[5][1]);
    }
}
