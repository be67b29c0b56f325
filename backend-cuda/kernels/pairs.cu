// Pair statistics: exact integers, those of core/src/pairs.rs.
#include "numbers.cuh"

// Fraction bits of imputed dosages.
#define MEAN_BITS 32

// Distances of the individuals rows[0…m) and cols[0…n) from their products `dots` (column-major,
// leading dimension ld): Σ(x−y)² = Σx² + Σy² − 2Σxy, Σ|x−y| = Σx + Σy − 2Σmin(x, y), a missing call
// counting as dosage 0. Whole numbers as u32, others as i64 in units of 2^−32. Of PACKED pairs those
// with i ≥ j are kept.
KERNEL distances(const int *dots, u64 ld, const u32 *rows, u64 m, const u32 *cols, u64 n,
                 const u32 *row_moments, const u32 *col_moments, int whole, void *out, int order,
                 u64 width) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m, i = rows[r], j = cols[c];
    if (order == PACKED && i < j) return;
    i64 d = (i64)row_moments[i] + (i64)col_moments[j] - 2 * (i64)dots[c * ld + r];
    u64 to = number_at(order, width, r, c, i, j);
    if (whole) ((u32 *)out)[to] = (u32)d;
    else ((i64 *)out)[to] = d << MEAN_BITS;
}

// By individual: Σ u·x over its calls, u by bit. One block of LIST threads each.
KERNEL slopes(const u64 *some, const u64 *two, u64 words, const i64 *of_bits, i64 *out) {
    SHARED i64 parts[LIST];
    u64 row = blockIdx.x * words;
    i64 sum = 0;
    for (u64 p = threadIdx.x; p < words * 64; p += LIST) {
        u64 word = row + p / 64;
        u32 bit = (u32)(p % 64);
        sum += of_bits[p] * (i64)((some[word] >> bit & 1) + (two[word] >> bit & 1));
    }
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = parts[0];
}

// Digits of an integer; SLICES of src/sys/pairs.rs.
#define SLICES 5

// Sums of digits, for each place.
struct Slices {
    const int *of[SLICES];
};

// Adds Σ_k s_k·radix^k to the pairs of the individuals rows[0…m) and cols[0…n), s_k in `slices`
// (column-major, leading dimension ld). With `row_slopes` the sum starts from constant − row_slopes −
// col_slopes instead of what is there.
KERNEL digits(Slices slices, u64 ld, i64 radix, const u32 *rows, u64 m, const u32 *cols, u64 n,
              const i64 *row_slopes, const i64 *col_slopes, i64 constant, i64 *out, int order,
              u64 width) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m, i = rows[r], j = cols[c];
    if (order == PACKED && i < j) return;
    i64 sum = 0;
    for (int k = SLICES - 1; k >= 0; k--) sum = sum * radix + slices.of[k][c * ld + r];
    u64 to = number_at(order, width, r, c, i, j);
    out[to] = sum + (row_slopes ? constant - row_slopes[i] - col_slopes[j] : out[to]);
}

// out[c·m + r] = the number of the pair, times 2^shift.
KERNEL gather(const void *numbers, int whole, int order, u64 width, const u32 *rows, u64 m,
              const u32 *cols, u64 n, int shift, i64 *out) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m;
    out[at] = number(numbers, whole, number_at(order, width, r, c, rows[r], cols[c])) << shift;
}
