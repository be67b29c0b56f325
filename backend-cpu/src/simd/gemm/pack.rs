//! Packing: operands of any precision into slivers of rows, widened on the way.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use epitile_core::backend::Trans;
use epitile_core::precision::{Precision, exp2};
use epitile_core::tile::{Elements, TileRef};
use half::{bf16, f16};

use super::lanes::{Lanes, MOST};
use crate::operand::Real;
use crate::simd::decode::prefetch;

/// An operand by rows: its entry (r, k) is 2^`scale` times stored number
/// `start + r · down + k · along`.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(super) elements: Elements<'a>,
    pub(super) precision: Precision,
    pub(super) start: usize,
    pub(super) rows: usize,
    pub(super) terms: usize,
    pub(super) down: usize,
    pub(super) along: usize,
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
            start: 0,
            rows,
            terms,
            down,
            along,
            scale: tile.scale(),
        }
    }

    /// FP32 numbers, column-major.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn of_singles(values: &'a [f32], (rows, terms, ld): (usize, usize, usize)) -> Self {
        Source {
            elements: Elements::F32(values),
            precision: Precision::F32,
            start: 0,
            rows,
            terms,
            down: 1,
            along: ld,
            scale: 0,
        }
    }

    /// Some of its rows and terms.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn block(&self, rows: Range<usize>, terms: Range<usize>) -> Self {
        Source {
            start: self.start + rows.start * self.down + terms.start * self.along,
            rows: rows.len(),
            terms: terms.len(),
            ..*self
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

    /// Whether the numbers, scale applied, are BF16 numbers; those of FP8 are all zero or normal.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_bf16(&self) -> bool {
        match self.elements {
            // At most 2¹⁶ and at least 2⁻¹⁶.
            Elements::F8(_) => self.scale.abs() <= 100,
            Elements::Bf16(_) => self.scale == 0,
            _ => false,
        }
    }

    /// BF16 numbers whose sum each number is, once rounded to FP32.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn pieces(&self) -> usize {
        match self.elements {
            _ if self.is_bf16() => 1,
            Elements::F16(_) | Elements::F8(_) => 2,
            _ => 3,
        }
    }

    /// Asks for the cache lines of these rows and terms, which are needed soon.
    #[inline(always)]
    pub(super) fn prefetch(&self, rows: Range<usize>, terms: Range<usize>) {
        if self.down == 1 {
            for k in terms {
                let column = self.start + k * self.along;
                let at = column + rows.start..column + rows.end;
                match self.elements {
                    Elements::F64(e) => prefetch(&e[at]),
                    Elements::F32(e) => prefetch(&e[at]),
                    Elements::F16(e) => prefetch(&e[at]),
                    Elements::Bf16(e) => prefetch(&e[at]),
                    Elements::F8(e) => prefetch(&e[at]),
                    Elements::I8(_) => unreachable!("I8 is no operand"),
                }
            }
        }
    }
}

/// Packs rows `rows` and terms `terms` of `source` into `out`: slivers of `LANES` rows, the last
/// filled up with zeros, as is the last unit. Each number is rounded at most once. Whether `L`
/// multiplies all of them as they are: BF16 lanes take subnormals for zero.
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
) -> bool {
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
        Elements::F64(e) => unsafe { fill::<L, f64, false>((e, source, rows, terms), factor, out) },
        Elements::F32(e) => run!(f32, e),
        Elements::F16(e) => run!(f16, e),
        Elements::Bf16(e) => run!(bf16, e),
        Elements::F8(e) if source.precision == Precision::F8E4M3 => run!(E4m3, e),
        Elements::F8(e) => run!(E5m2, e),
        Elements::I8(_) => unreachable!("I8 is no operand"),
    }
}

/// A stored number. A trait and no closures: those would not be compiled for the instruction set.
pub(super) trait Code: Pod {
    /// A type that holds it exactly.
    type Wide: Pod + Into<f64>;
    /// # Safety
    /// The processor has the instruction set of `L`.
    unsafe fn widen<L: Lanes>(codes: &[Self; MOST]) -> [Self::Wide; MOST];

    /// Packs one unit of each row, the numbers times `factor`; `DIRECT` if it is one of the type
    /// that sums. Whether `L` multiplies them as they are.
    ///
    /// # Safety
    /// The processor has the instruction set of `L`.
    #[inline(always)]
    unsafe fn unit<L: Lanes, const DIRECT: bool>(
        terms: &[[Self; MOST]; 2],
        factor: f64,
        to: &mut [L::Packed],
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe { scaled::<L, Self, DIRECT>(terms, factor, to) }
    }
}

/// An E4M3 number.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
pub(super) struct E4m3(u8);

