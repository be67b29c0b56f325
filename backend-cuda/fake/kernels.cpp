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

#define KNOWN(name) {#name, Entry<name>::count, Entry<name>::sizes, Entry<name>::run}

static const fake::Kernel known[] = {
    KNOWN(convert), KNOWN(expand),       KNOWN(moments),   KNOWN(kernel_tile), KNOWN(norm_rows),
    KNOWN(shift),   KNOWN(norm_columns), KNOWN(distances), KNOWN(digits),      KNOWN(gather),
    KNOWN(clear),   KNOWN(pivot),        KNOWN(apply),     KNOWN(solve),       KNOWN(turn),
    KNOWN(slopes),  KNOWN(largest),   KNOWN(natural),     KNOWN(factors),
};

const fake::Kernel *fake::find_kernel(const char *name) {
    for (const Kernel &kernel : known)
        if (strcmp(kernel.name, name) == 0) return &kernel;
    return nullptr;
}
