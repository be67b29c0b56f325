// Asks the fake cuBLASLt for products that the vendor's documentation refuses, and for some that it takes:
// a fake that takes everything proves nothing. Each case is a process of its own and prints a line,
// `NAME: taken`, `NAME: refused` (an error is returned) or `NAME: broken` (the fake ends the process).
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
int cuInit(unsigned);
int cuMemAlloc_v2(uint64_t *, size_t);
int cuStreamCreate(void **, unsigned);
int cublasLtCreate(void **);
int cublasLtMatmulDescCreate(void **, int, int);
int cublasLtMatmulDescSetAttribute(void *, int, const void *, size_t);
int cublasLtMatrixLayoutCreate(void **, int, uint64_t, uint64_t, int64_t);
int cublasLtMatmulPreferenceCreate(void **);
int cublasLtMatmulPreferenceSetAttribute(void *, int, const void *, size_t);
int cublasLtMatmulAlgoGetHeuristic(void *, void *, void *, void *, void *, void *, void *, int, void *, int *);
int cublasLtMatmul(void *, void *, const void *, const void *, void *, const void *, void *, const void *,
                   const void *, void *, void *, void *, const void *, void *, size_t, void *);
}

// cudaDataType and cublasComputeType_t.
enum { F32 = 0, F16 = 2, I8 = 3, I32 = 10, E4M3 = 28, E5M2 = 29 };
enum { IN_F32 = 68, IN_I32 = 72 };

// A product with m = n = k = 32 that is taken, unless a case changes it.
struct Product {
    int a = E4M3, b = E4M3, c = F32, compute = IN_F32, scale = F32, transposed[2] = {1, 0};
    uint64_t m = 32, n = 32, k = 32;
    int64_t lda = 0, ldb = 0, ldc = 0; // 0: as small as it may be
    uint64_t off[3] = {0, 0, 0};       // bytes after an aligned address
    bool scaled = false, on_device = false, on_host = false, foreign = false;
};

static uint64_t memory(size_t bytes) {
    uint64_t p = 0;
    cuMemAlloc_v2(&p, bytes);
    memset((void *)p, 0, bytes);
    return p;
}

static bool takes(const Product &p) {
    void *lt, *desc, *layouts[3], *preference, *stream;
    cublasLtCreate(&lt);
    cuStreamCreate(&stream, 1);
    cublasLtMatmulDescCreate(&desc, p.compute, p.scale);
    int mode = p.on_device || p.on_host;
    cublasLtMatmulDescSetAttribute(desc, 2, &mode, 4);
    for (int i = 0; i < 2; i++) cublasLtMatmulDescSetAttribute(desc, 3 + i, &p.transposed[i], 4);
    uint64_t scale = memory(4);
    if (p.scaled)
        for (int i = 0; i < 2; i++) cublasLtMatmulDescSetAttribute(desc, 17 + i, &scale, 8);
    uint64_t rows[3] = {p.transposed[0] ? p.k : p.m, p.transposed[1] ? p.n : p.k, p.m};
    uint64_t cols[3] = {p.transposed[0] ? p.m : p.k, p.transposed[1] ? p.k : p.n, p.n};
    int64_t ld[3] = {p.lda, p.ldb, p.ldc};
    int types[3] = {p.a, p.b, p.c};
    uint64_t at[3];
    for (int i = 0; i < 3; i++) {
        int64_t step = ld[i] ? ld[i] : (int64_t)rows[i];
        cublasLtMatrixLayoutCreate(&layouts[i], types[i], rows[i], cols[i], step);
        at[i] = memory(step * cols[i] * 4 + 4096) + p.off[i];
    }
    cublasLtMatmulPreferenceCreate(&preference);
    uint64_t bytes = 1 << 20;
    cublasLtMatmulPreferenceSetAttribute(preference, 1, &bytes, 8);
    char result[96];
    int found = 0;
    if (cublasLtMatmulAlgoGetHeuristic(lt, desc, layouts[0], layouts[1], layouts[2], layouts[2], preference, 1,
                                       result, &found) != 0 || found != 1)
        return false;
    if (p.foreign) memset(result, 0, 64);
    uint64_t device = memory(8);
    double host[2] = {0, 0};
    const void *alpha = p.on_device ? (void *)device : (void *)&host[0];
    const void *beta = p.on_device ? (void *)(device + 4) : (void *)&host[1];
    return cublasLtMatmul(lt, desc, alpha, (void *)at[0], layouts[0], (void *)at[1], layouts[1], beta, (void *)at[2],
                          layouts[2], (void *)at[2], layouts[2], result, (void *)memory(bytes), bytes, stream) == 0;
}

static void say(const char *name, std::function<void(Product &)> change) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        Product p;
        change(p);
        _exit(takes(p) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const char *end = WIFSIGNALED(status) ? "broken" : WEXITSTATUS(status) == 0 ? "taken" : "refused";
    printf("%s: %s\n", name, end);
}

static void integers(Product &p) {
    p.a = p.b = I8;
    p.c = p.scale = I32;
    p.compute = IN_I32;
}

int main() {
    cuInit(0);
    say("E4M3 × E4M3", [](Product &) {});
    say("E5M2 × E4M3", [](Product &p) { p.a = E5M2; });
    say("E5M2 × E5M2", [](Product &p) { p.a = p.b = E5M2; });
    say("E4M3, NN", [](Product &p) { p.transposed[0] = 0; });
    say("E4M3, NT", [](Product &p) { p.transposed[0] = 0, p.transposed[1] = 1; });
    say("E4M3, TT", [](Product &p) { p.transposed[1] = 1; });
    say("E4M3, 24 rows", [](Product &p) { p.m = 24; });
    say("E4M3, 24 columns", [](Product &p) { p.n = 24; });
    say("E4M3, 24 products", [](Product &p) { p.k = 24; });
    say("E4M3, columns 40 apart", [](Product &p) { p.lda = 40; });
    say("E4M3, columns 48 apart", [](Product &p) { p.lda = 48; });
    say("E4M3 × F16", [](Product &p) { p.b = F16; });
    say("E4M3 to F16", [](Product &p) { p.c = F16; });
    say("E4M3 with scales", [](Product &p) { p.scaled = true; });
    say("F16 with scales", [](Product &p) { p.a = p.b = F16, p.scaled = true; });
    say("F16 × F16", [](Product &p) { p.a = p.b = F16; });
    say("I8 × I8", integers);
    say("I8, NN", [](Product &p) { integers(p), p.transposed[0] = 0; });
    say("I8, 30 rows", [](Product &p) { integers(p), p.m = 30; });
    say("I8, 30 products", [](Product &p) { integers(p), p.k = 30; });
    say("I8, columns 40 apart", [](Product &p) { integers(p), p.ldb = 40; });
    say("columns that overlap", [](Product &p) { p.ldc = 16; });
    for (int i = 0; i < 3; i++) {
        const char *names[] = {"A off by 16 bytes", "B off by 16 bytes", "C off by 16 bytes"};
        say(names[i], [i](Product &p) { p.off[i] = 16; });
    }
    say("factors on the device", [](Product &p) { p.on_device = true; });
    say("factors on the host for the device", [](Product &p) { p.on_host = true; });
    say("an algorithm of another shape", [](Product &p) { p.foreign = true; });
    return 0;
}
