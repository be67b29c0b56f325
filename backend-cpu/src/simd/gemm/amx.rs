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

use core::arch::x86_64::_mm512_set1_ps;
use core::ops::Range;

mod kernel;

use kernel::{Block, EDGE, Waiting, columns, of_one, of_three, of_two};

use super::Operands;
use super::pack::Source;
use super::pieces;
use super::slabs::{Side, Slabs};
use crate::algebra::Output;
use crate::simd::amx::{ROWS, TILE, Tiles};

/// Terms of a product of two tiles.
pub(super) const DEPTH: usize = 32;

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

    // Packed operands of so few terms and a tile of C of 512 rows are in the second-level cache (2 MiB)
    // together, for all products that a tile of a factor is the sum of. In FP32 all terms at once, 512,
    // took a third longer.
    fn terms(&self) -> usize {
        match self.pieces {
            1 => 512,
            2 => 256,
            _ => 128,
        }
    }

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
    let factor = _mm512_set1_ps(alpha);
    let mut blocks = [const { Block([[0.0; EDGE]; EDGE]) }; 2];
    let (mut turn, mut nowhere) = (0, [0.0; EDGE]);
    // The block before, if it is whole: its first number, as a place in C.
    let mut before: Option<usize> = None;
    for j0 in (0..c.cols).step_by(EDGE) {
        let cols = j0..c.cols.min(j0 + EDGE);
        let right = pair(right, (j0 / ROWS, c.cols.div_ceil(ROWS)), group);
        for r0 in (if lower { j0 } else { 0 }..c.rows).step_by(EDGE) {
            let rows = r0..c.rows.min(r0 + EDGE);
            let left = pair(left, (r0 / ROWS, c.rows.div_ceil(ROWS)), group);
            let [even, odd] = &mut blocks;
            let (block, done) = if turn == 0 {
                (even, &*odd)
            } else {
                (odd, &*even)
            };
            turn = 1 - turn;
            let waiting = match before {
                Some(at) => Waiting {
                    c: c.values[at..][..(EDGE - 1) * c.ld + EDGE].as_mut_ptr(),
                    ld: c.ld * size_of::<f32>(),
                    sums: done.0.as_flattened().as_ptr(),
                    next: c.values[j0 * c.ld + r0..].as_ptr(),
                },
                None => Waiting {
                    c: nowhere.as_mut_ptr(),
                    ld: 0,
                    sums: done.0.as_flattened().as_ptr(),
                    next: nowhere.as_ptr(),
                },
            };
            let last = (factor, waiting);
            // SAFETY: `pair` found groups of `steps` times `count` tiles; a whole block of C, or one
            // column for all, and its sums are there.
            unsafe {
                match count {
                    1 => of_one(right, left, steps, block, last),
                    2 => of_two(right, left, steps, block, last),
                    _ => of_three(right, left, steps, block, last),
                }
            }
            if let Some(at) = before {
                let went = (columns(count) * steps).min(EDGE);
                add(alpha, (done, went..EDGE), &mut c.values[at..], (c.ld, EDGE));
            }
            let at = j0 * c.ld + r0;
            before = (rows.len() == EDGE && cols.len() == EDGE).then_some(at);
            if before.is_none() {
                let place = (c.ld, rows.len());
                add(alpha, (block, 0..cols.len()), &mut c.values[at..], place);
            }
        }
    }
    if let Some(at) = before {
        let place = (c.ld, EDGE);
        add(
            alpha,
            (&blocks[1 - turn], 0..EDGE),
            &mut c.values[at..],
            place,
        );
    }
}

/// C ← C + α·S for some columns of S and the first `rows` rows.
#[target_feature(enable = "avx512f,fma")]
fn add(
    alpha: f32,
    (block, columns): (&Block, Range<usize>),
    c: &mut [f32],
    (ld, rows): (usize, usize),
) {
    for j in columns {
        for (c, &sum) in c[j * ld..][..rows].iter_mut().zip(&block.0[j]) {
            *c = alpha.mul_add(sum, *c);
        }
    }
}

/// Group `at` of `count` packed ones and the next one, or itself again if it is the last.
fn pair(packed: &[u8], (at, count): (usize, usize), group: usize) -> [*const u8; 2] {
    let next = count.min(at + 2) - 1;
    [at, next].map(|at| packed[at * group..][..group].as_ptr())
}
