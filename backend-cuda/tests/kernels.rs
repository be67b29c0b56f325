//! The kernels' own text, compiled for the CPU, against `backend-cpu` and against plain loops in the
//! promised order, bit by bit, at sizes about a warp and past a block; and the proof that a wrong
//! kernel would be found.

use std::fs;
use std::path::Path;

use epitile_core::backend::{Backend, Solve, Trans};
use epitile_core::conformance::gauge::same_tile;
use epitile_core::conformance::sample::Sample;
use epitile_core::conformance::{pairs, require};
use epitile_core::kernel::{Kernel, KernelMap};
use epitile_core::pairs::PairStatistic;
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::Tile;
use epitile_cpu::Cpu;

mod fake;

use fake::cuda;

const SIZES: [usize; 7] = [1, 2, 31, 33, 65, 257, 300];

const FORMATS: [Precision; 7] = [
    Precision::F64,
    Precision::F32,
    Precision::Tf32,
    Precision::F16,
    Precision::Bf16,
    Precision::F8E4M3,
    Precision::F8E5M2,
];

/// Numbers of every magnitude, midpoints of the narrow formats among them.
fn awkward(sample: &mut Sample, count: usize) -> Vec<f64> {
    (0..count)
        .map(|at| {
            let size = exp2(sample.below(60) as i32 - 40);
            // A few bits only: halfway between two numbers of a format of eight or sixteen bits.
            let bits = [4, 5, 9, 12, 53][at % 5];
            let x = (sample.uniform() * exp2(bits)).trunc() * exp2(-bits);
            x * size
        })
        .collect()
}

#[test]
fn conversions_have_the_bits_of_the_cpu() {
    let mut sample = Sample::new(1);
    for (at, &n) in SIZES.iter().enumerate() {
        let values = awkward(&mut sample, 3 * n);
        for from in FORMATS {
            let tile = Tile::from_f64(n, 3, &values, from, at as i32 - 3);
            let device = cuda().upload(tile.as_ref()).unwrap();
            for to in FORMATS {
                for scale in [0, -7, 5] {
                    let expected = Cpu::MEMORY.convert(&tile, to, scale).unwrap();
                    let got = cuda().convert(&device, to, scale).unwrap();
                    let got = cuda().download(&got).unwrap();
                    require(same_tile(
                        &format!("{from} → {to}, 2^{scale}"),
                        &got,
                        &expected,
                    ));
                }
            }
        }
    }
}

#[test]
fn sums_of_rows_have_the_bits_of_the_cpu() {
    let mut sample = Sample::new(2);
    for &rows in &SIZES {
        for cols in [1, 33, 130] {
            let values = awkward(&mut sample, rows * cols);
            let tile = Tile::from_f64(rows, cols, &values, Precision::F16, -3);
            let expected = Cpu::MEMORY.norm(&tile).unwrap();
            let got = cuda().norm(&cuda().upload(tile.as_ref()).unwrap()).unwrap();
            assert_eq!((got.rows, got.max), (expected.rows, expected.max));
        }
    }
}

#[test]
fn kernel_tiles_have_the_bits_of_the_cpu() {
    let mut sample = Sample::new(3);
    for (n, missing) in [(1, 0), (33, 0), (65, 40), (270, 0), (258, 60)] {
        let genotypes = sample.genotypes(n, &[130, 0, 700], missing);
        for kernel in [
            Kernel::Gaussian,
            Kernel::Laplacian,
            Kernel::Ibs,
            Kernel::Standardised,
        ] {
            let statistic = PairStatistic::new(kernel.pair_kind(), genotypes.counts());
            let map = KernelMap {
                kernel,
                gamma: 3e-3,
                scale: 800.0,
                rows: Vec::new(),
                cols: Vec::new(),
                covariates: None,
            };
            let (rows, cols) = (sample.places(65, n), sample.places(33, n));
            let on_cpu = Cpu::MEMORY.pairs(&statistic, &genotypes, None).unwrap();
            for backend in [cuda().clone(), cuda().clone().without_stored_pairs()] {
                let panel = backend.panel(genotypes.clone()).unwrap();
                let pairs = backend.pairs(&statistic, &panel, None).unwrap();
                for p in [Precision::F64, Precision::F32] {
                    let expected = Cpu::MEMORY.kernel_tile(&map, &on_cpu, &rows, &cols, p);
                    let got = backend.kernel_tile(&map, &pairs, &rows, &cols, p).unwrap();
                    let got = backend.download(&got).unwrap();
                    require(same_tile(
                        &format!("{kernel}, {n}, {p}"),
                        &got,
                        &expected.unwrap(),
                    ));
                }
            }
        }
    }
}

