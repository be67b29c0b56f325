// Tiles from one format and scale to another: core's `Backend::convert`.
#include "format.cuh"

// to[at] = (from[at] * factor) / divisor, rounded once, for `count` numbers.
KERNEL convert(const void *from, int from_format, double factor, void *to, int to_format,
               double divisor, u64 count) {
    u64 at = place();
    if (at < count) store(to, to_format, at, load(from, from_format, at) * factor / divisor);
}
