//! Data that are well formed but say little.

use super::{CV, cv, lab};

/// Kernels that a SNP without variation cannot change.
const CENTRED: &str = "linear,linear:std,gaussian,laplacian,poly:2,grm^2";

#[test]
fn snps_that_do_not_vary_are_kept_noted_and_change_no_bit() {
    let lab = lab();
    let kernels = |set: &str, kernels: &str| {
        cv("--kernel linear,gaussian", &format!("--kernel {kernels}"))
            .replace("--bfile s", &format!("--bfile {set}"))
    };
    lab.succeeds(&kernels("s", CENTRED));
    let expected = lab.outputs("o");
    let mut more = lab.plink("s");
    for x in 0..3 {
        more.push(&format!("same{x}"), |_| Some(x));
        more.push(&format!("some{x}"), |i| (i % 3 > 0).then_some(x));
    }
    more.push("none", |_| None);
    more.write(&lab, "b");
    let run = lab.succeeds(&kernels("b", CENTRED));
    run.says(&[
        "50 individuals and 67 SNPs are left",
        "note: 1 SNPs have no calls at all: they add nothing to a kernel",
        "(none)",
        "note: 6 SNPs are monomorphic: they add nothing to a centred kernel",
        "same0, some0, same1, some1, same2, and 1 more",
    ]);
    assert_eq!(lab.outputs("o"), expected);
    // These kernels count SNPs, so they change, but every number stays finite.
    lab.succeeds(&kernels("b", "ibs,linear:2pq"));
    assert_ne!(lab.outputs("o"), expected);
    for row in &lab.rows("o.cv.tsv")[1..] {
        let mspe: f64 = row[7].parse().unwrap();
        assert!(mspe.is_finite() && mspe > 0.0, "{row:?}");
    }
}

#[test]
fn snps_that_all_agree_leave_no_kernel() {
    let lab = lab();
    let mut same = lab.plink("s");
    for calls in &mut same.calls {
        calls.fill(Some(1));
    }
    same.write(&lab, "b");
    let parts = ["none of the 60 SNPs varies among the 50 individuals"];
    lab.fails(&cv("--bfile s", "--bfile b"), 13, &parts);
    lab.fails("kernel --bfile b --kernel linear --out o", 13, &parts);
    let fit = "fit --bfile b --pheno s.pheno.txt --kernel gaussian --lambda 1 --out o";
    lab.fails(fit, 13, &parts);
}

#[test]
fn genotypes_that_half_of_all_pairs_share_leave_no_median() {
    let lab = lab();
    let twins = lab.plink("s");
    // 45 of 50 are the same individual: 990 of 1,225 pairs have distance 0.
    let order: Vec<usize> = (0..50).map(|i| if i < 45 { 0 } else { i }).collect();
    let mut all = twins.individuals(&order);
    all.samples = twins.samples;
    all.write(&lab, "b");
    let line = cv("--bfile s", "--bfile b");
    lab.fails(
        &line,
        13,
        &["the median distance of kernel gaussian is zero", "--gamma"],
    );
    lab.succeeds(&line.replace("--gamma-scale 1", "--gamma 0.01"));
}

#[test]
fn one_individual_is_too_few() {
    let lab = lab();
    lab.plink("s").individuals(&[4]).write(&lab, "b");
    let line = cv("--bfile s", "--bfile b");
    lab.fails(
        &line,
        13,
        &["no phenotype can be fitted", "y1 is", "in all individuals"],
    );
    let fit = "fit --bfile b --pheno s.pheno.txt --kernel linear --lambda 1 --out o";
    lab.fails(fit, 13, &["no phenotype can be fitted"]);
    lab.fails(
        "kernel --bfile b --kernel linear --out o",
        13,
        &["none of the 60 SNPs varies"],
    );
    // One new individual is enough for a prediction.
    lab.succeeds("fit --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 1 --out m");
    lab.succeeds("predict --model m.epitile --bfile b --out one");
    lab.succeeds("predict --model m.epitile --bfile s --out all");
    assert_eq!(lab.rows("one.sscore")[1], lab.rows("all.sscore")[5]);
}

#[test]
fn two_individuals_can_be_fitted_but_not_validated() {
    let lab = lab();
    lab.write("two", "id3 id3\nid8 id8\n");
    let line = format!("{CV} --keep two").replace("--folds 3", "--folds 2");
    lab.fails(
        &line,
        13,
        &[
            "no phenotype can be fitted",
            "has 1 individuals to train on",
        ],
    );
    let fit = "fit --bfile s --keep two --pheno s.pheno.txt --kernel linear --lambda 1 --out m";
    lab.succeeds(fit).says(&["y1: 2 individuals"]);
}

#[test]
fn individuals_that_equal_others_are_fitted() {
    let lab = lab();
    let set = lab.plink("s");
    let order: Vec<usize> = (0..50).map(|i| i / 2 * 2).collect();
    let mut all = set.individuals(&order);
    all.samples = set.samples;
    all.write(&lab, "b");
    // K is singular: only λ makes K + λI definite.
    for lambda in ["1", "1e-6"] {
        let line =
            cv("--bfile s", "--bfile b").replace("--lambda 1", &format!("--lambda {lambda}"));
        lab.succeeds(&line);
        let certificate = lab.record("o")["extra"]["certificate"].clone();
        assert_eq!(certificate["certified"], certificate["solutions"]);
    }
}
