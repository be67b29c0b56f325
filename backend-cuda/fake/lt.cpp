// A fake libcublasLt: matmul of the types this project uses, as naive loops.
#include "fake.h"
#include "../kernels/format.cuh"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace {
enum { OK = 0, INVALID = 7, NOT_SUPPORTED = 15 };
// cudaDataType and cublasComputeType_t.
enum { R_32F = 0, R_64F = 1, R_16F = 2, R_8I = 3, R_32I = 10, R_16BF = 14, R_E4M3 = 28, R_E5M2 = 29 };
enum { COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32I = 72, COMPUTE_TF32 = 77 };

struct Desc {
    int compute, scale, transposed[2];
    // Whether α and β lie on the device.
    int on_device;
    // Scales of FP8 operands, each an F32 number on the device.
    const void *scales[2];
};
struct Layout_ {
    int type;
    uint64_t rows, cols;
    int64_t ld;
};
struct Preference {
    uint64_t workspace;
};
// What the opaque 64 bytes of an algorithm hold here: the shape it was chosen for.
struct Algorithm {
    uint64_t magic, m, n, k;
    int types[3], transposed[2], on_device;
};
const uint64_t MAGIC = 0xa190417;
const uint64_t WORKSPACE = 1 << 12;

uint64_t size_of(int type) {
    switch (type) {
        case R_64F: return 8;
        case R_16F:
        case R_16BF: return 2;
        case R_8I:
        case R_E4M3:
        case R_E5M2: return 1;
        default: return 4;
    }
}

double value(const void *p, int type, uint64_t at) {
    switch (type) {
        case R_8I: return ((const signed char *)p)[at];
        case R_32F: return load(p, F32, at);
        case R_64F: return load(p, F64, at);
        case R_16F: return load(p, F16, at);
        case R_E4M3: return load(p, F8E4M3, at);
        case R_E5M2: return load(p, F8E5M2, at);
        default: return load(p, BF16, at);
    }
}

Algorithm describe(const Desc &d, const Layout_ &a, const Layout_ &b, const Layout_ &c) {
    Algorithm algorithm;
    memset(&algorithm, 0, sizeof algorithm);
    algorithm.magic = MAGIC;
    algorithm.m = c.rows;
    algorithm.n = c.cols;
    algorithm.k = d.transposed[0] ? a.rows : a.cols;
    algorithm.types[0] = a.type;
    algorithm.types[1] = b.type;
    algorithm.types[2] = c.type;
    memcpy(algorithm.transposed, d.transposed, sizeof d.transposed);
    algorithm.on_device = d.on_device;
    return algorithm;
}

void check_layout(const Layout_ &l) {
    RULE("cublasLt", l.rows > 0 && l.cols > 0 && l.ld >= (int64_t)l.rows);
}

bool is_eight(int type) { return type == R_E4M3 || type == R_E5M2; }

long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

// FP8 products: Ada (8.9) and later; TN; one of the operands E4M3; F32 here; all sizes and steps
// between columns multiples of 16 bytes.
bool takes_eights(const Desc &d, const Layout_ &a, const Layout_ &b, const Layout_ &c) {
    if (10 * setting("FAKE_CAPABILITY", 9) + setting("FAKE_MINOR", 0) < 89) return false;
    if (!is_eight(a.type) || !is_eight(b.type) || (a.type == R_E5M2 && b.type == R_E5M2)) return false;
    if (!d.transposed[0] || d.transposed[1]) return false;
    for (const Layout_ *l : {&a, &b, &c})
        if (l->rows % 16 || l->cols % 16 || l->ld % 16) return false;
    return c.type == R_32F && d.compute == COMPUTE_32F && d.scale == R_32F;
}

// Shapes, types and the rules of integer and FP8 products.
bool supported(const Desc &d, const Layout_ &a, const Layout_ &b, const Layout_ &c) {
    for (const Layout_ *l : {&a, &b, &c}) check_layout(*l);
    uint64_t k = d.transposed[0] ? a.rows : a.cols;
    RULE("cublasLtMatmul", c.rows == (d.transposed[0] ? a.cols : a.rows));
    RULE("cublasLtMatmul", c.cols == (d.transposed[1] ? b.rows : b.cols));
    RULE("cublasLtMatmul", k == (d.transposed[1] ? b.cols : b.rows));
    if (is_eight(a.type) || is_eight(b.type)) return takes_eights(d, a, b, c);
    // Only FP8 operands have scales.
    if (d.scales[0] || d.scales[1]) return false;
    if (a.type != b.type) return false;
    switch (a.type) {
        case R_8I:
            return c.type == R_32I && d.compute == COMPUTE_32I && d.scale == R_32I && d.transposed[0] &&
                   !d.transposed[1] && c.rows % 4 == 0 && k % 4 == 0 && a.ld % 16 == 0 && b.ld % 16 == 0 &&
                   c.ld % 4 == 0;
        case R_64F: return c.type == R_64F && d.compute == COMPUTE_64F && d.scale == R_64F;
        case R_32F:
            return c.type == R_32F && d.scale == R_32F &&
                   (d.compute == COMPUTE_32F || d.compute == COMPUTE_TF32);
        case R_16F:
        case R_16BF: return c.type == R_32F && d.compute == COMPUTE_32F && d.scale == R_32F;
        default: return false;
    }
}

