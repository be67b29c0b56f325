use super::*;
use crate::algebra;
use crate::backend::Cpu;
use crate::error::CpuError;
use crate::simd::level::tests::at_every_isa;
use epitile_core::conformance::gemm::ORIENTATIONS;
use epitile_core::conformance::sample::Sample;
use epitile_core::conformance::{self, gauge};
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Tile, TileMut, TileRef};

/// The formats of operands.
const OPERANDS: [Precision; 7] = [
    Precision::F64,
    Precision::F32,
    Precision::Tf32,
    Precision::F16,
    Precision::Bf16,
    Precision::F8E4M3,
    Precision::F8E5M2,
];

/// Sizes around those of vectors, slivers and panels.
const SIZES: [usize; 12] = [1, 4, 7, 15, 16, 17, 31, 33, 47, 49, 65, 97];

/// Numbers that look random, in −1…1; with `order`, the diagonal of that order dominates.
fn numbers(len: usize, order: usize) -> Vec<f64> {
    let mut state = 11u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let mut values: Vec<f64> = (0..len).map(|_| next()).collect();
    (0..order).for_each(|i| values[i * (order + 1)] = 2.0 * order as f64);
    values
}

/// Bytes of a matrix that starts `shift` numbers into an allocation, `gap` numbers between columns.
struct Shifted {
    shape: (usize, usize, usize),
    precision: Precision,
    from: usize,
    words: Vec<u64>,
}

impl Shifted {
    fn new(
        rows: usize,
        cols: usize,
        order: usize,
        p: Precision,
        (shift, gap): (usize, usize),
    ) -> Self {
        let values = numbers(rows * cols, order);
        let shape = (rows, cols, rows + gap);
        let words = vec![0; (shift + cols * shape.2) * p.bytes() / 8 + 1];
        let mut shifted = Shifted {
            shape,
            precision: p,
            from: shift * p.bytes(),
            words,
        };
        shifted.view_mut().write(&values);
        shifted
    }

    fn view(&self) -> TileRef<'_> {
        let bytes = &bytemuck::cast_slice(&self.words)[self.from..];
        let whole = bytes.len() / self.precision.bytes() * self.precision.bytes();
        TileRef::new(self.shape, self.precision, 0, &bytes[..whole])
    }

    fn view_mut(&mut self) -> TileMut<'_> {
        let bytes = &mut bytemuck::cast_slice_mut(&mut self.words)[self.from..];
        let whole = bytes.len() / self.precision.bytes() * self.precision.bytes();
        TileMut::new(self.shape, self.precision, 0, &mut bytes[..whole])
    }

    /// The lower triangle if `lower`; what is above may be anything.
    fn values(&self, lower: bool) -> Vec<f64> {
        let (rows, cols, _) = self.shape;
        let mut out = vec![0.0; rows * cols];
        self.view().read_f64(&mut out);
        let above = |at: &usize| lower && at % rows < at / rows;
        (0..rows * cols).filter(above).for_each(|at| out[at] = 0.0);
        out
    }
}

/// Results of the four operations on matrices that start somewhere else each, with gaps.
fn results(
    (m, n, k): (usize, usize, usize),
    p: Precision,
    shift: usize,
    gap: usize,
) -> [Vec<f64>; 3] {
    let matrix =
        |rows, cols, order, times| Shifted::new(rows, cols, order, p, (times * shift, gap));
    let (a, b, l) = (matrix(m, k, 0, 1), matrix(n, k, 0, 3), matrix(n, n, n, 1));
    let (mut c, mut s, mut f) = (matrix(m, n, 0, 5), matrix(m, m, 0, 1), matrix(n, n, n, 7));
    let operands = ((a.view(), Trans::No), (b.view(), Trans::Yes));
    algebra::gemm::<Blocked>(-1.0, operands.0, operands.1, c.view_mut()).unwrap();
    algebra::trsm::<Blocked>(Solve::RightTransposed, l.view(), c.view_mut()).unwrap();
    algebra::syrk::<Blocked>(-1.0, a.view(), s.view_mut()).unwrap();
    algebra::potrf::<Blocked>(f.view_mut()).unwrap();
    [c.values(false), s.values(true), f.values(false)]
}

#[test]
fn bits_do_not_depend_on_alignment() {
    at_every_isa(|_| alignments());
}

