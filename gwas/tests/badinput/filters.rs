//! Filters that leave too little.

use super::lab;

#[test]
fn filters_that_leave_nothing_are_named() {
    let lab = lab();
    lab.write("strangers", "a a\nb b\n");
    lab.write("nothing", "rs1\n");
    lab.write("everybody", lab.text("s.fam"));
    let set = lab.plink("s");
    let uneven = |m: &usize| {
        let called = set.calls[*m].iter().flatten();
        called.clone().map(|&x| usize::from(x)).sum::<usize>() != called.count()
    };
    lab.write("one", &set.snps[(0..60).find(uneven).unwrap()].id);
    for (flags, code, parts) in [
        (
            "--chr 9",
            13,
            &["no SNP is left", "'chr' (9; not in the data: 9)", "last 60"][..],
        ),
        (
            "--extract one --maf 0.5",
            13,
            &["no SNP is left", "'maf'", "at least 0.5"],
        ),
        ("--mac 101", 13, &["no SNP is left", "'mac'"]),
        (
            "--extract nothing",
            13,
            &["no SNP is left", "'extract'", "rs1"],
        ),
        (
            "--remove everybody",
            13,
            &["no individual is left", "'remove'", "last 50"],
        ),
        (
            "--keep strangers",
            7,
            &["--keep strangers", "none of its individuals", "a a"],
        ),
        (
            "--mind 0 --chr 1-3",
            13,
            &["no individual is left", "'mind'", "at most 0"],
        ),
        ("--maf 0.7", 8, &["--maf 0.7", "between 0 and 0.5"]),
        ("--geno -0", 13, &["no SNP is left", "'geno'"]),
        ("--mind nan", 8, &["--mind NaN", "between 0 and 1"]),
        ("--chr 1-99", 8, &["--chr '1-99'"]),
        ("--chr-set 1000", 8, &["--chr-set 1000", "between 1 and 95"]),
    ] {
        // With --mind 0 everybody goes only if everybody lacks a call.
        let many = "simulate --samples 50 --snps 900 --missing-rate 0.2 --traits 3 --out s";
        if flags.contains("mind 0") || flags.contains("geno") {
            lab.succeeds(many);
        }
        lab.fails(&format!("{} {flags}", super::CV), code, parts);
    }
}