// Σ x_l·y_l as Hopper's tensor cores add FP8 products: 32 of them and the sum so far are aligned to the
// largest, cut off 13 bits below its leading one, and so is their sum.
float truncated_sum(const float *x, const float *y, uint64_t k) {
    double sum = 0;
    auto cut = [](double v, int e) { return std::ldexp(std::trunc(std::ldexp(v, 13 - e)), e - 13); };
    for (uint64_t first = 0; first < k; first += 32) {
        uint64_t end = std::min(k, first + 32);
        double top = std::fabs(sum), total = 0;
        for (uint64_t l = first; l < end; l++) top = std::max(top, std::fabs((double)x[l] * y[l]));
        if (top == 0) continue;
        int e = std::ilogb(top);
        total = cut(sum, e);
        for (uint64_t l = first; l < end; l++) total += cut((double)x[l] * y[l], e);
        sum = total == 0 ? 0 : cut(total, std::ilogb(total));
    }
    return (float)sum;
}

template <class T, class S>
void multiply(S alpha, const Desc &d, const void *a, Layout_ la, const void *b, Layout_ lb, S beta, T *c,
              Layout_ lc) {
    uint64_t k = d.transposed[0] ? la.rows : la.cols;
    std::vector<S> x(lc.rows * k), y(k * lc.cols);
    for (uint64_t l = 0; l < k; l++) {
        for (uint64_t i = 0; i < lc.rows; i++)
            x[i * k + l] = (S)value(a, la.type, d.transposed[0] ? i * la.ld + l : l * la.ld + i);
        for (uint64_t j = 0; j < lc.cols; j++)
            y[j * k + l] = (S)value(b, lb.type, d.transposed[1] ? l * lb.ld + j : j * lb.ld + l);
    }
    for (uint64_t j = 0; j < lc.cols; j++)
        for (uint64_t i = 0; i < lc.rows; i++) {
            S sum = 0;
            if (is_eight(la.type)) sum = (S)truncated_sum((const float *)&x[i * k], (const float *)&y[j * k], k);
            else
                for (uint64_t l = 0; l < k; l++) sum += x[i * k + l] * y[j * k + l];
            for (const void *scale : d.scales)
                if (scale) sum *= (S) * (const float *)scale;
            T &out = c[j * lc.ld + i];
            // With β = 0 what stood in C is not read.
            out = (T)(alpha * sum + (beta == 0 ? (S)0 : beta * (S)out));
        }
}
}

