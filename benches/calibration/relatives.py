#!/usr/bin/env python3
"""How often does the marginal test of epistasis find something among close relatives?

    benches/compare/venv/bin/python benches/calibration/relatives.py sim_epi/sim_epi

The test of `epitile epistasis --marginal` (Crawford et al. 2017, MQS), written out with dense matrices
and apart from the program, for some SNPs of a fileset against the kernels of all, on traits whose
components are known: y = a + e + noise. With and without the kernel of all pairs of SNPs in the null
model, whose variances are fitted by restricted maximum likelihood. Prints the share of SNPs below a level, its mean over traits with its standard error, and what
95 % of traits have. p-values are of the gamma distribution with the first three moments of the exact
one, normal ones above 0.05. Needs the packages of benches/compare/requirements.txt.
"""

import argparse
import itertools

import numpy as np
from scipy.linalg import cholesky, lapack
from scipy.stats import gamma, norm

LEVELS = (0.05, 0.01)


def genotypes(prefix):
    """Standardised dosages (individuals × SNPs) of complete calls, and the SNPs' chromosomes."""
    chromosomes = np.array([line.split()[0] for line in open(prefix + ".bim")])
    n = sum(1 for _ in open(prefix + ".fam"))
    packed = np.fromfile(prefix + ".bed", dtype=np.uint8)[3:].reshape(len(chromosomes), -1)
    codes = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], -1)
    codes = codes.reshape(len(chromosomes), -1)[:, :n]
    dosages = np.array([2, np.nan, 1, 0])[codes].T
    if np.isnan(dosages).any():
        raise SystemExit(f"{prefix}: found missing calls, expected none")
    return (dosages - dosages.mean(0)) / dosages.std(0), chromosomes


def centred(k):
    """A kernel with rows and columns that sum to zero and mean diagonal 1."""
    k = k - k.mean(0)
    k = k - k.mean(1)[:, None]
    return k / np.mean(np.diag(k))


def standard(v):
    return (v - v.mean(0)) / v.std(0)


def restricted(y, kernels):
    """Variances of the kernels and of the residual for the trait y by average information: steps of
    Newton, variances that would be negative set to zero until their slope is positive."""
    n = len(y)
    one = np.full(n, n**-0.5)
    found = np.full(len(kernels) + 1, 1 / (len(kernels) + 1))
    for _ in range(50):
        v = sum(s * k for s, k in zip(found, kernels))
        v[np.diag_indices(n)] += found[-1]
        inverse, _ = lapack.dpotri(cholesky(v, lower=True, overwrite_a=True), lower=1)
        p = np.tril(inverse) + np.tril(inverse, -1).T
        p1 = p @ one
        p -= np.outer(p1, p1) / (one @ p1)
        py = p @ y
        on_py = [k @ py for k in kernels] + [py]
        traces = [np.vdot(p, k) for k in kernels] + [np.trace(p)]
        slope = np.array([py @ a - trace for a, trace in zip(on_py, traces)]) / 2
        information = np.array(on_py) @ p @ np.array(on_py).T / 2
        free = np.flatnonzero((found > 0) | (slope > 0))
        step = np.zeros_like(found)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], slope[free])
        if found[-1] + step[-1] <= 0:
            step *= found[-1] / -step[-1] / 2
        found, before = np.maximum(found + step, 0), found
        if np.abs(found - before).max() < 1e-4:
            break
    return found


class Test:
    """The test of one SNP at a time beside the kernels K (of all SNPs) and `more`."""

    def __init__(self, kernel, snps, more):
        self.k, self.more, self.n = kernel, more, len(kernel)
        # K without a SNP is a·K − b·x xᵀ.
        self.a, self.b = snps / (snps - 1), 1 / (snps - 1)
        self.one = np.full(self.n, self.n**-0.5)

    def of(self, x, y, null):
        """z and skewness of the estimates of all traits `y` (columns) with null models' variances
        `null` (columns), standardised."""
        n, a, b = self.n, self.a, self.b
        u = x - self.one * (self.one @ x)
        u /= np.linalg.norm(u)
        out = np.stack([self.one, u], 1)

        def without(m):
            """P M P, P taking out the mean and the SNP."""
            mu = m @ out
            t = mu @ out.T
            return m - t - t.T + out @ (out.T @ mu) @ out.T

        beside = a * self.k - b * np.outer(x, x)
        interaction = x[:, None] * beside * x
        parts = [without(m) for m in [interaction, beside, *self.more]]
        count = len(parts) + 1
        s = np.zeros((count, count))
        for i, j in itertools.combinations_with_replacement(range(count - 1), 2):
            s[i, j] = s[j, i] = np.vdot(parts[i], parts[j])
        s[-1, :-1] = s[:-1, -1] = [np.trace(p) for p in parts]
        s[-1, -1] = n - 2
        left = y - out @ (out.T @ y)
        q = np.array([(left * (p @ left)).sum(0) for p in parts] + [(left**2).sum(0)])
        # σ² of the interaction is yᵀ H y; under the null its moments are those of H V.
        h = np.linalg.inv(s)[0]
        form = sum(w * p for w, p in zip(h[:-1], parts))
        form += h[-1] * (np.eye(n) - out @ out.T)
        products = [form @ p for p in [parts[1] / a, *parts[2:]]] + [form]
        second = np.array([[np.vdot(p.T, r) for r in products] for p in products])
        third = np.zeros((count - 1,) * 3)
        for i, j in itertools.combinations_with_replacement(range(count - 1), 2):
            both = products[i] @ products[j]
            for l in range(j, count - 1):
                for at in set(itertools.permutations((i, j, l))):
                    third[at] = np.vdot(both.T, products[l])
        sd = np.sqrt(2 * np.einsum("it,ij,jt->t", null, second, null))
        skew = 8 * np.einsum("it,jt,kt,ijk->t", null, null, null, third) / sd**3
        return h @ q / sd, skew


