//! Packing: operands of any precision into slivers of rows, widened on the way.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use epitile_core::backend::Trans;
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Elements, TileRef};
use half::{bf16, f16};

use super::lanes::{Lanes, MOST};
use crate::operand::Real;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::multiversion;

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

    /// Whether the numbers, scale applied, are zero or normal in BF16, infinite or NaN.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_bf16(&self) -> bool {
        match self.elements {
            // At most 2¹⁶ and at least 2⁻¹⁶.
            Elements::F8(_) => self.scale.abs() <= 100,
            Elements::Bf16(e) => {
                let (height, width, ld) = match self.down {
                    1 => (self.rows, self.terms, self.along),
                    _ => (self.terms, self.rows, self.down),
                };
                let mut found = 0;
                for c in 0..width {
                    subnormals(bytemuck::cast_slice(&e[c * ld..][..height]), &mut found);
                }
                self.scale == 0 && found == 0
            }
            _ => false,
        }
    }
}

#[cfg(target_arch = "x86_64")]
multiversion! {
    /// Sets bits of `found` if there are subnormals among these BF16 numbers.
    fn subnormals(bits: &[u16], found: &mut u16) = subnormals_body, subnormals_body
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn subnormals_body(bits: &[u16], found: &mut u16) {
    for &b in bits {
        // Magnitudes 1 to 127.
        let is_subnormal = (b & 0x7fff).wrapping_sub(1) < 0x7f;
        *found |= u16::from(is_subnormal);
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
    let is_direct = narrow.is_full() && narrow.to_f64() == factor;
    macro_rules! run {
        ($code:ty, $e:expr) => {{
            let from = (bytemuck::cast_slice($e), source, rows, terms);
            // SAFETY: the caller's promise.
            unsafe {
                match is_direct {
                    true => fill::<L, $code, true>(from, factor, out),
                    false => fill::<L, $code, false>(from, factor, out),
                }
            }
        }};
    }
    match source.elements {
        // SAFETY: the caller's promise.
        Elements::F64(e) => unsafe {
            fill::<L, f64, false>((e, source, rows, terms), factor, out);
        },
        Elements::F32(e) => run!(f32, e),
        Elements::F16(e) => run!(f16, e),
        Elements::Bf16(e) => run!(bf16, e),
        Elements::F8(e) if source.precision == Precision::F8E4M3 => run!(E4m3, e),
        Elements::F8(e) => run!(E5m2, e),
        Elements::I8(_) => unreachable!("I8 is no operand"),
    }
}

/// A stored number. A trait and no closures: those would not be compiled for the instruction set.
trait Code: Pod {
    /// A type that holds it exactly.
    type Wide: Pod + Into<f64>;
    /// # Safety
    /// The processor has the instruction set of `L`.
    unsafe fn widen<L: Lanes>(codes: &[Self; MOST]) -> [Self::Wide; MOST];
}

/// An E4M3 number.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct E4m3(u8);

/// An E5M2 number.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct E5m2(u8);

impl Code for f64 {
    type Wide = f64;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[f64; MOST]) -> [f64; MOST] {
        *codes
    }
}

impl Code for f32 {
    type Wide = f32;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[f32; MOST]) -> [f32; MOST] {
        *codes
    }
}

impl Code for bf16 {
    type Wide = f32;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[bf16; MOST]) -> [f32; MOST] {
        each(codes, |b| f32::from_bits(u32::from(b.to_bits()) << 16))
    }
}

impl Code for f16 {
    type Wide = f32;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[f16; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promise.
        unsafe { L::widen(bytemuck::cast_ref(codes)) }
    }
}

impl Code for E4m3 {
    type Wide = f32;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[E4m3; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promise.
        unsafe { L::widen_e4m3(bytemuck::cast_ref(codes)) }
    }
}

impl Code for E5m2 {
    type Wide = f32;
    #[inline(always)]
    unsafe fn widen<L: Lanes>(codes: &[E5m2; MOST]) -> [f32; MOST] {
        // SAFETY: the caller's promise.
        unsafe { L::widen_e5m2(bytemuck::cast_ref(codes)) }
    }
}

/// `f` of each number, in a loop that vectorises.
#[inline(always)]
fn each<A: Copy, B: Pod>(from: &[A; MOST], f: impl Fn(A) -> B) -> [B; MOST] {
    let mut to = [B::zeroed(); MOST];
    for (to, &from) in to.iter_mut().zip(from) {
        *to = f(from);
    }
    to
}

/// [`pack`] for one kind of stored numbers; `DIRECT` if the factor is one of the type that sums.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn fill<L: Lanes, C: Code, const DIRECT: bool>(
    (elements, source, rows, terms): (&[C], &Source<'_>, Range<usize>, Range<usize>),
    factor: f64,
    out: &mut [L::Packed],
) {
    let steps = terms.len().div_ceil(L::DEPTH);
    let out = &mut out[..rows.len().div_ceil(L::LANES) * steps * L::LANES];
    for (s, sliver) in out.chunks_exact_mut(steps * L::LANES).enumerate() {
        let first = rows.start + s * L::LANES;
        let own = first..rows.end.min(first + L::LANES);
        let from = (elements, source, own, terms.clone());
        // SAFETY: the caller's promise.
        unsafe {
            match source.down == 1 && from.2.len() == L::LANES {
                true => fill_sliver::<L, C, DIRECT, true>(from, factor, sliver),
                false => fill_sliver::<L, C, DIRECT, false>(from, factor, sliver),
            }
        }
    }
}

/// One sliver of [`fill`]; `WHOLE` if it has all its rows, and they are neighbours in storage.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn fill_sliver<L: Lanes, C: Code, const DIRECT: bool, const WHOLE: bool>(
    (elements, source, rows, terms): (&[C], &Source<'_>, Range<usize>, Range<usize>),
    factor: f64,
    sliver: &mut [L::Packed],
) {
    let (down, along) = (source.down, source.along);
    let narrow = L::Real::of_f64(factor);
    for (step, units) in sliver.chunks_exact_mut(L::LANES).enumerate() {
        let mut unit = [[L::Real::of_f64(0.0); MOST]; 2];
        for (term, unit) in unit[..L::DEPTH].iter_mut().enumerate() {
            let k = terms.start + step * L::DEPTH + term;
            if k >= terms.end {
                break;
            }
            let mut codes = [C::zeroed(); MOST];
            let from = &elements[rows.start * down + k * along..];
            if WHOLE {
                codes[..L::LANES].copy_from_slice(&from[..L::LANES]);
            } else {
                for (r, code) in codes[..rows.len()].iter_mut().enumerate() {
                    *code = from[r * down];
                }
            }
            // SAFETY: the caller's promise.
            let wide = unsafe { C::widen::<L>(&codes) };
            *unit = match DIRECT {
                true => each(&wide, |v| L::Real::of_f64(v.into()) * narrow),
                false => each(&wide, |v| L::Real::of_f64(v.into() * factor)),
            };
        }
        L::pack(&unit, units);
    }
}
