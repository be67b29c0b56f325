// Bit planes to what the tensor cores multiply: one signed byte per SNP.
#include "common.cuh"

// What is summed; of core's `PairKind` the two distances.
enum Kind { SQUARED, ABSOLUTE };

// The eight bits of `b` as bytes of 0 and 1, the last bit first: the order of SNPs within a sum is
// free, it only has to be the same for everyone.
DEVICE u64 spread(u64 b) { return (b * 0x8040201008040201ull >> 7) & 0x0101010101010101ull; }

// Rows of bytes for the individuals index[0…count) and, zero, for `padded − count` more. `bytes`
// bytes of each plane's row (8·words long) from `first` on are expanded.
//   SQUARED:  out[r·ld + …] = dosages, 8·bytes of them.
//   ABSOLUTE: 8·bytes indicators of dosage ≥ 1, then as many of dosage 2: their product counts
//             min(x, y).
KERNEL expand(const u8 *some, const u8 *two, u64 stride, const u32 *index, u64 count, u64 padded,
              u64 first, u64 bytes, int kind, u64 *out, u64 ld) {
    u64 at = place();
    if (at >= padded * bytes) return;
    u64 r = at / bytes, b = at % bytes;
    u64 one = 0, both = 0;
    if (r < count) {
        u64 from = (u64)index[r] * stride + first + b;
        one = spread(some[from]);
        both = spread(two[from]);
    }
    u64 to = r * (ld / 8) + b;
    if (kind == SQUARED) {
        out[to] = one + both;
    } else {
        out[to] = one;
        out[to + bytes] = both;
    }
}

// As SQUARED, with every dosage times its SNP's digit, of at most 63 in magnitude: `digits` by bit, in
// the order of `spread`.
KERNEL weigh(const u8 *some, const u8 *two, u64 stride, const u32 *index, u64 count, u64 padded,
             u64 first, u64 bytes, const u64 *digits, u64 *out, u64 ld) {
    u64 at = place();
    if (at >= padded * bytes) return;
    u64 r = at / bytes, b = at % bytes;
    u64 one = 0, both = 0;
    if (r < count) {
        u64 from = (u64)index[r] * stride + first + b;
        one = digits[first + b] & spread(some[from]) * 0xff;
        both = digits[first + b] & spread(two[from]) * 0xff;
    }
    // Byte by byte: no carry goes from one to the next.
    u64 low = 0x7f7f7f7f7f7f7f7full;
    out[r * (ld / 8) + b] = ((one & low) + (both & low)) ^ ((one ^ both) & ~low);
}

// By individual: Σx² (SQUARED) or Σx (ABSOLUTE). One block of LIST threads each.
KERNEL moments(const u64 *some, const u64 *two, u64 words, int kind, u32 *out) {
    SHARED u32 parts[LIST];
    u64 i = blockIdx.x, row = i * words;
    u32 sum = 0, weight = kind == SQUARED ? 3 : 1;
    for (u64 w = threadIdx.x; w < words; w += LIST)
        sum += ones(some[row + w]) + weight * ones(two[row + w]);
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (u32 half = LIST / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[i] = parts[0];
}
