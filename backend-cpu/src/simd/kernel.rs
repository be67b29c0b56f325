//! Kernel functions of many pairs.

use epitile_core::kernel::{Kernel, KernelMap};

use crate::simd::level::multiversion;

multiversion! {
    /// `out` ← values of `map` at the stored `numbers` of the pairs `rows` × `cols`, column-major.
    fn apply(
        map: &KernelMap,
        unit: i32,
        rows: &[u32],
        cols: &[u32],
        numbers: &[i64],
        out: &mut [f64],
    ) = body, body
}

#[inline(always)]
fn body(map: &KernelMap, unit: i32, rows: &[u32], cols: &[u32], numbers: &[i64], out: &mut [f64]) {
    // A function that depends on the statistic alone, named here, becomes a loop that vectorises.
    let of_number = |kernel| KernelMap {
        kernel,
        rows: Vec::new(),
        cols: Vec::new(),
        covariates: None,
        ..*map
    };
    match map.kernel {
        Kernel::Gaussian if map.covariates.is_none() => {
            of_numbers(of_number(Kernel::Gaussian), unit, numbers, out)
        }
        Kernel::Laplacian if map.covariates.is_none() => {
            of_numbers(of_number(Kernel::Laplacian), unit, numbers, out)
        }
        Kernel::Standardised => of_numbers(of_number(Kernel::Standardised), unit, numbers, out),
        Kernel::TwoPq => of_numbers(of_number(Kernel::TwoPq), unit, numbers, out),
        Kernel::GrmSquared => of_numbers(of_number(Kernel::GrmSquared), unit, numbers, out),
        Kernel::Ibs => of_numbers(of_number(Kernel::Ibs), unit, numbers, out),
        _ => {
            let columns = out.chunks_exact_mut(rows.len()).zip(cols);
            for ((out, &j), numbers) in columns.zip(numbers.chunks_exact(rows.len())) {
                for ((o, &i), &n) in out.iter_mut().zip(rows).zip(numbers) {
                    *o = map.value(n, unit, i as usize, j as usize);
                }
            }
        }
    }
}

#[inline(always)]
fn of_numbers(map: KernelMap, unit: i32, numbers: &[i64], out: &mut [f64]) {
    for (o, &n) in out.iter_mut().zip(numbers) {
        *o = map.value(n, unit, 0, 0);
    }
}
