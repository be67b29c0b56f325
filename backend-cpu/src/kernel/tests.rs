use super::*;
use crate::pairs::tests::cohort;
use crate::simd::level::tests::at_every_level;
use epitile_core::engine::InOrder;
use epitile_core::genotypes::Genotypes;
use epitile_core::kernel::{Kernel, KernelCovariates};
use epitile_core::pairs::{PairStatistic, centred_norms};
use epitile_core::round::FLUSH_BELOW;

const KERNELS: [Kernel; 8] = [
    Kernel::Linear,
    Kernel::Standardised,
    Kernel::TwoPq,
    Kernel::Gaussian,
    Kernel::Laplacian,
    Kernel::Ibs,
    Kernel::Poly(3),
    Kernel::GrmSquared,
];

fn map(kernel: Kernel, rows: &Genotypes, cols: &Genotypes, covariates: bool) -> KernelMap {
    let norms = |g: &Genotypes| match kernel {
        Kernel::Linear | Kernel::Poly(_) => centred_norms(&InOrder, g, rows.counts(), None),
        _ => Vec::new(),
    };
    let values = |g: &Genotypes| (0..2 * g.samples()).map(|i| (i % 7) as f64 / 3.0).collect();
    KernelMap {
        kernel,
        gamma: 0.013,
        scale: rows.snps() as f64,
        rows: norms(rows),
        cols: norms(cols),
        covariates: (covariates && kernel.has_gamma()).then(|| KernelCovariates {
            count: 2,
            rows: values(rows),
            cols: values(cols),
        }),
    }
}

fn check(map: &KernelMap, pairs: &Pairs, rows: &[u32], cols: &[u32]) {
    let wide = tile(map, pairs, rows, cols, Precision::F64).unwrap();
    let narrow = tile(map, pairs, rows, cols, Precision::F32).unwrap();
    let (wide, narrow) = (wide.to_f64(), narrow.to_f64());
    for (c, &j) in cols.iter().enumerate() {
        for (r, &i) in rows.iter().enumerate() {
            let (i, j) = (i as usize, j as usize);
            let raw = pairs.matrix().get(i, j);
            let value = map.value(raw, pairs.matrix().unit(), i, j);
            let at = c * rows.len() + r;
            let name = format!("{} of {i}, {j}", map.kernel);
            assert_eq!(wide[at].to_bits(), value.to_bits(), "{name}");
            let expected = if value.abs() < FLUSH_BELOW {
                0.0
            } else {
                f64::from(value as f32)
            };
            assert_eq!(narrow[at], expected, "{name}");
        }
    }
}

#[test]
fn kernel_tiles_have_the_bits_of_the_kernel_function() {
    for missing in [0, 11] {
        let g = cohort(300, &[200], missing, 1);
        let h = cohort(40, &[200], missing, 2);
        let ascending: Vec<u32> = (0..300).collect();
        let shuffled: Vec<u32> = (0..300).map(|i| i * 77 % 300).collect();
        for kernel in KERNELS {
            let statistic = PairStatistic::new(kernel.pair_kind(), g.counts());
            let square = Pairs::new(&statistic, &g, None);
            let wide = Pairs::new(&statistic, &h, Some(&g));
            for covariates in [false, true] {
                let on_itself = map(kernel, &g, &g, covariates);
                check(&on_itself, &square, &ascending, &shuffled[..70]);
                check(&on_itself, &square, &shuffled[..9], &ascending);
                check(&on_itself, &square, &[5, 5, 299], &[]);
                let across = KernelMap {
                    ..map(kernel, &h, &g, covariates)
                };
                check(&across, &wide, &shuffled[..0], &ascending);
                let few: Vec<u32> = (0..40).rev().collect();
                check(&across, &wide, &few, &shuffled);
            }
        }
    }
}

#[test]
fn tables_are_kept_by_function_and_constants() {
    let g = cohort(300, &[200], 0, 3);
    let statistic = PairStatistic::new(Kernel::Gaussian.pair_kind(), g.counts());
    let pairs = Pairs::new(&statistic, &g, None);
    let first = map(Kernel::Gaussian, &g, &g, false);
    let table = pairs.table(&first).unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &table,
        &pairs.table(&first).unwrap()
    ));
    for gamma in 1..9 {
        let other = KernelMap {
            gamma: f64::from(gamma),
            ..first.clone()
        };
        check(&other, &pairs, &[0, 7, 200], &[1, 299]);
    }
    assert!(!std::sync::Arc::ptr_eq(
        &table,
        &pairs.table(&first).unwrap()
    ));
    // The same constants with covariates are no table.
    let covariates = map(Kernel::Gaussian, &g, &g, true);
    assert!(pairs.table(&covariates).is_none());
}

#[test]
fn values_that_vanish_in_f32_are_zero() {
    let g = cohort(3, &[300], 0, 4);
    let statistic = PairStatistic::new(Kernel::Gaussian.pair_kind(), g.counts());
    let pairs = Pairs::new(&statistic, &g, None);
    let sharp = KernelMap {
        gamma: 0.5,
        ..map(Kernel::Gaussian, &g, &g, false)
    };
    let values = tile(&sharp, &pairs, &[0, 1, 2], &[0, 1, 2], Precision::F32)
        .unwrap()
        .to_f64();
    assert_eq!(values, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    check(&sharp, &pairs, &[0, 1, 2], &[0, 1, 2]);
}

#[test]
fn other_precisions_are_refused() {
    let g = cohort(3, &[10], 0, 5);
    let statistic = PairStatistic::new(Kernel::Ibs.pair_kind(), g.counts());
    let pairs = Pairs::new(&statistic, &g, None);
    let ibs = map(Kernel::Ibs, &g, &g, false);
    let refused = tile(&ibs, &pairs, &[0], &[1], Precision::F16);
    assert!(matches!(refused, Err(CpuError::Unsupported { .. })));
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for missing in [0, 11] {
        let g = cohort(50, &[200], missing, 6);
        let all: Vec<u32> = (0..50).collect();
        for kernel in KERNELS {
            let statistic = PairStatistic::new(kernel.pair_kind(), g.counts());
            let pairs = Pairs::new(&statistic, &g, None);
            for covariates in [false, true] {
                let map = map(kernel, &g, &g, covariates);
                at_every_level(|_| check(&map, &pairs, &all, &all[..33]));
            }
        }
    }
}
