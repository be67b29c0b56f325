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

// What the missing calls of i add to its pair with j; corrections by bit and dosage. Where j has none
// either, it is that of dosage 0 if `both`, else nothing.
DEVICE i64 corrected(Calls a, u64 i, Calls b, u64 j, u64 words, const i64 *corrections, int both) {
    i64 sum = 0;
    if (!a.missing) return sum;
    for (u64 at = i ? a.ends[i - 1] : 0; at < a.ends[i]; at++) {
        u32 p = a.places[at];
        if (!both && bit(b.missing, words, j, p)) continue;
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
    ((i64 *)out)[to] = (d << MEAN_BITS) + corrected(a, i, b, j, words, corrections, 0) +
                       corrected(b, j, a, i, words, corrections, 0);
}

// By individual: Σ u·x over its calls, u by bit. One block of LIST threads each.
KERNEL slopes(Calls a, u64 words, const i64 *of_bits, i64 *out) {
    SHARED i64 parts[LIST];
    u64 i = blockIdx.x;
    i64 sum = 0;
    for (u64 p = threadIdx.x; p < words * 64; p += LIST)
        sum += of_bits[p] * (bit(a.some, words, i, (u32)p) + bit(a.two, words, i, (u32)p));
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[i] = parts[0];
}

// Digits of a weight, and what they count in: w = Σ d_k RADIX^k, SLICES and RADIX of
// src/sys/weighted.rs.
#define SLICES 5
#define RADIX 127

// Σ d_k·x·y over some SNPs, for each digit.
struct Slices {
    const int *of[SLICES];
};

// Products of the individuals rows[0…m) and cols[0…n), Σ (w·x·y − u·(x + y) + v) over the SNPs that
// both have calls of: `slices` (column-major, leading dimension ld) give Σ w·x·y. All SNPs give
// − Σ u·x − Σ u·y + Σ v; `corrections`, u·x − v by bit and dosage, take back what is not of both,
// once for a SNP that neither has. `start`: or only Σ w·x·y is added to what is there.
KERNEL weighted(Slices slices, u64 ld, int start, const u32 *rows, u64 m, const u32 *cols, u64 n,
                const i64 *row_slopes, const i64 *col_slopes, i64 constant, Calls a, Calls b,
                u64 words, const i64 *corrections, i64 *out, int order, u64 width) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m, i = rows[r], j = cols[c];
    if (order == PACKED && i < j) return;
    i64 sum = 0;
    for (int k = SLICES - 1; k >= 0; k--) sum = sum * RADIX + slices.of[k][c * ld + r];
    u64 to = number_at(order, width, r, c, i, j);
    if (start) {
        sum += constant - row_slopes[i] - col_slopes[j];
        sum += corrected(a, i, b, j, words, corrections, 1);
        sum += corrected(b, j, a, i, words, corrections, 0);
    } else {
        sum += out[to];
    }
    out[to] = sum;
}

// out[c·m + r] = the number of the pair, times 2^shift.
KERNEL gather(const void *numbers, int whole, int order, u64 width, const u32 *rows, u64 m,
              const u32 *cols, u64 n, int shift, i64 *out) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m;
    out[at] = number(numbers, whole, number_at(order, width, r, c, rows[r], cols[c])) << shift;
}
