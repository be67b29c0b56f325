//! What predictions do not depend on: by no bit where sums of integers decide, by rounding where
//! FP64 sums do.

use epitile_core::kernel::Kernel;
use epitile_core::pairs::PairKind;
use proptest::prelude::*;
use proptest::sample::SizeRange;

use super::small::{Calls, RIDGE, Solution, solve};

const KERNELS: [Kernel; 8] = [
    Kernel::Linear,
    Kernel::Standardised,
    Kernel::TwoPq,
    Kernel::Gaussian,
    Kernel::Laplacian,
    Kernel::Ibs,
    Kernel::Poly(2),
    Kernel::GrmSquared,
];

/// Unit roundoff of FP64.
const UNIT: f64 = f64::EPSILON / 2.0;

/// Half a unit of imputed dosages, 2⁻³³.
const IMPUTED: f64 = 1.0 / (1u64 << 33) as f64;

/// Individuals.
const N: usize = 17;

/// Calls of `N` individuals, a tenth missing, and their trait.
fn cohort(snps: impl Into<SizeRange>) -> impl Strategy<Value = (Calls, Vec<f64>)> {
    let call = prop_oneof![1 => Just(None), 9 => (0u8..3).prop_map(Some)];
    let snps = prop::collection::vec(prop::collection::vec(call, N), snps);
    let y = prop::collection::vec(-4.0..4.0, N);
    (snps, y).prop_map(|(snps, y)| {
        let segments = vec![snps.len()];
        (Calls { segments, snps }, y)
    })
}

/// Every fourth individual is left out.
fn rows() -> (Vec<u32>, Vec<u32>) {
    (0..N as u32).partition(|i| i % 4 != 0)
}