fn alignments() {
    for p in [Precision::F64, Precision::F32] {
        for shape in [(1, 9, 33), (17, 17, 17), (33, 40, 65), (130, 129, 131)] {
            let expected = results(shape, p, 0, 0);
            for shift in [1, 2, 7] {
                let shifted = results(shape, p, shift, 0);
                assert_eq!(shifted, expected, "{p}, {shape:?}, shifted by {shift}");
            }
        }
    }
}

#[test]
fn gaps_between_columns_are_left_out() {
    at_every_isa(|_| gaps());
}

fn gaps() {
    for p in [Precision::F64, Precision::F32] {
        for shape in [(2, 9, 33), (17, 17, 17), (33, 40, 65)] {
            for gap in [1, 3, 8] {
                assert_eq!(
                    results(shape, p, 1, gap),
                    results(shape, p, 0, 0),
                    "{p}, {shape:?}"
                );
            }
        }
    }
}

#[test]
fn the_first_wrong_pivot_is_named() {
    at_every_isa(|_| wrong_pivots());
}

fn wrong_pivots() {
    for p in [Precision::F64, Precision::F32] {
        for n in [1, 5, 64, 65, 200] {
            for pivot in [0, n / 2, n - 1] {
                for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut values = vec![0.0; n * n];
                    (0..n).for_each(|i| values[i * (n + 1)] = if i < pivot { 4.0 } else { wrong });
                    let mut tile = Tile::from_f64(n, n, &values, p, 0);
                    let failed = algebra::potrf::<Blocked>(tile.as_mut());
                    let (rows, precision) = (n, p);
                    let expected = CpuError::NotPositiveDefinite {
                        pivot,
                        rows,
                        precision,
                    };
                    assert_eq!(failed, Err(expected), "{wrong}");
                }
            }
        }
    }
}

#[test]
fn a_nan_anywhere_in_the_lower_triangle_is_found() {
    at_every_isa(|_| {
        for p in [Precision::F64, Precision::F32] {
            for n in [2, 33, 150] {
                for (r, c) in [(n - 1, 0), (n - 1, n - 2), (n / 2, 0)] {
                    let mut values = numbers(n * n, n);
                    values[c * n + r] = f64::NAN;
                    let mut tile = Tile::from_f64(n, n, &values, p, 0);
                    let failed = algebra::potrf::<Blocked>(tile.as_mut());
                    let Err(CpuError::NotPositiveDefinite { pivot, .. }) = failed else {
                        panic!("{p}, {n}: {failed:?}");
                    };
                    assert_eq!(pivot, r, "{p}, {n}");
                }
            }
        }
    });
}

#[test]
fn what_stands_above_the_diagonal_is_not_read_and_becomes_zero() {
    let n = 70;
    let clean = numbers(n * n, n);
    let mut rubbish = clean.clone();
    (0..n * n)
        .filter(|at| at % n < at / n)
        .for_each(|at| rubbish[at] = f64::NAN);
    let factor = |values: &[f64]| {
        let mut tile = Tile::from_f64(n, n, values, Precision::F64, 0);
        algebra::potrf::<Blocked>(tile.as_mut()).unwrap();
        tile.to_f64()
    };
    let l = factor(&rubbish);
    assert_eq!(l, factor(&clean));
    assert!(
        (0..n * n)
            .filter(|at| at % n < at / n)
            .all(|at| l[at] == 0.0)
    );
}

#[test]
fn outputs_that_are_no_accumulators_are_refused() {
    let a = Tile::zeros(2, 2, Precision::F32);
    for p in [Precision::F16, Precision::Tf32, Precision::I8] {
        let mut c = Tile::zeros(2, 2, p);
        let (a, no) = (a.as_ref(), Trans::No);
        let refused = algebra::gemm::<Blocked>(1.0, (a, no), (a, no), c.as_mut());
        let operation = "gemm";
        assert_eq!(
            refused,
            Err(CpuError::Unsupported {
                operation,
                precision: p
            })
        );
    }
}

/// Shapes (m, n, k), most of them small and awkward, some past the blocks of the terms and rows.
fn shapes(sample: &mut Sample) -> Vec<(usize, usize, usize)> {
    let mut size = || SIZES[sample.below(SIZES.len())];
    let mut shapes: Vec<_> = (0..12).map(|_| (size(), size(), size())).collect();
    shapes.extend([(50, 9, 1100), (600, 17, 3)]);
    shapes
}

