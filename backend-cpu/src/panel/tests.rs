use super::*;
use crate::simd::level::tests::at_every_level;
use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

/// More columns than are computed together, and no multiple.
const COLUMNS: usize = 35;

/// Numbers that look random, in −1…1.
fn noise(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed * 2 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn tile(rows: usize, cols: usize, p: Precision, seed: u64) -> Tile {
    Tile::from_f64(
        rows,
        cols,
        &noise(rows * cols, seed),
        p,
        if p == Precision::F16 { -2 } else { 0 },
    )
}

/// A well-conditioned lower triangle, with rubbish above the diagonal.
fn triangle(n: usize, p: Precision) -> Tile {
    let mut values = noise(n * n, 9);
    (0..n).for_each(|i| values[i * n + i] += 3.0);
    (0..n * n)
        .filter(|at| at % n < at / n)
        .for_each(|at| values[at] *= 50.0);
    Tile::from_f64(n, n, &values, p, 0)
}

fn column(t: &Tile, c: usize) -> Vec<f64> {
    t.to_f64()[c * t.rows()..][..t.rows()].to_vec()
}

fn columns(rows: usize, of: &[Vec<f64>], p: Precision) -> Tile {
    Tile::from_f64(rows, of.len(), &of.concat(), p, 0)
}

/// What panels hold.
const PANELS: [Precision; 2] = [Precision::F64, Precision::F32];

const OPERANDS: [Precision; 6] = [
    Precision::F64,
    Precision::F32,
    Precision::Bf16, // before F16, whose name its own ends in
    Precision::F16,
    Precision::F8E4M3,
    Precision::F8E5M2,
];

/// An operation on a panel, and its name.
type Named = (String, Box<dyn Fn(&Tile) -> Tile>);

/// Applies each operation with a square operand of order `n` to a panel.
fn operations(n: usize, p: Precision) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for trans in [Trans::No, Trans::Yes] {
        let a = tile(n, n, p, 4);
        all.push((
            format!("apply {trans:?} {p} {n}"),
            Box::new(move |b| {
                let mut c = Tile::zeros(n, b.cols(), b.precision());
                apply(-1.0, (a.as_ref(), trans), b.as_ref(), c.as_mut()).unwrap();
                c
            }),
        ));
    }
    for solve in [Solve::Left, Solve::LeftTransposed] {
        let l = triangle(n, p);
        all.push((
            format!("trsm {solve:?} {p} {n}"),
            Box::new(move |b| {
                let mut x = b.clone();
                trsm(solve, l.as_ref(), x.as_mut()).unwrap();
                x
            }),
        ));
    }
    all
}

#[test]
fn a_column_s_bits_depend_on_nothing_but_itself() {
    at_every_level(|level| {
        for (n, panel) in [1, 7, 8, 17, 33, 65, 70]
            .into_iter()
            .zip(PANELS.into_iter().cycle())
        {
            for (name, apply) in OPERANDS.iter().flat_map(|&p| operations(n, p)) {
                let b = tile(n, COLUMNS, panel, 5);
                let whole = apply(&b);
                // In another place, among other neighbours, alone.
                let permuted: Vec<_> = (0..COLUMNS).map(|c| column(&b, c * 3 % COLUMNS)).collect();
                let permuted = apply(&columns(n, &permuted, panel));
                for c in (0..COLUMNS).step_by(6) {
                    let mut zeroed = vec![vec![0.0; n]; COLUMNS];
                    zeroed[c] = column(&b, c);
                    let zeroed = apply(&columns(n, &zeroed, panel));
                    let alone = apply(&columns(n, &[column(&b, c)], panel));
                    let expected = column(&whole, c);
                    assert_eq!(column(&zeroed, c), expected, "{name} {panel} {level:?}");
                    assert_eq!(column(&alone, 0), expected, "{name} {panel} {level:?}");
                    let moved = (0..COLUMNS).find(|m| m * 3 % COLUMNS == c).unwrap();
                    assert_eq!(
                        column(&permuted, moved),
                        expected,
                        "{name} {panel} {level:?}"
                    );
                }
            }
        }
    });
}