fn solved(calls: &Calls, kernel: Kernel, y: &[f64]) -> Option<Solution> {
    let (train, test) = rows();
    solve(calls, kernel, y, (&train, &test))
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Largest magnitude.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// Checks that two solutions of the same system agree. Kernel values may differ by `delta`;
/// predictions f = kᵀα then by |Δf| ≤ ‖Δk‖‖α‖ + ‖k‖‖Δα‖ with ‖Δα‖ ≤ (‖ΔK‖‖α‖ + both
/// residuals)/λ, and n·u for each sum of n products and for the mean.
fn near(a: &Solution, b: &Solution, y: &[f64], delta: f64) -> Result<(), TestCaseError> {
    let differences: Vec<f64> = a.kernel.iter().zip(&b.kernel).map(|(a, b)| a - b).collect();
    let found = largest(&differences);
    prop_assert!(
        found <= delta,
        "kernels differ by {found:e}, allowed {delta:e}"
    );
    let n = N as f64;
    let alpha = norm(&a.weights).max(norm(&b.weights));
    let mean = 2.0 * n * UNIT * largest(y);
    let residuals = a.weight_bound + b.weight_bound + n.sqrt() * mean / RIDGE;
    let k = n.sqrt() * largest(&a.kernel).max(largest(&b.kernel));
    let bound = n.sqrt() * found * alpha
        + k * (n * found * alpha / RIDGE + residuals)
        + 2.0 * n * UNIT * k * alpha
        + mean;
    for (p, q) in a.predicted.iter().zip(&b.predicted) {
        prop_assert!((p - q).abs() <= bound, "{p} and {q}, bound {bound:e}");
    }
    Ok(())
}

/// How much rounding of imputed dosages (and of the scales they enter) can change a kernel value.
fn imputation(kernel: Kernel, a: &Solution, b: &Solution, snps: usize) -> f64 {
    let m = snps as f64;
    // μ² and 2μx (or μ) of each missing call are off by half a unit, times up to 4.
    let distance = 5.0 * IMPUTED * m;
    let top = largest(&a.kernel).max(largest(&b.kernel)).max(1.0);
    match kernel {
        // d enters as d/2s, its norms are rounded to 2⁻⁴⁹ at every SNP; s is their mean.
        Kernel::Linear => distance * top,
        Kernel::Poly(_) => 2.0 * distance * top * (1.0 + top),
        // exp is 1-Lipschitz for arguments below 0; γ itself is off by γ·Δd/median, as γd ≤ e⁻¹eᵞᵈ.
        Kernel::Gaussian | Kernel::Laplacian => 2.0 * a.gamma.max(b.gamma) * distance,
        Kernel::Ibs => distance / m,
        Kernel::GrmSquared => 2.0 * top * weights(m),
        Kernel::Standardised | Kernel::TwoPq => weights(m),
    }
}

/// How much rounding of weights can change Σ/M′ of standardised products over at most `m` SNPs: in
/// each of two solutions |Σ ε z z′|/M′ ≤ (Σε²)^½ (Σ z² z′²)^½/M′ ≤ 2⁻²⁸·√M′·81, as |z| < 9 for a
/// single allele among 17, and 3·2⁻²⁸ for the roundings of ŵμ and ŵμ² (w < 2⁵ leaves 28 bits).
fn weights(m: f64) -> f64 {
    2.0 * (81.0 * m.sqrt() + 3.0) * (-28f64).exp2()
}

/// Whether SNPs of one weight may take different ones of the numbers that make weights up.
fn has_weights(kernel: Kernel) -> bool {
    matches!(kernel.pair_kind(), PairKind::Product(_))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_order_of_snps_changes_rounding_of_weights_only(
        (calls, y) in cohort(1..60),
        keys in prop::collection::vec(any::<u64>(), 60),
    ) {
        let mut order: Vec<usize> = (0..calls.snps.len()).collect();
        order.sort_by_key(|&m| keys[m]);
        let snps = order.iter().map(|&m| calls.snps[m].clone()).collect();
        let permuted = Calls { snps, ..calls.clone() };
        for kernel in KERNELS {
            let (a, b) = (solved(&calls, kernel, &y), solved(&permuted, kernel, &y));
            match (a, b) {
                // Which SNPs of one weight share a number follows their order.
                (Some(a), Some(b)) if has_weights(kernel) => {
                    near(&a, &b, &y, imputation(kernel, &a, &b, calls.snps.len()))?;
                }
                (a, b) => prop_assert_eq!(a.map(bits), b.map(bits)),
            }
        }
    }

    #[test]
    fn chromosome_borders_change_no_bit((calls, y) in cohort(3..60), at in 1usize..59, by in 1usize..59) {
        let m = calls.snps.len();
        let (first, second) = (at % m, by % m);
        let (low, high) = (first.min(second), first.max(second));
        let segments = vec![low, high - low, 0, m - high];
        let split = Calls { segments, ..calls.clone() };
        for kernel in KERNELS {
            prop_assert_eq!(solved(&calls, kernel, &y).map(bits), solved(&split, kernel, &y).map(bits));
        }
    }

    #[test]
    fn a_snp_that_does_not_vary_changes_no_bit(
        (calls, y) in cohort(3..60),
        at in 0usize..60,
        dosage in 0u8..3,
        gone in prop::collection::vec(any::<bool>(), N),
    ) {
        let mut more = calls.clone();
        let constant = gone.iter().map(|&gone| (!gone).then_some(dosage)).collect();
        more.snps.insert(at % (calls.snps.len() + 1), constant);
        more.segments[0] += 1;
        // IBS and the GRM of PLINK divide by the number of SNPs.
        for kernel in KERNELS.into_iter().filter(|k| ![Kernel::Ibs, Kernel::TwoPq].contains(k)) {
            prop_assert_eq!(solved(&calls, kernel, &y).map(bits), solved(&more, kernel, &y).map(bits));
        }
    }

    #[test]
    fn the_order_of_individuals_changes_rounding_only(
        (calls, y) in cohort(3..60),
        keys in prop::collection::vec(any::<u64>(), N),
    ) {
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by_key(|&i| keys[i]);
        let place = |i: u32| order.iter().position(|&o| o == i as usize).unwrap() as u32;
        let snps = calls.snps.iter().map(|s| order.iter().map(|&i| s[i]).collect()).collect();
        let permuted = Calls { snps, ..calls.clone() };
        let z: Vec<f64> = order.iter().map(|&i| y[i]).collect();
        let (train, test) = rows();
        let mut moved: Vec<u32> = train.iter().map(|&i| place(i)).collect();
        moved.sort_unstable();
        let tested: Vec<u32> = test.iter().map(|&i| place(i)).collect();
        for kernel in KERNELS {
            let a = solve(&calls, kernel, &y, (&train, &test));
            let b = solve(&permuted, kernel, &z, (&moved, &tested));
            prop_assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(mut b)) = (a, b) {
                let moved = |p: usize| place((p % N) as u32) as usize + N * place((p / N) as u32) as usize;
                b.kernel = (0..N * N).map(|p| b.kernel[moved(p)]).collect();
                // Kernel values but for the linear scale, a mean in another order, have equal bits.
                let top = largest(&a.kernel).max(largest(&b.kernel));
                near(&a, &b, &y, 4.0 * N as f64 * UNIT * top * (1.0 + top))?;
            }
        }
    }

    #[test]
    fn which_allele_is_counted_changes_rounding_only(
        (calls, y) in cohort(3..60),
        swap in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut swapped = calls.clone();
        for (snp, _) in swapped.snps.iter_mut().zip(&swap).filter(|(_, swap)| **swap) {
            snp.iter_mut().flatten().for_each(|x| *x = 2 - *x);
        }
        let complete = calls.snps.iter().flatten().all(Option::is_some);
        for kernel in KERNELS {
            let (a, b) = (solved(&calls, kernel, &y), solved(&swapped, kernel, &y));
            prop_assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                let delta = imputation(kernel, &a, &b, calls.snps.len());
                near(&a, &b, &y, delta)?;
                // Without missing calls distances are whole numbers: nothing is rounded.
                let distance = kernel.has_gamma() || kernel == Kernel::Ibs;
                if complete && distance {
                    prop_assert_eq!(bits(a), bits(b));
                }
            }
        }
    }
}

/// What must be equal to the last bit.
fn bits(s: Solution) -> (Vec<u64>, Vec<u64>) {
    let of = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect();
    (of(&s.predicted), of(&s.weights))
}
