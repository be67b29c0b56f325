//! Right-hand sides in F64 and F32: products are right, and what a column becomes depends on that column
//! alone.
//!
//! Refinement solves each trait as if it were alone; these checks are what that rests on.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{same, within};
use super::gemm::{Product, oriented};
use super::sample::{Sample, cases};
use crate::backend::{Backend, Solve, Trans};
use crate::precision::Precision;
use crate::tile::Tile;

/// Columns of a panel: more than a vector holds, and no multiple of it.
pub const WIDTH: usize = 13;

/// (m, k) of the tile.
const SHAPES: [(usize, usize); 9] = [
    (1, 1),
    (3, 4),
    (16, 17),
    (33, 15),
    (65, 31),
    (64, 64),
    (129, 131),
    (37, 521),
    (257, 19),
];

/// Runs `operation` on panels of n × [`WIDTH`] and m × [`WIDTH`] that hold `inputs` (pairs of
/// columns), in order, turned, with one column alone among hostile ones, and really alone: each
/// column keeps its bits.
fn holds(
    what: &str,
    panel: Precision,
    inputs: &[(Vec<f64>, Vec<f64>)],
    operation: impl Fn(&Tile, &Tile) -> Result<Tile, Failure>,
) -> Result<(), Failure> {
    let run = |columns: &[(&[f64], &[f64])]| {
        let width = columns.len();
        let panel =
            |values: Vec<f64>| Tile::from_f64(values.len() / width, width, &values, panel, 0);
        let b: Vec<&[f64]> = columns.iter().map(|c| c.0).collect();
        let c: Vec<&[f64]> = columns.iter().map(|c| c.1).collect();
        operation(&panel(b.concat()), &panel(c.concat())).map(|t| t.to_f64())
    };
    let column = |j: usize| (&inputs[j % WIDTH].0[..], &inputs[j % WIDTH].1[..]);
    let rows = inputs[0].1.len();
    let expected = run(&core::array::from_fn::<_, WIDTH, _>(column))?;
    let compare = |what: &str, got: &[f64], at: usize, j: usize| {
        (0..rows).try_for_each(|r| same(what, (r, at), got[at * rows + r], expected[j * rows + r]))
    };
    let turned = run(&core::array::from_fn::<_, WIDTH, _>(|j| column(j + 3)))?;
    for at in 0..WIDTH {
        let j = (at + 3) % WIDTH;
        compare(&format!("{what}, column {j} moved to {at}"), &turned, at, j)?;
    }
    for j in [0, 3, WIDTH - 1] {
        compare(&format!("{what}, alone"), &run(&[column(j)])?, 0, j)?;
        for value in [f64::NAN, 1e300, 0.0] {
            let filled = |like: &Vec<f64>| vec![value; like.len()];
            let hostile: Vec<_> = inputs.iter().map(|(b, c)| (filled(b), filled(c))).collect();
            let got = run(&core::array::from_fn::<_, WIDTH, _>(|at| match at == j {
                true => column(j),
                false => (&hostile[at].0[..], &hostile[at].1[..]),
            }))?;
            compare(&format!("{what}, neighbours {value:e}"), &got, j, j)?;
        }
    }
    Ok(())
}

/// What right-hand sides may be.
fn panels<B: Backend>(backend: &B) -> Vec<Precision> {
    let both = [Precision::F64, Precision::F32];
    both.into_iter()
        .filter(|&p| backend.takes_panels(p))
        .collect()
}

fn columns(sample: &mut Sample, k: usize, m: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut pair = || (sample.values(k, 0), sample.values(m, 0));
    (0..WIDTH).map(|_| pair()).collect()
}

/// Y + α·op(A)·X with A in this format, entry by entry: |Y − Ŷ| ≤ γ_{k+3} |α||op(A)||X| + u|Y| as
/// for [`gemm`](super::gemm::holds).
///
/// # Errors
/// The first failing case.
pub fn apply_is_within_its_bound<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(14);
    for panel in panels(backend) {
        for (place, &(m, k)) in cases(&SHAPES, 2).iter().enumerate() {
            for (trans, t) in [Trans::No, Trans::Yes].into_iter().flat_map(|trans| {
                let widths = [0, 1, 8, WIDTH];
                widths.map(|t| (trans, t))
            }) {
                let what =
                    format!("apply, {m} × {t} {panel}, op {trans:?} of {precision}, k = {k}");
                let a = sample.operand(oriented((m, k), trans), precision);
                let x = sample.accumulator((k, t), panel, 0);
                let far = if panel == Precision::F64 { -2000 } else { -40 };
                let y = sample.accumulator((m, t), panel, [0, far, 12][place % 3]);
                let device = put(backend, &what, a.as_ref())?;
                let got = multiply(backend, &what, (&device, trans), &x, &y)?.to_f64();
                let product = Product::new(backend, -1.0, (&a, trans), (&x, Trans::No), panel);
                for (at, (got, y)) in got.into_iter().zip(y.to_f64()).enumerate() {
                    let (truth, bound) = product.entry((at % m, at / m), y);
                    within(&what, (at % m, at / m), got, truth, bound)?;
                }
            }
        }
    }
    Ok(())
}

