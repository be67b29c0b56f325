// Norms of a tile in FP64: core's `Backend::norm`. Tiles are column-major without gaps.
#include "format.cuh"

DEVICE double magnitude(const void *from, int format, u64 at, double factor) {
    double v = load(from, format, at) * factor;
    return of_bits(bits_of(v) & ~((u64)1 << 63));
}

// By row, from the first column on: Σ|v|, Σv² and the largest |v|, one thread per row.
KERNEL norm_rows(const void *from, int format, double factor, const double *natural, u64 rows,
                 u64 cols, double *sums, double *squares, double *largest) {
    u64 r = place();
    if (r >= rows) return;
    factor = scaled(factor, natural);
    double sum = 0.0, square = 0.0, top = 0.0;
    for (u64 c = 0; c < cols; c++) {
        double v = magnitude(from, format, c * rows + r, factor);
        sum += v;
        square += v * v;
        top = v > top ? v : top;
    }
    sums[r] = sum;
    squares[r] = square;
    largest[r] = top;
}

// By column: Σ|v|, one block of LIST threads per column. Thread t sums rows t, t + LIST, …; the
// threads' sums are added by halves.
KERNEL norm_columns(const void *from, int format, double factor, const double *natural, u64 rows,
                    double *sums) {
    SHARED double parts[LIST];
    factor = scaled(factor, natural);
    u64 c = blockIdx.x;
    double sum = 0.0;
    for (u64 r = threadIdx.x; r < rows; r += LIST)
        sum += magnitude(from, format, c * rows + r, factor);
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) sums[c] = parts[0];
}
