//! Products, triangular solves and Cholesky factors of tiles.
//!
//! Operands are packed into *slivers*: as many rows as a vector has lanes, term by term. The
//! micro-kernel keeps the sums of three slivers by N columns in registers and goes through the
//! terms once, in ascending order: an entry is one chain of multiply-adds, fused where the
//! instruction set can, and its bits depend on its own row and column and the instruction set
//! only (for BF16 tiles, also on whether rows packed together hold subnormals).
//!
//! | file | job |
//! |---|---|
//! | `lanes.rs`, `x86.rs` | what an instruction set does: load, broadcast, multiply and add |
//! | `bf16.rs` | the same for pairs of BF16 numbers |
//! | `fp16.rs` | FP16 products in FP16 chains |
//! | `amx.rs`, `pieces.rs` | products by the matrix unit, of sums of BF16 numbers |
//! | `pack.rs` | operands of any precision, widened while packed |
//! | `micro.rs` | the micro-kernel |
//! | `slabs.rs` | products of operands that are packed whole |
//! | `product.rs` | general and symmetric products |
//! | `triangle.rs` | triangular solves and Cholesky factors |
//! | `space.rs` | storage that a thread keeps for packed operands |

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(target_arch = "x86_64")]
mod fp16;
mod lanes;
mod micro;
mod pack;
#[cfg(target_arch = "x86_64")]
mod pieces;
mod product;
#[cfg(target_arch = "x86_64")]
mod slabs;
mod space;
mod triangle;
#[cfg(target_arch = "x86_64")]
mod x86;

use epitile_core::precision::exp2;

use crate::algebra::Output;
use crate::operand::Real;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Half, Level, isa};
#[cfg(target_arch = "x86_64")]
use amx::Amx;
#[cfg(target_arch = "x86_64")]
use fp16::Fp16;
pub(crate) use pack::Source;
use space::Space;

/// A type with kernels of its own.
pub(crate) trait Kernels: Real {
    /// C ← C + α·A·Bᵀ; without B, the lower triangle of C ← C + α·A·Aᵀ, and what stands above the
    /// diagonal is unspecified afterwards.
    ///
    /// # Panics
    /// Unless C is m × n, A m × k and B n × k, none of them empty.
    fn product(alpha: Self, a: Source<'_>, b: Option<Source<'_>>, c: Output<'_, Self>);

    /// X Lᵀ = B for the lower triangle L; B becomes X.
    ///
    /// # Panics
    /// Unless B is m × n and L n × n.
    fn solve(l: Source<'_>, b: Output<'_, Self>);

    /// Lower triangle of A becomes its Cholesky factor.
    ///
    /// # Errors
    /// The first pivot that is not positive or not finite.
    ///
    /// # Panics
    /// Unless A is square.
    fn factor(a: Output<'_, Self>) -> Result<(), usize>;
}

/// Runs `$run` with the lanes and number of columns that suit the instruction set in use.
macro_rules! dispatch {
    (
        $t:ty, $columns:tt, $run:path,
        ($($arg:ident: $ty:ty),*) $(-> $out:ty)?
    ) => {
        dispatch!(@ $t, $columns, $run, ($($arg: $ty),*), ($($out)?))
    };
    (
        @ $t:ty, ($wide:literal, $narrow:literal, $plain:literal), $run:path,
        ($($arg:ident: $ty:ty),*), ($($out:ty)?)
    ) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
            fn wide($($arg: $ty),*) $(-> $out)? {
                use $run as run;
                // SAFETY: the features that this function enables.
                unsafe { run::<x86::Avx512<$t>, $wide>($($arg),*) }
            }
            #[target_feature(enable = "avx2,fma,f16c")]
            fn narrow($($arg: $ty),*) $(-> $out)? {
                use $run as run;
                // SAFETY: the features that this function enables.
                unsafe { run::<x86::Avx2<$t>, $narrow>($($arg),*) }
            }
            match isa().level {
                // SAFETY: `isa` has found these features.
                Level::Avx512 => return unsafe { wide($($arg),*) },
                // SAFETY: `isa` has found these features.
                Level::Avx2 => return unsafe { narrow($($arg),*) },
                Level::Portable => {}
            }
        }
        use $run as run;
        // SAFETY: nothing beyond the baseline is needed.
        unsafe { run::<lanes::Portable<$t>, $plain>($($arg),*) }
    }};
}

