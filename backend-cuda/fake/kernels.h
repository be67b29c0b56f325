// The kernels by name, as the fake driver launches them.
#pragma once

namespace fake {
struct Kernel {
    const char *name;
    int parameters;
    // Whether its threads meet at barriers.
    bool meets;
    // Bytes of each parameter, and what copies and runs.
    const unsigned *sizes;
    void (*run)(void **parameters);
};
const Kernel *find_kernel(const char *name);
// Runs `kernel` on a grid of blocks, all in one dimension.
void run_grid(const Kernel &kernel, unsigned blocks, unsigned threads, void **parameters);
}
