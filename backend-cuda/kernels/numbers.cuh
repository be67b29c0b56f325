// Where the number of a pair is kept.
#pragma once
#include "common.cuh"

// Rows and columns of a stored block, PAIR_EDGE of core/src/pairs.rs.
#define EDGE 256

// DENSE: entry (r, c) of a block, column-major. PACKED: blocks of EDGE × EDGE of all pairs, their
// lower triangle only. TALL: the same, all blocks. Inside a block row-major.
enum Order { DENSE, PACKED, TALL };

// Place of entry (r, c), which is the pair of individuals i and j. `width`: rows of a dense block;
// blocks in a row of TALL.
DEVICE u64 number_at(int order, u64 width, u64 r, u64 c, u64 i, u64 j) {
    if (order == DENSE) return c * width + r;
    if (order == PACKED && i < j) {
        u64 t = i;
        i = j;
        j = t;
    }
    u64 bi = i / EDGE, bj = j / EDGE;
    u64 block = order == PACKED ? bi * (bi + 1) / 2 + bj : bi * width + bj;
    return block * EDGE * EDGE + i % EDGE * EDGE + j % EDGE;
}

// The number kept there: u32 if `whole`, else i64.
DEVICE i64 number(const void *numbers, int whole, u64 at) {
    return whole ? (i64)((const u32 *)numbers)[at] : ((const i64 *)numbers)[at];
}
