//! Products of standardised dosages, as integers.
//!
//! Codes are laid out SNP by SNP, a few SNPs and one block of individuals at a time: N²M/2
//! multiplications i32 × i32 → i64, memory independent of N and M.

use epitile_core::pairs::PAIR_EDGE;

use crate::pairs::mirror;
use crate::simd::product::{COLS, Codes, accumulate};
use crate::simd::spread::spread;
use crate::slice::Slice;

/// Σ_m z_i z_j of a block, row-major with [`PAIR_EDGE`] columns; a missing call is z = 0.
pub(crate) fn block(
    codes: &[[i32; 3]],
    rows: Slice<'_>,
    cols: Slice<'_>,
    diagonal: bool,
) -> Vec<i64> {
    let mut sums = vec![0; PAIR_EDGE * PAIR_EDGE];
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for segment in rows.genotypes.segments() {
        for w in segment.words.clone() {
            let first = segment.snps.start + (w - segment.words.start) * 64;
            let codes = &codes[first.min(segment.snps.end)..segment.snps.end.min(first + 64)];
            let a = decode(codes, w, rows, &mut a);
            let b = if diagonal {
                a
            } else {
                decode(codes, w, cols, &mut b)
            };
            accumulate(a, b, diagonal, PAIR_EDGE, &mut sums);
        }
    }
    if diagonal {
        mirror(&mut sums);
    }
    sums
}

/// Codes of the SNPs of word `w`, zero for individuals past the last.
fn decode<'a>(
    codes: &[[i32; 3]],
    w: usize,
    slice: Slice<'_>,
    values: &'a mut Vec<i32>,
) -> Codes<'a> {
    let width = slice.count.next_multiple_of(COLS);
    values.clear();
    values.resize(codes.len() * width, 0);
    let column = slice.words(w);
    for (m, code) in codes.iter().enumerate() {
        let values = &mut values[m * width..][..slice.count];
        spread(column.as_ref(), m as u32, code.map(i64::from), values);
    }
    Codes { width, values }
}
