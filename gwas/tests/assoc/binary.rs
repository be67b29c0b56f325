//! Binary traits: what tests do not depend on, what tables tell, and what is refused.

use super::lab::{Lab, noise};

/// Binary traits that depend on the simulated ones: `common` has a case in three, `rare` one in
/// eight, and some individuals miss it.
pub(super) fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 240 --snps 240 --families 4 --missing-rate 0.02");
    let rows = lab.rows("s.pheno.txt");
    let mut text = "FID IID common rare\n".to_owned();
    let mut covar = "FID IID age\n".to_owned();
    for (i, row) in rows[1..].iter().enumerate() {
        let y: f64 = row[2].parse().unwrap();
        let rare = match i % 17 {
            3 => "NA".into(),
            _ => u8::from(y + 0.5 * noise(i) > 1.2).to_string(),
        };
        text += &format!("{} {} {} {rare}\n", row[0], row[1], u8::from(y > 0.4));
        covar += &format!("{} {} {}\n", row[0], row[1], 50.0 + 20.0 * noise(i + 500));
    }
    lab.write("b", text);
    lab.write("c", covar);
    lab
}

pub(super) const RUN: &str = "assoc --bfile s --pheno b --bt --min-cases 4";

pub(super) const TRAITS: [&str; 2] = ["common", "rare"];

/// Every way to test.
const WAYS: [&str; 9] = [
    "--kernel linear",
    "--kernel linear --test score",
    "--kernel linear --test firth",
    "--kernel none",
    "--kernel none --test lrt",
    "--kernel none --test spa",
    "--kernel none --test score",
    "--kernel none --test firth",
    "--kernel none --test firth-fallback",
];

#[test]
fn a_snp_with_missing_calls_is_tested_on_those_who_have_it() {
    let lab = lab();
    let plink = lab.plink("s");
    let at = (0..plink.calls.len())
        .max_by_key(|&m| plink.calls[m].iter().filter(|c| c.is_none()).count())
        .unwrap();
    let there = (0..240).filter(|&i| plink.calls[at][i].is_some());
    let order: Vec<usize> = there.collect();
    assert!(order.len() < 236);
    let subset = plink.individuals(&order);
    subset.select(&[at]).write(&lab, "u");
    for form in ["wald", "lrt", "spa", "score", "firth"] {
        let flags = format!("--covar c --kernel none --test {form}");
        lab.succeeds(&format!("{RUN} {flags} --out v"));
        let other = RUN.replace("--bfile s", "--bfile u");
        lab.succeeds(&format!("{other} {flags} --out w"));
        let [all, own] = ["v", "w"].map(|p| lab.rows(&format!("{p}_common.regenie")));
        let (all, own) = (&all[1 + at], &own[1]);
        assert_eq!(all[..8], own[..8]);
        for c in 8..12 {
            let [a, b] = [all, own].map(|row| row[c].parse::<f64>().unwrap());
            // Searches that start elsewhere end within 1e-8 standard errors of each other: χ²
            // then differs by 2z of that, z below 10.
            assert!((a - b).abs() <= 2e-7 * (1.0 + b.abs()), "{form}: {a} {b}");
        }
    }
}

#[test]
fn tables_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    for way in WAYS {
        for threads in [1, 3] {
            lab.succeeds(&format!(
                "{RUN} {way} --covar c --threads {threads} --out t{threads}"
            ));
        }
        for of in TRAITS {
            let [one, other] = [1, 3].map(|t| lab.text(&format!("t{t}_{of}.regenie")));
            assert_eq!(one, other, "{way} {of}");
        }
    }
}

#[test]
fn a_split_by_chromosome_and_a_trait_alone_give_the_same_lines() {
    let lab = lab();
    for way in ["--kernel linear", "--kernel none --test spa"] {
        lab.succeeds(&format!("{RUN} {way} --out whole"));
        for (part, chr) in [("a", "1"), ("b", "2,3")] {
            lab.succeeds(&format!("{RUN} {way} --chr {chr} --out {part}"));
        }
        for of in TRAITS {
            lab.succeeds(&format!("{RUN} {way} --pheno-name {of} --out one"));
            let [whole, a, b, one] =
                ["whole", "a", "b", "one"].map(|p| lab.text(&format!("{p}_{of}.regenie")));
            let (_, rest) = b.split_once('\n').unwrap();
            assert_eq!(whole, a + rest, "{way} {of}");
            assert_eq!(whole, one, "{way} {of}");
        }
    }
}

