// Bit planes to what the tensor cores multiply: one signed byte per SNP.
#include "common.cuh"

// What the bytes of a call are, and how the planes' bits make them.
//   DOSAGES:    the dosage, 0 where it is missing.
//   INDICATORS: of dosage ≥ 1, and after all of these as many of dosage 2: their product counts
//               min(x, y).
//   WEIGHED:    the dosage times the SNP's digit, of at most 63 in magnitude.
//   MISSING:    1 where the call is missing.
//   CHOSEN:     the SNP's digit for this dosage, 0 where it is missing.
//   ASSUMED:    the same, that of dosage 0 where it is missing.
enum Bytes { DOSAGES, INDICATORS, WEIGHED, MISSING, CHOSEN, ASSUMED };

// The eight bits of `b` as bytes of 0 and 1, the last bit first: the order of SNPs within a sum is
// free, it only has to be the same for everyone.
DEVICE u64 spread(u64 b) { return (b * 0x8040201008040201ull >> 7) & 0x0101010101010101ull; }

// Eight bytes that are all bits or none for the eight bits of `b`.
DEVICE u64 masks(u64 b) { return spread(b) * 0xff; }

// Sums of eight bytes each: no carry goes from one to the next.
DEVICE u64 sum_of_bytes(u64 a, u64 b) {
    u64 low = 0x7f7f7f7f7f7f7f7full;
    return ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
}

// Rows of bytes for the individuals index[0…count) and, zero, for `padded − count` more: what `kind`
// says of `bytes` bytes of each plane's row (`stride` long) from `first` on. Digits by bit, in the
// order of `spread`; for CHOSEN and ASSUMED those of dosage 0 of all bits, then of 1, then of 2.
KERNEL expand(const u8 *some, const u8 *two, const u8 *missing, u64 stride, const u32 *index,
              u64 count, u64 padded, u64 first, u64 bytes, int kind, const u64 *digits, u64 *out,
              u64 ld) {
    u64 at = place();
    if (at >= padded * bytes) return;
    u64 r = at / bytes, b = at % bytes, to = r * (ld / 8) + b;
    u64 one = 0, both = 0;
    if (r < count) {
        u64 p = first + b, from = (u64)index[r] * stride + p;
        switch (kind) {
            case WEIGHED:
                one = digits[p] & masks(some[from]);
                both = digits[p] & masks(two[from]);
                break;
            case MISSING: one = missing ? spread(missing[from]) : 0; break;
            case CHOSEN:
            case ASSUMED: {
                u64 x = masks(some[from]), y = masks(two[from]);
                u64 gone = kind == CHOSEN && missing ? masks(missing[from]) : 0;
                one = (digits[p] & ~x & ~gone) | (digits[p + stride] & x & ~y) |
                      (digits[p + 2 * stride] & y);
                break;
            }
            default:
                one = spread(some[from]);
                both = spread(two[from]);
        }
    }
    if (kind == INDICATORS) {
        out[to] = one;
        out[to + bytes] = both;
    } else {
        out[to] = sum_of_bytes(one, both);
    }
}

// By individual: Σx² (DOSAGES) or Σx (INDICATORS). One block of LIST threads each.
KERNEL moments(const u64 *some, const u64 *two, u64 words, int kind, u32 *out) {
    SHARED u32 parts[LIST];
    u64 i = blockIdx.x, row = i * words;
    u32 sum = 0, weight = kind == DOSAGES ? 3 : 1;
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
