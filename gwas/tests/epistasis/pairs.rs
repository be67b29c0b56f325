//! Pairs: what they find, what they must not find, and what they write.

use std::collections::BTreeSet;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::epistasis::pairs::study::{Additive, null_runs};
use epitile::epistasis::pairs::{Individuals, PairsOptions};
use epitile::run::RunLog;
use epitile_core::engine::InOrder;
use epitile_cpu::Cpu;

use crate::lab::Lab;

const HEADER: &str = "CHROM1 GENPOS1 ID1 ALLELE0_1 ALLELE1_1 A1FREQ1 CHROM2 GENPOS2 ID2 ALLELE0_2 \
                      ALLELE1_2 A1FREQ2 R2 SCORE LEADS N BETA SE STAT LOG10P LOG10P_ADJ EXTRA";
/// Places of columns.
const ID: [usize; 2] = [2, 8];
const LOG10P: usize = 19;

/// Traits in which something is found, of `count` without interactions.
fn rejected(flags: &str, of: Additive, count: usize, options: &PairsOptions) -> usize {
    let lab = Lab::new();
    lab.succeeds(&format!("simulate {flags} --maf-min 0.05 --out s"));
    let cohort = Cohort::load(&CohortOptions::new(lab.path("s"))).unwrap();
    let log = RunLog::new(None, true);
    let device = (&Cpu::MEMORY, &InOrder);
    let tables = null_runs(device, &cohort, (of, count), options, &log).unwrap();
    assert_eq!(tables.len(), count);
    let tested = tables.iter().map(|t| t.tested().count());
    assert!(tested.clone().all(|n| n > 0));
    let rejected = tables.iter().filter(|t| t.significant(0.05) > 0).count();
    eprintln!(
        "{rejected} of {count}; {} tests; {}",
        tested.sum::<usize>(),
        tables[0].describe()
    );
    rejected
}

#[test]
fn the_family_wise_error_is_at_most_five_percent() {
    let unrelated = "--samples 400 --snps 600 --chromosomes 6 --founders 400 --seed 31";
    let related = "--samples 400 --snps 600 --chromosomes 6 --families 4 --seed 32";
    let polygenic = Additive {
        polygenic: 0.5,
        large: 0,
        each: 0.0,
        seed: 5,
    };
    let oligogenic = Additive {
        polygenic: 0.3,
        large: 5,
        each: 0.06,
        seed: 6,
    };
    let halves = |by_family| PairsOptions {
        individuals: Individuals::Halves { seed: 1, by_family },
        top: 30,
        ..PairsOptions::default()
    };
    let runs = [
        rejected(unrelated, polygenic, 70, &halves(false)),
        rejected(related, polygenic, 70, &halves(true)),
        rejected(unrelated, oligogenic, 60, &halves(false)),
    ];
    // 10 of 200 is what independent tests would give; those of neighbours are not, and give less.
    let all: usize = runs.iter().sum();
    assert!(all <= 10, "{all} of 200: {runs:?}");
}

#[test]
fn the_same_individuals_may_nominate_if_all_pairs_count() {
    let unrelated = "--samples 200 --snps 400 --chromosomes 4 --founders 400 --seed 33";
    let of = Additive {
        polygenic: 0.5,
        large: 0,
        each: 0.0,
        seed: 7,
    };
    let same = PairsOptions {
        individuals: Individuals::Same,
        top: 30,
        ..PairsOptions::default()
    };
    let all = rejected(unrelated, of, 60, &same);
    // Three standard deviations of a share of 60 above 5 %.
    let bound = 60.0 * 0.05 + 3.0 * (60.0_f64 * 0.05 * 0.95).sqrt();
    assert!(all as f64 <= bound, "{all} of 60");
}

