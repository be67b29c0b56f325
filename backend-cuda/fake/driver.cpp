// A fake libcuda: devices, contexts, memory, modules, streams, events, launches.
#include "fake.h"
#include "kernels.h"
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace {
enum { OK = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, NOT_FOUND = 500, FAILED = 700 };

long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

struct Stream;
// Whether the stream came to where an event was recorded last. A wait keeps what it saw.
typedef std::shared_ptr<bool> Mark;
struct Work {
    std::function<void()> run;
    // What it waits for first.
    Mark mark;
};
struct Stream {
    std::deque<Work> queue;
};
struct Function {
    const fake::Kernel *kernel;
};
struct Module {
    std::string text;
    std::vector<std::unique_ptr<Function>> functions;
};

std::recursive_mutex lock;
std::map<uint64_t, uint64_t> memory; // address → bytes
std::vector<Stream *> streams;
std::map<void *, Mark> events;
std::map<std::string, long> counts;
uint64_t used = 0;
long allocations = 0, launches = 0, copies = 0;
bool broken = false;
std::mt19937_64 random_bits{(uint64_t)setting("FAKE_ORDER", 1)};

struct Report {
    ~Report() {
        const char *path = getenv("FAKE_REPORT");
        FILE *file = path ? fopen(path, "w") : nullptr;
        if (!file) return;
        for (auto &count : counts) fprintf(file, "%s %ld\n", count.first.c_str(), count.second);
        fclose(file);
    }
} report;

bool ready(Stream *s) {
    const Work &work = s->queue.front();
    return !work.mark || *work.mark;
}

void step(Stream *s) {
    Work work = std::move(s->queue.front());
    s->queue.pop_front();
    // On a broken device only the marks are still set.
    if (work.run) work.run();
}

// Runs one piece of work, of `target` if it may run; else of whoever holds it up.
void advance(Stream *target) {
    if (ready(target)) return step(target);
    std::vector<Stream *> others;
    for (Stream *s : streams)
        if (!s->queue.empty() && ready(s)) others.push_back(s);
    if (others.empty()) fake::fake_broken("streams", "no stream waits for itself");
    step(others[random_bits() % others.size()]);
}

void finish(Stream *s) {
    while (!s->queue.empty()) {
        if (setting("FAKE_ORDER", 1) > 1) {
            Stream *any = streams[random_bits() % streams.size()];
            if (!any->queue.empty() && ready(any)) step(any);
            if (s->queue.empty()) break;
        }
        advance(s);
    }
}

void finish_all() {
    for (Stream *s : streams) finish(s);
}

int push(void *stream, Work work) {
    Stream *s = (Stream *)stream;
    if (broken) return FAILED;
    s->queue.push_back(std::move(work));
    if (setting("FAKE_ORDER", 1) == 0) finish_all();
    return broken ? FAILED : OK;
}
}

API void fake::fake_broken(const char *where, const char *rule) {
    fprintf(stderr, "FAKE: %s breaks the rule: %s\n", where, rule);
    abort();
}

API void fake::fake_check(const char *where, const void *p, uint64_t bytes) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (bytes == 0) return;
    auto after = memory.upper_bound((uint64_t)p);
    if (after != memory.begin()) {
        auto own = std::prev(after);
        if ((uint64_t)p + bytes <= own->first + own->second) return;
    }
    fake_broken(where, "the memory is the device's");
}

API void fake::fake_count(const char *what, int change) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    counts[what] += change;
}

API bool fake::fake_enqueue(void *stream, const char *what, std::function<void()> *work) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    bool fails = ++launches == setting("FAKE_FAIL_LAUNCH", 0);
    std::function<void()> run = *work;
    (void)what;
    return push(stream, Work{[fails, run] {
        broken = broken || fails;
        if (!broken) run();
    }, nullptr}) == OK;
}

#define ENTER std::lock_guard<std::recursive_mutex> guard(lock)
#define SOUND \
    do { \
        if (broken) return FAILED; \
    } while (0)

