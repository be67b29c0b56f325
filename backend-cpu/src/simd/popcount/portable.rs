//! Any processor.

use super::{COLS, Distance, GROUP, Packed, Sums, add, sweep, without_het};
use crate::simd::line::{LINE, Line};

/// See [`count`](super::count).
pub(super) fn count(a: &Packed, b: &Packed, distance: Distance, lower: bool, sums: &mut [u32]) {
    let shift = distance.shift();
    sweep(
        (a, b),
        lower,
        |(a, ha), (b, hb), half| without_het(block(a, b, half, shift), ha, hb, half),
        |at, new| add(sums, at, new),
    );
}

/// |A| + |B|·2ˢ of four rows and two columns.
#[inline(always)]
fn block(a: &[Line], b: &[Line], half: usize, shift: u32) -> Sums {
    let mut any = [[0u32; COLS]; GROUP];
    let mut opposite = [[0u32; COLS]; GROUP];
    for (a, b) in a.chunks_exact(2 * GROUP).zip(b.chunks_exact(2 * GROUP)) {
        let b = &b[half * 2 * COLS..][..2 * COLS];
        for r in 0..GROUP {
            for c in 0..COLS {
                for w in 0..LINE {
                    let either = a[2 * r].0[w] | b[2 * c].0[w];
                    let differ = (a[2 * r + 1].0[w] ^ b[2 * c + 1].0[w]) & !either;
                    any[r][c] += either.count_ones();
                    opposite[r][c] += differ.count_ones();
                }
            }
        }
    }
    core::array::from_fn(|k| any[k / COLS][k % COLS] + (opposite[k / COLS][k % COLS] << shift))
}