#[test]
fn pairs_that_interact_are_nominated_and_confirmed() {
    let lab = Lab::new();
    lab.succeeds(
        "simulate --samples 2000 --snps 400 --chromosomes 4 --founders 200 --recombination 0.05 \
         --causal 20 --pairs 8 --additive 0.3 --epistatic 0.3 --maf-min 0.2 --seed 8 --out s",
    );
    lab.succeeds("epistasis --pairs --top 50 --bfile s --pheno s.pheno.txt --out p");
    let pair = |a: &str, b: &str| BTreeSet::from([a.to_owned(), b.to_owned()]);
    let truth = lab.rows("s.truth.pairs.tsv");
    let at: Vec<usize> = (0..truth[0].len())
        .filter(|&c| truth[0][c].to_lowercase().starts_with("snp"))
        .collect();
    let truth: Vec<_> = truth[1..]
        .iter()
        .map(|r| pair(&r[at[0]], &r[at[1]]))
        .collect();
    assert_eq!(truth.len(), 8);
    let rows = lab.rows("p.pairs.tsv");
    assert_eq!((rows.len(), rows[0].join(" ")), (51, HEADER.to_owned()));
    let json: serde_json::Value = serde_json::from_str(&lab.text("p.pairs.json")).unwrap();
    let open = json["could_be_nominated"].as_f64().unwrap();
    let (mut hits, mut sum, mut confirmed) = (0.0, 0.0, 0);
    for (rank, row) in rows[1..].iter().enumerate() {
        if !truth.contains(&pair(&row[ID[0]], &row[ID[1]])) {
            continue;
        }
        hits += 1.0;
        sum += hits / (rank + 1) as f64;
        let adjusted: f64 = row[LOG10P + 1].parse().unwrap();
        confirmed += usize::from(adjusted >= -(0.05_f64.log10()));
        eprintln!(
            "rank {}: precision {:.3}, recall {:.3}, score {}, −log10 p {}, adjusted {adjusted:.2}",
            rank + 1,
            hits / (rank + 1) as f64,
            hits / truth.len() as f64,
            row[13],
            row[LOG10P],
        );
    }
    let (average, chance) = (sum / truth.len() as f64, truth.len() as f64 / open);
    eprintln!("average precision {average:.3}, by chance {chance:.2e}; {confirmed} confirmed");
    assert!(average > 100.0 * chance && hits >= 3.0, "{average} {hits}");
    assert!(confirmed >= 2, "{confirmed}");
    // What is significant but not the very pair is near it.
    assert_eq!(json["tested"], 50);
}

const SMALL: &str = "--samples 120 --snps 90 --traits 2 --additive 0.4 --epistatic 0.2 --seed 3";

#[test]
fn tables_are_the_same_bytes_for_any_threads_and_beside_other_traits() {
    let lab = Lab::with_cohort(SMALL);
    lab.lose(|i, t| t == 1 && i % 9 == 0);
    for flags in ["", "--same-individuals", "--gamma 0.01 --by-family"] {
        let run = format!("epistasis --pairs {flags} --bfile s --pheno s.pheno.txt");
        lab.succeeds(&format!("{run} --threads 1 --out one"));
        lab.succeeds(&format!("{run} --threads 3 --out three"));
        lab.succeeds(&format!("{run} --pheno-name y2 --out alone"));
        for end in ["pairs.tsv", "pairs.json"] {
            for name in ["y1", "y2"] {
                let of = |prefix: &str| lab.bytes(&format!("{prefix}_{name}.{end}"));
                assert_eq!(of("one"), of("three"), "{flags} {name} {end}");
            }
            let alone = lab.bytes(&format!("alone.{end}"));
            assert_eq!(alone, lab.bytes(&format!("one_y2.{end}")), "{flags} {end}");
        }
    }
    // Another seed, other halves.
    let run = "epistasis --pairs --bfile s --pheno s.pheno.txt --pheno-name y1";
    lab.succeeds(&format!("{run} --out a"));
    lab.succeeds(&format!("{run} --seed 2 --out b"));
    assert_ne!(lab.bytes("a.pairs.tsv"), lab.bytes("b.pairs.tsv"));
}