/// An E5M2 number.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
pub(super) struct E5m2(u8);

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

    #[inline(always)]
    unsafe fn unit<L: Lanes, const DIRECT: bool>(
        terms: &[[bf16; MOST]; 2],
        factor: f64,
        to: &mut [L::Packed],
    ) -> bool {
        // SAFETY: the caller's promise.
        let packed = unsafe { L::pack_bf16(bytemuck::cast_ref(terms), to) };
        match packed {
            Some(exact) => exact,
            // SAFETY: the caller's promise.
            None => unsafe { scaled::<L, Self, DIRECT>(terms, factor, to) },
        }
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

/// [`Code::unit`] by way of the type that sums.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn scaled<L: Lanes, C: Code, const DIRECT: bool>(
    terms: &[[C; MOST]; 2],
    factor: f64,
    to: &mut [L::Packed],
) -> bool {
    let narrow = L::Real::of_f64(factor);
    let mut unit = [[L::Real::of_f64(0.0); MOST]; 2];
    for (unit, codes) in unit[..L::DEPTH].iter_mut().zip(terms) {
        // SAFETY: the caller's promise.
        let wide = unsafe { C::widen::<L>(codes) };
        *unit = match DIRECT {
            true => each(&wide, |v| L::Real::of_f64(v.into()) * narrow),
            false => each(&wide, |v| L::Real::of_f64(v.into() * factor)),
        };
    }
    L::pack(&unit, to);
    true
}

/// Bytes of a column of numbers that are read together: few pages at a time.
const STRIP: usize = 256;

/// Terms ahead of those being packed whose numbers are asked for.
const AHEAD: usize = 16;

/// [`pack`] for one kind of stored numbers; `DIRECT` if the factor is one of the type that sums.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn fill<L: Lanes, C: Code, const DIRECT: bool>(
    (elements, source, rows, terms): (&[C], &Source<'_>, Range<usize>, Range<usize>),
    factor: f64,
    out: &mut [L::Packed],
) -> bool {
    let steps = terms.len().div_ceil(L::DEPTH);
    let out = &mut out[..rows.len().div_ceil(L::LANES) * steps * L::LANES];
    let strip = match source.down {
        1 => STRIP / size_of::<C>(),
        _ => L::LANES,
    };
    let mut exact = true;
    for (s, slivers) in out.chunks_mut(steps * strip).enumerate() {
        let first = rows.start + s * strip;
        let own = first..rows.end.min(first + strip);
        let from = (elements, source, own, terms.clone());
        // SAFETY: the caller's promise.
        exact &= unsafe {
            match source.down == 1 && from.2.len() % L::LANES == 0 {
                true => fill_strip::<L, C, DIRECT, true>(from, factor, slivers),
                false => fill_strip::<L, C, DIRECT, false>(from, factor, slivers),
            }
        };
    }
    exact
}

/// Some slivers of [`fill`]; `WHOLE` if they have all their rows, and they are neighbours in
/// storage.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn fill_strip<L: Lanes, C: Code, const DIRECT: bool, const WHOLE: bool>(
    (elements, source, rows, terms): (&[C], &Source<'_>, Range<usize>, Range<usize>),
    factor: f64,
    slivers: &mut [L::Packed],
) -> bool {
    let (down, along) = (source.down, source.along);
    let steps = terms.len().div_ceil(L::DEPTH);
    let mut exact = true;
    for step in 0..steps {
        let depth = L::DEPTH.min(terms.len() - step * L::DEPTH);
        let first = source.start + rows.start * down + (terms.start + step * L::DEPTH) * along;
        if WHOLE {
            for term in 0..depth {
                let ahead = first + (AHEAD + term) * along;
                prefetch(elements.get(ahead..ahead + rows.len()).unwrap_or(&[]));
            }
        }
        for (s, sliver) in slivers.chunks_exact_mut(steps * L::LANES).enumerate() {
            let mut codes = [[C::zeroed(); MOST]; 2];
            let own = s * L::LANES..rows.len().min((s + 1) * L::LANES);
            for (term, codes) in codes[..depth].iter_mut().enumerate() {
                let from = &elements[first + own.start * down + term * along..];
                if WHOLE {
                    codes[..L::LANES].copy_from_slice(&from[..L::LANES]);
                } else {
                    for (r, code) in codes[..own.len()].iter_mut().enumerate() {
                        *code = from[r * down];
                    }
                }
            }
            let units = &mut sliver[step * L::LANES..][..L::LANES];
            // SAFETY: the caller's promise.
            exact &= unsafe { C::unit::<L, DIRECT>(&codes, factor, units) };
        }
    }
    exact
}
