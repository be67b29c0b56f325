//! Tiles in and out, and settled: bit for bit.

use alloc::format;
use alloc::vec;

use super::failure::{Failure, get, put, succeed};
use super::sample::{Sample, cases};
use crate::backend::Backend;
use crate::precision::Precision;
use crate::tile::{Tile, TileRef};

/// (rows, columns, leading dimension, numbers before the first).
const SHAPES: [(usize, usize, usize, usize); 10] = [
    (1, 1, 1, 0),
    (3, 2, 5, 1),
    (17, 15, 20, 3),
    (0, 3, 4, 0),
    (4, 0, 4, 0),
    (16, 16, 16, 0),
    (1, 33, 2, 1),
    (33, 1, 40, 7),
    (31, 65, 31, 0),
    (65, 32, 129, 64),
];

/// Uploads `view`, downloads it and demands its shape, precision, scale and every stored bit.
///
/// # Errors
/// If any of them changed, or the backend failed.
pub fn holds<B: Backend>(backend: &B, view: TileRef<'_>) -> Result<(), Failure> {
    let (rows, cols, ld) = (view.rows(), view.cols(), view.ld());
    let (p, scale) = (view.precision(), view.scale());
    let what = format!("upload and download, {rows} × {cols} (ld {ld}) {p}, scale 2^{scale}");
    let tile = put(backend, &what, view)?;
    came_back(&what, &get(backend, &what, &tile)?, &view.to_tile())
}

/// Demands the shape, precision, scale and every stored bit of `expected`.
fn came_back(what: &str, got: &Tile, expected: &Tile) -> Result<(), Failure> {
    let (rows, p) = (expected.rows(), expected.precision());
    let head = |t: &Tile| (t.rows(), t.cols(), t.precision(), t.scale());
    if head(got) != head(expected) {
        let text = format!("comes back as {:?}", head(got));
        return Err(Failure::other(what, text));
    }
    let differ = |(a, b): (&u8, &u8)| a != b;
    match got.bytes().iter().zip(expected.bytes()).position(differ) {
        Some(byte) => {
            let (r, c) = (byte / p.bytes() % rows, byte / p.bytes() / rows);
            let text = format!("byte {} of entry ({r}, {c}) changed", byte % p.bytes());
            Err(Failure::other(what, text))
        }
        None => Ok(()),
    }
}

/// Whatever bits a tile has (payloads of NaN, subnormals), contiguous or strided, they come back.
///
/// # Errors
/// The first failing case.
pub fn upload_and_download_keep_every_bit<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    any_bits(precision, |view| holds(backend, view))
}

/// A tile that is settled has the bits it had, and so has a second one when the first is gone.
///
/// # Errors
/// The first failing case.
pub fn settled_tiles_keep_every_bit<B: Backend>(
    backend: &B,
    precision: Precision,
) -> Result<(), Failure> {
    any_bits(precision, |view| {
        let (rows, cols, scale) = (view.rows(), view.cols(), view.scale());
        let what = format!("settle, {rows} × {cols} {precision}, scale 2^{scale}");
        let settled = || succeed(&what, backend.settle(put(backend, &what, view)?));
        let (first, second, expected) = (settled()?, settled()?, view.to_tile());
        came_back(&what, &get(backend, &what, &first)?, &expected)?;
        drop(first);
        came_back(&what, &get(backend, &what, &second)?, &expected)
    })
}

/// Calls `check` with tiles of all shapes and of any bits.
fn any_bits(
    precision: Precision,
    check: impl Fn(TileRef<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut sample = Sample::new(1);
    for &(rows, cols, ld, skip) in cases(&SHAPES, 3) {
        let numbers = skip + ld * cols + rows;
        let mut words = vec![0u64; numbers * precision.bytes() / 8 + 1];
        words.iter_mut().for_each(|w| *w = sample.bits());
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        let view = &bytes[skip * precision.bytes()..numbers * precision.bytes()];
        for scale in [0, -9, 4] {
            check(TileRef::new((rows, cols, ld), precision, scale, view))?;
        }
    }
    Ok(())
}