#[test]
fn what_is_left_out_is_counted() {
    let lab = Lab::with_cohort(SMALL);
    let run = "epistasis --pairs --bfile s --pheno s.pheno.txt --pheno-name y1 --top 7";
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&lab.text(&format!("{name}.pairs.json"))).unwrap()
    };
    lab.succeeds(&format!("{run} --out a"))
        .says(&["too near", "too correlated", "7 nominated"]);
    let a = json("a");
    let number = |of: &serde_json::Value, name: &str| of[name].as_u64().unwrap();
    let m = number(&a, "snps");
    assert_eq!(number(&a, "pairs"), m * (m - 1) / 2);
    let open = number(&a, "pairs") - number(&a, "near") - number(&a, "correlated");
    assert_eq!(number(&a, "could_be_nominated"), open);
    assert_eq!(
        (number(&a, "nominated"), number(&a, "adjusted_for")),
        (7, 7)
    );
    assert_eq!(number(&a, "nominating") + number(&a, "confirming"), 120);
    lab.succeeds(&format!(
        "{run} --pairs-kb 0 --pairs-r2 1 --same-individuals --out b"
    ));
    let b = json("b");
    assert_eq!((number(&b, "near"), number(&b, "correlated")), (0, 0));
    assert_eq!(number(&b, "adjusted_for"), number(&b, "pairs"));
    // A report shows the smallest p first.
    lab.succeeds("report a.pairs.tsv --out r.html");
    let page = lab.text("r.html");
    let rows = lab.rows("a.pairs.tsv");
    let tested = rows[1..].iter().filter(|r| r[LOG10P] != "NA");
    let p = |r: &&Vec<String>| r[LOG10P].parse::<f64>().unwrap();
    let best = tested.max_by(|a, b| p(a).total_cmp(&p(b))).unwrap();
    let body = page.split("Interactions").last().unwrap();
    let first = body.split("<th scope=\"row\"").nth(1).unwrap();
    assert!(first.contains(&best[ID[0]]), "{first} {best:?}");
    // The adjusted p is that of all tests.
    let row = &lab.rows("a.pairs.tsv")[1];
    let cell = |c: usize| row[c].parse::<f64>().unwrap();
    // Two roundings of numbers of this size.
    let expected = (cell(LOG10P) - 7.0_f64.log10()).max(0.0);
    assert!((cell(LOG10P + 1) - expected).abs() <= 8.0 * f64::EPSILON * (1.0 + cell(LOG10P)));
}

#[test]
fn nominated_pairs_do_not_ask_the_same_twice() {
    let lab = Lab::new();
    lab.succeeds(
        "simulate --samples 200 --snps 240 --chromosomes 3 --founders 60 --recombination 0.05 \
         --maf-min 0.2 --additive 0.3 --epistatic 0.3 --seed 12 --out s",
    );
    // All nominate, so that the calls of all are those that count.
    let run = "epistasis --pairs --same-individuals --pairs-r2 0.1 --top 40 --bfile s \
               --pheno s.pheno.txt";
    lab.succeeds(&format!("{run} --out all"));
    lab.succeeds(&format!("{run} --thin-r2 0.5 --thin-kb 1000000 --out thin"));
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&lab.text(&format!("{name}.pairs.json"))).unwrap()
    };
    assert_eq!(json("all")["thinned"], 0);
    assert!(json("thin")["thinned"].as_u64().unwrap() > 0);
    let plink = lab.plink("s");
    let places: std::collections::BTreeMap<String, usize> = (lab.rows("s.bim").into_iter())
        .enumerate()
        .map(|(m, row)| (row[1].clone(), m))
        .collect();
    let pairs = |name: &str| -> Vec<[usize; 2]> {
        let rows = lab.rows(&format!("{name}.pairs.tsv"));
        rows[1..]
            .iter()
            .map(|r| ID.map(|c| places[&r[c]]))
            .collect()
    };
    let linked = |a: usize, b: usize| {
        let x = |m: usize| plink.calls[m].iter().map(|c| f64::from(c.unwrap()));
        let n = plink.calls[a].len() as f64;
        let mean = |m: usize| x(m).sum::<f64>() / n;
        let both = |a: usize, b: usize| {
            let (p, q) = (mean(a), mean(b));
            x(a).zip(x(b)).map(|(x, y)| (x - p) * (y - q)).sum::<f64>()
        };
        both(a, b).powi(2) > 0.5 * both(a, a) * both(b, b)
    };
    let twice = |of: &[[usize; 2]]| {
        let same = |[a, b]: [usize; 2], [c, d]: [usize; 2]| linked(a, c) && linked(b, d);
        let before = |k: usize| of[..k].iter().any(|p| same(*p, of[k]));
        (0..of.len()).filter(|&k| before(k)).count()
    };
    let (all, thin) = (pairs("all"), pairs("thin"));
    assert_eq!((all.len(), thin.len()), (40, 40));
    assert!(twice(&all) > 0 && twice(&thin) == 0, "{}", twice(&all));
    assert_eq!(all[0], thin[0]);
    // What is dropped lets others in, and nothing else changes.
    let kept: Vec<[usize; 2]> = all.iter().copied().filter(|p| thin.contains(p)).collect();
    assert_eq!(kept, thin[..kept.len()]);
}

