// What every kernel file starts with. The same files compile for the GPU and, through
// fake/shim.h, as C++ for tests.
#pragma once

#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#define SHARED __shared__
#else
#include "shim.h"
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// Threads of a block of the kernels that go through a list, one thread per entry.
#define LIST 256

// Place of this thread in a list.
DEVICE u64 place() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }

DEVICE u64 bits_of(double x) {
#ifdef __CUDACC__
    return (u64)__double_as_longlong(x);
#else
    return shim::cast<u64>(x);
#endif
}

DEVICE double of_bits(u64 b) {
#ifdef __CUDACC__
    return __longlong_as_double((i64)b);
#else
    return shim::cast<double>(b);
#endif
}

DEVICE int ones(u64 word) {
#ifdef __CUDACC__
    return __popcll(word);
#else
    return __builtin_popcountll(word);
#endif
}

// A factor, times the one that is kept on the device beside a tile's numbers, if there is one.
DEVICE double scaled(double factor, const double *natural) {
    return natural ? factor * natural[0] : factor;
}

// 2^e for any e, as `exp2` of core/src/precision.rs.
DEVICE double power_of_two(int e) {
    if (e >= 1024) return of_bits((u64)0x7ff << 52);
    if (e >= -1022) return of_bits((u64)(e + 1023) << 52);
    if (e >= -1074) return of_bits((u64)1 << (e + 1074));
    return 0.0;
}
