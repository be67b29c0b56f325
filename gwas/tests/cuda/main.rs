//! The program on the fake GPU of `backend-cuda/fake`: the whole way from files to certified weights,
//! and what users are told when the device fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[path = "../common/lab/mod.rs"]
mod lab;

use lab::{Lab, Run};

/// Folder of the fake libraries.
fn fake() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backend-cuda/fake/build");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fake");
        let built = Command::new(script).arg(&out).output();
        let built = built.expect("fake/build needs bash and a C++ compiler");
        let text = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "fake/build: {text}");
        out
    })
}

fn lab() -> Lab {
    Lab::with_cohort("--samples 90 --snps 240 --traits 2 --seed 7")
}

/// Runs the program on the fake GPU.
fn run(lab: &Lab, line: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = lab.command(&format!("{line} --backend cuda"));
    command.env("EPITILE_CUDA", fake());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        log: text(output.stderr),
        out: text(output.stdout),
    }
}

const FIT: &str = "fit --bfile s --pheno s.pheno.txt --lambda 0.5 --weights --tile 32";

/// Weights of every trait, by individual.
fn weights(lab: &Lab, prefix: &str) -> Vec<Vec<f64>> {
    let rows = lab.rows(&format!("{prefix}.weights.tsv"));
    let numbers = |r: &Vec<String>| r[2..].iter().map(|v| v.parse().unwrap()).collect();
    rows[1..].iter().map(numbers).collect()
}

#[test]
fn fits_agree_with_the_processor_within_the_certificates() {
    let lab = lab();
    for (kernel, precision) in [
        ("gaussian", "adaptive"),
        ("linear", "f64"),
        ("ibs", "uniform:f16"),
        ("linear:std", "uniform:f8e4m3"),
    ] {
        let line = format!("{FIT} --kernel {kernel} --precision {precision}");
        lab.succeeds(&format!("{line} --out cpu"));
        let gpu = run(&lab, &format!("{line} --out gpu"), &[]);
        assert_eq!(gpu.code, 0, "{}", gpu.log);
        let (here, there) = (weights(&lab, "cpu"), weights(&lab, "gpu"));
        assert_eq!(here.len(), 90);
        // Both are certified: ‖α − α*‖ ≤ ‖r‖/λ, ‖r‖ ≤ √N·η·(‖A‖‖α‖ + ‖b‖) with η ≤ 16·N·2⁻⁵³ at the
        // most, ‖A‖_∞ ≤ N·k(0)·8 + λ for these kernels and this cohort.
        let n = here.len() as f64;
        let size = |all: &[Vec<f64>]| all.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
        let most = 16.0 * n * 2f64.powi(-53) * n.sqrt() / 0.5;
        let bound = 2.0 * most * (8.0 * n * size(&here) + 10.0);
        for (a, b) in here.iter().flatten().zip(there.iter().flatten()) {
            assert!(
                (a - b).abs() <= bound,
                "{kernel}: {a} and {b}, bound {bound:e}"
            );
        }
    }
}

#[test]
fn cross_validation_and_prediction_run_on_the_device() {
    let lab = lab();
    let cv = "cv --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 0.5,1 --folds 3 --out c";
    let done = run(&lab, cv, &[]);
    assert_eq!(done.code, 0, "{}", done.log);
    let fit = run(&lab, &format!("{FIT} --kernel gaussian --out m"), &[]);
    assert_eq!(fit.code, 0, "{}", fit.log);
    let done = run(&lab, "predict --model m.epitile --bfile s --out p", &[]);
    assert_eq!(done.code, 0, "{}", done.log);
}

#[test]
fn a_device_that_fails_ends_the_run_with_one_clear_line() {
    let lab = lab();
    let fit = format!("{FIT} --kernel gaussian --out m");
    for (variable, value, code, text) in [
        ("FAKE_DEVICES", "0", 16, "the NVIDIA driver sees no device"),
        ("FAKE_VERSION", "12040", 16, "supports CUDA 12.4"),
        ("FAKE_FAIL_LAUNCH", "9", 16, "the GPU failed"),
        ("FAKE_FAIL_LAUNCH", "60", 16, "the GPU failed"),
        ("FAKE_MEMORY", "200000", 2, "of the GPU's memory"),
    ] {
        let report = lab.path("report");
        let report = report.to_str().unwrap();
        let ended = run(&lab, &fit, &[(variable, value), ("FAKE_REPORT", report)]);
        assert_eq!(ended.code, code, "{variable}={value}: {}", ended.log);
        let errors: Vec<&str> = ended.log.lines().filter(|l| l.contains("ERROR")).collect();
        assert_eq!(errors.len(), 1, "{}", ended.log);
        assert!(
            errors[0].contains(text) && errors[0].contains("--backend cpu"),
            "{}",
            errors[0]
        );
        let left = std::fs::read_to_string(report).unwrap_or_default();
        assert!(
            left.lines().all(|l| l.ends_with(" 0")),
            "{variable}={value}: {left}"
        );
    }
}

/// Whether a run has room; every other end than these two is a failure.
fn has_room(line: &str, run: &Run) -> bool {
    if run.code == 0 {
        return true;
    }
    let refused = run.code == 2 && run.log.contains("what would fit: ");
    assert!(refused, "{line} ends with {}: {}", run.code, run.log);
    false
}

#[test]
fn a_run_that_does_not_fit_in_the_gpus_memory_is_refused_before_it_starts() {
    let lab = Lab::with_cohort("--samples 300 --snps 900 --traits 2 --seed 7");
    for (kernel, rest) in [
        ("gaussian", "--precision f64"),
        ("gaussian", "--precision uniform:f8e4m3 --tile 64"),
        ("linear:std", "--precision adaptive"),
    ] {
        let fit =
            format!("fit --bfile s --pheno s.pheno.txt --lambda 0.5 --kernel {kernel} {rest}");
        let mut fitted = Vec::new();
        for mib in [1u64, 3, 5, 8, 12, 20] {
            let memory = (mib << 20).to_string();
            let line = format!("{fit} --threads 2 --out m{mib}");
            let run = run(&lab, &line, &[("FAKE_MEMORY", &memory)]);
            fitted.push(has_room(&line, &run));
        }
        // What fits in some memory fits in more.
        assert!(
            fitted.is_sorted() && !fitted[0] && fitted[5],
            "{fit}: {fitted:?}"
        );
    }
}

#[test]
fn a_benchmark_that_does_not_fit_is_refused_before_its_genotypes_are_simulated() {
    let lab = lab();
    let bench =
        "bench --samples 305880 --snps 43333 --traits 5 --precision uniform:f8e4m3 --memory 100000";
    let refused = run(&lab, bench, &[("FAKE_MEMORY", "24000000000")]);
    assert!(!has_room(bench, &refused));
    assert!(
        refused.log.contains("% of the individuals"),
        "{}",
        refused.log
    );
}
