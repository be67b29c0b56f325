// Pair statistics: exact integers, those of core/src/pairs.rs.
#include "numbers.cuh"

// Fraction bits of imputed dosages.
#define MEAN_BITS 32

// A set of individuals: rows of `words` 64-bit words, and by individual where calls are missing.
struct Calls {
    const u64 *some, *two, *missing;
    // places[ends[i − 1] … ends[i]): bits of a row.
    const u64 *ends;
    const u32 *places;
};

DEVICE u32 bit(const u64 *plane, u64 words, u64 i, u32 p) {
    return plane ? (u32)(plane[i * words + p / 64] >> (p % 64)) & 1 : 0;
}

// What the missing calls of i add to its pair with j; corrections by bit and dosage.
DEVICE i64 corrected(Calls a, u64 i, Calls b, u64 j, u64 words, const i64 *corrections) {
    i64 sum = 0;
    if (!a.missing) return sum;
    for (u64 at = i ? a.ends[i - 1] : 0; at < a.ends[i]; at++) {
        u32 p = a.places[at];
        if (bit(b.missing, words, j, p)) continue;
        u32 dosage = bit(b.some, words, j, p) + bit(b.two, words, j, p);
        sum += corrections[(u64)p * 3 + dosage];
    }
    return sum;
}

// Distances of the individuals rows[0…m) and cols[0…n) from their products `dots` (column-major,
// leading dimension ld): Σ(x−y)² = Σx² + Σy² − 2Σxy, Σ|x−y| = Σx + Σy − 2Σmin(x, y). Whole numbers
// as u32, others with the corrections of missing calls as i64 in units of 2^−32. Of PACKED pairs
// those with i ≥ j are kept.
KERNEL distances(const int *dots, u64 ld, const u32 *rows, u64 m, const u32 *cols, u64 n,
                 const u32 *row_moments, const u32 *col_moments, Calls a, Calls b, u64 words,
                 const i64 *corrections, int whole, void *out, int order, u64 width) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m, i = rows[r], j = cols[c];
    if (order == PACKED && i < j) return;
    i64 d = (i64)row_moments[i] + (i64)col_moments[j] - 2 * (i64)dots[c * ld + r];
    u64 to = number_at(order, width, r, c, i, j);
    if (whole) {
        ((u32 *)out)[to] = (u32)d;
        return;
    }
    ((i64 *)out)[to] = (d << MEAN_BITS) + corrected(a, i, b, j, words, corrections) +
                       corrected(b, j, a, i, words, corrections);
}

// Individuals of a block of `products` in each direction, and bits it takes in one go.
#define SQUARE 16
#define STRETCH 32

// A SNP's part of a product, w·x·y − u·(x + y) + v.
struct Term {
    i64 weight, slope, constant;
};

// Dosage of individual i at bit p: −1 where the call is missing.
DEVICE int dosage(Calls a, u64 i, u64 words, u32 p) {
    if (bit(a.missing, words, i, p)) return -1;
    return (int)(bit(a.some, words, i, p) + bit(a.two, words, i, p));
}

// Products of the individuals rows[0…m) and cols[0…n), terms by bit; missing calls add nothing.
// SQUARE × SQUARE pairs a block, one thread each.
KERNEL products(const u32 *rows, u64 m, const u32 *cols, u64 n, Calls a, Calls b, u64 words,
                const Term *terms, i64 *out, int order, u64 width) {
    SHARED int of_rows[STRETCH][SQUARE + 1], of_cols[STRETCH][SQUARE + 1];
    SHARED Term of_snps[STRETCH];
    u64 blocks = (m + SQUARE - 1) / SQUARE;
    u64 first_row = blockIdx.x % blocks * SQUARE, first_col = blockIdx.x / blocks * SQUARE;
    u32 x = threadIdx.x % SQUARE, y = threadIdx.x / SQUARE;
    i64 sum = 0;
    for (u64 start = 0; start < words * 64; start += STRETCH) {
        for (u32 t = threadIdx.x; t < STRETCH * SQUARE; t += SQUARE * SQUARE) {
            u32 p = t % STRETCH, k = t / STRETCH;
            u64 r = first_row + k, c = first_col + k;
            u32 at = (u32)start + p;
            of_rows[p][k] = r < m ? dosage(a, rows[r], words, at) : -1;
            of_cols[p][k] = c < n ? dosage(b, cols[c], words, at) : -1;
            if (k == 0) of_snps[p] = terms[at];
        }
        __syncthreads();
        for (u32 p = 0; p < STRETCH; p++) {
            i64 g = of_rows[p][x], h = of_cols[p][y];
            Term of = of_snps[p];
            if (g >= 0 && h >= 0) sum += of.weight * g * h - of.slope * (g + h) + of.constant;
        }
        __syncthreads();
    }
    u64 r = first_row + x, c = first_col + y;
    if (r >= m || c >= n) return;
    u64 i = rows[r], j = cols[c];
    if (order == PACKED && i < j) return;
    out[number_at(order, width, r, c, i, j)] = sum;
}

// out[c·m + r] = the number of the pair, times 2^shift.
KERNEL gather(const void *numbers, int whole, int order, u64 width, const u32 *rows, u64 m,
              const u32 *cols, u64 n, int shift, i64 *out) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m;
    out[at] = number(numbers, whole, number_at(order, width, r, c, rows[r], cols[c])) << shift;
}
