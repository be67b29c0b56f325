// What the fake libraries share. They stand in for NVIDIA's in tests: memory is the host's, kernels
// run through the shim, library calls are naive loops that first check what the vendor's
// documentation demands. FAKE_* in the environment injects faults:
//
//   FAKE_DEVICES=0          no device
//   FAKE_VERSION=12000      driver version
//   FAKE_CAPABILITY=8       compute capability, the major part [9]; FAKE_MINOR=9 the minor [0]
//   FAKE_MEMORY=BYTES       memory of the device [1 GiB]
//   FAKE_FAIL_ALLOC=N       the N-th allocation fails (from 1)
//   FAKE_FAIL_LAUNCH=N      the N-th kernel or library call fails when it runs, and all that follows
//   FAKE_FAIL_COPY=N        the N-th copy to the host fails, and all that follows
//   FAKE_ORDER=0|1|SEED     streams run at once, as late as they may [1], or mixed at random
//   FAKE_REPORT=FILE        at the end of the process: what is still alive, one count a line
#pragma once
#include <functional>
#include <cstdint>
#include <cstdlib>

#define API extern "C" __attribute__((visibility("default")))

namespace fake {
// A call that breaks a documented rule ends the process: it is a bug of the host code.
API void fake_broken(const char *where, const char *rule);
// Queues work on a stream; false if the device has failed.
API bool fake_enqueue(void *stream, const char *what, std::function<void()> *work);
// Checks that `bytes` from `p` on are the device's.
API void fake_check(const char *where, const void *p, uint64_t bytes);
// Counts handles: +1 and −1.
API void fake_count(const char *what, int change);
}

#define RULE(where, condition) \
    do { \
        if (!(condition)) fake::fake_broken(where, #condition); \
    } while (0)
