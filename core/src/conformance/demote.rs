//! Demotion: the natural scale, found wherever the backend finds it, and tiles that have it.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::failure::{Failure, get, put, succeed};
use super::gauge::{converted, same, same_tile};
use super::sample::{Sample, above, cases};
use crate::backend::{Backend, Solve, Trans};
use crate::precision::{Precision, exp2};
use crate::tile::{Tile, is_scaled, natural_scale};

/// Demotes `tile` and demands the scale that is natural to its largest magnitude (2⁰ if a number is
/// NaN or infinite, or the format has none), and every entry rounded once.
///
/// # Errors
/// If scale or entry differ in a bit (NaN may have any payload), or the backend failed.
pub fn holds<B: Backend>(backend: &B, tile: &Tile, precision: Precision) -> Result<(), Failure> {
    let (rows, cols) = (tile.rows(), tile.cols());
    let what = format!(
        "demote, {rows} × {cols} {} at scale 2^{} → {precision}",
        tile.precision(),
        tile.scale()
    );
    let values = tile.to_f64();
    let max = values.iter().fold(0.0, |m: f64, v| match v.is_nan() {
        true => f64::NAN,
        false if m.is_nan() => m,
        false => m.max(v.abs()),
    });
    let scale = match is_scaled(precision) {
        true => natural_scale(max, precision),
        false => 0,
    };
    let values: Vec<f64> = values
        .into_iter()
        .map(|v| converted(v, precision, scale))
        .collect();
    let stored = Tile::from_f64(rows, cols, &values, precision, 0);
    let expected = Tile::from_bytes(rows, cols, precision, scale, stored.bytes());
    let from = put(backend, &what, tile.as_ref())?;
    let to = succeed(&what, backend.demote(&from, precision))?;
    same_tile(
        &what,
        &get(backend, &what, &to)?,
        &expected.unwrap_or(stored),
    )
}

/// Largest magnitudes at, just under and just past every place where a scale changes; none at all,
/// and those that have no scale. All other numbers have two digits, so that rounding is no matter.
///
/// # Errors
/// The first failing case.
pub fn demotion_takes_the_natural_scale<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(7);
    let turn = |v: f64, ulps: i64| f64::from_bits(v.to_bits().saturating_add_signed(ulps));
    let ulps = [-1, 0, 1, -(1 << 29), 1 << 29];
    let edges = [1.0, 1.75].map(|edge| ulps.map(|n| turn(edge, n)));
    let edges: Vec<f64> = edges.into_iter().flatten().collect();
    for source in [Precision::F64, Precision::F32] {
        for &(rows, cols) in cases(&[(1, 1), (17, 5), (33, 300), (257, 65)], 2) {
            for &edge in cases(&edges, 3) {
                let exponent = sample.below(40) as i32 - 20;
                let mut values: Vec<f64> = (0..rows * cols)
                    .map(|_| {
                        let size = exp2(exponent - 1 - sample.below(12) as i32);
                        let sign = [-1.0, 1.0, 0.0][sample.below(3)];
                        sign * [1.0, 1.5][sample.below(2)] * size
                    })
                    .collect();
                let largest = edge * exp2(exponent);
                values[sample.below(rows * cols)] = [largest, -largest][sample.below(2)];
                for scale in [0, 3] {
                    let tile = Tile::from_f64(rows, cols, &values, source, scale);
                    holds(backend, &tile, precision)?;
                }
            }
        }
        for value in [0.0, f64::NAN, f64::INFINITY] {
            let mut values = vec![0.25; 35];
            values[17] = value;
            if value == 0.0 {
                values.fill(value);
            }
            holds(
                backend,
                &Tile::from_f64(7, 5, &values, source, 0),
                precision,
            )?;
        }
        holds(backend, &Tile::zeros(0, 3, source), precision)?;
    }
    Ok(())
}

/// Every operation gives a demoted tile the bits that it gives the same tile after a way through the
/// host: a backend may know the scale of the former on its device only.
///
/// # Errors
/// The first operation that tells them apart, or if the backend failed.
pub fn demoted_tiles_are_like_all_others<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    let mut sample = Sample::new(8);
    // Sizes that tensor cores take as they are, and others.
    for &n in cases(&[17, 48], 1) {
        for exponent in [-11, 6] {
            let a = sample.accumulator((n, n), Precision::F32, exponent);
            let l = above(&sample.triangle(n, Precision::F32), 0.0);
            let start = sample.accumulator((n, n), Precision::F32, 0);
            let panel = sample.accumulator((n, 3), Precision::F64, 0);
            let head = |name: &str| format!("{name}, {n} × {n} demoted to {precision}");
            let both = |from: &Tile| -> Result<[B::Tile; 2], Failure> {
                let what = head("demote");
                let from = put(backend, &what, from.as_ref())?;
                let demoted = succeed(&what, backend.demote(&from, precision))?;
                let copy = put(backend, &what, get(backend, &what, &demoted)?.as_ref())?;
                Ok([demoted, copy])
            };
            let (a, l) = (both(&a)?, both(&l)?);
            let alike = |name: &str, run: &dyn Fn(&str, usize) -> Result<Tile, Failure>| {
                let what: String = head(name);
                same_tile(&what, &run(&what, 0)?, &run(&what, 1)?)
            };
            alike("convert", &|what, k| {
                let wide = succeed(what, backend.convert(&a[k], Precision::F64, 0))?;
                get(backend, what, &wide)
            })?;
            for (ta, tb) in super::gemm::ORIENTATIONS {
                for to in [Precision::F32, Precision::F64] {
                    alike("gemm", &|what, k| {
                        let c = put(backend, what, start.as_ref())?;
                        let mut c = succeed(what, backend.convert(&c, to, 0))?;
                        let done = backend.gemm(-1.0, (&a[k], ta), (&a[k], tb), &mut c);
                        succeed(what, done)?;
                        // One of them may have come from the host.
                        succeed(what, backend.gemm(0.3, (&a[k], ta), (&a[1], tb), &mut c))?;
                        get(backend, what, &c)
                    })?;
                }
            }
            alike("syrk", &|what, k| {
                let mut c = put(backend, what, start.as_ref())?;
                succeed(what, backend.syrk(-1.0, &a[k], &mut c))?;
                get(backend, what, &c)
            })?;
            for trans in [Trans::No, Trans::Yes] {
                alike("apply", &|what, k| {
                    let x = put(backend, what, panel.as_ref())?;
                    let mut y = put(backend, what, panel.as_ref())?;
                    succeed(what, backend.apply(0.7, (&a[k], trans), &x, &mut y))?;
                    get(backend, what, &y)
                })?;
            }
            for (solve, b) in [
                (Solve::Left, &panel),
                (Solve::LeftTransposed, &panel),
                (Solve::RightTransposed, &start),
            ] {
                alike("trsm", &|what, k| {
                    let mut b = put(backend, what, b.as_ref())?;
                    succeed(what, backend.trsm(solve, &l[k], &mut b))?;
                    get(backend, what, &b)
                })?;
            }
            let what = head("norm");
            let norms = [&a[0], &a[1]].map(|t| succeed(&what, backend.norm(t)));
            let [of_demoted, of_copy] = norms;
            let (of_demoted, of_copy) = (of_demoted?, of_copy?);
            same(&what, (0, 0), of_demoted.max, of_copy.max)?;
            same(&what, (0, 0), of_demoted.frobenius, of_copy.frobenius)?;
            if (of_demoted.rows, of_demoted.cols) != (of_copy.rows, of_copy.cols) {
                return Err(Failure::other(&what, "sums of rows or columns differ"));
            }
        }
    }
    Ok(())
}
