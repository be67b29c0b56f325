"""epitile and its peers in one run, alternating, on the same data and all cores.

    python3 benches/compare/compare.py --peers VENV [--samples N --snps M --rows build,factor …]

README.md beside this folder says how to prepare VENV. Prints a table in Markdown (also to
--markdown) and writes every single time to --json. A peer that is missing or fails is a line of
the table that says so.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import assoc
from processes import Missing, Worker, load, machine, run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TRAITS, FEW, FOLDS = 16, 4, 5
SCALES = [0.25, 0.5, 1, 2, 4]
LAMBDAS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
CORETYPES = ["", "SAPPHIRERAPIDS", "COOPERLAKE", "SKYLAKEX"]
# Between runs: threads of the last program that still wait in a loop go to sleep.
PAUSE = 0.3


class Comparison:
    def __init__(self, args):
        self.args = args
        self.work = pathlib.Path(args.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.rows, self.notes, self.times = [], [], []
        threads = str(args.threads)
        self.environment = os.environ | {
            name: threads
            for name in (
                "OMP_NUM_THREADS",
                "OPENBLAS_NUM_THREADS",
                "MKL_NUM_THREADS",
                "RAYON_NUM_THREADS",
            )
        }
        target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
        self.epitile = str(pathlib.Path(target) / "release" / "epitile")
        worker = str(pathlib.Path(target) / "release" / "worker")
        self.python = str(pathlib.Path(args.peers) / "bin" / "python3")
        self.ours = Worker([worker, "ours"], self.environment)
        self.faer = Worker([worker, "faer"], self.environment)
        peer = lambda name: Worker([self.python, str(HERE / "peer.py"), name], self.environment)
        self.openblas, self.mkl, self.sklearn = map(peer, ["openblas", "mkl", "sklearn"])
        self.workers = [self.ours, self.faer, self.openblas, self.mkl, self.sklearn]

    def close(self):
        for worker in self.workers:
            worker.close()

    # --- What is needed first.

    def build(self):
        """Our programs, from the sources."""
        packages = ["-p", "epitile", "-p", "epitile-benches"]
        command = ["cargo", "build", "--release", "--bins", *packages]
        subprocess.run(command, cwd=ROOT, check=True)

    def choose(self):
        """The setting of OpenBLAS that multiplies fastest here, for every peer that uses it."""
        rates = []
        try:
            for name in CORETYPES:
                self.openblas.environment = self.coretype(name)
                rates.append((self.openblas.ask("multiply", 2048)["rate"], name))
                self.openblas.close()
        except Missing:
            return  # It will be told with the versions.
        rate, name = max(rates)
        self.environment = self.coretype(name)
        for worker in self.workers:
            worker.environment = self.environment
        setting = f"OPENBLAS_CORETYPE={name}" if name else "OPENBLAS_CORETYPE not set"
        self.notes.append(
            f"OpenBLAS at its fastest here: {setting} ({rate:.0f} GF/s in sgemm of order 2,048; "
            f"tried: {', '.join(c or 'not set' for c in CORETYPES)})"
        )

    def coretype(self, name):
        rest = {k: v for k, v in self.environment.items() if k != "OPENBLAS_CORETYPE"}
        return rest | ({"OPENBLAS_CORETYPE": name} if name else {})

    def cohort(self, n, m, peers=True):
        """Prefix of a simulated cohort, made once; with the peers' files."""
        prefix = self.work / f"cohort-{n}-{m}"
        if not prefix.with_suffix(".bed").exists():
            sizes = ["--samples", n, "--snps", m, "--traits", TRAITS, "--causal", min(100, m)]
            command = [self.epitile, "simulate", *sizes, "--pairs", "0", "--epistatic", "0",
                       "--additive", "0.5", "--quiet", "--out", prefix]
            run(list(map(str, command)), self.environment)
        if peers and not prefix.with_suffix(".folds.txt").exists():
            sizes = map(str, [TRAITS, FEW, FOLDS])
            run([self.python, str(HERE / "cohort.py"), str(prefix), *sizes], self.environment)
        return str(prefix)

    def matrix(self, prefix):
        """K + λI of the cohort as a file, and right-hand sides."""
        file = f"{prefix}.kernel.f64"
        self.ours.load("load", prefix)
        self.ours.ask("matrix", self.args.ridge, file)
        return file, f"{prefix}.rhs.f64"

    # --- How it is measured.

    def contest(self, work, ours, peers, least=None, best=None):
        """Runs ours and each peer in turn, in pairs; a line of the table for each.

        `ours` and the values of `peers` are functions that give seconds, or seconds and facts.
        `least` is the ratio to each peer that the project has set itself, or a dictionary of them
        by peer; `best` the one to the fastest peer, with its name.
        """
        label, ours = ours
        medians = {}
        for peer, run_peer in peers.items():
            print(f"{work}: {label} and {peer}", file=sys.stderr, flush=True)
            pairs, facts = [], []
            try:
                if not self.args.cold:
                    self.once(ours)
                    self.once(run_peer)
                for _ in range(self.args.pairs):
                    (a, mine), (b, theirs) = self.once(ours), self.once(run_peer)
                    pairs.append((a, b))
                    facts.append((mine, theirs))
            except Missing as e:
                self.rows.append([work, label, "", peer, "", "missing", f"{e}"])
                continue
            self.times.append({"work": work, "ours": label, "peer": peer, "seconds": pairs,
                               "facts": facts})
            a, b = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            ratio = statistics.median(p[1] / p[0] for p in pairs)
            medians[peer] = (ratio, a, b)
            wanted = least.get(peer) if isinstance(least, dict) else least
            told = [f["text"] for f in facts[-1] if f.get("text")]
            self.rows.append([work, label, seconds(a), peer, seconds(b), ratio,
                              "; ".join(filter(None, [aim(wanted), *told]))])
        for wanted, name, among in best or []:
            found = {p: m for p, m in medians.items() if p in among}
            if found:
                peer = min(found, key=lambda p: found[p][0])
                ratio, a, b = found[peer]
                self.rows.append([work, label, seconds(a), f"**{name}: {peer}**", seconds(b),
                                  ratio, aim(wanted)])

    @staticmethod
    def once(work):
        time.sleep(PAUSE)
        result = work()
        return result if isinstance(result, tuple) else (result, {})

    # --- The rows.

    def row_build(self):
        """Pair statistics and all kernel tiles in FP32."""
        n, m = self.args.samples, self.args.snps
        prefix = self.cohort(n, m, peers=False)
        gamma = self.ours.load("load", prefix)["gamma"]

        def ours():
            answer = self.ours.ask("build")
            rate = n * n * m / answer["seconds"] / 1e12
            return answer["seconds"], answer | {"text": f"ours {rate:.3f} TOP/s"}

        def gaussian(worker, routine):
            def once():
                worker.load("load", prefix)
                return worker.ask("gaussian", routine, gamma)["seconds"]

            return once

        def rbf():
            self.sklearn.load("load", prefix)
            return self.sklearn.ask("rbf", gamma)["seconds"]

        peers = {
            f"{routine} + exp, {name}": gaussian(worker, routine)
            for routine in ("sgemm", "ssyrk")
            for name, worker in (("MKL", self.mkl), ("OpenBLAS", self.openblas))
        }
        peers["scikit-learn rbf_kernel"] = rbf
        for program, flags in (
            ("plink1.9", ["--distance", "square", "bin4"]),
            ("plink2", ["--make-king", "square", "bin4"]),
        ):
            peers[f"{program} {flags[0]}"] = lambda p=program, f=flags: self.plink(p, prefix, f)
        least = {p: 8 for p in peers if p.startswith("sgemm")}
        least |= {p: 10 for p in peers if not p.startswith(("sgemm", "ssyrk"))}
        self.contest(f"Build {n:,} × {m:,} to FP32 tiles", ("epitile", ours), peers, least)
        self.sklearn.close()

    def plink(self, program, prefix, flags):
        out = str(self.work / "plink")
        threads = ["--threads", str(self.args.threads)]
        return run([program, "--bfile", prefix, *flags, *threads, "--out", out],
                   self.environment)[0]

    def row_grm(self):
        """Relationship matrices, from file to file."""
        prefix = self.cohort(self.args.samples, self.args.snps, peers=False)
        flags = ["--make-rel", "square", "bin"]
        for kernel, least in (("linear", 20), ("linear:std", 10)):
            ours = lambda: self.program("kernel", prefix, ["--kernel", kernel, "--format", "npy"])
            peers = {"plink2 --make-rel": lambda: self.plink("plink2", prefix, flags)}
            work = f"GRM of {self.args.samples:,} × {self.args.snps:,}, files to files"
            self.contest(work, (f"epitile kernel {kernel}", ours), peers, least)

    def program(self, command, prefix, flags):
        """Wall seconds of epitile."""
        out = str(self.work / "ours")
        threads = ["--threads", str(self.args.threads)]
        flags = [*flags, *threads, "--quiet", "--out", out]
        return run([self.epitile, command, "--bfile", prefix, *flags], self.environment)[0]

    def record(self, command, prefix, flags):
        """Seconds of Build and Associate of a run of epitile, and its record."""
        self.program(command, prefix, flags)
        record = json.loads((self.work / "ours.run.json").read_text())
        phases = self.phases()
        return phases["build"] + phases["associate"], record

    def phases(self):
        """Seconds of every phase of the last run of epitile."""
        record = json.loads((self.work / "ours.run.json").read_text())
        return {p["name"]: p["seconds"] for p in record["phases"]}

    def row_factor(self):
        """Factors of one matrix."""
        n, ridge = self.args.samples, self.args.ridge
        prefix = self.cohort(n, self.args.snps, peers=False)
        file, _ = self.matrix(prefix)

        def ours(policy, parts):
            def once():
                answer = self.ours.ask("factor", policy, ridge)
                used = sum(answer[part] for part in parts)
                rate = n**3 / 3e9 / used
                tiles = ", ".join(f"{c} {p}" for p, c in answer["tiles"].items())
                return used, answer | {"text": f"ours {rate:.0f} GF/s of N³/3; tiles {tiles}"}

            return once

        def potrf(worker, precision):
            def once():
                worker.load(*(["load"] if worker is self.faer else ["kernel"]), file)
                return worker.ask("factor", precision)["seconds"]

            return once

        named = (("faer", self.faer), ("OpenBLAS", self.openblas), ("MKL", self.mkl))
        single = {f"{name} FP32": potrf(worker, "f32") for name, worker in named}
        double = {f"{name} FP64": potrf(worker, "f64") for name, worker in named}
        work = f"Factor, N = {n:,}"
        fastest = lambda least32, least64: [
            (least32, "fastest FP32", single),
            (least64, "fastest FP64", double),
        ]
        self.contest(work, ("FP32", ours("f32", ["factor"])), single,
                     best=[(1.25, "fastest FP32", single)])
        self.contest(work, ("adaptive", ours("adaptive", ["factor"])), single | double,
                     best=fastest(1.8, 3))
        self.contest(work, ("adaptive, plan and deflation included",
                            ours("adaptive", ["prepare", "factor"])), single | double,
                     best=fastest(None, None))
        self.contest(work, ("FP64", ours("f64", ["factor"])), double,
                     best=[(None, "fastest FP64", double)])

    def row_solve(self):
        """Factor and solve, refined to the default tolerance."""
        n, ridge = self.args.samples, self.args.ridge
        prefix = self.cohort(n, self.args.snps)
        file, right = self.matrix(prefix)

        def ours(policy):
            def once():
                a = self.ours.ask("solve", policy, ridge, right)
                text = (f"ours: prepare {seconds(a['prepare'])}, factor {seconds(a['factor'])}, "
                        f"solve {seconds(a['solve'])}; η {a['before']:.1e} → {a['after']:.1e} in "
                        f"{a['iterations']:.0f} iterations")
                return a["seconds"], a | {"text": text}

            return once

        def solve(worker):
            def once():
                worker.load(*(["load"] if worker is self.faer else ["kernel"]), file)
                return worker.ask("solve", right)["seconds"]

            return once

        named = (("faer", self.faer), ("OpenBLAS", self.openblas), ("MKL", self.mkl))
        double = {f"{name} FP64": solve(worker) for name, worker in named}
        for policy, least in (("adaptive", 2), ("f32", None)):
            self.contest(f"Factor and solve {TRAITS} right-hand sides, N = {n:,}",
                         (policy, ours(policy)), double, best=[(least, "fastest FP64", double)])

    def row_fit(self):
        """Build and Associate against KernelRidge, each in a process of its own."""
        n, m, ridge = self.args.samples, self.args.snps, self.args.ridge
        prefix = self.cohort(n, m)
        gamma = self.ours.load("load", prefix)["gamma"]
        self.close()  # Their memory is not needed.
        weights = str(self.work / "ours.weights.tsv")
        flags = ["--pheno", f"{prefix}.pheno.txt", "--kernel", "gaussian", "--gamma", repr(gamma),
                 "--lambda", str(ridge), "--intercept", "mean", "--precision", "adaptive",
                 "--weights"]
        peak = {}

        def ours():
            used, record = self.record("fit", prefix, flags)
            peak["ours"] = record["peak_rss_bytes"]
            return used, {"text": f"ours peak {mib(peak['ours'])}"}

        def theirs():
            command = [self.python, str(HERE / "ridge.py"), prefix, repr(gamma), str(ridge)]
            answer = json.loads(run([*command, weights], self.environment)[1])
            peak["theirs"] = answer["peak"]
            return answer["seconds"], {"text": f"peer's peak {mib(answer['peak'])}; weights "
                                               f"differ by {answer['difference']:.1e} at most"}

        work = f"Fit {n:,} × {m:,}, {TRAITS} traits"
        peer = "scikit-learn KernelRidge"
        self.contest(work, ("epitile fit (Build + Associate)", ours), {peer: theirs}, 8)
        if len(peak) == 2:
            self.rows.append([f"{work}: peak memory", "epitile fit", mib(peak["ours"]), peer,
                              mib(peak["theirs"]), peak["theirs"] / peak["ours"], aim(8)])

    def row_cv(self):
        """Cross-validation over a grid."""
        n, m = self.args.cv_samples, self.args.snps
        prefix = self.cohort(n, m)
        gamma = self.ours.load("load", prefix)["gamma"]
        lists = [",".join(str(s) for s in SCALES), ",".join(map(str, LAMBDAS))]
        names = ",".join(f"y{t + 1}" for t in range(FEW))
        flags = ["--pheno", f"{prefix}.pheno.txt", "--pheno-name", names, "--kernel", "gaussian",
                 "--gamma-scale", lists[0], "--lambda", lists[1], "--folds",
                 f"{prefix}.folds.txt", "--intercept", "mean", "--precision", "adaptive"]
        gammas = ",".join(repr(s * gamma) for s in SCALES)

        def ours():
            return self.record("cv", prefix, flags)[0]

        def theirs():
            self.sklearn.load("load", prefix)
            request = ["cv", f"{prefix}.folds", gammas, lists[1], f"{prefix}.y4.npy"]
            a = self.sklearn.ask(*request, self.args.grid)
            text = f"peer: {a['settings']} of {a['of']} settings in {seconds(a['measured'])}"
            if a["settings"] < a["of"]:
                text += f", **times {a['of'] / a['settings']:g}**"
            return a["seconds"], a | {"text": text}

        work = (f"{FOLDS}-fold cross-validation, {len(SCALES)} γ × {len(LAMBDAS)} λ, {FEW} traits, "
                f"{n:,} × {m:,}")
        self.contest(work, ("epitile cv (Build + Associate)", ours),
                     {"scikit-learn GridSearchCV": theirs}, 50)
        self.sklearn.close()

    def row_growth(self):
        """Times of growing N against the laws."""
        m, first = self.args.snps, {}
        for n in self.args.growth:
            prefix = self.cohort(n, m, peers=False)
            self.ours.load("load", prefix)
            asked = {
                "Build": (["build"], "seconds", lambda n: n * n * m),
                "FP32 factor": (["factor", "f32", self.args.ridge], "factor", lambda n: n**3 / 3),
                "adaptive factor": (
                    ["factor", "adaptive", self.args.ridge], "factor", lambda n: n**3 / 3
                ),
            }
            for name, (request, part, operations) in asked.items():
                print(f"growth: {name}, N = {n}", file=sys.stderr, flush=True)
                try:
                    self.ours.ask(*request)
                    times = [self.ours.ask(*request)[part] for _ in range(self.args.pairs)]
                except Missing as e:
                    self.rows.append([f"Growth: {name}, N = {n:,}", "epitile", "", "", "",
                                      "missing", f"{e}"])
                    continue
                used = statistics.median(times)
                rate = operations(n) / used
                base = first.setdefault(name, (n, rate))
                law = base[1] / rate
                self.rows.append([
                    f"Growth: {name}, N = {n:,}", f"{rate / 1e9:,.0f} · 10⁹/s", seconds(used),
                    f"law from N = {base[0]:,}", seconds(used / law), law, "at most 1.15",
                ])

    def row_memory(self):
        """The same fit with a quarter of the memory it asks for."""
        n, m = self.args.samples, self.args.memory_snps
        prefix = self.cohort(n, m, peers=False)
        flags = ["--pheno", f"{prefix}.pheno.txt", "--pheno-name", "y1", "--kernel", "gaussian",
                 "--lambda", str(self.args.ridge), "--precision", "f32", "--intercept", "mean",
                 "--tile", "256"]
        scratch = self.work / "scratch"
        scratch.mkdir(exist_ok=True)
        work = f"Fit {n:,} × {m:,} with a quarter of the memory"
        try:
            _, record = self.record("fit", prefix, flags)
        except Missing as e:
            self.rows.append([work, "epitile fit", "", "", "", "missing", f"{e}"])
            return
        quarter = max(1, record["extra"]["memory_estimate_bytes"] // 4 >> 20)
        limited = [*flags, "--memory", str(quarter), "--scratch", str(scratch)]
        whole = lambda: self.record("fit", prefix, flags)[0]
        part = lambda: self.record("fit", prefix, limited)[0]
        self.contest(work, ("in memory", whole), {f"--memory {quarter} --scratch": part})
        if self.rows[-1][5] != "missing":
            self.rows[-1][6] = "at most 1.5"

    def row_assoc(self):
        """Association tests of several traits."""
        assoc.row(self)

    # --- What is told.

    def ceilings(self):
        try:
            return self.ours.ask("ceilings")
        except Missing as e:
            self.notes.append(f"ceilings: {e}")
            return []

    def versions(self):
        for name, worker in (("OpenBLAS", self.openblas), ("MKL", self.mkl),
                             ("scikit-learn", self.sklearn)):
            try:
                self.notes.append(worker.ask("version")["version"])
            except Missing as e:
                self.notes.append(f"{name} is missing: {e}")
        for program, flag in (("plink1.9", "--version"), ("plink2", "--version"), ("gemma", "-h")):
            found = shutil.which(program)
            self.notes.append(run([found, flag], None)[1].strip().splitlines()[0] if found
                              else f"{program} is missing")


def seconds(s):
    return f"{s:.3g} s" if s < 100 else f"{s:.0f} s"


def mib(size):
    return f"{size / 2**20:,.0f} MiB"


def aim(ratio):
    return f"at least {ratio:g}" if ratio else ""


def markdown(comparison, before, after, ceilings):
    args = comparison.args
    lines = [
        f"Machine: {machine()}; {args.threads} threads.",
        f"Date: {datetime.datetime.now():%Y-%m-%d %H:%M}. "
        f"Load average before: {before}; after: {after}. "
        f"Median of {args.pairs} alternating pairs{'' if args.cold else ', after one that is not counted'}.",
        "",
        *(f"- {note}" for note in comparison.notes),
        "",
        "| ceiling | instruction set | one thread, 10⁹/s | all threads, 10⁹/s |",
        "|---|---|---|---|",
        *(f"| {c['work']} | {c['isa']} | {c['one']:,.0f} | {c['all']:,.0f} |" for c in ceilings),
        "",
        "| work | ours | time | peer | time | ratio | notes |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in comparison.rows:
        ratio = row[5] if isinstance(row[5], str) else f"{row[5]:.2f}"
        lines.append(f"| {' | '.join([*row[:5], ratio, row[6]])} |")
    return "\n".join(lines) + "\n"


def main():
    rows = [name[4:] for name in dir(Comparison) if name.startswith("row_")]
    order = ["build", "grm", "factor", "solve", "fit", "cv", "growth", "memory", "assoc"]
    assert sorted(order) == sorted(rows)
    numbers = lambda text: [int(n) for n in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", default=str(HERE / "venv"), help="virtual environment")
    parser.add_argument("--rows", default=",".join(order), help="which of %(default)s")
    parser.add_argument("--samples", type=int, default=8192)
    parser.add_argument("--snps", type=int, default=40960)
    parser.add_argument("--cv-samples", type=int, default=4096)
    parser.add_argument("--memory-snps", type=int, default=4096, help="SNPs of the row memory")
    parser.add_argument("--assoc-snps", type=int, default=100_000, help="SNPs of the row assoc")
    parser.add_argument("--assoc-subset", type=int, default=2000, metavar="SNPS",
                        help="SNPs that GEMMA tests; its time for them is multiplied")
    parser.add_argument("--assoc-traits", type=int, default=8, help="traits of the row assoc")
    parser.add_argument("--growth", type=numbers, default=[4096, 8192, 16384], metavar="N,…")
    parser.add_argument("--grid", type=int, default=2, metavar="SETTINGS",
                        help="settings that GridSearchCV runs, of 40; its time is multiplied")
    parser.add_argument("--ridge", type=float, default=0.1, help="λ")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="no uncounted pair first")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", default="/tmp/epitile-compare", help="folder for data")
    parser.add_argument("--markdown", help="file for the tables")
    parser.add_argument("--json", help="file for all times")
    args = parser.parse_args()
    chosen = args.rows.split(",")
    for name in chosen:
        if name not in order:
            parser.error(f"--rows {name}: rows are {', '.join(order)}")
    comparison = Comparison(args)
    try:
        comparison.build()
        before = load()
        comparison.choose()
        comparison.versions()
        ceilings = comparison.ceilings()
        for name in [n for n in order if n in chosen]:
            try:
                getattr(comparison, f"row_{name}")()
            except Missing as e:
                comparison.rows.append([name, "", "", "", "", "missing", f"{e}"])
            # After every row: a run that is cut short has told what it measured.
            text = write(comparison, before, ceilings)
    finally:
        comparison.close()
    print(text)


def write(comparison, before, ceilings):
    """Writes the files that were asked for; the text of the tables."""
    args = comparison.args
    text = markdown(comparison, before, load(), ceilings)
    if args.markdown:
        pathlib.Path(args.markdown).write_text(text)
    if args.json:
        facts = {"machine": machine(), "arguments": vars(args), "notes": comparison.notes,
                 "ceilings": ceilings, "rows": comparison.rows, "times": comparison.times}
        pathlib.Path(args.json).write_text(json.dumps(facts, indent=1, ensure_ascii=False))
    return text


if __name__ == "__main__":
    main()
