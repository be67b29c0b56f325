// The scale that is natural to a tile, found and kept on the device: core's `natural_scale`.
#include "format.cuh"

// The larger of the block's numbers, of which each thread has one in `parts`, in parts[0].
DEVICE void largest_of_block(u64 *parts) {
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && parts[threadIdx.x + half] > parts[threadIdx.x])
            parts[threadIdx.x] = parts[threadIdx.x + half];
        __syncthreads();
    }
}

// By block: the bits of the largest of some magnitudes. Magnitudes compare as their bits do, and NaN
// is the largest.
KERNEL largest(const void *from, int format, double factor, const double *natural, u64 count,
               u64 *out) {
    SHARED u64 parts[LIST];
    factor = scaled(factor, natural);
    u64 top = 0;
    for (u64 at = place(); at < count; at += (u64)gridDim.x * LIST) {
        u64 bits = bits_of(load(from, format, at) * factor) & ~((u64)1 << 63);
        top = bits > top ? bits : top;
    }
    parts[threadIdx.x] = top;
    largest_of_block(parts);
    if (threadIdx.x == 0) out[blockIdx.x] = parts[0];
}

// Exponent of a magnitude above zero, and the bits of its fraction.
DEVICE int split(u64 bits, u64 *fraction) {
    int e = (int)(bits >> 52) - 1023;
    *fraction = bits & (((u64)1 << 52) - 1);
    if (e == -1023) {
        for (e = -1022; !(*fraction >> 52); e--) *fraction <<= 1;
        *fraction &= ((u64)1 << 52) - 1;
    }
    return e;
}

// scale[0] ← 2^e with which numbers up to the largest of these magnitudes are stored in `format`, one
// of F16, F8E4M3 and F8E5M2. One block of LIST threads.
KERNEL natural(const u64 *magnitudes, u64 count, int format, double *scale) {
    SHARED u64 parts[LIST];
    u64 top = 0;
    for (u64 at = threadIdx.x; at < count; at += LIST)
        top = magnitudes[at] > top ? magnitudes[at] : top;
    parts[threadIdx.x] = top;
    largest_of_block(parts);
    if (threadIdx.x != 0) return;
    top = parts[0];
    int e = 0;
    if (top != 0 && top >> 52 != 0x7ff) {
        u64 fraction, most;
        e = split(top, &fraction);
        if (format == F16) {
            e -= 3;
        } else {
            Layout l = layout(format);
            e -= split(bits_of(decode(l.top, l)), &most);
            e += fraction > most;
        }
        if (e < -1074) e = -1074;
    }
    scale[0] = power_of_two(e);
}

// What a product of tiles with such scales is multiplied by, and what C is, in F32.
KERNEL factors(double alpha, const double *a, const double *b, double beta, float *out) {
    if (place() != 0) return;
    out[0] = (float)scaled(scaled(alpha, a), b);
    out[1] = (float)beta;
}
