// Tiles from one format and scale to another: core's `Backend::convert`.
#include "format.cuh"

// to[at] = (from[at] * factor) / divisor, rounded once, for `count` numbers; both times what is kept
// on the device, if that is.
KERNEL convert(const void *from, int from_format, double factor, const double *natural, void *to,
               int to_format, double divisor, const double *to_natural, u64 count) {
    u64 at = place();
    factor = scaled(factor, natural);
    divisor = scaled(divisor, to_natural);
    if (at < count) store(to, to_format, at, load(from, from_format, at) * factor / divisor);
}

// Rows and columns of a block of `turn`.
#define SIDE 32

// The same for a matrix of rows × cols numbers and its transpose: to[r·cols + c] from
// from[c·rows + r]. Blocks of LIST threads; block b takes rows b % blocks and columns b / blocks.
KERNEL turn(const void *from, int from_format, double factor, const double *natural, void *to,
            int to_format, double divisor, const double *to_natural, u64 rows, u64 cols) {
    SHARED double part[SIDE][SIDE + 1];
    factor = scaled(factor, natural);
    divisor = scaled(divisor, to_natural);
    u64 blocks = (rows + SIDE - 1) / SIDE;
    u64 first_row = blockIdx.x % blocks * SIDE, first_col = blockIdx.x / blocks * SIDE;
    u32 lane = threadIdx.x % SIDE, line = threadIdx.x / SIDE;
    // Neighbouring threads read neighbouring numbers, and write such.
    for (u32 k = line; k < SIDE; k += LIST / SIDE) {
        u64 r = first_row + lane, c = first_col + k;
        if (r < rows && c < cols) part[lane][k] = load(from, from_format, c * rows + r) * factor;
    }
    __syncthreads();
    for (u32 k = line; k < SIDE; k += LIST / SIDE) {
        u64 r = first_row + k, c = first_col + lane;
        if (r < rows && c < cols) store(to, to_format, r * cols + c, part[k][lane] / divisor);
    }
}
