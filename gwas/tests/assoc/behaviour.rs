//! What tests do not depend on, what they report of SNPs without one, and what is refused.

use super::lab::Lab;

/// 90 individuals, 240 SNPs on three chromosomes, traits `y1`, `y2`, `y3`; the last two miss some.
fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 90 --snps 240 --traits 3 --missing-rate 0.02");
    lab.lose(|i, t| t == 1 && i % 13 == 5);
    lab
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt";

const TRAITS: [&str; 3] = ["y1", "y2", "y3"];

const FORMS: [&str; 4] = ["score", "wald", "wald-refit", "lrt"];

#[test]
fn tables_are_the_same_bytes_for_any_number_of_threads() {
    let lab = lab();
    lab.covariates(90);
    for form in FORMS {
        for kernel in ["linear", "gaussian --no-loco", "none", "linear:std,grm^2"] {
            if kernel.contains(',') && ["wald-refit", "lrt"].contains(&form) {
                continue;
            }
            for threads in [1, 2, 5] {
                lab.succeeds(&format!(
                    "{RUN} --covar c --cat-covar site --covar-name age --kernel {kernel} --test \
                     {form} --threads {threads} --out t{threads}"
                ));
                for of in TRAITS {
                    let [one, other] =
                        [1, threads].map(|t| lab.text(&format!("t{t}_{of}.regenie")));
                    assert_eq!(one, other, "{form} {kernel} {of}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn a_run_split_by_chromosome_gives_the_same_lines() {
    let lab = lab();
    for flags in [
        "--kernel linear:std",
        "--kernel linear --test wald-refit",
        "--kernel grm^2 --no-loco --test lrt",
        "--kernel gaussian",
        "--kernel dominance",
        "--kernel linear,dominance",
    ] {
        lab.succeeds(&format!("{RUN} {flags} --out whole"));
        for (part, chr) in [("a", "1"), ("b", "2,3")] {
            lab.succeeds(&format!("{RUN} {flags} --chr {chr} --out {part}"));
        }
        for of in TRAITS {
            let [whole, a, b] = ["whole", "a", "b"].map(|p| lab.text(&format!("{p}_{of}.regenie")));
            let (_, rest) = b.split_once('\n').unwrap();
            assert_eq!(whole, a + rest, "{flags} {of}");
        }
    }
}

#[test]
fn a_trait_has_the_same_table_alone_and_with_others() {
    let lab = lab();
    for form in FORMS {
        lab.succeeds(&format!("{RUN} --test {form} --out all"));
        for of in TRAITS {
            lab.succeeds(&format!("{RUN} --test {form} --pheno-name {of} --out one"));
            let [one, all] = ["one", "all"].map(|p| lab.text(&format!("{p}_{of}.regenie")));
            assert_eq!(one, all, "{form} {of}");
        }
    }
}

#[test]
fn snps_without_a_test_carry_a_code_and_stop_nothing() {
    let lab = lab();
    lab.covariates(90);
    // The first byte of each of the first SNPs' calls follows the three of the head; 90
    // individuals take 23 bytes. All missing; all of one kind; and the third as it is.
    let mut bed = lab.bytes("s.bed");
    bed[3..25].fill(0x55);
    bed[25] = 0x05;
    bed[26..49].fill(0x00);
    lab.write("s.bed", bed);
    let rows = lab.plink("s");
    let mut table = "FID IID copy\n".to_owned();
    for i in 0..90 {
        let call = rows.calls[2][i].map_or("NA".into(), |d| d.to_string());
        table += &format!("id{0} id{0} {call}\n", i + 1);
    }
    lab.write("d", table);
    for kernel in ["linear --no-loco", "none"] {
        lab.succeeds(&format!("{RUN} --covar d --kernel {kernel} --out v"));
        let rows = lab.rows("v_y1.regenie");
        for (at, code) in [(1, "ALL_MISSING"), (2, "MONOMORPHIC"), (3, "COLLINEAR")] {
            assert!(
                rows[at][12].contains(&format!("TESTFORM={code}")),
                "{:?}",
                rows[at]
            );
            assert!(rows[at][8..12].iter().all(|c| c == "NA"), "{:?}", rows[at]);
        }
        assert!(rows[4][11].parse::<f64>().unwrap() >= 0.0);
    }
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let lab = lab();
    let one = format!("{RUN} --kernel-chr 2 --out v");
    lab.fails(&one, 7, &["--no-loco"]);
    lab.succeeds(&format!("{RUN} --kernel-chr 2 --no-loco --out w"));
    lab.fails(&format!("{RUN} --kernel ibs --out v"), 8, &["--kernel ibs"]);
    lab.fails(&format!("{RUN} --test t --out v"), 8, &["--test"]);
    lab.fails(
        &format!("{RUN} --intercept mean --out v"),
        8,
        &["--intercept"],
    );
}

#[test]
fn one_bad_trait_does_not_stop_the_others() {
    let lab = lab();
    let rows = lab.rows("s.pheno.txt");
    let (mut traits, mut ages) = (
        "FID IID good years rare\n".to_owned(),
        "FID IID age\n".to_owned(),
    );
    for (i, row) in rows[1..].iter().enumerate() {
        let rare = if i < 2 { format!("{i}") } else { "NA".into() };
        let id = format!("{} {}", row[0], row[1]);
        traits += &format!("{id} {} {} {rare}\n", row[2], 3 * i + 7);
        ages += &format!("{id} {i}\n");
    }
    lab.write("p", traits);
    lab.write("c", ages);
    let run = lab.succeeds("assoc --bfile s --pheno p --covar c --out v");
    run.says(&["years is a combination of the covariates", "rare"]);
    assert!(lab.path("v_good.regenie").is_file());
    assert!(!lab.path("v_years.regenie").exists());
}
