"""One fit of scikit-learn's KernelRidge in a process of its own, for its peak memory.

    ridge.py PREFIX GAMMA LAMBDA WEIGHTS

Prints seconds of `fit` alone and the process's peak memory as JSON. WEIGHTS is the table that
`epitile fit --weights` wrote of the same: the largest difference, over the largest weight, is told.
"""

import json
import sys
import time

import numpy as np
from sklearn.kernel_ridge import KernelRidge

prefix, gamma, ridge, weights = sys.argv[1:]
x = np.load(f"{prefix}.x.npy")
y = np.load(f"{prefix}.y.npy")
model = KernelRidge(kernel="rbf", gamma=float(gamma), alpha=float(ridge))
start = time.perf_counter()
model.fit(x, y)
seconds = time.perf_counter() - start
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
ours = np.loadtxt(weights, skiprows=1, usecols=range(2, 2 + y.shape[1]), ndmin=2)
difference = abs(ours - model.dual_coef_).max() / abs(model.dual_coef_).max()
print(json.dumps({"seconds": seconds, "peak": 1024 * peak, "difference": difference}))
