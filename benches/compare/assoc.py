"""Association tests: `epitile assoc` of several traits together against GEMMA trait by trait.

GEMMA is measured on some of the SNPs, evenly spread, and one trait; its time for all is what it
takes before the first SNP, and as much more for each SNP of the subset as for every SNP, times the
traits. The two parts come from its own log. The kinship matrix is made by GEMMA once and not
counted.
"""

import csv
import math
import os
import pathlib
import re

from processes import Missing, run

# Debian's OpenBLAS does not know the newest processors and takes slow kernels for them.
CORETYPE = "SAPPHIRERAPIDS"


class Gemma:
    """GEMMA on the cohort `prefix` in the folder `work`."""

    def __init__(self, prefix, work, environment, traits):
        self.prefix, self.work, self.traits = prefix, pathlib.Path(work), traits
        coretype = os.environ.get("OPENBLAS_CORETYPE", CORETYPE)
        self.environment = environment | {"OPENBLAS_CORETYPE": coretype}
        self.values = f"{prefix}.gemma.pheno"
        with open(f"{prefix}.pheno.txt") as table, open(self.values, "w") as out:
            next(table)
            for line in table:
                print(*line.split()[2 : 2 + traits], file=out)

    def run(self, *flags):
        """Wall seconds; files are `gemma.*` in the folder."""
        command = ["gemma", *flags, "-p", self.values, "-maf", "0", "-outdir", str(self.work)]
        return run(command, self.environment)[0]

    def kinship(self):
        """The centred kinship matrix of all SNPs, made once, and the seconds it took now."""
        name = os.path.basename(self.prefix) + ".gemma"
        file = self.work / f"{name}.cXX.txt"
        if file.exists():
            return str(file), None
        return str(file), self.run("-bfile", self.prefix, "-gk", "1", "-o", name)

    def subset(self, snps):
        """Prefix of a fileset of `snps` SNPs, evenly spread over all."""
        to = f"{self.prefix}-{snps}"
        with open(f"{self.prefix}.bim") as bim:
            lines = bim.readlines()
        with open(f"{self.prefix}.fam") as fam:
            people = fam.read()
        stride = (people.count("\n") + 3) // 4
        places = [k * len(lines) // snps for k in range(snps)]
        with open(f"{self.prefix}.bed", "rb") as bed, open(f"{to}.bed", "wb") as out:
            out.write(bed.read(3))
            for place in places:
                bed.seek(3 + place * stride)
                out.write(bed.read(stride))
        pathlib.Path(f"{to}.bim").write_text("".join(lines[k] for k in places))
        pathlib.Path(f"{to}.fam").write_text(people)
        return to

    def test(self, subset, kinship, trait):
        """Seconds of `-lmm 4` of trait number `trait`: before the SNPs, and for them."""
        whole = self.run("-bfile", subset, "-k", kinship, "-n", str(trait), "-lmm", "4",
                         "-o", "gemma")
        log = (self.work / "gemma.log.txt").read_text()
        minutes = lambda what: float(re.search(rf"time on {what} = (\S+) min", log).group(1))
        for_snps = 60 * (minutes("calculating UtX") + minutes("optimization"))
        return whole - for_snps, for_snps

    def p_values(self):
        """p_wald of the last test by SNP."""
        with open(self.work / "gemma.assoc.txt") as table:
            rows = csv.DictReader(table, delimiter="\t")
            return {row["rs"]: float(row["p_wald"]) for row in rows}


def difference(table, theirs):
    """The largest |Δ log₁₀ p| between our table and GEMMA's p-values above zero."""
    with open(table) as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        ours = {row["ID"]: float(row["LOG10P"]) for row in rows if row["ID"] in theirs}
    if len(ours) != len(theirs):
        raise Missing(f"{len(theirs)} SNPs of GEMMA, {len(ours)} of them in {table}")
    return max(abs(ours[id] + math.log10(p)) for id, p in theirs.items() if p > 0)


def row(comparison):
    """All SNPs and traits, the whole program, against GEMMA's time scaled to as many."""
    args = comparison.args
    n, m, traits = args.samples, args.assoc_snps, args.assoc_traits
    prefix = comparison.cohort(n, m, peers=False)
    names = [f"y{t + 1}" for t in range(traits)]
    flags = ["--pheno", f"{prefix}.pheno.txt", "--pheno-name", ",".join(names), "--kernel",
             "linear", "--test", "wald-refit"]
    part = min(m, args.assoc_subset)
    gemma = Gemma(prefix, comparison.work, comparison.environment, traits)
    kinship, taken = gemma.kinship()
    if taken is not None:
        comparison.notes.append(f"GEMMA's -gk 1 of {n:,} × {m:,}, not counted: {taken:.0f} s")
    subset = gemma.subset(part)
    turn = iter(range(10**6))

    def ours():
        used = comparison.program("assoc", prefix, [*flags, "--no-loco"])
        return used, {"phases": comparison.phases()}

    def theirs():
        trait = next(turn) % traits
        before, for_snps = gemma.test(subset, kinship, trait + 1)
        worst = difference(comparison.work / f"ours_{names[trait]}.regenie", gemma.p_values())
        text = (f"GEMMA: trait {names[trait]}, {part:,} of {m:,} SNPs in {for_snps:.1f} s, "
                f"{before:.1f} s before them; **SNPs times {m / part:g}, all times {traits}**; "
                f"p_wald differ by {worst:.1e} in log₁₀ at most")
        return traits * (before + for_snps * m / part), {
            "text": text, "before": before, "for_snps": for_snps}

    work = f"Association {n:,} × {m:,}, {traits} traits, refit at every SNP"
    comparison.contest(work, ("epitile assoc --no-loco --test wald-refit", ours),
                       {"GEMMA -lmm 4": theirs}, 5)
    loco(comparison, prefix, flags, work)


def loco(comparison, prefix, flags, work):
    """Chromosome 1 beside the others: a null model a chromosome, told apart."""
    used = comparison.program("assoc", prefix, [*flags, "--chr", "1"])
    phases = ", ".join(f"{name} {s:.1f} s" for name, s in comparison.phases().items())
    with open(f"{prefix}.bim") as bim:
        count = len({line.split()[0] for line in bim})
    comparison.rows.append([f"{work}: LOCO", "chromosome 1", f"{used:.3g} s", "", "", "",
                            f"one of {count} chromosomes; {phases}"])
