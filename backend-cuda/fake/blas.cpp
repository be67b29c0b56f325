// A fake libcublas: triangular solves by substitution.
#include "fake.h"
#include <algorithm>

namespace {
enum { OK = 0, FAILED = 13 };
struct Handle {
    void *stream = nullptr;
    bool workspace = false;
};

// X op(L) = B or op(L) X = B with the lower triangle, in place.
template <class T> void substitute(bool right, bool transposed, int m, int n, const T *l, int ldl, T *b, int ldb) {
    int order = right ? n : m, systems = right ? m : n;
    // From the right, X Lᵀ = B is solved forwards.
    bool forwards = right == transposed;
    for (int s = 0; s < systems; s++)
        for (int place = 0; place < order; place++) {
            int i = forwards ? place : order - 1 - place;
            auto at = [&](int k) -> T & { return right ? b[(long)k * ldb + s] : b[(long)s * ldb + k]; };
            T sum = at(i);
            for (int k = forwards ? 0 : i + 1; k < (forwards ? i : order); k++)
                sum -= l[(long)std::min(i, k) * ldl + std::max(i, k)] * at(k);
            at(i) = sum / l[(long)i * ldl + i];
        }
}

template <class T>
int trsm(void *handle, int side, int uplo, int trans, int diag, int m, int n, const T *alpha, const T *a, int lda,
         T *b, int ldb) {
    Handle *h = (Handle *)handle;
    bool right = side == 1, transposed = trans == 1;
    int order = right ? n : m;
    // The lower triangle (fill mode 0) with its own diagonal; α = 1 read on the host.
    RULE("cublas trsm", uplo == 0 && diag == 0 && *alpha == 1 && m > 0 && n > 0 && h->workspace);
    RULE("cublas trsm", lda >= order && ldb >= m && (side | trans) < 2);
    fake::fake_check("cublas trsm, A", a, ((uint64_t)(order - 1) * lda + order) * sizeof(T));
    fake::fake_check("cublas trsm, B", b, ((uint64_t)(n - 1) * ldb + m) * sizeof(T));
    std::function<void()> work = [=] { substitute(right, transposed, m, n, a, lda, b, ldb); };
    return fake::fake_enqueue(h->stream, "trsm", &work) ? OK : FAILED;
}
}

API int cublasCreate_v2(void **handle) {
    fake::fake_count("blas handles", 1);
    *handle = new Handle;
    return OK;
}
API int cublasDestroy_v2(void *handle) {
    fake::fake_count("blas handles", -1);
    delete (Handle *)handle;
    return OK;
}
API int cublasSetStream_v2(void *handle, void *stream) {
    ((Handle *)handle)->stream = stream;
    // As documented: the stream brings back the library's own workspace.
    ((Handle *)handle)->workspace = false;
    return OK;
}
API int cublasSetWorkspace_v2(void *handle, void *workspace, size_t bytes) {
    RULE("cublasSetWorkspace", (uint64_t)workspace % 256 == 0);
    fake::fake_check("cublasSetWorkspace", workspace, bytes);
    ((Handle *)handle)->workspace = true;
    return OK;
}
API int cublasStrsm_v2(void *h, int side, int uplo, int trans, int diag, int m, int n, const float *alpha,
                       const float *a, int lda, float *b, int ldb) {
    return trsm(h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
API int cublasDtrsm_v2(void *h, int side, int uplo, int trans, int diag, int m, int n, const double *alpha,
                       const double *a, int lda, double *b, int ldb) {
    return trsm(h, side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb);
}
