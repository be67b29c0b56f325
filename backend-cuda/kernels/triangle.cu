// What goes with a Cholesky factor of a tile: its diagonal, and what stands above it.
#include "format.cuh"

// Adds `value` to the diagonal of a square F64 or F32 tile, rounding once.
KERNEL shift(void *tile, int format, u64 rows, double value) {
    u64 i = place();
    if (i >= rows) return;
    u64 at = i * rows + i;
    if (format == F64) ((double *)tile)[at] += value;
    else ((float *)tile)[at] = (float)((double)((float *)tile)[at] + value);
}

// Zeros above the diagonal of a square F64 or F32 tile.
KERNEL clear(void *tile, int format, u64 rows) {
    u64 at = place();
    if (at >= rows * rows || at % rows >= at / rows) return;
    if (format == F64) ((double *)tile)[at] = 0.0;
    else ((float *)tile)[at] = 0.0f;
}

// first[0] ← the first row whose diagonal number is not positive and finite, else `rows`. One block
// of LIST threads.
KERNEL pivot(const void *tile, int format, u64 rows, u64 *first) {
    SHARED u64 found[LIST];
    u64 mine = rows;
    for (u64 i = threadIdx.x; i < rows && mine == rows; i += LIST) {
        double v = load(tile, format, i * rows + i);
        if (!(v > 0.0 && v < power_of_two(1024))) mine = i;
    }
    found[threadIdx.x] = mine;
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && found[threadIdx.x + half] < found[threadIdx.x])
            found[threadIdx.x] = found[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) first[0] = found[0];
}
