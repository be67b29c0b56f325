use epitile_core::dense::dot;
use epitile_cpu::Cpu;

use super::block::Found;
use super::*;
use crate::dense::{Factor, combine, inner, product, symmetric_eigenvalues, transposed_product};
use crate::epistasis::marginal::background::Further;
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
fn further(z: &[Vec<f64>], count: usize) -> Vec<Further> {
    let k = kernel(z, None);
    let squares = Mat::from_fn(N, N, |i, j| k[(i, j)] * k[(i, j)]);
    let gaussian = Mat::from_fn(N, N, |i, j| (2.0 * k[(i, j)] - k[(i, i)] - k[(j, j)]).exp());
    let all = [("grm^2", squares), ("gaussian", gaussian)];
    let made = all.into_iter().take(count).map(|(name, mut matrix)| {
        normalise(&mut matrix, name).unwrap();
        let name = name.to_owned();
        Further { name, matrix }
    });
    made.collect()
}

/// The null model of the trait `y`.
fn fitted(k: &Mat<f64>, further: &[Further], q: &[Vec<f64>], y: &[f64]) -> Fitted {
    let mut fits = Fits::new(further, q).unwrap();
    fits.set(k).unwrap();
    fits.fit(y)
}

/// Traits with their null models.
fn responses(of: &Background<'_, Cpu>, further: &[Further], y: &[Vec<f64>]) -> Vec<Response> {
    let one = |y: &Vec<f64>| {
        let null = fitted(&of.matrix, further, &of.q, y);
        Response::new(of, y, &null, 1).unwrap()
    };
    y.iter().map(one).collect()
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

/// V₀ over all SNPs' kernel, further ones and I.
fn null_covariance(null: &Fitted, k: &Mat<f64>, further: &[Further]) -> Mat<f64> {
    let mut all = vec![k.clone()];
    all.extend(further.iter().map(|e| e.matrix.clone()));
    all.push(combine(&[], 1.0, N));
    weighted(&null.variances, &all)
}

/// 2tr(HV₀HV₀).
fn null_variance(found: &Found, parts: &[Mat<f64>], v: &Mat<f64>) -> f64 {
    let h = weighted(&found.h, parts);
    let hv = product(h.as_ref(), v.as_ref());
    2.0 * inner(&hv, &hv.transpose().to_owned())
}

/// The condition of S with diagonal 1 of these matrices.
fn condition(parts: &[Mat<f64>]) -> f64 {
    let s = Mat::from_fn(parts.len(), parts.len(), |i, j| inner(&parts[i], &parts[j]));
    let scaled = Mat::from_fn(parts.len(), parts.len(), |i, j| {
        s[(i, j)] / (s[(i, i)] * s[(j, j)]).sqrt()
    });
    let values = symmetric_eigenvalues(&scaled).unwrap();
    values[values.len() - 1] / values[0]
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
    let further = further(&z, count);
    let k = kernel(&z, None);
    let of = Background::new(&cpu, k.clone(), &q, (SNPS, true), &further).unwrap();
    let null = fitted(&k, &further, &q, &y);
    let v = null_covariance(&null, &k, &further);
    let lower = null.factor(&of).unwrap().lower();
    let responses = responses(&of, &further, std::slice::from_ref(&y));
    let found = block(&of, z.clone(), &responses).unwrap();
    for (m, found) in found.iter().enumerate() {
        let found = found[0].as_ref().unwrap();
        let x = &z[m];
        let parts = parts(&z, &q, m, &further);
        let condition = condition(&parts);
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
        // The exact null: mean 0 and variance 2tr(HV₀HV₀).
        let square = null_variance(found, &parts, &v);
        let form = exact::form(&of, x.clone(), found, &lower).unwrap();
        assert!(
            form.mean().abs() <= tolerance * square.sqrt(),
            "{}",
            form.mean()
        );
        assert!((form.variance() / square - 1.0).abs() <= tolerance);
        // Draws of zᵀHV₀Hz: of their mean the squares are a form with the weights λ², whose
        // variance is 2Σλ⁴ over the number of draws.
        let fourth: f64 = form.weights().iter().map(|w| w.powi(4)).sum();
        let sd = 2.0 * (2.0 * fourth / null::PROBES as f64).sqrt();
        assert!(
            (found.se * found.se - square).abs() <= 5.0 * sd,
            "{m}: {} {square} {sd}",
            found.se * found.se
        );
    }
}

#[test]
fn a_null_model_is_where_its_likelihood_has_no_slope() {
    let (z, q, y) = data();
    let k = kernel(&z, None);
    let mut inside = 0;
    for count in 0..3 {
        let further = further(&z, count);
        let null = fitted(&k, &further, &q, &y);
        let v = null_covariance(&null, &k, &further);
        // P = M(MVM + QQᵀ)⁻¹M with M = I − QQᵀ.
        let beside = Mat::from_fn(N, N, |i, j| q.iter().map(|q| q[i] * q[j]).sum::<f64>());
        let whole = combine(&[(1.0, &project(&v, &q)), (1.0, &beside)], 0.0, N);
        let p = project(&Factor::new(&whole).unwrap().inverse(), &q);
        let py = transposed_product(&p, &y);
        let mut parts = vec![k.clone()];
        parts.extend(further.iter().map(|e| e.matrix.clone()));
        parts.push(combine(&[], 1.0, N));
        for (variance, part) in null.variances.iter().zip(&parts) {
            let pk = product(p.as_ref(), part.as_ref());
            let trace: f64 = (0..N).map(|i| pk[(i, i)]).sum();
            let quadratic = dot(&py, &transposed_product(part, &py));
            // Of a variance v the information is tr(PKPK)/2; fits end within 1e-5 of its root.
            let information = 0.5 * inner(&pk, &pk.transpose().to_owned());
            let slope = 0.5 * (quadratic - trace) / information.sqrt();
            match *variance > 0.0 {
                true => assert!(slope.abs() <= 1e-4, "{count}: {variance} {slope}"),
                false => assert!(slope <= 0.0, "{count}: {slope}"),
            }
            inside += usize::from(*variance > 0.0);
        }
    }
    // Not all of them on the edge.
    assert!(inside > 3, "{inside}");
}

#[test]
fn a_further_kernel_that_is_a_sum_of_the_others_is_refused() {
    let (z, q, _) = data();
    let mut further = further(&z, 1);
    let (k, e) = (kernel(&z, None), further[0].matrix.clone());
    let sum = combine(&[(0.5, &k), (0.3, &e)], 0.2, N);
    further.push(Further {
        name: "sum".into(),
        matrix: sum,
    });
    let of = Background::new(&Cpu::MEMORY, k, &q, (SNPS, true), &further);
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
    let y = [without(y, &q)];
    for count in [0, 1] {
        let further = further(&z, count);
        let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), &further).unwrap();
        let found = block(&of, z.clone(), &responses(&of, &further, &y)).unwrap();
        assert_eq!(found[3], [None]);
        assert!(found[4][0].is_some());
    }
}

#[test]
fn a_snp_and_a_trait_have_the_same_bits_beside_any_others() {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    for count in [0, 2] {
        let further = further(&z, count);
        let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), &further).unwrap();
        let of_scale = |scale: f64| {
            let v: Vec<f64> = y.iter().map(|v| v.abs().sqrt() * scale).collect();
            without(v, &q)
        };
        let both = responses(&of, &further, &[of_scale(1.0), of_scale(-2.0)]);
        let both = block(&of, z.clone(), &both).unwrap();
        let alone = responses(&of, &further, &[of_scale(-2.0)]);
        let alone = block(&of, vec![z[5].clone()], &alone).unwrap();
        assert_eq!(alone[0][0], both[5][1]);
    }
}