def p_values(z, skew):
    skew = np.where(np.abs(skew) < 1e-3, 1e-3, skew)
    shape = 4 / skew**2
    upper = gamma.sf(shape + z * np.sqrt(shape), shape)
    lower = gamma.cdf(shape - z * np.sqrt(shape), shape)
    normal = norm.sf(z)
    return np.where(normal < 0.05, np.where(skew > 0, upper, lower), normal)


def pairs(z, chromosomes, count, allowed, traits, rng):
    """Sums over pairs of SNPs of different chromosomes of their interactions, additive parts taken
    out, and which SNPs are in a pair, by trait."""
    n, snps = z.shape
    sums, used = np.zeros((n, traits)), np.zeros((snps, traits), bool)
    allowed = np.flatnonzero(allowed)
    for t in range(traits):
        a, b = rng.choice(allowed, 2 * count), rng.choice(allowed, 2 * count)
        apart = np.flatnonzero(chromosomes[a] != chromosomes[b])[:count]
        a, b = a[apart], b[apart]
        used[a, t] = used[b, t] = True
        za, zb = z[:, a], z[:, b]
        both = za * zb
        r = both.mean(0)
        both -= r
        ca, cb = (za * both).mean(0), (zb * both).mean(0)
        both -= za * ((ca - r * cb) / (1 - r * r)) + zb * ((cb - r * ca) / (1 - r * r))
        sums[:, t] = both @ rng.standard_normal(len(a))
    return standard(sums), used


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fileset", help="prefix of .bed, .bim and .fam without missing calls")
    parser.add_argument("--traits", type=int, default=150, help="a line")
    parser.add_argument("--every", type=int, default=50, help="SNPs from one that is tested to the next")
    parser.add_argument("--pairs", type=int, default=1000, help="of SNPs that interact")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    z, chromosomes = genotypes(args.fileset)
    n, snps = z.shape
    kernel = z @ z.T / snps
    epistatic = centred(kernel * kernel)
    factors = [np.linalg.cholesky(k + 1e-8 * np.eye(n)) for k in (centred(kernel), epistatic)]
    draw = lambda: rng.standard_normal((n, args.traits))
    additive, every_pair = factors[0] @ draw(), factors[1] @ draw()
    some, used = pairs(z, chromosomes, args.pairs, np.ones(snps, bool), args.traits, rng)
    none = np.zeros_like(used)
    traits = {
        "0.6, 0": (0.6**0.5 * additive, none),
        "noise": (0 * additive, none),
        "0.3, 0.3 of all pairs": (0.3**0.5 * (additive + every_pair), none),
        "0, 0.6 of all pairs": (0.6**0.5 * every_pair, none),
        f"0.3, 0.3 of {args.pairs} pairs; SNPs of none": (0.3**0.5 * (additive + some), used),
        f"0, 0.6 of {args.pairs} pairs; SNPs of none": (0.6**0.5 * some, used),
    }
    rest = {"0.6, 0": 0.4, "noise": 1.0}
    y = [of + rest.get(name, 0.4) ** 0.5 * draw() for name, (of, _) in traits.items()]
    y = standard(np.concatenate(y, 1))
    tested = np.arange(args.every // 2, snps, args.every)
    print(f"{n} individuals, {len(tested)} of {snps} SNPs, {args.traits} traits a line\n")
    print("| traits: share additive, share epistatic | `--null` | 0.05 | of one trait | 0.01 |")
    print("|---|---|---|---|---|")
    for null, more in [("(additive)", []), ("`linear:std,grm^2`", [epistatic])]:
        test = Test(kernel, snps, more)
        models = np.array([restricted(of, [kernel, *more]) for of in y.T]).T
        found = [test.of(z[:, m], y, models) for m in tested]
        p = p_values(*(np.array(part) for part in zip(*found)))
        for k, (name, (_, used)) in enumerate(traits.items()):
            own = p[:, k * args.traits : (k + 1) * args.traits]
            asked = ~used[tested]
            cells = []
            for level in LEVELS:
                share = ((own < level) & asked).sum(0) / asked.sum(0)
                error = share.std(ddof=1) / len(share) ** 0.5
                cells.append(f"{share.mean():.4f} ± {error:.4f}")
                if level == LEVELS[0]:
                    low, high = np.quantile(share, [0.025, 0.975])
                    cells.append(f"{low:.3f} to {high:.3f}")
            print(f"| {name} | {null} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