#[test]
fn pair_statistics_are_exact_when_made_again_at_every_use() {
    let backend = cuda().clone().without_stored_pairs();
    require(pairs::pair_statistics_are_exact(&backend, Precision::F64));
    require(pairs::pair_statistics_are_exact_with_missing_dosages(
        &backend,
        Precision::F64,
    ));
    require(pairs::pair_statistics_are_exact_across_blocks(
        &backend,
        Precision::F64,
    ));
}

/// Σ a_l x_l in the order of `apply`: parts of 32 in turn to four sums, which are added in order.
fn dot(a: impl Fn(usize) -> f64, x: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    for (l, &x) in x.iter().enumerate() {
        parts[l / 32 % 4] += a(l) * x;
    }
    parts[0] + parts[1] + parts[2] + parts[3]
}

#[test]
fn products_of_right_hand_sides_are_summed_in_the_promised_order() {
    let mut sample = Sample::new(4);
    for &m in &SIZES {
        for k in [1, 32, 65, 129, 300] {
            for (trans, t) in [(Trans::No, 1), (Trans::Yes, 9), (Trans::No, 17)] {
                let shape = if trans == Trans::No { (m, k) } else { (k, m) };
                let a = sample.operand(shape, Precision::F32);
                let (x, y) = (sample.values(k * t, 0), sample.values(m * t, 0));
                let panel = |rows, values: &[f64]| {
                    let tile = Tile::from_f64(rows, t, values, Precision::F64, 0);
                    cuda().upload(tile.as_ref()).unwrap()
                };
                let mut to = panel(m, &y);
                let device = cuda().upload(a.as_ref()).unwrap();
                cuda()
                    .apply(-0.3, (&device, trans), &panel(k, &x), &mut to)
                    .unwrap();
                let got = cuda().download(&to).unwrap().to_f64();
                let a = a.to_f64();
                for (at, got) in got.into_iter().enumerate() {
                    let (r, c) = (at % m, at / m);
                    let entry = |l| match trans {
                        Trans::No => a[l * m + r],
                        Trans::Yes => a[r * k + l],
                    };
                    let expected = y[at] + -0.3 * dot(entry, &x[c * k..][..k]);
                    assert_eq!(got.to_bits(), expected.to_bits(), "{m} × {k}, ({r}, {c})");
                }
            }
        }
    }
}

#[test]
fn right_hand_sides_are_solved_in_the_promised_order() {
    let mut sample = Sample::new(5);
    for &n in &SIZES {
        let l = sample.triangle(n, Precision::F32);
        let b = sample.values(2 * n, 0);
        for solve in [Solve::Left, Solve::LeftTransposed] {
            let device = cuda().upload(l.as_ref()).unwrap();
            let tile = Tile::from_f64(n, 2, &b, Precision::F64, 0);
            let mut x = cuda().upload(tile.as_ref()).unwrap();
            cuda().trsm(solve, &device, &mut x).unwrap();
            let got = cuda().download(&x).unwrap().to_f64();
            let l = l.to_f64();
            for (column, got) in b.chunks(n).zip(got.chunks(n)) {
                let expected = substituted(solve, &l, column);
                assert_eq!(got, expected, "{solve:?}, {n}");
            }
        }
    }
}