API int cuInit(unsigned) { return setting("FAKE_DEVICES", 1) < 1 ? NO_DEVICE : OK; }
API int cuDriverGetVersion(int *version) {
    *version = (int)setting("FAKE_VERSION", 13000);
    return OK;
}
API int cuDeviceGetCount(int *count) {
    *count = (int)setting("FAKE_DEVICES", 1);
    return OK;
}
API int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return OK;
}
API int cuDeviceGetName(char *name, int size, int) {
    snprintf(name, size, "fake device");
    return OK;
}
API int cuDeviceGetAttribute(int *value, int attribute, int) {
    // Compute capability, major (75) and minor (76).
    *value = (int)(attribute == 75 ? setting("FAKE_CAPABILITY", 9) : setting("FAKE_MINOR", 0));
    RULE("cuDeviceGetAttribute", attribute == 75 || attribute == 76);
    return OK;
}
API int cuDevicePrimaryCtxRetain(void **context, int) {
    ENTER;
    counts["contexts"]++;
    *context = &counts;
    return OK;
}
API int cuDevicePrimaryCtxRelease_v2(int) {
    ENTER;
    counts["contexts"]--;
    return OK;
}
API int cuCtxSetCurrent(void *) { return OK; }
API int cuMemGetInfo_v2(size_t *free, size_t *total) {
    ENTER;
    *total = (size_t)setting("FAKE_MEMORY", 1l << 30);
    *free = *total - used;
    return OK;
}
API int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
    ENTER;
    SOUND;
    RULE("cuMemAlloc", bytes > 0);
    if (++allocations == setting("FAKE_FAIL_ALLOC", 0)) return NO_MEMORY;
    if (used + bytes > (uint64_t)setting("FAKE_MEMORY", 1l << 30)) return NO_MEMORY;
    void *p = aligned_alloc(512, (bytes + 511) / 512 * 512);
    if (!p) return NO_MEMORY;
    // Not a number in any format, and no small integer.
    memset(p, 0xff, bytes);
    memory[(uint64_t)p] = bytes;
    used += bytes;
    counts["allocations"]++;
    *pointer = (uint64_t)p;
    return OK;
}
API int cuMemFree_v2(uint64_t pointer) {
    ENTER;
    finish_all();
    auto at = memory.find(pointer);
    RULE("cuMemFree", at != memory.end());
    used -= at->second;
    free((void *)pointer);
    memory.erase(at);
    counts["allocations"]--;
    return broken ? FAILED : OK;
}
API int cuMemsetD8Async(uint64_t pointer, unsigned char value, size_t bytes, void *stream) {
    ENTER;
    fake::fake_check("cuMemsetD8Async", (void *)pointer, bytes);
    return push(stream, Work{[=] { memset((void *)pointer, value, bytes); }, nullptr});
}
API int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    ENTER;
    fake::fake_check("cuMemcpyHtoDAsync", (void *)to, bytes);
    // Pageable memory is staged before the call returns.
    std::string staged((const char *)from, bytes);
    return push(stream, Work{[=] { memcpy((void *)to, staged.data(), bytes); }, nullptr});
}
API int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    ENTER;
    fake::fake_check("cuMemcpyDtoHAsync", (void *)from, bytes);
    finish((Stream *)stream);
    broken = broken || ++copies == setting("FAKE_FAIL_COPY", 0);
    SOUND;
    memcpy(to, (void *)from, bytes);
    return OK;
}
API int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
    ENTER;
    fake::fake_check("cuMemcpyDtoDAsync", (void *)from, bytes);
    fake::fake_check("cuMemcpyDtoDAsync", (void *)to, bytes);
    return push(stream, Work{[=] { memcpy((void *)to, (void *)from, bytes); }, nullptr});
}
API int cuStreamCreate(void **stream, unsigned) {
    ENTER;
    SOUND;
    Stream *s = new Stream;
    streams.push_back(s);
    counts["streams"]++;
    *stream = s;
    return OK;
}
API int cuStreamDestroy_v2(void *stream) {
    ENTER;
    finish((Stream *)stream);
    for (size_t i = 0; i < streams.size(); i++)
        if (streams[i] == stream) streams.erase(streams.begin() + i);
    delete (Stream *)stream;
    counts["streams"]--;
    return OK;
}
API int cuStreamSynchronize(void *stream) {
    ENTER;
    finish((Stream *)stream);
    return broken ? FAILED : OK;
}
API int cuStreamWaitEvent(void *stream, void *event, unsigned) {
    ENTER;
    return push(stream, Work{nullptr, events.at(event)});
}
API int cuEventCreate(void **event, unsigned) {
    ENTER;
    SOUND;
    *event = new char;
    // One that was never recorded holds nobody up.
    events[*event] = std::make_shared<bool>(true);
    counts["events"]++;
    return OK;
}
API int cuEventRecord(void *event, void *stream) {
    ENTER;
    Mark mark = events.at(event) = std::make_shared<bool>(false);
    return push(stream, Work{[mark] { *mark = true; }, nullptr});
}
API int cuEventSynchronize(void *event) {
    ENTER;
    Mark mark = events.at(event);
    while (!*mark) {
        std::vector<Stream *> able;
        for (Stream *s : streams)
            if (!s->queue.empty() && ready(s)) able.push_back(s);
        if (able.empty()) fake::fake_broken("streams", "no stream waits for itself");
        step(able[random_bits() % able.size()]);
    }
    return broken ? FAILED : OK;
}
API int cuEventDestroy_v2(void *event) {
    ENTER;
    RULE("cuEventDestroy", events.erase(event) == 1);
    delete (char *)event;
    counts["events"]--;
    return OK;
}
API int cuModuleLoadData(void **module, const void *image) {
    ENTER;
    SOUND;
    counts["modules"]++;
    *module = new Module{(const char *)image, {}};
    return OK;
}
API int cuModuleUnload(void *module) {
    ENTER;
    finish_all();
    delete (Module *)module;
    counts["modules"]--;
    return OK;
}
API int cuModuleGetFunction(void **function, void *module, const char *name) {
    ENTER;
    Module *m = (Module *)module;
    const fake::Kernel *kernel = fake::find_kernel(name);
    size_t at = m->text.find(std::string(".entry ") + name + "(");
    if (at == std::string::npos || !kernel) return NOT_FOUND;
    // The checked-in PTX takes as many parameters as the source.
    std::string head = m->text.substr(at, m->text.find(')', at) - at);
    int parameters = 0;
    for (size_t p = head.find(".param"); p != std::string::npos; p = head.find(".param", p + 1)) parameters++;
    RULE(name, parameters == kernel->parameters);
    m->functions.push_back(std::make_unique<Function>(Function{kernel}));
    *function = m->functions.back().get();
    return OK;
}
API int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                       unsigned bz, unsigned shared, void *stream, void **parameters, void **extra) {
    const fake::Kernel &kernel = *((Function *)function)->kernel;
    RULE(kernel.name, gx > 0 && gx < 1u << 31 && gy == 1 && gz == 1);
    RULE(kernel.name, bx > 0 && bx <= 1024 && by == 1 && bz == 1 && shared == 0 && !extra);
    std::vector<std::string> copies;
    for (int i = 0; i < kernel.parameters; i++)
        copies.emplace_back((const char *)parameters[i], kernel.sizes[i]);
    std::function<void()> work = [&kernel, gx, bx, copies]() mutable {
        std::vector<void *> p;
        for (std::string &copy : copies) p.push_back(&copy[0]);
        fake::run_grid(kernel, gx, bx, p.data());
    };
    return fake::fake_enqueue(stream, kernel.name, &work) ? OK : FAILED;
}
API int cuGetErrorName(int code, const char **text) {
    *text = code == NO_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OF_THE_FAKE";
    return OK;
}
API int cuGetErrorString(int code, const char **text) { return cuGetErrorName(code, text); }
