//! In memory or in a scratch file.

use super::lab::Lab;
use super::same;

/// 1,100 individuals: pair statistics of 4 MB (8 with missing calls or weights), an FP64 factor of
/// 6 MB. Flags for as little memory as suffices, with a folder for the rest.
const FLAGS: &str = "--threads 1 --scratch scratch --memory";

fn lab(missing: &str) -> Lab {
    let options = format!("--samples 1100 --snps 150 --traits 2 {missing}");
    let lab = Lab::with_cohort(&options);
    std::fs::create_dir(lab.path("scratch")).unwrap();
    lab
}

/// Checks that run `b` used a scratch file for what `run` names and left nothing of it, and wrote
/// the bytes of run `a`.
#[track_caller]
fn spilled(lab: &Lab, (a, b): (&str, &str), (pairs, factors): (bool, bool), what: &str) {
    let record = lab.record(b);
    let bytes = |key: &str| {
        record["extra"][key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}"))
    };
    assert_eq!(bytes("scratch_pairs_bytes") > 0, pairs, "{what}");
    assert_eq!(bytes("scratch_factors_bytes") > 0, factors, "{what}");
    let expected = bytes("scratch_pairs_bytes") + bytes("scratch_factors_bytes");
    // Adaptive plans are estimated as if they were FP32; what is written is never more.
    assert!(
        (1..=expected).contains(&bytes("scratch_written_bytes").min(expected)),
        "{what}"
    );
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
    for (missing, kernel, precision, memory, parts) in [
        ("", "gaussian", "f64", 26, (true, true)),
        ("", "gaussian", "f64", 29, (false, true)),
        ("", "gaussian", "uniform:f8e4m3", 26, (true, false)),
        ("--missing-rate 0.02", "laplacian", "f32", 29, (true, false)),
        ("", "grm^2", "adaptive", 26, (true, true)),
    ] {
        let lab = lab(missing);
        let fit = format!(
            "fit --bfile s --pheno s.pheno.txt --kernel {kernel} --lambda 0.5 --precision \
             {precision} --save-factor --weights --out"
        );
        lab.succeeds(&format!("{fit} a"));
        lab.succeeds(&format!("{fit} b {FLAGS} {memory}"));
        spilled(
            &lab,
            ("a", "b"),
            parts,
            &format!("{kernel}, {precision}, {memory}"),
        );
    }
}

#[test]
fn validations_predictions_and_matrices_are_the_same_bytes_in_a_scratch_file() {
    let lab = lab("--missing-rate 0.02");
    let data = "--bfile s --pheno s.pheno.txt --kernel gaussian";
    lab.succeeds(&format!("fit {data} --lambda 0.5 --precision f32 --out m"));
    for (line, memory, parts) in [
        (
            format!("cv {data} --gamma-scale 1 --lambda 0.3,1 --folds 3"),
            26,
            (true, true),
        ),
        (
            "predict --model m.epitile --bfile s --interval".to_owned(),
            30,
            (true, true),
        ),
        (
            "kernel --bfile s --kernel gaussian".to_owned(),
            26,
            (true, false),
        ),
    ] {
        lab.succeeds(&format!("{line} --out a"));
        lab.succeeds(&format!("{line} --out b {FLAGS} {memory}"));
        spilled(&lab, ("a", "b"), parts, &line);
        for prefix in ["a", "b"] {
            for name in lab.outputs(prefix).into_keys() {
                std::fs::remove_file(lab.path(&format!("{prefix}.{name}"))).unwrap();
            }
        }
    }
}
