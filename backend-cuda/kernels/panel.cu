// Right-hand sides in F64: products and solves in which no column's bits depend on the others, and
// in products no row's.
#include "format.cuh"

// Rows of a block of `apply`, columns of the panel it takes, parts a sum is cut into, and numbers of
// op(A) that are read in one go.
#define ROWS 32
#define COLS 8
#define PARTS 4
#define DEPTH 32

// Y ← Y + α·factor·op(A)·X, op(A) m × k, X k × t, Y m × t. Sums are cut at multiples of DEPTH into
// PARTS interleaved parts, each in the order of k, and the parts are added in order: the bits depend
// on k and the numbers alone. Blocks of ROWS × PARTS threads; block b takes rows b % blocks and
// columns b / blocks.
KERNEL apply(double alpha, const void *a, int format, double factor, const double *natural,
             int transposed, u64 m, u64 k, const double *x, u64 t, double *y) {
    SHARED double of_a[PARTS][DEPTH][ROWS + 1], of_x[PARTS][COLS][DEPTH];
    u64 blocks = (m + ROWS - 1) / ROWS;
    u64 first_row = blockIdx.x % blocks * ROWS, first_col = blockIdx.x / blocks * COLS;
    u32 lane = threadIdx.x % ROWS, part = threadIdx.x / ROWS;
    factor = scaled(factor, natural);
    double sums[COLS];
    for (int c = 0; c < COLS; c++) sums[c] = 0.0;
    for (u64 round = 0; round < k; round += PARTS * DEPTH) {
        u64 start = round + part * DEPTH;
        for (u32 s = 0; s < DEPTH; s++) {
            // Neighbouring lanes read neighbouring numbers of A, whichever way it is turned.
            u32 row = transposed ? s : lane, depth = transposed ? lane : s;
            u64 r = first_row + row, l = start + depth;
            double v = 0.0;
            if (r < m && l < k) v = load(a, format, transposed ? r * k + l : l * m + r) * factor;
            of_a[part][depth][row] = v;
        }
        for (int c = 0; c < COLS; c++) {
            u64 l = start + lane, column = first_col + c;
            of_x[part][c][lane] = l < k && column < t ? x[column * k + l] : 0.0;
        }
        __syncthreads();
        u64 depth = start < k ? (k - start < DEPTH ? k - start : DEPTH) : 0;
        for (u32 l = 0; l < depth; l++)
            for (int c = 0; c < COLS; c++)
                sums[c] += of_a[part][l][lane] * of_x[part][c][l];
        __syncthreads();
    }
    // The parts' sums take the place of A's numbers.
    for (int c = 0; c < COLS; c++) of_a[part][c][lane] = sums[c];
    __syncthreads();
    u64 r = first_row + lane;
    for (u32 c = part; c < COLS; c += PARTS) {
        u64 column = first_col + c;
        if (r >= m || column >= t) continue;
        double sum = of_a[0][c][lane];
        for (int p = 1; p < PARTS; p++) sum += of_a[p][c][lane];
        y[column * m + r] += alpha * sum;
    }
}

// Unknowns that are solved together.
#define BAND 32

// L X = B, or Lᵀ X = B, with the lower triangle of L, n × n, its numbers times `factor`: one block of
// LIST threads per column of B, which becomes X. Substitution, from one band to the next.
KERNEL solve(const void *l, int format, double factor, const double *natural, int transposed, u64 n,
             double *b) {
    SHARED double x[BAND], triangle[BAND][BAND + 1];
    factor = scaled(factor, natural);
    double *column = b + (u64)blockIdx.x * n;
    u64 bands = (n + BAND - 1) / BAND;
    for (u64 step = 0; step < bands; step++) {
        u64 band = transposed ? bands - 1 - step : step;
        u64 first = band * BAND, end = first + BAND < n ? first + BAND : n;
        u32 size = (u32)(end - first);
        if (threadIdx.x < size) x[threadIdx.x] = column[first + threadIdx.x];
        // triangle[j][i] = L(first + i, first + j), i ≥ j.
        for (u32 t = threadIdx.x; t < BAND * BAND; t += LIST) {
            u32 j = t / BAND, i = t % BAND;
            if (j <= i && i < size)
                triangle[j][i] = load(l, format, (first + j) * n + first + i) * factor;
        }
        for (u32 turn = 0; turn < size; turn++) {
            u32 j = transposed ? size - 1 - turn : turn;
            __syncthreads();
            if (threadIdx.x == j) x[j] = x[j] / triangle[j][j];
            __syncthreads();
            u32 i = threadIdx.x;
            if (transposed ? i < j : i > j && i < size)
                x[i] -= (transposed ? triangle[i][j] : triangle[j][i]) * x[j];
        }
        __syncthreads();
        if (threadIdx.x < size) column[first + threadIdx.x] = x[threadIdx.x];
        // What is left of B: below the band, or above it.
        u64 from = transposed ? 0 : end, to = transposed ? first : n;
        for (u64 i = from + threadIdx.x; i < to; i += LIST) {
            double rest = column[i];
            for (u32 j = 0; j < size; j++) {
                u64 at = transposed ? i * n + first + j : (first + j) * n + i;
                rest -= load(l, format, at) * factor * x[j];
            }
            column[i] = rest;
        }
        __syncthreads();
    }
}
