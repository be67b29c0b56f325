//! Products of standardised dosages, as integers.
//!
//! A word of SNPs and one block of individuals at a time: N²M/2 exact multiplications, memory
//! independent of N and M.

use epitile_core::pairs::PAIR_EDGE;

use crate::pairs::mirror;
use crate::simd::product::{Products, Table};
use crate::simd::transpose::SNPS;
use crate::slice::Slice;

/// Σ_m z_i z_j of a block, row-major with [`PAIR_EDGE`] columns; a missing call is z = 0. Codes z
/// are `tables` by the SNP's bit in a row.
pub(crate) fn block(
    tables: &[Table],
    rows: Slice<'_>,
    cols: Slice<'_>,
    diagonal: bool,
) -> Vec<i64> {
    let mut sums = vec![0; PAIR_EDGE * PAIR_EDGE];
    let mut products = Products::default();
    let words: &[[Table; SNPS]] = tables.as_chunks().0;
    for (w, tables) in words.iter().enumerate() {
        if tables.iter().all(|table| table.0 == [0; 4]) {
            continue;
        }
        let (a, b) = (rows.column(w), cols.column(w));
        products.add(tables, (&a, rows.count), &b, diagonal, &mut sums);
    }
    if diagonal {
        mirror(&mut sums);
    }
    sums
}
