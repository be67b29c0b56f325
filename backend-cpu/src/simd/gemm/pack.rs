//! Packing: operands of any precision into slivers of rows, widened on the way.

use core::ops::Range;

use bytemuck::Pod;
use epitile_core::backend::Trans;
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Elements, TileRef};

use super::lanes::{Lanes, MOST};
use crate::operand::Real;

/// An operand by rows: its entry (r, k) is 2^`scale` times stored number `r · down + k · along`.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    elements: Elements<'a>,
    precision: Precision,
    pub(super) rows: usize,
    pub(super) terms: usize,
    down: usize,
    along: usize,
    pub(super) scale: i32,
}

impl<'a> Source<'a> {
    /// Rows of op(A).
    pub(crate) fn rows((tile, trans): (TileRef<'a>, Trans)) -> Self {
        let (rows, terms, down, along) = match trans {
            Trans::No => (tile.rows(), tile.cols(), 1, tile.ld()),
            Trans::Yes => (tile.cols(), tile.rows(), tile.ld(), 1),
        };
        Source {
            elements: tile.elements(),
            precision: tile.precision(),
            rows,
            terms,
            down,
            along,
            scale: tile.scale(),
        }
    }

    /// Columns of op(B).
    pub(crate) fn columns((tile, trans): (TileRef<'a>, Trans)) -> Self {
        Self::rows((
            tile,
            match trans {
                Trans::No => Trans::Yes,
                Trans::Yes => Trans::No,
            },
        ))
    }

    /// Whether products and long sums of the stored numbers keep far from the ends of FP32's
    /// range, so that the scale may wait for the end.
    pub(super) fn is_narrow(&self) -> bool {
        use Precision::{F8E4M3, F8E5M2, F16};
        matches!(self.precision, F16 | F8E4M3 | F8E5M2)
    }
}

/// Packs rows `rows` and terms `terms` of `source` into `out`: slivers of `LANES` rows, the last
/// filled up with zeros, as is the last unit. Each number is rounded at most once.
///
/// # Safety
/// The processor has the instruction set of `L`.
///
/// # Panics
/// If `out` is too short, or for I8.
#[inline(always)]
pub(super) unsafe fn pack<L: Lanes>(
    source: &Source<'_>,
    rows: Range<usize>,
    terms: Range<usize>,
    out: &mut [L::Packed],
) {
    let factor = exp2(source.scale);
    let narrow = L::Real::of_f64(factor);
    // A factor that the type holds to full precision multiplies with one rounding.
    let direct = |v: f32| L::Real::of_f64(v.into()) * narrow;
    let wide = |v: f32| L::Real::of_f64(f64::from(v) * factor);
    let is_direct = narrow.is_full() && narrow.to_f64() == factor;
    macro_rules! run {
        ($e:expr, $decode:expr) => {{
            let decode = $decode;
            if is_direct {
                fill::<L, _>(($e, source), rows, terms, out, |c| decode(c).map(direct));
            } else {
                fill::<L, _>(($e, source), rows, terms, out, |c| decode(c).map(wide));
            }
        }};
    }
    match source.elements {
        Elements::F64(e) => fill::<L, _>((e, source), rows, terms, out, |c: &[f64; MOST]| {
            c.map(|v| L::Real::of_f64(v * factor))
        }),
        Elements::F32(e) => run!(e, |c: &[f32; MOST]| *c),
        // SAFETY (of the calls of `widen`): the caller's promise.
        Elements::F16(e) => {
            let bits: &[u16] = bytemuck::cast_slice(e);
            run!(bits, |c: &[u16; MOST]| unsafe { L::widen(c) })
        }
        Elements::Bf16(e) => {
            let bits: &[u16] = bytemuck::cast_slice(e);
            run!(bits, |c: &[u16; MOST]| c
                .map(|b| f32::from_bits(u32::from(b) << 16)))
        }
        Elements::F8(e) if source.precision == Precision::F8E4M3 => {
            run!(e, |c: &[u8; MOST]| unsafe { L::widen(&c.map(e4m3)) }
                .map(|v| v * 256.0))
        }
        // E5M2 is the upper half of FP16.
        Elements::F8(e) => run!(e, |c: &[u8; MOST]| unsafe {
            L::widen(&c.map(|b| u16::from(b) << 8))
        }),
        Elements::I8(_) => unreachable!("I8 is no operand"),
    }
}

/// FP16 bits of 2⁻⁸ times an E4M3 number: the fraction three bits long, exponents 8 apart.
#[inline(always)]
fn e4m3(code: u8) -> u16 {
    let signed = (code as i8 as u16) << 7 & 0xbf80;
    // All ones is NaN, and finite in FP16 but for this.
    let nan = if code & 0x7f == 0x7f { 0x7c00 } else { 0 };
    signed | nan
}

#[inline(always)]
fn fill<L: Lanes, E: Pod>(
    (elements, source): (&[E], &Source<'_>),
    rows: Range<usize>,
    terms: Range<usize>,
    out: &mut [L::Packed],
    decode: impl Fn(&[E; MOST]) -> [L::Real; MOST],
) {
    let (down, along) = (source.down, source.along);
    let steps = terms.len().div_ceil(L::DEPTH);
    let out = &mut out[..rows.len().div_ceil(L::LANES) * steps * L::LANES];
    for (s, sliver) in out.chunks_exact_mut(steps * L::LANES).enumerate() {
        let first = rows.start + s * L::LANES;
        let count = L::LANES.min(rows.end - first);
        for (step, units) in sliver.chunks_exact_mut(L::LANES).enumerate() {
            let mut unit = [[L::Real::of_f64(0.0); MOST]; 2];
            for (term, unit) in unit[..L::DEPTH].iter_mut().enumerate() {
                let k = terms.start + step * L::DEPTH + term;
                if k >= terms.end {
                    continue;
                }
                let mut codes = [E::zeroed(); MOST];
                let from = &elements[first * down + k * along..];
                if down == 1 && count == L::LANES {
                    codes[..L::LANES].copy_from_slice(&from[..L::LANES]);
                } else if down == 1 {
                    codes[..count].copy_from_slice(&from[..count]);
                } else {
                    for (r, code) in codes[..count].iter_mut().enumerate() {
                        *code = from[r * down];
                    }
                }
                *unit = decode(&codes);
            }
            L::pack(&unit, units);
        }
    }
}
