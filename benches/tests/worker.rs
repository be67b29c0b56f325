//! The processes that `compare` talks to.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Answers of the worker `name` to requests, a line each.
fn answers(name: &str, requests: &[String]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    let command = command.arg(name).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let text = requests.join("\n") + "\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), requests.len(), "{text}");
    answers
}

fn cohort(folder: &Path) -> String {
    let options = epitile::simulate::SimulateOptions {
        samples: 90,
        snps: 200,
        ..Default::default()
    };
    let prefix = folder.join("s");
    epitile::simulate::run(&options, &prefix).unwrap();
    prefix.to_str().unwrap().to_owned()
}

#[test]
fn ours_builds_factors_and_solves_and_faer_does_the_same_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = cohort(folder.path());
    let kernel = folder.path().join("k").to_str().unwrap().to_owned();
    let right = folder.path().join("b").to_str().unwrap().to_owned();
    let numbers: Vec<u8> = (0..180)
        .flat_map(|i| f64::from(i % 7).to_le_bytes())
        .collect();
    std::fs::write(&right, numbers).unwrap();
    let requests = [
        format!("load {prefix}"),
        "build".to_owned(),
        format!("matrix 0.1 {kernel}"),
        "factor f32 0.1".to_owned(),
        format!("solve adaptive 0.1 {right}"),
    ];
    let answers = self::answers("ours", &requests);
    assert_eq!(answers[0]["samples"], 90);
    for answer in [&answers[1], &answers[3], &answers[4]] {
        assert!(answer["seconds"].as_f64() > Some(0.0), "{answer}");
    }
    assert!(answers[4]["after"].as_f64() <= Some(16.0 * 90.0 * f64::EPSILON / 2.0));
    assert_eq!(std::fs::metadata(&kernel).unwrap().len(), 8 * 90 * 90);

    let requests = [
        format!("load {kernel}"),
        "factor f32".to_owned(),
        "factor f64".to_owned(),
        format!("solve {right}"),
    ];
    for answer in self::answers("faer", &requests) {
        assert_eq!(answer.get("error"), None, "{answer}");
    }
}

#[test]
fn a_request_that_fails_is_answered_and_the_next_one_too() {
    let requests = [
        "build".to_owned(),
        "load nowhere".to_owned(),
        "dance".to_owned(),
        "ceilings".to_owned(),
    ];
    let answers = answers("ours", &requests);
    for (answer, part) in answers.iter().zip(["no genotypes", "nowhere", "dance"]) {
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
    }
    assert!(answers[3].as_array().is_some_and(|all| !all.is_empty()));
}