/// Y ← Y + α·op(A)·X with A in this format.
///
/// # Errors
/// The first failing case.
pub fn apply_columns_do_not_see_their_neighbours<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(11);
    let panels = panels(backend);
    let shapes = cases(&SHAPES, 2).iter();
    for (&(m, k), &panel) in shapes.flat_map(|s| panels.iter().map(move |p| (s, p))) {
        for trans in [Trans::No, Trans::Yes] {
            let of = format!("{m} × {WIDTH} {panel}, op {trans:?} of {precision}");
            let what = format!("apply, columns of {of}");
            let a = sample.operand(oriented((m, k), trans), precision);
            let a = put(backend, &what, a.as_ref())?;
            let inputs = columns(&mut sample, k, m);
            holds(&what, panel, &inputs, |b, c| {
                multiply(backend, &what, (&a, trans), b, c)
            })?;
        }
    }
    Ok(())
}

/// The same products on fewer rows of op(A) and C: a row keeps its bits.
///
/// # Errors
/// The first failing case.
pub fn apply_rows_do_not_see_their_neighbours<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(12);
    let panels = panels(backend);
    let shapes = cases(&SHAPES, 2).iter();
    for (&(m, k), &panel) in shapes.flat_map(|s| panels.iter().map(move |p| (s, p))) {
        for trans in [Trans::No, Trans::Yes] {
            let of = format!("{m} × {WIDTH} {panel}, op {trans:?} of {precision}");
            let what = format!("apply, rows of {of}");
            let a = sample.operand(oriented((m, k), trans), precision);
            let b = sample.accumulator((k, WIDTH), panel, 0);
            let c = sample.accumulator((m, WIDTH), panel, 0);
            let whole = put(backend, &what, a.as_ref())?;
            let expected = multiply(backend, &what, (&whole, trans), &b, &c)?.to_f64();
            for (from, to) in [
                (0, 1),
                (m - 1, m),
                (m / 3, m),
                (0, m.div_ceil(2)),
                (m / 2, m),
            ] {
                let what = format!("{what}, rows {from}…{to} alone");
                let part = match trans {
                    Trans::No => window(&a, from..to, 0..k),
                    Trans::Yes => window(&a, 0..k, from..to),
                };
                let part = put(backend, &what, part.as_ref())?;
                let c = window(&c, from..to, 0..WIDTH);
                let got = multiply(backend, &what, (&part, trans), &b, &c)?.to_f64();
                for (at, got) in got.into_iter().enumerate() {
                    let (r, c) = (at % (to - from), at / (to - from));
                    same(&what, (r, c), got, expected[c * m + from + r])?;
                }
            }
        }
    }
    Ok(())
}

/// L X = B and Lᵀ X = B, L in this format.
///
/// # Errors
/// The first failing case.
pub fn trsm_columns_do_not_see_their_neighbours<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(13);
    let panels = panels(backend);
    let shapes = cases(&SHAPES, 2).iter();
    for (&(n, _), &panel) in shapes.flat_map(|s| panels.iter().map(move |p| (s, p))) {
        for solve in [Solve::Left, Solve::LeftTransposed] {
            let what =
                format!("trsm {solve:?}, columns of {n} × {WIDTH} {panel}, L in {precision}");
            let l = put(backend, &what, sample.triangle(n, precision).as_ref())?;
            let inputs = columns(&mut sample, 0, n);
            holds(&what, panel, &inputs, |_, b| {
                let mut x = put(backend, &what, b.as_ref())?;
                succeed(&what, backend.trsm(solve, &l, &mut x))?;
                get(backend, &what, &x)
            })?;
        }
    }
    Ok(())
}

fn multiply<B: Backend>(
    backend: &B,
    what: &str,
    a: (&B::Tile, Trans),
    b: &Tile,
    c: &Tile,
) -> Result<Tile, Failure> {
    let b = put(backend, what, b.as_ref())?;
    let mut out = put(backend, what, c.as_ref())?;
    succeed(what, backend.apply(-1.0, a, &b, &mut out))?;
    get(backend, what, &out)
}

/// Some rows and columns of a tile, bit for bit.
fn window(tile: &Tile, rows: core::ops::Range<usize>, cols: core::ops::Range<usize>) -> Tile {
    let p = tile.precision();
    let first = (cols.start * tile.rows() + rows.start) * p.bytes();
    let shape = (rows.len(), cols.len(), tile.rows());
    crate::tile::TileRef::new(shape, p, tile.scale(), &tile.bytes()[first..]).to_tile()
}
