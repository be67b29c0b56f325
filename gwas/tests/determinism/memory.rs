//! In memory or in a scratch file.

use super::lab::Lab;
use super::same;

/// 1,100 individuals: pair statistics of 4 MiB (8 with missing calls or weights), a factor of 0.7
/// to 5.4 MiB.
fn lab(missing: &str) -> Lab {
    let options = format!("--samples 1100 --snps 150 --traits 2 {missing}");
    let lab = Lab::with_cohort(&options);
    std::fs::create_dir(lab.path("scratch")).unwrap();
    lab
}

/// Runs `line` in as little memory as it says it needs with a scratch file, and `more` MiB.
#[track_caller]
fn squeezed(lab: &Lab, line: &str, more: u64) {
    let line = format!("{line} --threads 1 --scratch scratch --memory");
    let refusal = lab.run(&format!("{line} 1")).log;
    let least = refusal
        .split_once("even with --scratch the run needs about ")
        .and_then(|(_, rest)| rest.split_once(' '))
        .unwrap_or_else(|| panic!("{line}: {refusal}"));
    let least: u64 = least.0.parse().unwrap();
    lab.succeeds(&format!("{line} {}", least + more));
}

/// Checks that run `b` used a scratch file for what `run` names and left nothing of it, and wrote
/// the bytes of run `a`.
#[track_caller]
fn spilled(lab: &Lab, (a, b): (&str, &str), (pairs, factors): (bool, bool), what: &str) {
    let record = lab.record(b);
    let bytes = |key: &str| {
        record["extra"][key]
            .as_u64()
            .unwrap_or_else(|| panic!("{what}: no {key}"))
    };
    assert_eq!(bytes("scratch_pairs_bytes") > 0, pairs, "{what}");
    assert_eq!(bytes("scratch_factors_bytes") > 0, factors, "{what}");
    assert!(bytes("scratch_written_bytes") > 0, "{what}");
    assert!(
        bytes("scratch_read_bytes") >= bytes("scratch_written_bytes"),
        "{what}"
    );
    let left = std::fs::read_dir(lab.path("scratch")).unwrap().count();
    assert_eq!(left, 0, "{what}: files left in the folder");
    same(lab, a, b, what);
}

#[test]
fn models_are_the_same_bytes_in_a_scratch_file() {
    for (missing, kernel, precision, more, parts) in [
        ("", "gaussian", "f64", 0, (true, true)),
        ("", "gaussian", "f64", 4, (false, true)),
        ("", "gaussian", "uniform:f8e4m3", 0, (true, true)),
        ("--missing-rate 0.02", "laplacian", "f32", 3, (true, false)),
        ("", "grm^2", "adaptive", 0, (true, true)),
    ] {
        let lab = lab(missing);
        let fit = format!(
            "fit --bfile s --pheno s.pheno.txt --kernel {kernel} --lambda 0.5 --precision \
             {precision} --tile 192 --save-factor --weights --out"
        );
        lab.succeeds(&format!("{fit} a"));
        squeezed(&lab, &format!("{fit} b"), more);
        spilled(
            &lab,
            ("a", "b"),
            parts,
            &format!("{kernel}, {precision}, {more}"),
        );
    }
}

#[test]
fn validations_predictions_and_matrices_are_the_same_bytes_in_a_scratch_file() {
    let lab = lab("--missing-rate 0.02");
    lab.succeeds("simulate --samples 40 --snps 150 --out n");
    let data = "--bfile s --pheno s.pheno.txt --kernel gaussian";
    lab.succeeds(&format!("fit {data} --lambda 0.5 --precision f32 --out m"));
    for (line, parts) in [
        (
            format!("cv {data} --gamma-scale 1 --lambda 0.3,1 --folds 3"),
            (true, true),
        ),
        (
            "predict --model m.epitile --bfile n --min-overlap 0 --interval".to_owned(),
            (true, true),
        ),
        (
            "kernel --bfile s --kernel gaussian".to_owned(),
            (true, false),
        ),
    ] {
        lab.succeeds(&format!("{line} --out a"));
        squeezed(&lab, &format!("{line} --out b"), 0);
        spilled(&lab, ("a", "b"), parts, &line);
        for prefix in ["a", "b"] {
            for name in lab.outputs(prefix).into_keys() {
                std::fs::remove_file(lab.path(&format!("{prefix}.{name}"))).unwrap();
            }
        }
    }
}
