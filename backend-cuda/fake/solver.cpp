// A fake libcusolver: Cholesky factors.
#include "fake.h"
#include <cmath>

namespace {
enum { OK = 0, FAILED = 6 };
struct Handle {
    void *stream = nullptr;
};

// As LAPACK: a pivot that is not positive ends it; NaN compares as not positive only here and there,
// so an infinite or undefined one is left for the caller to find.
template <class T> void factor(int n, T *a, int lda, int *info) {
    *info = 0;
    for (int j = 0; j < n; j++) {
        for (int i = j; i < n; i++) {
            T sum = a[(long)j * lda + i];
            for (int k = 0; k < j; k++) sum -= a[(long)k * lda + i] * a[(long)k * lda + j];
            a[(long)j * lda + i] = sum;
        }
        T pivot = a[(long)j * lda + j];
        if (pivot <= 0) {
            *info = j + 1;
            return;
        }
        T root = std::sqrt(pivot);
        a[(long)j * lda + j] = root;
        for (int i = j + 1; i < n; i++) a[(long)j * lda + i] /= root;
    }
}

template <class T> int potrf(void *handle, int uplo, int n, T *a, int lda, T *space, int length, int *info) {
    RULE("cusolver potrf", uplo == 0 && n > 0 && lda >= n && length >= n);
    fake::fake_check("cusolver potrf, A", a, ((uint64_t)(n - 1) * lda + n) * sizeof(T));
    fake::fake_check("cusolver potrf, workspace", space, (uint64_t)length * sizeof(T));
    fake::fake_check("cusolver potrf, info", info, sizeof(int));
    std::function<void()> work = [=] { factor(n, a, lda, info); };
    return fake::fake_enqueue(((Handle *)handle)->stream, "potrf", &work) ? OK : FAILED;
}
}

API int cusolverDnCreate(void **handle) {
    fake::fake_count("solver handles", 1);
    *handle = new Handle;
    return OK;
}
API int cusolverDnDestroy(void *handle) {
    fake::fake_count("solver handles", -1);
    delete (Handle *)handle;
    return OK;
}
API int cusolverDnSetStream(void *handle, void *stream) {
    ((Handle *)handle)->stream = stream;
    return OK;
}
API int cusolverDnSpotrf_bufferSize(void *, int, int n, float *, int, int *length) {
    *length = n + 64;
    return OK;
}
API int cusolverDnDpotrf_bufferSize(void *, int, int n, double *, int, int *length) {
    *length = n + 64;
    return OK;
}
API int cusolverDnSpotrf(void *h, int uplo, int n, float *a, int lda, float *space, int length, int *info) {
    return potrf(h, uplo, n, a, lda, space, length, info);
}
API int cusolverDnDpotrf(void *h, int uplo, int n, double *a, int lda, double *space, int length, int *info) {
    return potrf(h, uplo, n, a, lda, space, length, info);
}