#[test]
fn products_are_within_their_bound_on_every_instruction_set() {
    at_every_isa(|isa| {
        let mut sample = Sample::new(21);
        for (turn, p) in OPERANDS.into_iter().enumerate() {
            for q in OPERANDS {
                for (m, n, k) in shapes(&mut sample) {
                    let (ta, tb) = ORIENTATIONS[sample.below(4)];
                    let a = sample.operand(conformance::gemm::oriented((m, k), ta), p);
                    let b = sample.operand(conformance::gemm::oriented((k, n), tb), q);
                    let c = [Precision::F32, Precision::F64][(turn + n) % 2];
                    let c = sample.accumulator((m, n), c, 0);
                    let alpha = [-1.0, 1.0, -0.3][sample.below(3)];
                    conformance::gemm::holds(&Cpu::MEMORY, alpha, (&a, ta), (&b, tb), &c)
                        .unwrap_or_else(|e| panic!("{isa}: {e}"));
                }
            }
            for (n, _, k) in shapes(&mut sample) {
                let (a, c) = (sample.operand((n, k), p), Precision::F32);
                let c = sample.accumulator((n, n), c, 0);
                conformance::syrk::holds(&Cpu::MEMORY, -1.0, &a, &c)
                    .unwrap_or_else(|e| panic!("{isa}: {e}"));
            }
        }
    });
}

#[test]
fn solves_and_factors_are_within_their_bounds_on_every_instruction_set() {
    at_every_isa(|isa| {
        let mut sample = Sample::new(22);
        for p in OPERANDS {
            for to in [Precision::F32, Precision::F64] {
                for solve in conformance::trsm::FORMS {
                    for n in [1, 7, 16, 33, 97] {
                        let systems = SIZES[sample.below(SIZES.len())];
                        let shape = match solve {
                            Solve::RightTransposed => (systems, n),
                            _ => (n, systems),
                        };
                        let l = sample.triangle(n, p);
                        let b = sample.accumulator(shape, to, 3);
                        conformance::trsm::holds(&Cpu::MEMORY, solve, &l, &b)
                            .unwrap_or_else(|e| panic!("{isa}: {e}"));
                    }
                }
            }
        }
        for p in [Precision::F32, Precision::F64] {
            for n in SIZES {
                let mut values = numbers(n * n, n);
                (0..n * n)
                    .filter(|at| at % n < at / n)
                    .for_each(|at| values[at] = f64::NAN);
                let a = Tile::from_f64(n, n, &values, p, 0);
                conformance::potrf::holds(&Cpu::MEMORY, &a)
                    .unwrap_or_else(|e| panic!("{isa}: {e}"));
            }
        }
    });
}

#[test]
fn every_stored_number_is_widened_exactly_on_every_instruction_set() {
    let codes: Vec<u16> = (0..=u16::MAX).collect();
    let codes: &[u8] = bytemuck::cast_slice(&codes);
    let one = Tile::from_f64(1, 1, &[1.0], Precision::F32, 0);
    at_every_isa(|isa| {
        for p in OPERANDS {
            let rows = codes.len() / p.bytes();
            for to in [Precision::F32, Precision::F64] {
                // The last scale is no number of FP32.
                for scale in [0, -9, 3, 130] {
                    let tile = Tile::from_bytes(rows, 1, p, scale, codes).unwrap();
                    // 16 columns: no right-hand sides. (m × 1)·(1 × 1) would do.
                    let mut c = Tile::zeros(rows, 16, to);
                    let ones = Tile::from_f64(1, 16, &[1.0; 16], one.precision(), 0);
                    let (a, b) = ((tile.as_ref(), Trans::No), (ones.as_ref(), Trans::No));
                    algebra::gemm::<Blocked>(1.0, a, b, c.as_mut()).unwrap();
                    let expected = gauge_values(&tile, to);
                    for (at, got) in c.to_f64().into_iter().enumerate() {
                        let expected = expected[at % rows];
                        assert!(
                            got == expected || got.is_nan() && expected.is_nan(),
                            "{isa}, {p} to {to}, scale {scale}, {}: {got:e}, not {expected:e}",
                            at % rows
                        );
                    }
                }
            }
        }
    });
}

