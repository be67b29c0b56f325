// The kernels, compiled through the shim, and a table of them.
#include "kernels.h"
#include "../kernels/convert.cu"
#include "../kernels/expand.cu"
#include "../kernels/kernel.cu"
#include "../kernels/natural.cu"
#include "../kernels/norm.cu"
#include "../kernels/pairs.cu"
#include "../kernels/panel.cu"
#include "../kernels/triangle.cu"
#include <utility>

template <auto F> struct Entry;

template <class... A, void (*F)(A...)> struct Entry<F> {
    static inline const unsigned sizes[] = {(unsigned)sizeof(A)...};
    static constexpr int count = sizeof...(A);

    template <std::size_t... I> static void unpack(void **p, std::index_sequence<I...>) {
        F(*(A *)p[I]...);
    }
    static void run(void **p) { unpack(p, std::index_sequence_for<A...>()); }
};

#define KNOWN(name, meets) {#name, Entry<name>::count, meets, Entry<name>::sizes, Entry<name>::run}
#define APART(name) KNOWN(name, false)
#define MEETING(name) KNOWN(name, true)

// Those whose threads are each for themselves, and those with a __syncthreads.
static const fake::Kernel known[] = {
    APART(convert),      APART(expand),     APART(kernel_tile), APART(norm_rows), APART(shift),
    APART(distances),    APART(digits),     APART(gather),      APART(clear),     APART(factors),
    MEETING(moments),    MEETING(turn),     MEETING(alone),    MEETING(largest), MEETING(natural),
    MEETING(norm_columns), MEETING(pivot),  MEETING(apply),     MEETING(solve),
};

const fake::Kernel *fake::find_kernel(const char *name) {
    for (const Kernel &kernel : known)
        if (strcmp(kernel.name, name) == 0) return &kernel;
    return nullptr;
}
