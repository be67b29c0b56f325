// CUDA's words for a C++ compiler: the kernels' own text runs on a CPU, each thread of a block as a
// fiber that gives way at __syncthreads.
#pragma once
#include <cstring>

namespace shim {
struct Index {
    unsigned x, y, z;
};
extern Index thread, block, threads, blocks;
// Lets every other thread of the block come here too.
void sync();

template <class To, class From> static inline To cast(From value) {
    static_assert(sizeof(To) == sizeof(From), "a cast keeps bits");
    To to;
    memcpy(&to, &value, sizeof to);
    return to;
}
}

#define threadIdx shim::thread
#define blockIdx shim::block
#define blockDim shim::threads
#define gridDim shim::blocks
#define __syncthreads shim::sync
#define KERNEL static void
#define DEVICE static inline
// One block runs at a time.
#define SHARED static