/// Values of a tile, rounded once.
fn gauge_values(tile: &Tile, to: Precision) -> Vec<f64> {
    let rounded = |v| epitile_core::round::round(v, to);
    tile.to_f64().into_iter().map(rounded).collect()
}

#[test]
fn products_by_wide_and_narrow_vectors_have_the_same_bits() {
    for p in [Precision::F64, Precision::F32] {
        let seen = std::cell::RefCell::new(Vec::new());
        at_every_isa(|isa| {
            // These two differ in nothing but their width, for these operands.
            if ["avx2", "avx512"].contains(&isa.to_string().as_str()) {
                let matrix = |rows| Shifted::new(rows, 600, 0, p, (0, 0));
                let (a, b, mut c) = (matrix(65), matrix(50), Shifted::new(65, 50, 0, p, (0, 0)));
                let operands = ((a.view(), Trans::No), (b.view(), Trans::Yes));
                algebra::gemm::<Blocked>(-0.3, operands.0, operands.1, c.view_mut()).unwrap();
                seen.borrow_mut().push(c.values(false));
            }
        });
        assert!(
            seen.into_inner().windows(2).all(|pair| pair[0] == pair[1]),
            "{p}"
        );
    }
}

#[test]
fn subnormals_of_bf16_count() {
    // 2⁻¹³⁰ is subnormal in BF16, and its product with 2¹³⁰ ½.
    let tiny = Tile::from_f64(20, 3, &[exp2(-130); 60], Precision::Bf16, 0);
    let huge = Tile::from_f64(3, 20, &[exp2(120); 60], Precision::Bf16, 0);
    at_every_isa(|isa| {
        let mut c = Tile::zeros(20, 20, Precision::F32);
        let (a, b) = ((tiny.as_ref(), Trans::No), (huge.as_ref(), Trans::No));
        algebra::gemm::<Blocked>(1.0, a, b, c.as_mut()).unwrap();
        assert_eq!(c.to_f64(), [3.0 * exp2(-10); 400], "{isa}");
    });
}

#[test]
fn scales_far_from_one_neither_overflow_nor_vanish() {
    at_every_isa(|isa| {
        for p in [Precision::F16, Precision::F8E4M3, Precision::F8E5M2] {
            for (sa, sb, alpha) in [
                (90, -95, 1.0),
                (-100, 100, -0.3),
                (60, 60, exp2(-110)),
                (-70, -60, exp2(120)),
            ] {
                let a = Tile::from_f64(9, 5, &[3.0 * exp2(sa); 45], p, sa);
                let b = Tile::from_f64(5, 9, &[1.5 * exp2(sb); 45], p, sb);
                let mut c = Tile::zeros(9, 9, Precision::F32);
                let operands = ((a.as_ref(), Trans::No), (b.as_ref(), Trans::No));
                algebra::gemm::<Blocked>(alpha, operands.0, operands.1, c.as_mut()).unwrap();
                let truth = alpha * 22.5 * exp2(sa + sb);
                // Sums of 22.5 are exact; α is rounded once, and the product with it.
                let bound = gauge::gamma(2, Precision::F32.unit_roundoff()) * truth.abs();
                for got in c.to_f64() {
                    assert!(
                        (got - truth).abs() <= bound,
                        "{isa}, {p}: {got:e}, {truth:e}"
                    );
                }
            }
        }
    });
}

#[test]
fn pivots_without_a_reciprocal_are_divided_by() {
    // 2⁻¹⁴⁰ and 2¹²⁷ have reciprocals that FP32 does not hold, or not to full precision.
    at_every_isa(|isa| {
        for pivot in [exp2(-140), exp2(127), 1.5 * exp2(-149)] {
            let pivot = f64::from(pivot as f32);
            let l = Tile::from_f64(1, 1, &[pivot], Precision::F32, 0);
            let x = [1.0, -3.0, 0.75];
            let b: Vec<f64> = x.iter().map(|x| x * pivot).collect();
            let mut b = Tile::from_f64(3, 1, &b, Precision::F32, 0);
            let expected: Vec<f64> = b.to_f64().iter().map(|b| b / pivot).collect();
            algebra::trsm::<Blocked>(Solve::RightTransposed, l.as_ref(), b.as_mut()).unwrap();
            assert_eq!(b.to_f64(), expected, "{isa}, {pivot:e}");
        }
    });
}