#[test]
fn tables_count_cases_and_controls_and_name_the_test_of_each_snp() {
    let lab = lab();
    let plink = lab.plink("s");
    let status = lab.rows("b");
    for way in WAYS {
        lab.succeeds(&format!("{RUN} {way} --out v"));
        let rows = lab.rows("v_rare.regenie");
        assert_eq!(
            rows[0][13..],
            ["N_CASES", "N_CONTROLS", "A1FREQ_CASES", "A1FREQ_CONTROLS"]
        );
        for (row, calls) in rows[1..].iter().zip(&plink.calls) {
            let mut counts = [0; 2];
            let mut alleles = [0; 2];
            for (call, of) in calls.iter().zip(&status[1..]) {
                if let (Some(call), Ok(of)) = (call, of[3].parse::<usize>()) {
                    counts[of] += 1;
                    alleles[of] += u32::from(*call);
                }
            }
            let [controls, cases] =
                [0, 1].map(|s| f64::from(alleles[s]) / f64::from(2 * counts[s]));
            let expected = [f64::from(counts[1]), f64::from(counts[0]), cases, controls];
            for (cell, expected) in row[13..].iter().zip(expected) {
                assert_eq!(cell.parse::<f64>().unwrap(), expected, "{way} {row:?}");
            }
        }
        let forms: Vec<&str> = rows[1..]
            .iter()
            .map(|row| row[12].split(';').nth(2).unwrap())
            .collect();
        let expected: &[&str] = match way {
            "--kernel linear" | "--kernel none --test spa" => &["score", "spa"],
            "--kernel none" => &["wald", "SEPARATED"],
            "--kernel none --test firth-fallback" => &["wald", "firth"],
            "--kernel none --test lrt" => &["lrt", "SEPARATED"],
            other => &[other.rsplit(' ').next().unwrap()],
        };
        for form in &forms {
            let form = form.strip_prefix("TESTFORM=").unwrap();
            assert!(expected.contains(&form), "{way}: {form}");
        }
    }
}

#[test]
fn a_snp_that_only_controls_carry_is_named_and_has_a_penalised_test() {
    let lab = lab();
    let mut plink = lab.plink("s");
    let status = lab.rows("b");
    plink.push("controls", |i| {
        Some(u8::from(status[i + 1][2] == "0" && i % 3 == 0))
    });
    plink.write(&lab, "s");
    let last = |way: &str| {
        lab.succeeds(&format!("{RUN} --pheno-name common {way} --out v"));
        lab.rows("v_common.regenie").pop().unwrap()
    };
    let row = last("--kernel none");
    assert_eq!(row[2], "controls");
    assert!(row[12].contains("TESTFORM=SEPARATED"), "{row:?}");
    assert!(row[8..12].iter().all(|c| c == "NA"), "{row:?}");
    for way in [
        "--kernel none --test firth-fallback",
        "--kernel linear --test firth",
    ] {
        let row = last(way);
        assert!(row[12].contains("TESTFORM=firth"), "{row:?}");
        assert!(row[8].parse::<f64>().unwrap() < -1.0, "{row:?}");
        assert!(row[11].parse::<f64>().unwrap() > 2.0, "{row:?}");
    }
}

#[test]
fn traits_coded_1_and_2_give_the_same_tables() {
    let lab = lab();
    let text = lab.text("b");
    let recode = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        for word in &mut words[2..] {
            *word = match *word {
                "0" => "1",
                "1" => "2",
                other => other,
            };
        }
        words.join(" ")
    };
    let mut lines: Vec<String> = text.lines().map(recode).collect();
    lines[0] = text.lines().next().unwrap().into();
    lab.write("c12", lines.join("\n") + "\n");
    lab.succeeds(&format!("{RUN} --kernel none --out one"));
    let other = RUN.replace("--pheno b", "--pheno c12 --1");
    lab.succeeds(&format!("{other} --kernel none --out two"));
    for of in TRAITS {
        let [one, two] = ["one", "two"].map(|p| lab.text(&format!("{p}_{of}.regenie")));
        assert_eq!(one, two);
    }
}

#[test]
fn one_bad_trait_does_not_stop_the_others() {
    let lab = lab();
    let rows = lab.rows("b");
    let mut traits = "FID IID good height few told\n".to_owned();
    let mut covar = "FID IID tells\n".to_owned();
    for (i, row) in rows[1..].iter().enumerate() {
        let id = format!("{} {}", row[0], row[1]);
        let told = u8::from(i % 4 == 0);
        traits += &format!("{id} {} {} {} {told}\n", row[2], 150 + i, u8::from(i < 2));
        covar += &format!("{id} {}\n", f64::from(told) + 0.4 * noise(i));
    }
    lab.write("p", traits);
    lab.write("d", covar);
    let run = lab.succeeds("assoc --bfile s --pheno p --covar d --bt --out v");
    run.says(&[
        "height is not binary: found 150, expected 0 or 1",
        "few has 2 cases and 238 controls, expected at least 10 of each (--min-cases)",
        "told has covariates that separate cases from controls",
        "good, kernel of all chromosomes but 1:",
    ]);
    assert!(
        !run.log.contains("fitted as 0/1 quantitative"),
        "{}",
        run.log
    );
    assert!(lab.path("v_good.regenie").is_file());
    for bad in ["height", "few", "told"] {
        assert!(!lab.path(&format!("v_{bad}.regenie")).exists());
    }
    lab.fails(
        "assoc --bfile s --pheno p --pheno-name height,few --bt --out v",
        13,
        &["height is not binary", "few has 2 cases"],
    );
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let lab = lab();
    for test in ["wald", "lrt", "firth-fallback"] {
        let parts = [&*format!("--bt --test {test}"), "spa, score and firth"];
        lab.fails(&format!("{RUN} --test {test} --out v"), 8, &parts);
    }
    for test in ["oof", "wald-refit", "t"] {
        let parts = [&*format!("--test {test}: it is no test of binary traits")];
        lab.fails(&format!("{RUN} --test {test} --out v"), 8, &parts);
    }
    lab.fails(
        "assoc --bfile s --pheno b --test firth --out v",
        8,
        &["--bt"],
    );
    lab.fails(
        "assoc --bfile s --pheno b --min-cases 3 --out v",
        8,
        &["--bt"],
    );
    lab.fails(&format!("{RUN} --kernel-chr 2 --out v"), 7, &["--no-loco"]);
}
