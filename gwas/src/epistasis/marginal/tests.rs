use epitile_core::dense::dot;
use epitile_cpu::Cpu;

use super::*;
use crate::dense::{inner, transposed_product};
use crate::epistasis::marginal::snp::Design;

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

/// Sums of N² products of numbers of the size of x², up to 9, and a condition of S below 10³.
const TOLERANCE: f64 = (N * N) as f64 * f64::EPSILON * 81.0 * 1e3;

#[test]
fn estimates_and_their_null_are_those_of_whole_matrices() {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    let k = kernel(&z, None);
    let of = Background::new(&cpu, k, &q, (SNPS, true), 1).unwrap();
    let kv = of.times(std::slice::from_ref(&y)).unwrap().remove(0);
    let response = Response { v: y.clone(), kv };
    let found = block(&of, z.clone(), &[response]).unwrap();
    for (m, found) in found.iter().enumerate() {
        let found = found[0].unwrap();
        let x = &z[m];
        let kk = kernel(&z, Some(m));
        let mut basis = [&q[..], std::slice::from_ref(x)].concat();
        orthonormalise(&mut basis);
        let parts = [
            project(&Mat::from_fn(N, N, |i, j| x[i] * kk[(i, j)] * x[j]), &basis),
            project(&kk, &basis),
            project(&combine(&[], 1.0, N), &basis),
        ];
        // H of σ̂² = yᵀHy has tr(H A_1) = 1 and tr(H A_2) = tr(H A_3) = 0.
        let h: Vec<(f64, &Mat<f64>)> = found.h.iter().copied().zip(&parts).collect();
        let whole = combine(&h, 0.0, N);
        for (k, part) in parts.iter().enumerate() {
            let expected = f64::from(k == 0);
            let trace = inner(&whole, part);
            assert!((trace - expected).abs() <= TOLERANCE, "{m} {k}: {trace}");
        }
        let variance = dot(&y, &transposed_product(&whole, &y));
        assert!((found.variance - variance).abs() <= TOLERANCE * dot(&y, &y));
        // The null fits the moments of K_k and I, unless one of them would be negative.
        assert!(found.null[0] >= 0.0 && found.null[1] >= 0.0);
        if found.null[0] > 0.0 && found.null[1] > 0.0 {
            for part in &parts[1..] {
                let q = dot(&y, &transposed_product(part, &y));
                let fitted =
                    found.null[0] * inner(&parts[1], part) + found.null[1] * inner(&parts[2], part);
                assert!((q - fitted).abs() <= TOLERANCE * q, "{m}: {q} {fitted}");
            }
        }
        // The exact null: mean 0 and variance 2tr(HV₀HV₀).
        let v = combine(
            &[(found.null[0], &parts[1]), (found.null[1], &parts[2])],
            0.0,
            N,
        );
        let hv = product(whole.as_ref(), v.as_ref());
        let square = 2.0 * inner(&hv, &hv.transpose().to_owned());
        let form = exact::form(&of, x.clone(), &found).unwrap();
        assert!(
            form.mean().abs() <= TOLERANCE * square.sqrt(),
            "{}",
            form.mean()
        );
        assert!((form.variance() / square - 1.0).abs() <= TOLERANCE);
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
fn a_snp_that_the_fixed_effects_hold_is_left_out() {
    let (z, mut q, y) = data();
    q.push(z[3].clone());
    orthonormalise(&mut q);
    assert!(Design::new(z[3].clone(), &q).is_none());
    let cpu = Cpu::MEMORY;
    let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1).unwrap();
    let y = without(y, &q);
    let kv = of.times(std::slice::from_ref(&y)).unwrap().remove(0);
    let found = block(&of, z, &[Response { v: y, kv }]).unwrap();
    assert_eq!(found[3], [None]);
    assert!(found[4][0].is_some());
}

#[test]
fn a_snp_and_a_trait_have_the_same_bits_beside_any_others() {
    let (z, q, y) = data();
    let cpu = Cpu::MEMORY;
    let of = Background::new(&cpu, kernel(&z, None), &q, (SNPS, true), 1).unwrap();
    let response = |scale: f64| {
        let v: Vec<f64> = y.iter().map(|v| v.abs().sqrt() * scale).collect();
        let v = without(v, &q);
        let kv = of.times(std::slice::from_ref(&v)).unwrap().remove(0);
        Response { v, kv }
    };
    let both = block(&of, z.clone(), &[response(1.0), response(-2.0)]).unwrap();
    let alone = block(&of, vec![z[5].clone()], &[response(-2.0)]).unwrap();
    assert_eq!(alone[0][0], both[5][1]);
}
