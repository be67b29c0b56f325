use super::*;
use crate::algebra;
use crate::backend::Cpu;
use crate::error::CpuError;
use crate::simd::level::tests::at_every_isa;
use epitile_core::conformance::sample::Sample;
use epitile_core::precision::Precision;
use epitile_core::tile::{Tile, TileMut, TileRef};

mod bounds;

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
