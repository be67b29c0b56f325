//! The reference backend: results worked out by hand, then every promise of the suite.

use std::sync::Arc;

use epitile_core::backend::{Backend, ErrorKind, Solve, Trans};
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::{PairKind, PairStatistic};
use epitile_core::precision::Precision::{self, *};
use epitile_core::reference::Reference;
use epitile_core::system::{LARGEST_EDGE, default_edge};
use epitile_core::tile::Tile;

mod suite {
    epitile_core::conformance!(
        epitile_core::reference::Reference,
        [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
    );
}

fn tile(rows: usize, values: &[f64], precision: Precision) -> Tile {
    Tile::from_f64(rows, values.len() / rows, values, precision, 0)
}

#[test]
fn a_product_of_two_by_three_and_three_by_two() {
    // [1 2 3; 4 5 6] · [1 0; 2 1; 0 2] = [5 8; 14 17], columns first.
    let a = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    let b = [1.0, 2.0, 0.0, 0.0, 1.0, 2.0];
    for p in [F64, F32, F16, Bf16, F8E4M3] {
        for to in [F64, F32] {
            let mut c = tile(2, &[1.0, 1.0, 1.0, 1.0], to);
            let (a, b) = (tile(2, &a, p), tile(3, &b, p));
            Reference
                .gemm(2.0, (&a, Trans::No), (&b, Trans::No), &mut c)
                .unwrap();
            assert_eq!(c.to_f64(), [11.0, 29.0, 17.0, 35.0]);
            // BᵀAᵀ = (AB)ᵀ.
            let mut c = tile(2, &[0.0; 4], to);
            Reference
                .gemm(1.0, (&b, Trans::Yes), (&a, Trans::Yes), &mut c)
                .unwrap();
            assert_eq!(c.to_f64(), [5.0, 8.0, 14.0, 17.0]);
            // A Aᵀ = [14 32; 32 77].
            let mut c = tile(2, &[0.0; 4], to);
            Reference.syrk(-1.0, &a, &mut c).unwrap();
            assert_eq!(c.to_f64()[..2], [-14.0, -32.0]);
            assert_eq!(c.to_f64()[3], -77.0);
        }
    }
}

#[test]
fn sums_with_f32_output_are_rounded_at_every_step() {
    // 2²⁴ + 1 is a midpoint of F32 and goes to the even 2²⁴: twice 1 is lost, one 2 is not.
    let ones = tile(1, &[1.0; 3], F32);
    for (terms, sum) in [
        ([16_777_216.0, 1.0, 1.0], 0.0),
        ([1.0, 1.0, 16_777_216.0], 2.0),
    ] {
        let mut c = tile(1, &[0.0], F32);
        let a = tile(1, &terms, F64);
        Reference
            .gemm(1.0, (&a, Trans::No), (&ones, Trans::Yes), &mut c)
            .unwrap();
        assert_eq!(c.to_f64(), [16_777_216.0 + sum]);
    }
}

#[test]
fn a_factor_and_its_three_solves_in_whole_numbers() {
    // L = [2 0 0; 1 3 0; −1 2 1], A = L Lᵀ.
    let l = [2.0, 1.0, -1.0, 0.0, 3.0, 2.0, 0.0, 0.0, 1.0];
    let a = [4.0, 2.0, -2.0, f64::NAN, 10.0, 5.0, f64::NAN, f64::NAN, 6.0];
    for p in [F64, F32] {
        let mut factor = tile(3, &a, p);
        Reference.potrf(&mut factor).unwrap();
        assert_eq!(factor.to_f64(), l);
        // x = (1, −2, 3): L x = (2, −5, −2), Lᵀ x = (−3, 0, 3); xᵀ Lᵀ = (L x)ᵀ.
        for (solve, rows, b) in [
            (Solve::Left, 3, [2.0, -5.0, -2.0]),
            (Solve::LeftTransposed, 3, [-3.0, 0.0, 3.0]),
            (Solve::RightTransposed, 1, [2.0, -5.0, -2.0]),
        ] {
            let mut x = tile(rows, &b, p);
            Reference.trsm(solve, &factor, &mut x).unwrap();
            assert_eq!(x.to_f64(), [1.0, -2.0, 3.0], "{solve:?}");
        }
        // The last pivot is 6 − (−1)² − 2² = 1: taking 1 away leaves none.
        let mut singular = tile(3, &a, p);
        let last = tile(1, &[0.0, 0.0, 1.0], p);
        Reference
            .gemm(-1.0, (&last, Trans::Yes), (&last, Trans::No), &mut singular)
            .unwrap();
        let error = Reference.potrf(&mut singular);
        assert_eq!(error, Err(ErrorKind::NotPositiveDefinite { pivot: 2 }));
    }
}

#[test]
fn a_conversion_divides_by_the_scale() {
    let t = tile(2, &[3.0, -1.0, 448.0, 1e-30], F64);
    let small = Reference.convert(&t, F8E4M3, 2).unwrap();
    // 3/4 = 1.5·2⁻¹, −1/4 = −2⁻², 448/4 = 1.75·2⁶; bias 7, three fraction bits.
    assert_eq!(small.bytes(), [6 << 3 | 4, 1 << 7 | 5 << 3, 13 << 3 | 6, 0]);
    assert_eq!(
        (small.scale(), small.to_f64()),
        (2, vec![3.0, -1.0, 448.0, 0.0])
    );
    let norm = Reference
        .norm(&Reference.convert(&t, F16, 5).unwrap())
        .unwrap();
    assert_eq!((norm.max, norm.rows), (448.0, vec![451.0, 1.0]));
    assert_eq!(norm.frobenius, 200_714f64.sqrt());
}

#[test]
fn outputs_of_other_precisions_and_whole_number_tiles_are_unsupported() {
    let (a, mut c) = (tile(1, &[1.0], F64), tile(1, &[1.0], F16));
    let unsupported = Err(ErrorKind::Unsupported);
    let no = Trans::No;
    assert_eq!(Reference.gemm(1.0, (&a, no), (&a, no), &mut c), unsupported);
    assert_eq!(Reference.trsm(Solve::Left, &a, &mut c), unsupported);
    assert_eq!(Reference.potrf(&mut c), unsupported);
    assert!(!Reference.supports(I8));
}

/// Two SNPs of three individuals: (0, 2), (1, missing), (2, 0).
fn cohort() -> Arc<Genotypes> {
    let mut b = GenotypeBuilder::new(3);
    b.segment("1");
    b.push([Some(0), Some(1), Some(2)]);
    b.push([Some(2), None, Some(0)]);
    Arc::new(b.finish())
}

#[test]
fn pairs_and_kernels_of_three_individuals() {
    let g = cohort();
    let statistic = PairStatistic::new(PairKind::Squared, g.counts());
    let pairs = Reference.pairs(&statistic, &g, None).unwrap();
    // The mean of the second SNP is 1: d² = 2²+2², 1²+1², 1²+1².
    let block = Reference.pair_block(&pairs, &[0, 2], &[0, 1, 2]).unwrap();
    assert_eq!(block, [0, 8, 2, 2, 8, 0].map(|d| d << 32));
    let map = KernelMap {
        kernel: Kernel::Linear,
        gamma: 0.0,
        scale: 2.0,
        // Centred dosages (−1, 1), (0, 0) and (1, −1).
        rows: vec![2.0, 0.0, 2.0],
        cols: vec![2.0, 0.0, 2.0],
        covariates: None,
    };
    for p in [F64, F32] {
        let k = Reference
            .kernel_tile(&map, &pairs, &[0, 1], &[2, 0], p)
            .unwrap();
        assert_eq!(k.to_f64(), [-1.0, 0.0, 1.0, 0.0], "inner products / 2");
    }
}

#[test]
fn tiles_are_a_sixteenth_of_the_system_up_to_what_the_backend_takes() {
    let edges = |n| [LARGEST_EDGE, 2048].map(|largest| default_edge(n, largest));
    assert_eq!(edges(90), [96, 96]);
    assert_eq!(edges(4000), [256, 256]);
    assert_eq!(edges(16_384), [512, 1024]);
    assert_eq!(edges(305_880), [512, 2048]);
}
