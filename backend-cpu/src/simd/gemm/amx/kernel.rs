//! The micro-kernels: 32 × 32 sums in four tile registers, of products of one, two or three pieces.

use core::arch::asm;
use core::arch::x86_64::__m512;

use crate::simd::amx::{ROWS, TILE};

/// Rows and columns of C that are summed in registers: two tiles each.
pub(super) const EDGE: usize = 2 * ROWS;

/// Sums of [`EDGE`] rows, by column.
#[repr(C, align(64))]
pub(super) struct Block(pub(super) [[f32; EDGE]; EDGE]);

/// Columns of a finished block that go to C in a step of the next one, of so many pieces: so the latter
/// hides what memory takes.
pub(super) const fn columns(pieces: usize) -> usize {
    match pieces {
        1 => 2,
        2 => 4,
        _ => 8,
    }
}

/// A block of C that waits for its sums: its first number, the bytes between columns, the sums; and
/// the first number of the block after it, which is asked for.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub(super) c: *mut f32,
    pub(super) ld: usize,
    pub(super) sums: *const f32,
    pub(super) next: *const f32,
}

/// Defines a function that sums the products of `steps` tiles of two groups of columns with two of
/// rows into a block, and meanwhile adds α times the sums of the block before to C: [`columns`] a
/// step, at most all. A step holds `$pieces` tiles of each group, one after the other.
macro_rules! kernel {
    ($name:ident, $pieces:literal, [$($line:expr),* $(,)?], [$($plain:expr),* $(,)?]) => {
        /// # Safety
        /// The processor has AVX-512 and AMX, tiles are configured, each pointer of `cols` and `rows`
        /// is good for `steps` times this number of pieces tiles, and the pointers of `before` for
        /// [`columns`] times `steps` columns, at most [`EDGE`], of as many numbers.
        #[target_feature(enable = "avx512f")]
        pub(super) unsafe fn $name(
            cols: [*const u8; 2],
            rows: [*const u8; 2],
            steps: usize,
            block: &mut Block,
            (alpha, before): (__m512, Waiting),
        ) {
            let first = steps.min(EDGE / columns($pieces));
            // SAFETY: the caller's promises; tiles are written where the block is.
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "2:",
                    $($line,)*
                    "add {c0}, {size}",
                    "add {c1}, {size}",
                    "add {r0}, {size}",
                    "add {r1}, {size}",
                    "dec {steps}",
                    "jnz 2b",
                    "test {more}, {more}",
                    "jz 4f",
                    "3:",
                    $($plain,)*
                    "add {c0}, {size}",
                    "add {c1}, {size}",
                    "add {r0}, {size}",
                    "add {r1}, {size}",
                    "dec {more}",
                    "jnz 3b",
                    "4:",
                    "lea {r0}, [{line} + {line}]",
                    "tilestored [{block} + {r0}], tmm0",
                    "tilestored [{block} + {r0} + 64], tmm1",
                    "tilestored [{block} + {r0} + 2048], tmm2",
                    "tilestored [{block} + {r0} + 2112], tmm3",
                    c0 = inout(reg) cols[0] => _,
                    c1 = inout(reg) cols[1] => _,
                    r0 = inout(reg) rows[0] => _,
                    r1 = inout(reg) rows[1] => _,
                    steps = inout(reg) first => _,
                    more = inout(reg) steps - first => _,
                    block = in(reg) block.0.as_mut_ptr(),
                    line = in(reg) 64usize,
                    c = inout(reg) before.c => _,
                    ld = in(reg) before.ld,
                    sums = inout(reg) before.sums => _,
                    next = inout(reg) before.next => _,
                    alpha = in(zmm_reg) alpha,
                    low = out(zmm_reg) _,
                    high = out(zmm_reg) _,
                    size = const $pieces * TILE,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                );
            }
        }
    };
}

/// Loads a piece of the columns.
macro_rules! cols {
    ($at:literal) => {
        concat!(
            "tileloadd tmm4, [{c0} + {line} + ",
            $at,
            "]\n",
            "tileloadd tmm5, [{c1} + {line} + ",
            $at,
            "]"
        )
    };
}

/// Loads a piece of the rows.
macro_rules! rows {
    ($at:literal) => {
        concat!(
            "tileloadd tmm6, [{r0} + {line} + ",
            $at,
            "]\n",
            "tileloadd tmm7, [{r1} + {line} + ",
            $at,
            "]"
        )
    };
}

/// Products of what is loaded.
macro_rules! products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6\n\
         tdpbf16ps tmm1, tmm4, tmm7\n\
         tdpbf16ps tmm2, tmm5, tmm6\n\
         tdpbf16ps tmm3, tmm5, tmm7"
    };
}

/// Adds a column of the block before to C.
macro_rules! column {
    () => {
        "prefetcht0 [{next}]\n\
         prefetcht0 [{next} + 64]\n\
         add {next}, {ld}\n\
         vmovups {low}, [{sums}]\n\
         vmovups {high}, [{sums} + 64]\n\
         vfmadd213ps {low}, {alpha}, [{c}]\n\
         vfmadd213ps {high}, {alpha}, [{c} + 64]\n\
         vmovups [{c}], {low}\n\
         vmovups [{c} + 64], {high}\n\
         add {c}, {ld}\n\
         add {sums}, 128"
    };
}

kernel!(
    of_one,
    1,
    [cols!("0"), rows!("0"), products!(), column!(), column!()],
    [cols!("0"), rows!("0"), products!()]
);
// The smallest first; each pair of pieces shares one with the pair before it.
kernel!(
    of_two,
    2,
    [
        cols!("1024"),
        rows!("1024"),
        products!(),
        column!(),
        rows!("0"),
        products!(),
        column!(),
        cols!("0"),
        products!(),
        column!(),
        rows!("1024"),
        products!(),
        column!(),
    ],
    [
        cols!("1024"),
        rows!("1024"),
        products!(),
        rows!("0"),
        products!(),
        cols!("0"),
        products!(),
        rows!("1024"),
        products!(),
    ]
);
kernel!(
    of_three,
    3,
    [
        cols!("2048"),
        rows!("0"),
        products!(),
        column!(),
        cols!("1024"),
        products!(),
        column!(),
        rows!("1024"),
        products!(),
        column!(),
        column!(),
        cols!("0"),
        products!(),
        column!(),
        rows!("2048"),
        products!(),
        column!(),
        rows!("0"),
        products!(),
        column!(),
        column!(),
    ],
    [
        cols!("2048"),
        rows!("0"),
        products!(),
        cols!("1024"),
        products!(),
        rows!("1024"),
        products!(),
        cols!("0"),
        products!(),
        rows!("2048"),
        products!(),
        rows!("0"),
        products!(),
    ]
);
