//! Null models that jobs share.

use super::binary;
use super::lab::Lab;

fn lab() -> Lab {
    let lab = Lab::with_cohort("--samples 90 --snps 240 --traits 2 --missing-rate 0.02");
    lab.lose(|i, t| t == 1 && i % 13 == 5);
    lab
}

const RUN: &str = "assoc --bfile s --pheno s.pheno.txt";

#[test]
fn jobs_of_a_chromosome_with_shared_null_models_give_the_bytes_of_the_whole() {
    let lab = lab();
    for flags in [
        "--kernel linear:std,grm^2 --test wald",
        "--kernel linear,gaussian --no-loco",
        "--kernel linear --test wald-refit",
        "--kernel grm^2 --no-loco --test lrt",
    ] {
        lab.succeeds(&format!("{RUN} {flags} --null-out n --out whole"));
        for (part, chr) in [("a", "1"), ("b", "2"), ("c", "3")] {
            lab.succeeds(&format!(
                "{RUN} {flags} --chr {chr} --null-in n --out {part}"
            ));
        }
        for of in ["y1", "y2"] {
            let text = |p: &str| lab.text(&format!("{p}_{of}.regenie"));
            let rest = |p: &str| text(p).split_once('\n').unwrap().1.to_owned();
            assert_eq!(
                text("whole"),
                text("a") + &rest("b") + &rest("c"),
                "{flags}"
            );
        }
    }
}

#[test]
fn null_models_serve_every_test_and_any_of_their_traits() {
    let lab = lab();
    lab.succeeds(&format!("{RUN} --null-out n --out s0"));
    for test in ["score", "wald", "lrt"] {
        lab.succeeds(&format!("{RUN} --test {test} --pheno-name y2 --out a"));
        lab.succeeds(&format!(
            "{RUN} --test {test} --pheno-name y2 --null-in n --null-out m --out b"
        ));
        assert_eq!(lab.text("a_y2.regenie"), lab.text("b_y2.regenie"));
    }
    lab.succeeds(&format!("{RUN} --pheno-name y2 --null-in m --out b"));
}

#[test]
fn null_models_of_other_inputs_or_settings_are_refused() {
    let lab = lab();
    lab.covariates(90);
    lab.succeeds(&format!("{RUN} --null-out n --out w"));
    let refused = |flags: &str, what: &str| {
        let line = format!("{RUN} {flags} --null-in n --out v");
        lab.fails(&line, 7, &["n.null.json", what, "--null-out"]);
    };
    refused("--kernel linear:std", "--kernel linear");
    refused("--moments trait", "--moments trait");
    refused("--kernel-maf 0.2", "other calls");
    refused("--covar c --covar-name age", "other covariates");
    refused("--no-loco", "expected one of y1, all chromosomes");
    let rows = lab.rows("s.pheno.txt");
    let text = lab.text("s.pheno.txt");
    lab.write("s.pheno.txt", text.replace(&rows[3][2], "0.125"));
    refused("", "another trait");
    lab.write("s.pheno.txt", text);
    let none = format!("{RUN} --kernel none --null-in n --out v");
    lab.fails(&none, 8, &["--null-in", "--kernel none"]);
}

#[test]
fn a_broken_file_of_null_models_is_named() {
    let lab = lab();
    let line = format!("{RUN} --null-in n --out v");
    lab.fails(&line, 3, &["n.null.json"]);
    lab.succeeds(&format!("{RUN} --null-out n --out w"));
    let text = lab.text("n.null.json");
    lab.write("n.null.json", &text[..text.len() / 2]);
    lab.fails(&line, 6, &["n.null.json", "line"]);
    let at = text.find("\"ratio\": ").unwrap() + 9;
    let digit = if text.as_bytes()[at] == b'1' {
        "2"
    } else {
        "1"
    };
    lab.write(
        "n.null.json",
        format!("{}{digit}{}", &text[..at], &text[at + 1..]),
    );
    lab.fails(&line, 6, &["n.null.json", "checksum"]);
    lab.write("n.null.json", text.replace("models 1", "models 9"));
    lab.fails(&line, 6, &["models 9"]);
    lab.write("n.null.json", [0xff, 0xfe]);
    lab.fails(&line, 6, &["n.null.json"]);
}

#[test]
fn binary_jobs_with_shared_null_models_give_the_bytes_of_the_whole() {
    let (lab, run) = (binary::lab(), binary::RUN);
    for flags in ["--covar c", "--test firth --no-loco", "--kernel gaussian"] {
        lab.succeeds(&format!("{run} {flags} --null-out n --out whole"));
        lab.succeeds(&format!(
            "{run} {flags} --null-in n --null-out m --out again"
        ));
        assert_eq!(lab.text("n.null.json"), lab.text("m.null.json"), "{flags}");
        for (part, chr) in [("a", "1"), ("b", "2"), ("c", "3")] {
            lab.succeeds(&format!(
                "{run} {flags} --chr {chr} --null-in n --out {part}"
            ));
        }
        for of in binary::TRAITS {
            let text = |p: &str| lab.text(&format!("{p}_{of}.regenie"));
            let rest = |p: &str| text(p).split_once('\n').unwrap().1.to_owned();
            let parts = text("a") + &rest("b") + &rest("c");
            assert_eq!(text("whole"), parts, "{flags}");
            assert_eq!(text("whole"), text("again"), "{flags}");
        }
    }
    // A job of its own begins where the whole did, and shares the same numbers.
    lab.succeeds(&format!("{run} --null-out n --out whole"));
    lab.succeeds(&format!("{run} --chr 2 --null-out m --out b"));
    let models = |name: &str| -> Vec<serde_json::Value> {
        let json: serde_json::Value = serde_json::from_str(&lab.text(name)).unwrap();
        json["content"]["models"].as_array().unwrap().clone()
    };
    let all = models("n.null.json");
    let own = models("m.null.json");
    assert_eq!((all.len(), own.len()), (6, 2));
    assert!(own.iter().all(|model| all.contains(model)));
    let variances = own.iter().map(|m| m["fit"]["variance"].as_f64().unwrap());
    assert!(variances.sum::<f64>() > 0.0);
}

#[test]
fn binary_and_quantitative_null_models_do_not_stand_for_each_other() {
    let (lab, run) = (binary::lab(), binary::RUN);
    lab.succeeds(&format!("{run} --null-out n --out w"));
    lab.succeeds("assoc --bfile s --pheno b --null-out q --out w");
    let refused = |line: &str, file: &str, what: &str| {
        lab.fails(&format!("{line} --out v"), 7, &[file, what, "--null-out"]);
    };
    refused(
        &format!("{run} --null-in q"),
        "q.null.json",
        "expected '--kernel linear --moments all --bt'",
    );
    let other = "assoc --bfile s --pheno b --null-in n";
    refused(other, "n.null.json", "--moments all --bt', expected");
    refused(
        &format!("{run} --no-loco --null-in n"),
        "n.null.json",
        "expected one of common",
    );
    refused(
        &format!("{run} --covar c --null-in n"),
        "n.null.json",
        "other covariates",
    );
    let none = format!("{run} --kernel none --null-in n --out v");
    lab.fails(&none, 8, &["--null-in", "--kernel none"]);
}
