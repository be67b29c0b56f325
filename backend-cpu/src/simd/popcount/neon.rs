//! NEON, which every 64-bit ARM processor has: it counts the bits of bytes.

use core::arch::aarch64::*;

use super::{COLS, Distance, GROUP, Packed, Sums, add, sweep, without_het};
use crate::simd::line::Line;

/// Lines whose counts fit a byte: each adds at most 4 · 8 · 3 to one.
const STEPS: usize = 2;

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
    const GROUP_LINES: usize = 2 * GROUP;
    let mut sums = [0; GROUP * COLS];
    let steps = STEPS * GROUP_LINES;
    for (a, b) in a.chunks(steps).zip(b.chunks(steps)) {
        for (k, sum) in sums.iter_mut().enumerate() {
            let (r, c) = (k / COLS, half * COLS + k % COLS);
            *sum += pair(a, r, b, c, shift);
        }
    }
    sums
}

/// The same of row `r` and column `c` of a few lines.
#[inline(always)]
fn pair(a: &[Line], r: usize, b: &[Line], c: usize, shift: u32) -> u32 {
    const GROUP_LINES: usize = 2 * GROUP;
    // SAFETY: NEON is part of the architecture; every load is of two words of a line.
    unsafe {
        let shift = vdupq_n_s8(shift as i8);
        let mut bytes = vdupq_n_u8(0);
        let steps = a.chunks_exact(GROUP_LINES).zip(b.chunks_exact(GROUP_LINES));
        for (a, b) in steps {
            let load = |line: &Line, at: usize| vld1q_u64(line.0[at..at + 2].as_ptr());
            for at in [0, 2, 4, 6] {
                let either = vorrq_u64(load(&a[2 * r], at), load(&b[2 * c], at));
                let two = veorq_u64(load(&a[2 * r + 1], at), load(&b[2 * c + 1], at));
                let opposite = vcntq_u8(vreinterpretq_u8_u64(vbicq_u64(two, either)));
                bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(either)));
                bytes = vaddq_u8(bytes, vshlq_u8(opposite, shift));
            }
        }
        vaddlvq_u8(bytes).into()
    }
}
