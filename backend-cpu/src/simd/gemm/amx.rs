//! Products by the matrix unit: FP32 sums of products of BF16 numbers, tile by tile of registers.
//!
//! A BF16 or FP8 number is one BF16 number, an FP16 number is the sum of two and an FP32 number of
//! three of them (`pieces.rs`). Of the products of pieces those that matter to FP32 are summed:
//! one, four of two pieces, six of three, of which the three left out are at most
//! 2⁻²⁴ |a||b| together.
//!
//! The unit multiplies exactly, takes the even and the odd of 32 terms as one chain of fused
//! additions each, and adds both and the sum before them, all rounded to nearest, subnormal
//! numbers being zero. An entry of k terms so meets at most k/2 + 2 roundings that matter for k ≤ 32
//! and fewer than k beyond: smaller pieces add 2⁻⁷ of that.

use core::arch::asm;
use core::ops::Range;

use super::Operands;
use super::pack::Source;
use super::pieces;
use super::slabs::{Side, Slabs};
use crate::algebra::Output;
use crate::simd::amx::{ROWS, TILE, Tiles};

/// Rows and columns of C that are summed in registers: two tiles each.
const EDGE: usize = 2 * ROWS;

/// Terms of a product of two tiles.
pub(super) const DEPTH: usize = 32;

/// Sums of [`EDGE`] rows, by column.
#[repr(C, align(64))]
struct Block([[f32; EDGE]; EDGE]);

/// Defines a function that sums the products of `steps` tiles of two groups of columns with two of
/// rows into a block. A step holds `$pieces` tiles of each group, one after the other.
macro_rules! kernel {
    ($name:ident, $pieces:literal, [$($line:expr),* $(,)?]) => {
        /// # Safety
        /// The processor has AMX, tiles are configured, and each pointer is good for
        /// `steps` times this number of pieces tiles.
        #[inline(always)]
        unsafe fn $name(cols: [*const u8; 2], rows: [*const u8; 2], steps: usize, block: &mut Block) {
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
                    "lea {r0}, [{line} + {line}]",
                    "tilestored [{block} + {r0}], tmm0",
                    "tilestored [{block} + {r0} + 64], tmm1",
                    "tilestored [{block} + {r0} + 2048], tmm2",
                    "tilestored [{block} + {r0} + 2112], tmm3",
                    c0 = inout(reg) cols[0] => _,
                    c1 = inout(reg) cols[1] => _,
                    r0 = inout(reg) rows[0] => _,
                    r1 = inout(reg) rows[1] => _,
                    steps = inout(reg) steps => _,
                    block = in(reg) block.0.as_mut_ptr(),
                    line = in(reg) 64usize,
                    size = const $pieces * TILE,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                );
            }
        }
    };
}

/// Loads a piece of the columns, which are used once while they are near.
macro_rules! cols {
    ($at:literal) => {
        concat!(
            "tileloaddt1 tmm4, [{c0} + {line} + ",
            $at,
            "]\n",
            "tileloaddt1 tmm5, [{c1} + {line} + ",
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

kernel!(of_one, 1, [cols!("0"), rows!("0"), products!()]);
// The smallest first; each pair of pieces shares one with the pair before it.
kernel!(
    of_two,
    2,
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

/// Products of sums of `pieces` BF16 numbers.
pub(super) struct Amx {
    pieces: usize,
    /// What the product is multiplied by after the pieces were multiplied by powers of two.
    factor: f32,
}

impl Amx {
    /// For a product of these operands; none if it is too small, or `alpha` too far from one.
    ///
    /// # Safety
    /// The processor has AVX-512, AVX512-BF16 and AMX.
    pub(super) unsafe fn of(alpha: f32, (a, b): Operands<'_, '_>) -> Option<Self> {
        let of_b = b.unwrap_or(a);
        let pieces = a.pieces().max(of_b.pieces());
        let factor = pieces::factor(pieces);
        let pays = a.rows.min(of_b.rows) >= ROWS && a.terms >= DEPTH;
        let is_exact = alpha == 0.0 || (alpha / factor / factor).is_normal();
        (pays && is_exact).then_some(Amx { pieces, factor })
    }
}

impl Slabs for Amx {
    const COLUMNS: usize = 4 * EDGE;
    const GROUP: usize = ROWS;

    fn group(&self, _: Side, terms: usize) -> usize {
        terms.div_ceil(DEPTH) * self.pieces * TILE
    }

    fn pack(
        &mut self,
        side: Side,
        source: &Source<'_>,
        rows: Range<usize>,
        out: &mut [u8],
    ) -> bool {
        // SAFETY: a value of this type is made where AMX was found, and these with it.
        unsafe { pieces::pack(source, rows, (self.pieces, self.factor), side, out) }
    }

    fn sums(&self, alpha: f32, packed: [&[u8]; 2], terms: usize, c: Output<'_, f32>, lower: bool) {
        let alpha = alpha / self.factor / self.factor;
        let shape = (terms.div_ceil(DEPTH), self.pieces);
        // SAFETY: as above.
        unsafe { sums(alpha, packed, shape, c, lower) }
    }
}

/// C ← C + α·(the products of packed rows with packed columns); what stands above the diagonal may
/// be left out if `lower`.
///
/// # Safety
/// The processor has AVX-512 and AMX.
///
/// # Panics
/// If groups are missing.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn sums(
    alpha: f32,
    [left, right]: [&[u8]; 2],
    (steps, count): (usize, usize),
    c: Output<'_, f32>,
    lower: bool,
) {
    // SAFETY: the caller's promise; nothing below configures tiles.
    let _tiles = unsafe { Tiles::configure() };
    let group = steps * count * TILE;
    let mut block = Block([[0.0; EDGE]; EDGE]);
    for j0 in (0..c.cols).step_by(EDGE) {
        let cols = j0..c.cols.min(j0 + EDGE);
        let right = pair(right, (j0 / ROWS, c.cols.div_ceil(ROWS)), group);
        for r0 in (if lower { j0 } else { 0 }..c.rows).step_by(EDGE) {
            let rows = r0..c.rows.min(r0 + EDGE);
            let left = pair(left, (r0 / ROWS, c.rows.div_ceil(ROWS)), group);
            // SAFETY: `pair` found groups of `steps` times `count` tiles.
            unsafe {
                match count {
                    1 => of_one(right, left, steps, &mut block),
                    2 => of_two(right, left, steps, &mut block),
                    _ => of_three(right, left, steps, &mut block),
                }
            }
            for (j, sums) in cols.clone().zip(&block.0) {
                let column = &mut c.values[j * c.ld + rows.start..][..rows.len()];
                for (c, &sum) in column.iter_mut().zip(sums) {
                    *c = alpha.mul_add(sum, *c);
                }
            }
        }
    }
}

/// Group `at` of `count` packed ones and the next one, or itself again if it is the last.
fn pair(packed: &[u8], (at, count): (usize, usize), group: usize) -> [*const u8; 2] {
    let next = count.min(at + 2) - 1;
    [at, next].map(|at| packed[at * group..][..group].as_ptr())
}
