"""Simulated cohorts as the Python peers need them.

    cohort.py PREFIX TRAITS CV_TRAITS FOLDS

reads PREFIX.bed and PREFIX.pheno.txt and writes beside them
  .x.npy       dosages, individuals × SNPs, FP64
  .y.npy       the first TRAITS traits, centred; .y4.npy the first CV_TRAITS of them
  .rhs.f64     the same numbers as .y.npy, column by column, without a head
  .folds       fold of each individual, from 0; .folds.txt the same as FID IID fold, from 1
"""

import sys

import numpy as np


def dosages(prefix, format):
    """Dosages of the second allele's partner (0, 1, 2), individuals × SNPs, row-major."""
    with open(f"{prefix}.fam") as fam:
        n = sum(1 for _ in fam)
    with open(f"{prefix}.bed", "rb") as bed:
        assert bed.read(3) == b"\x6c\x1b\x01", f"{prefix}.bed is no SNP-major .bed"
        raw = np.frombuffer(bed.read(), dtype=np.uint8).reshape((-1, (n + 3) // 4))
    # Two bits a call: 00 two copies of the first allele, 10 one, 11 none, 01 missing.
    code = np.array([2, -1, 1, 0], dtype=np.int8)
    table = code[(np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3]
    x = np.empty((n, raw.shape[0]), dtype=format)
    step = 1024
    for start in range(0, raw.shape[0], step):
        calls = table[raw[start : start + step]].reshape((-1, raw.shape[1] * 4))[:, :n]
        assert calls.min() >= 0, "calls are missing: the peers take none"
        x[:, start : start + step] = calls.T
    return x


def traits(prefix, count):
    """The first traits, individuals × traits."""
    return np.loadtxt(
        f"{prefix}.pheno.txt", skiprows=1, usecols=range(2, 2 + count), ndmin=2
    )


def main():
    prefix, several, few, folds = sys.argv[1], *map(int, sys.argv[2:])
    x = dosages(prefix, np.float64)
    np.save(f"{prefix}.x.npy", x)
    y = traits(prefix, several)
    centred = y - y.mean(axis=0)
    np.save(f"{prefix}.y.npy", centred)
    np.asfortranarray(centred).T.tofile(f"{prefix}.rhs.f64")
    np.save(f"{prefix}.y4.npy", centred[:, :few])
    fold = np.random.default_rng(1).permutation(np.arange(len(y)) % folds)
    np.savetxt(f"{prefix}.folds", fold, fmt="%d")
    with open(f"{prefix}.fam") as fam, open(f"{prefix}.folds.txt", "w") as out:
        for line, f in zip(fam, fold):
            print(*line.split()[:2], f + 1, file=out)


if __name__ == "__main__":
    main()
