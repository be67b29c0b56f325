//! Predictions from files that say the same in other words.

use super::KERNELS;
use super::lab::{Lab, Plink, shuffled};

/// An allele on the other strand, which reads backwards.
fn complement(allele: &str) -> String {
    let base = |b: char| match b {
        'A' => 'T',
        'T' => 'A',
        'C' => 'G',
        'G' => 'C',
        other => other,
    };
    allele.chars().rev().map(base).collect()
}

/// Whether the strand of the alleles cannot be seen.
fn is_ambiguous(set: &Plink, m: usize) -> bool {
    complement(&set.snps[m].a1) == set.snps[m].a2
}

/// The ways to write the same data: each changes the fileset and names what the log must say.
fn ways(set: &Plink) -> Vec<(&'static str, Plink, Vec<String>)> {
    let m = set.snps.len();
    let mut swapped = set.clone();
    (0..m).step_by(2).for_each(|m| swapped.swap(m));
    let mut strand = set.clone();
    let has_strand = |m: &usize| set.snps[*m].a1 != "D" && !is_ambiguous(set, *m);
    let visible: Vec<usize> = (0..m).filter(has_strand).collect();
    for &m in &visible {
        let snp = &mut strand.snps[m];
        (snp.a1, snp.a2) = (complement(&snp.a1), complement(&snp.a2));
    }
    let mut both = strand.clone();
    (0..m).step_by(3).for_each(|m| both.swap(m));
    let mut moved = set.clone();
    moved.snps[3].position += 1;
    moved.snps[4].chromosome = "X".into();
    let mut lower = set.clone();
    for snp in &mut lower.snps {
        (snp.a1, snp.a2) = (snp.a1.to_lowercase(), snp.a2.to_lowercase());
    }
    let (n, order) = (set.samples.len(), shuffled(m));
    let everything = both.select(&order).individuals(&shuffled(n));
    let flipped = format!("{} SNPs with swapped alleles: flipped", m.div_ceil(2));
    let third = format!("{} SNPs with swapped alleles: flipped", m.div_ceil(3));
    let complemented = format!("{} SNPs on the other strand: complemented", visible.len());
    vec![
        ("swapped alleles", swapped, vec![flipped]),
        ("the other strand", strand, vec![complemented.clone()]),
        ("both", both, vec![complemented.clone(), third.clone()]),
        (
            "shuffled individuals",
            set.individuals(&shuffled(n)),
            vec![],
        ),
        ("shuffled SNPs", set.select(&order), vec![]),
        (
            "other positions",
            moved,
            vec!["2 SNPs at another position".into()],
        ),
        ("small letters", lower, vec![]),
        ("everything", everything, vec![complemented, third]),
    ]
}

#[test]
fn alleles_strands_and_orders_change_no_bit() {
    let lab = Lab::with_cohort("--samples 40 --snps 120 --missing-rate 0.04 --traits 2");
    lab.lose(|i, _| i % 4 == 0);
    let mut set = lab.plink("s");
    for (m, alleles) in [
        (8, ["A", "T"]),
        (9, ["C", "G"]),
        (10, ["AC", "A"]),
        (11, ["D", "I"]),
    ] {
        [set.snps[m].a1, set.snps[m].a2] = alleles.map(str::to_owned);
    }
    set.write(&lab, "s");
    let ways = ways(&set);
    for (name, changed, _) in &ways {
        changed.write(&lab, &name.replace(' ', "-"));
    }
    for kernel in KERNELS {
        let fit = format!("fit --bfile s --pheno s.pheno.txt --kernel {kernel} --lambda 0.2");
        lab.succeeds(&format!("{fit} --embed --out m"));
        lab.succeeds(&format!("{fit} --out reference"));
        lab.succeeds("predict --model m.epitile --bfile s --interval --out a");
        for (name, _, parts) in &ways {
            let prefix = name.replace(' ', "-");
            let run = lab.succeeds(&format!(
                "predict --model m.epitile --bfile {prefix} --interval --out b"
            ));
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            run.says(&["120 of the model's 120 SNPs are used"]);
            run.says(&parts);
            // Training genotypes in other words are the same training genotypes.
            lab.succeeds(&format!(
                "predict --model reference.epitile --bfile s --train-bfile {prefix} --interval \
                 --out c"
            ));
            for column in ["y1_PRED", "y1_SE", "y1_SE_NEW", "y2_PRED"] {
                let expected = lab.column("a.sscore", column);
                for other in ["b", "c"] {
                    let found = lab.column(&format!("{other}.sscore"), column);
                    assert_eq!(found, expected, "{kernel}, {name}, {column}");
                }
            }
        }
    }
}

#[test]
fn snps_that_are_absent_are_those_with_missing_calls() {
    let lab = Lab::with_cohort("--samples 40 --snps 120 --missing-rate 0.04");
    let set = lab.plink("s");
    let gone = |m: usize| m % 20 == 3 || m == 119 || m == 0;
    let left: Vec<usize> = (0..120).filter(|&m| !gone(m)).collect();
    set.select(&left).write(&lab, "absent");
    let mut none = set.clone();
    let mut other = set.clone();
    let mut twice = set.clone();
    for m in (0..120).filter(|&m| gone(m)) {
        none.calls[m].fill(None);
        other.snps[m].a1 = "AAC".into();
        twice.snps.push(set.snps[m].clone());
        twice.calls.push(set.calls[m].clone());
    }
    for (name, set) in [("none", &none), ("other", &other), ("twice", &twice)] {
        set.write(&lab, name);
    }
    for kernel in KERNELS {
        lab.succeeds(&format!(
            "fit --bfile s --pheno s.pheno.txt --kernel {kernel} --lambda 0.2 --out m"
        ));
        let predict = "predict --model m.epitile --interval --bfile";
        lab.succeeds(&format!("{predict} none --out a"));
        for (set, part) in [
            ("absent", "8 SNPs not in the new data"),
            ("other", "8 SNPs with other alleles"),
            ("twice", "8 SNPs more than once"),
        ] {
            let run = lab.succeeds(&format!("{predict} {set} --out b"));
            run.says(&["112 of the model's 120 SNPs are used", part]);
            assert_eq!(lab.outputs("a"), lab.outputs("b"), "{kernel}, {set}");
        }
    }
}
