//! Products of standardised dosages, as integers.
//!
//! Codes are laid out SNP by SNP, a few SNPs and one block of individuals at a time: N²M/2
//! multiplications i32 × i32 → i64, memory independent of N and M.

use epitile_core::pairs::PAIR_EDGE;

use crate::pairs::Slice;
use crate::simd::product::accumulate;

/// Σ_m z_i z_j of a block, row-major with [`PAIR_EDGE`] columns; a missing call is z = 0.
pub(crate) fn block(codes: &[[i32; 3]], rows: Slice<'_>, cols: Slice<'_>) -> Vec<i64> {
    let mut sums = vec![0; PAIR_EDGE * PAIR_EDGE];
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for segment in rows.genotypes.segments() {
        for w in segment.words.clone() {
            let first = segment.snps.start + (w - segment.words.start) * 64;
            let codes = &codes[first.min(segment.snps.end)..segment.snps.end.min(first + 64)];
            decode(codes, w, rows, &mut a);
            decode(codes, w, cols, &mut b);
            accumulate(&a, &b, PAIR_EDGE, &mut sums);
        }
    }
    sums
}

/// Codes of the SNPs of word `w`, [`PAIR_EDGE`] individuals to a SNP.
fn decode(codes: &[[i32; 3]], w: usize, slice: Slice<'_>, out: &mut Vec<i32>) {
    out.clear();
    out.resize(codes.len() * PAIR_EDGE, 0);
    for (place, i) in slice.range().enumerate() {
        let g = slice.genotypes;
        let (some, two) = (g.some(i)[w], g.two(i)[w]);
        let missing = g.missing(i).map_or(0, |plane| plane[w]);
        for (m, code) in codes.iter().enumerate() {
            let at = |plane: u64| (plane >> m & 1) as usize;
            let called = at(missing) as i32 - 1;
            out[m * PAIR_EDGE + place] = code[at(some) + at(two)] & called;
        }
    }
}
