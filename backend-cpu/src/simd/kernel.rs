//! Kernel functions of many pairs.

use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::precision::exp2;

use crate::simd::level::multiversion;

/// A stored pair statistic.
pub(crate) trait Number: Copy + Default {
    /// The number, rounded once if f64 does not hold it.
    fn to_f64(self) -> f64;
    /// Its place in a table.
    fn place(self) -> usize;
}

impl Number for u32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn place(self) -> usize {
        self as usize
    }
}

impl Number for i64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn place(self) -> usize {
        self as usize
    }
}

multiversion! {
    /// `out` ← values of `map` at `numbers` in units of 2^unit; `offsets`, unless empty, are those
    /// of the pairs ([`KernelMap::offset`]).
    fn apply<N: Number>(
        map: &KernelMap,
        unit: i32,
        numbers: &[N],
        offsets: &[f64],
        out: &mut [f64],
    ) = body::<N>, body::<N>
}

#[inline(always)]
fn body<N: Number>(map: &KernelMap, unit: i32, numbers: &[N], offsets: &[f64], out: &mut [f64]) {
    let unit = exp2(unit);
    // A function named here becomes a loop that vectorises.
    let run = |kernel, out: &mut [f64]| {
        let map = KernelMap {
            kernel,
            rows: Vec::new(),
            cols: Vec::new(),
            covariates: None,
            ..*map
        };
        if offsets.is_empty() {
            for (o, n) in out.iter_mut().zip(numbers) {
                *o = map.apply(n.to_f64() * unit, 0.0);
            }
        } else {
            for ((o, n), &offset) in out.iter_mut().zip(numbers).zip(offsets) {
                *o = map.apply(n.to_f64() * unit, offset);
            }
        }
    };
    match map.kernel {
        Kernel::Linear => run(Kernel::Linear, out),
        Kernel::Standardised => run(Kernel::Standardised, out),
        Kernel::TwoPq => run(Kernel::TwoPq, out),
        Kernel::Gaussian => run(Kernel::Gaussian, out),
        Kernel::Laplacian => run(Kernel::Laplacian, out),
        Kernel::Ibs => run(Kernel::Ibs, out),
        Kernel::Poly(degree) => run(Kernel::Poly(degree), out),
        Kernel::GrmSquared => run(Kernel::GrmSquared, out),
    }
}

multiversion! {
    /// `out` ← the numbers of `line` at the places `at` of individuals in a stored block.
    fn gather<N: Number>(line: &[N], at: &[u32], out: &mut [N]) = gather_body::<N>, gather_body::<N>
}

#[inline(always)]
fn gather_body<N: Number>(line: &[N], at: &[u32], out: &mut [N]) {
    for (o, &i) in out.iter_mut().zip(at) {
        *o = line[i as usize];
    }
}

multiversion! {
    /// `out` ← the entries of `table` at `numbers`.
    fn look_up<N: Number>(table: &[f64], numbers: &[N], out: &mut [f64])
        = look_up_body::<N>, look_up_body::<N>
}

#[inline(always)]
fn look_up_body<N: Number>(table: &[f64], numbers: &[N], out: &mut [f64]) {
    for (o, &n) in out.iter_mut().zip(numbers) {
        *o = table[n.place()];
    }
}
