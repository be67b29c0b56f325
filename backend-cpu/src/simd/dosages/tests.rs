use super::*;
use crate::simd::level::tests::at_every_isa;
use epitile_core::pairs::PAIR_EDGE;

/// Codes that look random, and calls packed from them.
fn calls(individuals: usize, steps: usize, seed: u64) -> (Vec<Vec<u8>>, Calls) {
    let mut state = seed | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as u8 % 3
    };
    let rows: Vec<Vec<u8>> = (0..individuals)
        .map(|_| (0..steps * SNPS).map(|_| next()).collect())
        .collect();
    let mut packed = Calls::zeros(individuals, steps);
    for (i, row) in rows.iter().enumerate() {
        for (step, row) in row.chunks(SNPS).enumerate() {
            let plane = |dosage| {
                let bit = |(s, &d): (usize, &u8)| u64::from(d == dosage) << s;
                row.iter().enumerate().map(bit).sum()
            };
            packed.set(i, step, plane(1), plane(2));
        }
    }
    (rows, packed)
}

fn sum(grid: &Grid, i: usize, j: usize) -> i32 {
    let square = grid.square(i / GROUP, j / GROUP);
    let tile = i % GROUP / STRIP * 2 + j % GROUP / STRIP;
    square[tile * TILE + i % STRIP].0[j % STRIP]
}

#[test]
fn products_are_those_of_a_loop_over_dosages() {
    let steps = if cfg!(miri) { 1 } else { STEPS + 1 };
    let (a, packed_a) = calls(37, steps, 1);
    let (b, packed_b) = calls(70, steps, 2);
    let weight = |s: usize| (s * 91 % 127) as i32 - 63;
    let second = |s: usize| (s * 37 % 128) as i32;
    let lines = |of: &dyn Fn(usize) -> i32| -> Vec<Line> {
        let line = |step| weights(|s| of(step * SNPS + s) as u8);
        (0..steps).map(line).collect()
    };
    let (v, w) = (lines(&weight), lines(&second));
    type Of<'a> = &'a dyn Fn(usize, u8, u8) -> i32;
    let cases: [(Factor<'_>, Of<'_>); 4] = [
        (Factor::Dosages, &|_, x, y| i32::from(x * y)),
        (Factor::Heterozygous, &|_, x, y| i32::from(x == 1 && y == 1)),
        (Factor::Weighted(&v, Some(&w)), &|s, x, y| {
            weight(s) * i32::from(x) * second(s) * i32::from(y)
        }),
        (Factor::Weighted(&v, None), &|s, x, y| {
            weight(s) * i32::from(x) * i32::from(y)
        }),
    ];
    at_every_isa(|isa| {
        for (factor, of) in cases {
            let mut grid = Grid::default();
            grid.clear(1, 1);
            multiply((&[&packed_a], &[&packed_b]), factor, false, &mut grid);
            multiply((&[&packed_a], &[&packed_b]), factor, false, &mut grid);
            for (i, j) in (0..37).flat_map(|i| (0..70).map(move |j| (i, j))) {
                let terms = a[i].iter().zip(&b[j]).enumerate();
                let expected: i32 = terms.map(|(s, (&x, &y))| of(s, x, y)).sum();
                assert_eq!(sum(&grid, i, j), 2 * expected, "{isa} {i} {j}");
            }
        }
    });
}

#[test]
fn the_lower_triangle_of_several_blocks_is_that_of_all_sums() {
    let (_, first) = calls(PAIR_EDGE, 1, 3);
    let (_, second) = calls(40, 1, 4);
    let blocks = [&first, &second];
    let grids = [false, true].map(|lower| {
        let mut grid = Grid::default();
        grid.clear(2, 2);
        multiply((&blocks, &blocks), Factor::Dosages, lower, &mut grid);
        grid
    });
    for (i, j) in (0..PAIR_EDGE + 40).flat_map(|i| (0..=i).map(move |j| (i, j))) {
        assert_eq!(sum(&grids[1], i, j), sum(&grids[0], i, j), "{i} {j}");
    }
}