macro_rules! kernels {
    ($t:ty, $columns:tt, $half:path, $cut:path) => {
        impl Kernels for $t {
            fn product(alpha: $t, a: Source<'_>, b: Option<Source<'_>>, c: Output<'_, $t>) {
                let of_b = b.as_ref().unwrap_or(&a);
                assert_eq!((c.rows, c.cols), (a.rows, of_b.rows), "shape of C");
                assert_eq!(a.terms, of_b.terms, "terms of A and B");
                let (alpha, a, b) = folded(alpha, a, b);
                let (operands, mut c) = ((&a, b.as_ref()), c);
                space::with(|space| {
                    let top = $half(alpha, operands, &mut c, space);
                    if top == c.rows {
                        return top;
                    }
                    let c = &mut c;
                    dispatch!(
                        $t, $columns, product::run,
                        (alpha: $t, operands: Operands<'_, '_>, c: &mut Output<'_, $t>, top: usize, space: &mut Space)
                        -> usize
                    )
                });
            }

            fn solve(l: Source<'_>, mut b: Output<'_, $t>) {
                assert_eq!((l.rows, l.terms), (b.cols, b.cols), "shape of the triangle");
                if $cut(&l, &mut b) {
                    return;
                }
                space::with(|space| {
                    let l = &l;
                    dispatch!(
                        $t, $columns, triangle::solve,
                        (l: &Source<'_>, b: Output<'_, $t>, space: &mut Space)
                    )
                });
            }

            fn factor(a: Output<'_, $t>) -> Result<(), usize> {
                assert_eq!(a.rows, a.cols, "a square tile");
                space::with(|space| {
                    dispatch!(
                        $t, $columns, triangle::factor,
                        (a: Output<'_, $t>, space: &mut Space) -> Result<(), usize>
                    )
                })
            }
        }
    };
}

kernels!(f32, (8, 4, 4), pairs, cut);
kernels!(f64, (8, 4, 2), no_pairs, whole);

/// A and B, none for A itself.
type Operands<'r, 'a> = (&'r Source<'a>, Option<&'r Source<'a>>);

/// A product by pairs of BF16 numbers, where that is exact and fast; the first row that is not done.
#[cfg(target_arch = "x86_64")]
fn pairs(
    alpha: f32,
    (a, b): Operands<'_, '_>,
    c: &mut Output<'_, f32>,
    space: &mut Space,
) -> usize {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
    fn run(
        alpha: f32,
        operands: Operands<'_, '_>,
        c: &mut Output<'_, f32>,
        space: &mut Space,
    ) -> usize {
        // SAFETY: the features that this function enables.
        unsafe { product::run::<bf16::Bf16, 8>(alpha, operands, c, 0, space) }
    }
    /// What the kernels of whole slabs do not multiply.
    fn wide(alpha: f32, operands: Operands<'_, '_>, c: &mut Output<'_, f32>, space: &mut Space) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
        fn run(alpha: f32, operands: Operands<'_, '_>, c: &mut Output<'_, f32>, space: &mut Space) {
            // SAFETY: the features that this function enables.
            unsafe { product::run::<x86::Avx512<f32>, 8>(alpha, operands, c, 0, space) };
        }
        // SAFETY: processors with AMX have these features.
        unsafe { run(alpha, operands, c, space) }
    }
    match isa().half {
        // SAFETY: `isa` has found AMX.
        Half::Amx if let Some(mut kernel) = unsafe { Amx::of(alpha, (a, b)) } => {
            slabs::run(&mut kernel, alpha, (a, b), c, space, wide);
            c.rows
        }
        // SAFETY: `isa` has found AVX512-FP16.
        Half::Fp16 if let Some(mut kernel) = unsafe { Fp16::of((a, b)) } => {
            slabs::run(&mut kernel, alpha, (a, b), c, space, wide);
            c.rows
        }
        // SAFETY: `isa` has found these features.
        Half::Amx | Half::Bf16 if a.is_bf16() && b.is_none_or(Source::is_bf16) => unsafe {
            run(alpha, (a, b), c, space)
        },
        _ => 0,
    }
}

/// Columns of a triangular system that are solved together where products of what is left of the
/// others are much faster.
#[cfg(target_arch = "x86_64")]
const CUT: usize = 128;

/// X Lᵀ = B, [`CUT`] columns after the other, each less its products with those before, if the
/// matrix unit makes that faster; whether it did.
#[cfg(target_arch = "x86_64")]
fn cut(l: &Source<'_>, b: &mut Output<'_, f32>) -> bool {
    let (rows, n, ld) = (b.rows, b.cols, b.ld);
    if isa().half != Half::Amx || n <= CUT || rows < CUT {
        return false;
    }
    for first in (0..n).step_by(CUT) {
        let own = first..n.min(first + CUT);
        let (solved, rest) = b.values.split_at_mut(first * ld);
        let mut rest = Output {
            rows,
            cols: own.len(),
            ld,
            values: rest,
        };
        if first > 0 {
            let solved = Source::of_singles(solved, (rows, first, ld));
            let factors = l.block(own.clone(), 0..first);
            f32::product(
                -1.0,
                solved,
                Some(factors),
                rest.part(0..rows, 0..own.len()),
            );
        }
        f32::solve(l.block(own.clone(), own), rest);
    }
    true
}

#[cfg(not(target_arch = "x86_64"))]
use {no_pairs as pairs, whole as cut};

/// Nothing is cut.
fn whole<T>(_: &Source<'_>, _: &mut Output<'_, T>) -> bool {
    false
}

/// There are none in this type.
fn no_pairs<T>(_: T, _: Operands<'_, '_>, _: &mut Output<'_, T>, _: &mut Space) -> usize {
    0
}

/// Takes the scales of narrow operands into α, if that is exact.
fn folded<'a, T: Real>(
    alpha: T,
    mut a: Source<'a>,
    mut b: Option<Source<'a>>,
) -> (T, Source<'a>, Option<Source<'a>>) {
    let of_b = b.as_ref().unwrap_or(&a);
    if a.is_narrow() && of_b.is_narrow() {
        let wanted = alpha.to_f64() * exp2(a.scale + of_b.scale);
        let factor = T::of_f64(wanted);
        if factor.to_f64() == wanted && factor.is_full() {
            a.scale = 0;
            if let Some(b) = &mut b {
                b.scale = 0;
            }
            return (factor, a, b);
        }
    }
    (alpha, a, b)
}