#[test]
fn a_row_s_bits_do_not_depend_on_how_many_rows_there_are() {
    at_every_level(|_| {
        let (n, k) = (37, 29);
        let (a, b) = (noise(n * k, 6), tile(k, COLUMNS, Precision::F64, 7));
        let product = |rows: std::ops::Range<usize>| {
            let part = a.chunks_exact(n).flat_map(|c| c[rows.clone()].to_vec());
            let part = Tile::from_f64(rows.len(), k, &part.collect::<Vec<_>>(), Precision::F64, 0);
            let mut c = Tile::zeros(rows.len(), COLUMNS, Precision::F64);
            apply(1.0, (part.as_ref(), Trans::No), b.as_ref(), c.as_mut()).unwrap();
            c
        };
        let whole = product(0..n);
        for first in [0, 1, 8, 30] {
            for len in [1, 5, 7] {
                let part = product(first..first + len);
                for c in 0..COLUMNS {
                    assert_eq!(column(&part, c), column(&whole, c)[first..first + len]);
                }
            }
        }
        // A leading part of a triangle gives the leading part of the solution.
        let (l, b) = (
            triangle(n, Precision::F64),
            tile(n, COLUMNS, Precision::F64, 8),
        );
        let solve = |rows: usize| {
            let cut = |t: &Tile, cols| {
                let part = (0..cols).flat_map(|c| column(t, c)[..rows].to_vec());
                Tile::from_f64(rows, cols, &part.collect::<Vec<_>>(), Precision::F64, 0)
            };
            let mut x = cut(&b, COLUMNS);
            trsm(Solve::Left, cut(&l, rows).as_ref(), x.as_mut()).unwrap();
            x
        };
        for rows in [1, 8, 9, 20] {
            assert_eq!(column(&solve(rows), 3), column(&solve(n), 3)[..rows]);
        }
    });
}

#[test]
fn products_and_solves_are_right() {
    at_every_level(|level| {
        let orders = [1, 8, 33, 150];
        for (n, panel) in PANELS.iter().flat_map(|&p| orders.map(|n| (n, p))) {
            for (name, apply) in OPERANDS.iter().flat_map(|&p| operations(n, p)) {
                let p = OPERANDS
                    .iter()
                    .find(|p| name.contains(p.format().name))
                    .unwrap();
                let transposed = name.contains("Yes") || name.contains("LeftTransposed");
                let solves = name.starts_with("trsm");
                let a = if solves {
                    triangle(n, *p)
                } else {
                    tile(n, n, *p, 4)
                }
                .to_f64();
                let at = |r: usize, c: usize| {
                    let (r, c) = if transposed { (c, r) } else { (r, c) };
                    let above = r < c;
                    if solves && above { 0.0 } else { a[c * n + r] }
                };
                let b = tile(n, 3, panel, 5);
                let x = apply(&b);
                // Solves: A·x = b. Products: −A·b = x.
                let (from, to) = if solves { (&x, &b) } else { (&b, &x) };
                for c in 0..3 {
                    let (from, to) = (column(from, c), column(to, c));
                    for (r, &to) in to.iter().enumerate() {
                        let terms: Vec<f64> = (0..n).map(|k| at(r, k) * from[k]).collect();
                        let sum: f64 = terms.iter().sum();
                        let size: f64 = terms.iter().map(|t| t.abs()).sum::<f64>() + to.abs();
                        let expected = if solves { sum } else { -sum };
                        // γ of two sums of n + 1 terms (Higham 2002, theorems 3.5 and 8.5).
                        let bound = 4.0 * (n + 2) as f64 * panel.unit_roundoff() * size;
                        let error = (expected - to).abs();
                        assert!(
                            error <= bound,
                            "{name} {panel} {level:?}: {error:e} > {bound:e}"
                        );
                    }
                }
            }
        }
    });
}

#[test]
fn strided_operands_and_alpha() {
    let (a, x) = (noise(12, 1), noise(20, 2));
    let before = noise(20, 3);
    let view = |rows, cols, ld, values| {
        TileRef::new(
            (rows, cols, ld),
            Precision::F64,
            0,
            bytemuck::cast_slice(values),
        )
    };
    for trans in [Trans::No, Trans::Yes] {
        // 3 × 3 in columns of 4; right-hand sides of 4 in columns of 5.
        let mut after = before.clone();
        let bytes = bytemuck::cast_slice_mut(&mut after);
        let y = TileMut::new((3, 4, 5), Precision::F64, 0, bytes);
        apply(0.5, (view(3, 3, 4, &a), trans), view(3, 4, 5, &x), y).unwrap();
        for c in 0..4 {
            for r in 0..5 {
                let entry = |k: usize| match trans {
                    Trans::No => a[k * 4 + r],
                    Trans::Yes => a[r * 4 + k],
                };
                let expected = match r < 3 {
                    true => 0.5 * (0..3).map(|k| entry(k) * x[c * 5 + k]).sum::<f64>(),
                    false => 0.0,
                };
                let got = after[c * 5 + r] - before[c * 5 + r];
                // γ of three products of numbers up to 1, and of both sums with Y.
                assert!((got - expected).abs() <= 8.0 * f64::EPSILON, "{trans:?}");
            }
        }
    }
}
