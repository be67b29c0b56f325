//! Files, errors, and traits that cannot be tested.

use crate::lab::Lab;

const SMALL: &str = "--samples 90 --snps 60 --traits 3 --additive 0.4 --epistatic 0.2 --seed 3";

#[test]
fn one_trait_has_the_prefix_and_several_have_their_names() {
    let lab = Lab::with_cohort(SMALL);
    let run = "epistasis --global --bfile s --pheno s.pheno.txt";
    lab.succeeds(&format!("{run} --pheno-name y1 --out one"));
    lab.succeeds(&format!("{run} --kernel grm^2,gaussian --out all"));
    let header = "KERNEL NULL N Q SD LOG10P METHOD EXTRA";
    let one = lab.rows("one.global.tsv");
    assert_eq!(one[0].join(" "), header);
    assert_eq!(one[1][..3], ["grm^2", "linear:std", "90"]);
    let all = lab.rows("all_y1.global.tsv");
    assert_eq!(all.len(), 3);
    assert_eq!(all[1], one[1], "a trait alone and beside others");
    for name in ["all_y2.global.tsv", "all_y3.global.json"] {
        assert!(lab.listing().contains(&name.to_owned()), "{name}");
    }
    let json: serde_json::Value = serde_json::from_str(&lab.text("one.global.json")).unwrap();
    assert_eq!(json["trait"], "y1");
    assert_eq!(json["components"][1], "residual");
}

#[test]
fn tables_are_the_same_bytes_for_any_threads() {
    let lab = Lab::with_cohort(SMALL);
    for what in [
        "global",
        "marginal",
        "marginal --marginal-loco",
        "marginal --null linear:std,grm^2,gaussian",
        "marginal --marginal-loco --null linear:std,grm^2",
    ] {
        let run = format!("epistasis --{what} --bfile s --pheno s.pheno.txt");
        lab.succeeds(&format!("{run} --threads 1 --out one"));
        lab.succeeds(&format!("{run} --threads 3 --out three"));
        for name in lab.listing() {
            if let Some(rest) = name.strip_prefix("one_") {
                assert_eq!(
                    lab.bytes(&name),
                    lab.bytes(&format!("three_{rest}")),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn the_null_of_the_marginal_test_is_additive_unless_told_otherwise() {
    let lab = Lab::with_cohort(SMALL);
    let run = "epistasis --marginal --bfile s --pheno s.pheno.txt --pheno-name y1";
    lab.succeeds(&format!("{run} --out none"));
    lab.succeeds(&format!("{run} --null linear:std --out one"));
    lab.succeeds(&format!("{run} --null grm^2,linear:std --out more"));
    for suffix in ["tsv", "json"] {
        let name = |prefix: &str| format!("{prefix}.marginal.{suffix}");
        assert_eq!(lab.bytes(&name("none")), lab.bytes(&name("one")));
        assert!(lab.bytes(&name("none")) != lab.bytes(&name("more")));
    }
    let json = |name: &str| -> serde_json::Value { serde_json::from_str(&lab.text(name)).unwrap() };
    let (more, none) = (json("more.marginal.json"), json("none.marginal.json"));
    assert_eq!(more["components"][1], "grm^2");
    for (of, count) in [(&more, 3), (&none, 2)] {
        let variances = of["null"][0]["variances"].as_array().unwrap();
        assert_eq!(variances.len(), count);
        assert!(variances.iter().all(|v| v.as_f64().unwrap() >= 0.0));
    }
}

#[test]
fn a_bad_trait_does_not_stop_the_others_and_missing_values_are_left_out() {
    let lab = Lab::with_cohort(SMALL);
    lab.lose(|i, t| t == 1 || (t == 2 && i % 7 == 0));
    for what in ["global", "marginal"] {
        let run = format!("epistasis --{what} --bfile s --pheno s.pheno.txt");
        lab.succeeds(&format!("{run} --out all")).says(&["y2"]);
        let suffix = format!("{what}.tsv");
        assert!(!lab.listing().contains(&format!("all_y2.{suffix}")));
        let n: usize = match what {
            "global" => lab.rows(&format!("all_y3.{suffix}"))[1][2].parse().unwrap(),
            _ => lab.rows(&format!("all_y3.{suffix}"))[1][6].parse().unwrap(),
        };
        assert_eq!(n, 90 - 13);
        lab.succeeds(&format!("{run} --pheno-name y1 --out alone"));
        let name = |prefix: &str| format!("{prefix}.{suffix}");
        assert_eq!(lab.bytes(&name("all_y1")), lab.bytes(&name("alone")));
    }
}

#[test]
fn snps_that_cannot_be_tested_have_their_reason() {
    let lab = Lab::with_cohort("--samples 60 --snps 30 --seed 5");
    // Among these three some SNP is the same in all.
    let fam = lab.rows("s.fam");
    let few: Vec<String> = fam[..12]
        .iter()
        .map(|r| format!("{} {}", r[0], r[1]))
        .collect();
    lab.write("few", few.join("\n") + "\n");
    lab.succeeds("epistasis --marginal --bfile s --pheno s.pheno.txt --keep few --out m");
    let rows = lab.rows("m.marginal.tsv");
    assert_eq!(rows.len(), 31);
    let header = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST VARIANCE SE Z LOG10P METHOD EXTRA";
    assert_eq!(rows[0].join(" "), header);
    let bim = lab.rows("s.bim");
    for (row, snp) in rows[1..].iter().zip(&bim) {
        assert_eq!((&row[2], &row[3], &row[4]), (&snp[1], &snp[5], &snp[4]));
        match row[13].as_str() {
            "NA" => assert!(row[11].parse::<f64>().unwrap() >= 0.0),
            "MONOMORPHIC" | "COLLINEAR" => assert_eq!(row[11], "NA"),
            other => panic!("{other}"),
        }
    }
    let frequency = |row: &Vec<String>| row[5].parse::<f64>().unwrap();
    for row in rows[1..].iter().filter(|r| r[13] == "MONOMORPHIC") {
        assert!([0.0, 1.0].contains(&frequency(row)));
    }
}

#[test]
fn impossible_requests_are_refused() {
    let lab = Lab::with_cohort("--samples 40 --snps 30 --seed 2");
    let run = "epistasis --bfile s --pheno s.pheno.txt --out e";
    for (flags, code, parts) in [
        ("", 8, &["--global"][..]),
        ("--global --marginal", 8, &["--marginal"]),
        ("--global --kernel nonsense", 8, &["nonsense", "grm^2"]),
        ("--global --kernel linear:std", 8, &["linear:std", "--null"]),
        ("--global --gamma -1 --kernel gaussian", 8, &["--gamma"]),
        ("--global --intercept mean", 8, &["--intercept"]),
        ("--marginal --kernel grm^2", 8, &["--kernel"]),
        ("--marginal --null grm^2", 8, &["--null", "linear:std"]),
        (
            "--marginal --null linear:std,linear,linear:2pq,ibs,grm^2",
            8,
            &["--null", "4 kernels"],
        ),
        (
            "--marginal --null linear:std,poly:1,linear",
            13,
            &["kernel linear", "sum of the null's other kernels"],
        ),
        (
            "--marginal --chr 1 --marginal-loco",
            7,
            &["--marginal-loco", "one chromosome"],
        ),
    ] {
        lab.fails(&format!("{run} {flags}"), code, parts);
    }
}