/// Band by band of 32; within a band unknown by unknown, above it (transposed) in rising order.
fn substituted(solve: Solve, l: &[f64], b: &[f64]) -> Vec<f64> {
    let (n, mut x) = (b.len(), b.to_vec());
    let bands = n.div_ceil(32);
    for step in 0..bands {
        let band = if solve == Solve::Left {
            step
        } else {
            bands - 1 - step
        };
        let range = band * 32..n.min(band * 32 + 32);
        let turns: Vec<usize> = match solve {
            Solve::Left => range.clone().collect(),
            _ => range.clone().rev().collect(),
        };
        for &j in &turns {
            x[j] /= l[j * n + j];
            for i in range.clone() {
                match solve {
                    Solve::Left if i > j => x[i] -= l[j * n + i] * x[j],
                    Solve::LeftTransposed if i < j => x[i] -= l[i * n + j] * x[j],
                    _ => {}
                }
            }
        }
        match solve {
            Solve::Left => {
                (range.end..n)
                    .for_each(|i| range.clone().for_each(|j| x[i] -= l[j * n + i] * x[j]));
            }
            _ => {
                (0..range.start)
                    .for_each(|i| range.clone().for_each(|j| x[i] -= l[i * n + j] * x[j]));
            }
        }
    }
    x
}

#[test]
fn ceilings_are_measured_for_every_kind_of_product_and_factor() {
    let rates = epitile_cuda::ceilings(cuda(), 48).unwrap();
    let works: Vec<&str> = rates.iter().map(|(work, _)| *work).collect();
    let expected = [
        "i8",
        "pairs",
        "f8",
        "f16",
        "bf16",
        "tf32",
        "f32",
        "f64",
        "potrf f32",
        "potrf f64",
    ];
    assert_eq!(works, expected);
    assert!(rates.iter().all(|(_, rate)| *rate > 0.0));
}

/// Kernel file, what stands there, what a mistake would make of it, and the test that finds it.
const MISTAKES: [(&str, &str, &str, &str); 13] = [
    ("convert.cu", "    __syncthreads();\n", "", "conversions"),
    ("convert.cu", "r * cols + c", "c * cols + r", "conversions"),
    ("format.cuh", "(half - 1 + odd)", "half", "conversions"),
    (
        "format.cuh",
        "e < l.least ? l.least - e : 0",
        "0",
        "conversions",
    ),
    ("norm.cu", "v > top", "v < top", "sums_of_rows"),
    (
        "kernel.cu",
        "1.0 / 40320.0",
        "1.0 / 40321.0",
        "kernel_tiles",
    ),
    (
        "numbers.cuh",
        "bi * (bi + 1) / 2",
        "bi * bi / 2",
        "kernel_tiles",
    ),
    (
        "pairs.cu",
        "sum * radix",
        "sum * (radix + 1)",
        "kernel_tiles",
    ),
    ("expand.cu", "(a ^ b) & ~low", "a & ~low", "kernel_tiles"),
    (
        "expand.cu",
        "kind == CHOSEN && missing",
        "missing",
        "kernel_tiles",
    ),
    (
        "expand.cu",
        "digits[p + stride] & x & ~y",
        "digits[p + stride] & x",
        "pair_statistics",
    ),
    (
        "panel.cu",
        "    __syncthreads();\n    u64 r = first_row + lane;",
        "    u64 r = first_row + lane;",
        "in_the_promised_order",
    ),
    (
        "panel.cu",
        "i < j : i > j && i < size",
        "i < j : i >= j && i < size",
        "in_the_promised_order",
    ),
];

#[test]
fn planted_mistakes_are_found() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistaken-kernels");
    for (file, text, mistake, test) in MISTAKES {
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(&own).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
        }
        let right = fs::read_to_string(own.join(file)).unwrap();
        assert_eq!(right.matches(text).count(), 1, "{text} in {file}");
        fs::write(copy.join(file), right.replace(text, mistake)).unwrap();
        let folder = fake::build("mistaken", Some(&copy));
        let output = fake::child(test, &[(fake::CHOSEN, folder.to_str().unwrap())]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success(),
            "{mistake} in {file} passed {test}"
        );
        assert!(
            said.contains("FAILED") || said.contains("running"),
            "{said}"
        );
    }
}
