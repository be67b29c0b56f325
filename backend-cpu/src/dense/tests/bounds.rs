//! How far results may be from exact ones, on every instruction set.

use super::*;
use epitile_core::conformance::gemm::ORIENTATIONS;
use epitile_core::conformance::{self, gauge};
use epitile_core::precision::exp2;

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

/// Shapes (m, n, k) past what the matrix unit takes at a time, none of whose sizes is even.
const LARGE: [(usize, usize, usize); 3] = [(145, 163, 41), (33, 131, 97), (163, 31, 65)];

/// Sizes around those of vectors, slivers and panels.
const SIZES: [usize; 12] = [1, 4, 7, 15, 16, 17, 31, 33, 47, 49, 65, 97];

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
fn large_systems_are_solved_within_their_bound_on_every_instruction_set() {
    at_every_isa(|isa| {
        let mut sample = Sample::new(26);
        for p in [Precision::F32, Precision::F16, Precision::F64] {
            for (systems, n) in [(131, 129), (150, 300), (64, 200)] {
                let l = sample.triangle(n, p);
                let b = sample.accumulator((systems, n), Precision::F32, 3);
                conformance::trsm::holds(&Cpu::MEMORY, Solve::RightTransposed, &l, &b)
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
fn large_products_are_within_their_bound_on_every_instruction_set() {
    at_every_isa(|isa| {
        let mut sample = Sample::new(24);
        for (p, q) in [
            (Precision::Bf16, Precision::Bf16),
            (Precision::F8E4M3, Precision::F8E5M2),
            (Precision::F16, Precision::F16),
            (Precision::F16, Precision::Bf16),
            (Precision::F32, Precision::F32),
            (Precision::Bf16, Precision::F32),
            (Precision::F64, Precision::F16),
        ] {
            for (m, n, k) in LARGE {
                let (ta, tb) = ORIENTATIONS[sample.below(4)];
                let a = sample.operand(conformance::gemm::oriented((m, k), ta), p);
                let b = sample.operand(conformance::gemm::oriented((k, n), tb), q);
                let c = sample.accumulator((m, n), Precision::F32, 0);
                conformance::gemm::holds(&Cpu::MEMORY, -0.3, (&a, ta), (&b, tb), &c)
                    .unwrap_or_else(|e| panic!("{isa}: {e}"));
                let (a, c) = (sample.operand((n, k), p), Precision::F32);
                let c = sample.accumulator((n, n), c, 0);
                conformance::syrk::holds(&Cpu::MEMORY, -1.0, &a, &c)
                    .unwrap_or_else(|e| panic!("{isa}: {e}"));
            }
        }
    });
}

/// Numbers whose BF16 pieces, or products of those, leave the range of normal numbers.
#[test]
fn numbers_near_the_ends_of_the_range_are_multiplied_all_the_same() {
    let (m, n, k) = (40, 150, 33);
    at_every_isa(|isa| {
        let mut sample = Sample::new(25);
        for (mine, other, alpha) in [
            (-110, 60, 1.0),
            (60, -110, 1.0),
            (-60, 0, -1.0),
            (100, -100, 1.0),
            (0, 0, exp2(-100)),
        ] {
            let mut a = sample.values(m * k, mine);
            let b = sample.values(k * n, other);
            a.iter_mut().step_by(2).for_each(|a| *a *= exp2(-5));
            let a = Tile::from_f64(m, k, &a, Precision::F32, 0);
            let b = Tile::from_f64(k, n, &b, Precision::F32, 0);
            let c = sample.accumulator((m, n), Precision::F32, mine + other);
            let operands = ((&a, Trans::No), (&b, Trans::No));
            conformance::gemm::holds(&Cpu::MEMORY, alpha, operands.0, operands.1, &c)
                .unwrap_or_else(|e| panic!("{isa}, 2^{mine} by 2^{other}: {e}"));
        }
    });
}

#[test]
fn subnormals_of_bf16_count() {
    // 2⁻¹³⁰ is subnormal in BF16, and its product with 2¹³⁰ ½.
    for terms in [3, 33] {
        let len = 20 * terms;
        let tiny = Tile::from_f64(20, terms, &vec![exp2(-130); len], Precision::Bf16, 0);
        let huge = Tile::from_f64(terms, 20, &vec![exp2(120); len], Precision::Bf16, 0);
        at_every_isa(|isa| {
            let mut c = Tile::zeros(20, 20, Precision::F32);
            let (a, b) = ((tiny.as_ref(), Trans::No), (huge.as_ref(), Trans::No));
            algebra::gemm::<Blocked>(1.0, a, b, c.as_mut()).unwrap();
            assert_eq!(c.to_f64(), [terms as f64 * exp2(-10); 400], "{isa}");
        });
    }
}

#[test]
fn subnormals_of_bf16_count_in_a_row_past_those_already_done() {
    const ROWS: usize = 500;
    let number = |at: usize| {
        if at % ROWS == ROWS - 1 {
            exp2(-130)
        } else {
            1.0
        }
    };
    let values: Vec<f64> = (0..3 * ROWS).map(number).collect();
    let mixed = Tile::from_f64(ROWS, 3, &values, Precision::Bf16, 0);
    let huge = Tile::from_f64(2, 3, &[exp2(120); 6], Precision::Bf16, 0);
    at_every_isa(|isa| {
        let mut c = Tile::zeros(ROWS, 2, Precision::F32);
        let (a, b) = ((mixed.as_ref(), Trans::No), (huge.as_ref(), Trans::Yes));
        algebra::gemm::<Blocked>(1.0, a, b, c.as_mut()).unwrap();
        let expected: Vec<f64> = (0..2 * ROWS)
            .map(|at| 3.0 * exp2(120) * number(at))
            .collect();
        assert_eq!(c.to_f64(), expected, "{isa}");
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
