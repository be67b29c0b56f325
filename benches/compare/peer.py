"""A process of one peer, which answers requests as `worker` (benches/src/worker) does.

    peer.py openblas|mkl|sklearn

Each line of standard input is a request, words apart; each gives one line of standard output: a
JSON object of seconds and facts, or {"error": "…"}. NumPy and SciPy compute by the OpenBLAS that
their wheels hold; MKL is called through its C interface; scikit-learn is scikit-learn.
"""

import ctypes
import glob
import json
import os
import sys
import time

import numpy as np

import cohort


class Base:
    """Requests that do not depend on the library.

    load PREFIX         genotypes, in the format that the library computes in
    kernel FILE         the matrix K + λI, N × N FP64, for factor and solve
    """

    format = np.float32

    def load(self, prefix):
        self.x = cohort.dosages(prefix, self.format)
        return {"samples": self.x.shape[0], "snps": self.x.shape[1]}

    def kernel(self, file):
        values = np.fromfile(file)
        n = round(values.size**0.5)
        self.k = values.reshape((n, n), order="F")
        return {"samples": n}

    def copy(self, format):
        return np.array(self.k, dtype=format, order="F", copy=True)


class Blas(Base):
    """Requests of a BLAS and LAPACK, after load or kernel.

    multiply N          N × N × N product in FP32, to choose among settings of the library
    gaussian sgemm|ssyrk GAMMA   exp(−γ d²) in FP32 from one product and one exp
    factor f32|f64      potrf, in place of a copy that is not timed
    solve FILE          dpotrf, then dpotrs for all right-hand sides of the file
    """

    def multiply(self, n):
        n = int(n)
        a = np.asfortranarray(np.random.default_rng(1).random((n, n), dtype=np.float32))
        c = np.zeros((n, n), dtype=np.float32, order="F")
        times = []
        for _ in range(4):
            start = time.perf_counter()
            self.product("sgemm", 1.0, a, c)
            times.append(time.perf_counter() - start)
        return {"seconds": min(times), "rate": 2e-9 * n**3 / min(times)}

    def gaussian(self, routine, gamma):
        gamma = float(gamma)
        # Row-major individuals are a column-major transpose: op(A)ᵀ op(A) for A = Xᵀ.
        a, n = self.x.T, self.x.shape[0]
        start = time.perf_counter()
        norms = np.einsum("ij,ij->i", self.x, self.x)
        c = np.empty((n, n), dtype=np.float32, order="F")
        np.add(norms[:, None], norms[None, :], out=c)
        c *= np.float32(-gamma)
        self.product(routine, 2 * gamma, a, c)
        self.exp(c)
        return {"seconds": time.perf_counter() - start, "mean": float(c[-1].mean())}

    def factor(self, precision):
        a = self.copy({"f32": np.float32, "f64": np.float64}[precision])
        start = time.perf_counter()
        self.potrf(a)
        return {"seconds": time.perf_counter() - start}

    def solve(self, file):
        a = self.copy(np.float64)
        b = np.fromfile(file).reshape((a.shape[0], -1), order="F")
        start = time.perf_counter()
        self.potrf(a)
        self.potrs(a, b)
        return {"seconds": time.perf_counter() - start}


class OpenBlas(Blas):
    """SciPy's OpenBLAS."""

    def __init__(self):
        from scipy.linalg import blas, lapack
        from threadpoolctl import threadpool_info

        self.blas, self.lapack = blas, lapack
        found = [p for p in threadpool_info() if p["user_api"] == "blas"]
        self.version = ", ".join(
            sorted({f"{p['internal_api']} {p['version']} ({p['architecture']})" for p in found})
        )

    def product(self, routine, alpha, a, c):
        """C ← α AᵀA + C; the lower triangle alone by ssyrk."""
        if routine == "sgemm":
            out = self.blas.sgemm(alpha, a, a, beta=1.0, c=c, trans_a=1, overwrite_c=1)
        else:
            out = self.blas.ssyrk(alpha, a, beta=1.0, c=c, trans=1, lower=1, overwrite_c=1)
        assert np.shares_memory(out, c)

    def exp(self, c):
        np.exp(c, out=c)

    def potrf(self, a):
        routine = self.lapack.spotrf if a.dtype == np.float32 else self.lapack.dpotrf
        _, info = routine(a, lower=1, clean=0, overwrite_a=1)
        assert info == 0, f"potrf: {info}"

    def potrs(self, a, b):
        _, info = self.lapack.dpotrs(a, b, lower=1, overwrite_b=1)
        assert info == 0, f"potrs: {info}"