#[test]
fn a_trait_that_does_not_vary_in_a_half_does_not_stop_the_others() {
    let lab = Lab::with_cohort(SMALL);
    // All but one are alike: one half does not vary.
    let rows = lab.rows("s.pheno.txt");
    let mut text = rows[0].join(" ") + "\n";
    for (i, row) in rows[1..].iter().enumerate() {
        let value = if i == 50 { "1" } else { "0" };
        text += &format!("{} {} {value} {}\n", row[0], row[1], row[3]);
    }
    lab.write("t", text);
    let run = "epistasis --pairs --bfile s --pheno t";
    lab.succeeds(&format!("{run} --out all"))
        .says(&["y1", "does not vary"]);
    assert!(!lab.listing().contains(&"all_y1.pairs.tsv".to_owned()));
    lab.succeeds(&format!("{run} --pheno-name y2 --out alone"));
    assert_eq!(lab.bytes("all_y2.pairs.tsv"), lab.bytes("alone.pairs.tsv"));
    lab.fails(
        &format!("{run} --pheno-name y1 --out e"),
        13,
        &["y1", "does not vary"],
    );
}

#[test]
fn impossible_requests_for_pairs_are_refused() {
    let lab = Lab::with_cohort(SMALL);
    let bim = lab.rows("s.bim");
    let three: Vec<&str> = [4, 37, 66].iter().map(|&m| &*bim[m][1]).collect();
    lab.write("three", three.join("\n") + "\n");
    let run = "epistasis --bfile s --pheno s.pheno.txt --pheno-name y1 --out e";
    for (flags, code, parts) in [
        ("--pairs --marginal", 8, &["--marginal"][..]),
        ("--pairs --top 0", 8, &["--top 0"]),
        ("--pairs --pairs-kb -3", 8, &["--pairs-kb -3"]),
        ("--pairs --lead-kb inf", 8, &["--lead-kb"]),
        ("--pairs --pairs-r2 1.5", 8, &["--pairs-r2 1.5"]),
        ("--pairs --pairs-r2 NaN", 8, &["--pairs-r2"]),
        ("--pairs --thin-r2 0", 8, &["--thin-r2 0"]),
        ("--pairs --thin-kb NaN", 8, &["--thin-kb"]),
        ("--global --thin-r2 0.5", 8, &["--thin-r2"]),
        ("--pairs --gamma 0", 8, &["--gamma 0"]),
        ("--pairs --kernel grm^2", 8, &["--kernel"]),
        ("--pairs --intercept mean", 8, &["--intercept"]),
        (
            "--pairs --by-family --same-individuals",
            8,
            &["--by-family"],
        ),
        ("--marginal --top 5", 8, &["--top"]),
        ("--global --same-individuals", 8, &["--same-individuals"]),
        ("--pairs --chr 1-2", 7, &["found 2", "three"]),
        (
            "--pairs --extract three --pairs-r2 1e-12",
            13,
            &["no pair is left", "--pairs-r2"],
        ),
    ] {
        lab.fails(&format!("{run} {flags}"), code, parts);
    }
    let few: Vec<String> = lab.rows("s.fam")[..16]
        .iter()
        .map(|r| format!("{} {}", r[0], r[1]))
        .collect();
    lab.write("few", few.join("\n") + "\n");
    lab.fails(
        &format!("{run} --pairs --keep few"),
        13,
        &["8 individuals", "too few"],
    );
    // One family has no halves.
    let mut fam = String::new();
    for row in lab.rows("s.fam") {
        fam += &format!("one {}\n", row[1..].join(" "));
    }
    lab.write("s.fam", fam);
    let mut pheno = lab.rows("s.pheno.txt");
    pheno[1..].iter_mut().for_each(|r| r[0] = "one".into());
    let text: Vec<String> = pheno.iter().map(|r| r.join(" ")).collect();
    lab.write("s.pheno.txt", text.join("\n") + "\n");
    lab.fails(&format!("{run} --pairs --by-family"), 13, &["one family"]);
    lab.succeeds(&format!("{run} --pairs"))
        .says(&["--by-family"]);
}