API int cublasLtCreate(void **handle) {
    fake::fake_count("lt handles", 1);
    *handle = new int(0);
    return OK;
}
API int cublasLtDestroy(void *handle) {
    fake::fake_count("lt handles", -1);
    delete (int *)handle;
    return OK;
}
API int cublasLtMatmulDescCreate(void **desc, int compute, int scale) {
    fake::fake_count("lt descriptors", 1);
    *desc = new Desc{compute, scale, {0, 0}, 0, {nullptr, nullptr}};
    return OK;
}
API int cublasLtMatmulDescDestroy(void *desc) {
    fake::fake_count("lt descriptors", -1);
    delete (Desc *)desc;
    return OK;
}
API int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *from, size_t size) {
    // A_SCALE_POINTER = 17, B_SCALE_POINTER = 18.
    if (attribute == 17 || attribute == 18) {
        if (size != 8) return INVALID;
        ((Desc *)desc)->scales[attribute - 17] = *(const void *const *)from;
        return OK;
    }
    // POINTER_MODE = 2: a cublasLtPointerMode_t; TRANSA = 3, TRANSB = 4: a cublasOperation_t.
    if (attribute < 2 || attribute > 4 || size != 4) return INVALID;
    int value = *(const int *)from;
    if (value < 0 || value > 1) return INVALID;
    if (attribute == 2) ((Desc *)desc)->on_device = value;
    else ((Desc *)desc)->transposed[attribute - 3] = value;
    return OK;
}
API int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
    fake::fake_count("lt layouts", 1);
    *layout = new Layout_{type, rows, cols, ld};
    return OK;
}
API int cublasLtMatrixLayoutDestroy(void *layout) {
    fake::fake_count("lt layouts", -1);
    delete (Layout_ *)layout;
    return OK;
}
API int cublasLtMatmulPreferenceCreate(void **preference) {
    fake::fake_count("lt preferences", 1);
    *preference = new Preference{0};
    return OK;
}
API int cublasLtMatmulPreferenceDestroy(void *preference) {
    fake::fake_count("lt preferences", -1);
    delete (Preference *)preference;
    return OK;
}
API int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *from, size_t size) {
    // MAX_WORKSPACE_BYTES = 1.
    if (attribute != 1 || size != 8) return INVALID;
    ((Preference *)preference)->workspace = *(const uint64_t *)from;
    return OK;
}
API int cublasLtMatmulAlgoGetHeuristic(void *, void *desc, void *a, void *b, void *c, void *d, void *preference,
                                       int count, void *results, int *found) {
    RULE("cublasLtMatmulAlgoGetHeuristic", count >= 1 && !memcmp(c, d, sizeof(Layout_)));
    *found = 0;
    if (!supported(*(Desc *)desc, *(Layout_ *)a, *(Layout_ *)b, *(Layout_ *)c)) return NOT_SUPPORTED;
    if (((Preference *)preference)->workspace < WORKSPACE) return NOT_SUPPORTED;
    // cublasLtMatmulHeuristicResult_t: the algorithm (64 bytes), workspace, state, waves.
    memset(results, 0, 96);
    Algorithm algorithm = describe(*(Desc *)desc, *(Layout_ *)a, *(Layout_ *)b, *(Layout_ *)c);
    memcpy(results, &algorithm, sizeof algorithm);
    memcpy((char *)results + 64, &WORKSPACE, 8);
    *found = 1;
    return OK;
}
API int cublasLtMatmul(void *, void *desc, const void *alpha, const void *a, void *la, const void *b, void *lb,
                       const void *beta, const void *c, void *lc, void *d, void *ld, const void *algorithm,
                       void *workspace, size_t bytes, void *stream) {
    Desc how = *(Desc *)desc;
    Layout_ of_a = *(Layout_ *)la, of_b = *(Layout_ *)lb, of_c = *(Layout_ *)lc;
    if (!supported(how, of_a, of_b, of_c)) return NOT_SUPPORTED;
    RULE("cublasLtMatmul", c == d && !memcmp(&of_c, ld, sizeof of_c));
    Algorithm expected = describe(how, of_a, of_b, of_c);
    RULE("cublasLtMatmul: the algorithm is for this shape", !memcmp(algorithm, &expected, sizeof expected));
    RULE("cublasLtMatmul", bytes >= WORKSPACE && (uint64_t)workspace % 256 == 0);
    fake::fake_check("cublasLtMatmul, workspace", workspace, bytes);
    struct {
        const void *p;
        const Layout_ &l;
    } all[] = {{a, of_a}, {b, of_b}, {c, of_c}};
    for (auto &each : all) {
        // The default preference promises 256 bytes.
        RULE("cublasLtMatmul, alignment", (uint64_t)each.p % 256 == 0);
        uint64_t numbers = (each.l.cols - 1) * each.l.ld + each.l.rows;
        fake::fake_check("cublasLtMatmul", each.p, numbers * size_of(each.l.type));
    }
    auto factor = [how](const void *p) {
        return how.scale == R_64F ? *(const double *)p : how.scale == R_32F ? *(const float *)p : *(const int *)p;
    };
    for (const void *scale : how.scales)
        if (scale) fake::fake_check("cublasLtMatmul, scale", scale, sizeof(float));
    double here[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const void *p = i ? beta : alpha;
        if (how.on_device) fake::fake_check("cublasLtMatmul, factors", p, size_of(how.scale));
        else here[i] = factor(p);
    }
    double host_alpha = here[0], host_beta = here[1];
    std::function<void()> work = [=] {
        // On the device they are what they are when the product runs.
        double x = how.on_device ? factor(alpha) : host_alpha, y = how.on_device ? factor(beta) : host_beta;
        if (how.scale == R_64F) multiply<double, double>(x, how, a, of_a, b, of_b, y, (double *)d, of_c);
        else if (how.scale == R_32F)
            multiply<float, float>((float)x, how, a, of_a, b, of_b, (float)y, (float *)d, of_c);
        else multiply<int, int>((int)x, how, a, of_a, b, of_b, (int)y, (int *)d, of_c);
    };
    return fake::fake_enqueue(stream, "cublasLtMatmul", &work) ? OK : 13;
}