class Mkl(Blas):
    """Intel's MKL."""

    def __init__(self):
        found = sorted(glob.glob(os.path.join(sys.prefix, "lib", "libmkl_rt.so*")))
        if not found:
            raise OSError(f"no libmkl_rt in {sys.prefix}/lib")
        self.mkl = ctypes.CDLL(found[0])
        text = ctypes.create_string_buffer(200)
        self.mkl.mkl_get_version_string(text, 200)
        self.version = text.value.decode().strip()

    @staticmethod
    def at(a):
        assert a.flags.f_contiguous
        return a.ctypes.data_as(ctypes.c_void_p)

    def product(self, routine, alpha, a, c):
        """C ← α AᵀA + C; the lower triangle alone by ssyrk."""
        column_major, no_trans, trans, lower = 102, 111, 112, 122
        n, k, lda = c.shape[0], a.shape[0], a.shape[0]
        alpha, one = ctypes.c_float(alpha), ctypes.c_float(1.0)
        if routine == "sgemm":
            self.mkl.cblas_sgemm(
                column_major, trans, no_trans, n, n, k, alpha, self.at(a), lda, self.at(a), lda,
                one, self.at(c), n,
            )
        else:
            self.mkl.cblas_ssyrk(
                column_major, lower, trans, n, k, alpha, self.at(a), lda, one, self.at(c), n
            )

    def exp(self, c):
        # Blocks of columns: the count of vmsExp is a 32-bit integer.
        for j in range(0, c.shape[1], 1024):
            part = c[:, j : j + 1024]
            self.mkl.vsExp(part.size, self.at(part), self.at(part))

    def potrf(self, a):
        n = a.shape[0]
        call = self.mkl.LAPACKE_spotrf if a.dtype == np.float32 else self.mkl.LAPACKE_dpotrf
        info = call(102, ctypes.c_char(b"L"), n, self.at(a), n)
        assert info == 0, f"potrf: {info}"

    def potrs(self, a, b):
        n = a.shape[0]
        letter = ctypes.c_char(b"L")
        info = self.mkl.LAPACKE_dpotrs(102, letter, n, b.shape[1], self.at(a), n, self.at(b), n)
        assert info == 0, f"potrs: {info}"


class Sklearn(Base):
    """scikit-learn on FP64, after load.

    rbf GAMMA                        rbf_kernel
    cv FOLDS GAMMAS LAMBDAS Y SHARE  GridSearchCV of KernelRidge over the first SHARE settings,
                                     lists by commas, folds numbered in a file, traits from .npy
    """

    format = np.float64

    def __init__(self):
        import sklearn

        self.version = f"scikit-learn {sklearn.__version__}"

    def rbf(self, gamma):
        from sklearn.metrics.pairwise import rbf_kernel

        start = time.perf_counter()
        k = rbf_kernel(self.x, gamma=float(gamma))
        return {"seconds": time.perf_counter() - start, "mean": float(k[-1].mean())}

    def cv(self, folds, gammas, lambdas, traits, share):
        from sklearn.kernel_ridge import KernelRidge
        from sklearn.model_selection import GridSearchCV, PredefinedSplit

        grid = [
            {"gamma": [float(g)], "alpha": [float(a)]}
            for g in gammas.split(",")
            for a in lambdas.split(",")
        ]
        chosen = grid[:: max(1, len(grid) // int(share))][: int(share)]
        y = np.load(traits)
        split = PredefinedSplit(np.loadtxt(folds, dtype=int))
        search = GridSearchCV(
            KernelRidge(kernel="rbf"),
            chosen,
            cv=split,
            scoring="neg_mean_squared_error",
            refit=False,
        )
        start = time.perf_counter()
        search.fit(self.x, y)
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds * len(grid) / len(chosen),
            "measured": seconds,
            "settings": len(chosen),
            "of": len(grid),
            "mse": [-float(v) for v in search.cv_results_["mean_test_score"]],
            "chosen": [[c["gamma"][0], c["alpha"][0]] for c in chosen],
        }


def main():
    name = sys.argv[1]
    worker = {"openblas": OpenBlas, "mkl": Mkl, "sklearn": Sklearn}[name]()
    for line in sys.stdin:
        words = line.split()
        try:
            if words == ["version"]:
                answer = {"version": worker.version}
            else:
                answer = getattr(worker, words[0])(*words[1:])
        except Exception as e:  # Whatever it is, the comparison goes on and tells it.
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
