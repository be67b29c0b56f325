//! The small study of `calibration/`, on a few traits: every question but `permuted`, whose score test
//! is conservative (see the README there).

use std::process::Command;

const QUESTIONS: &str = "null,causal,policies,coverage,global,marginal";

#[test]
fn p_values_and_intervals_say_what_they_promise() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calibration"));
    let output = command
        .args(["--small", "--only", QUESTIONS])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}\n{log}");
    eprintln!("{text}\n{log}");
}
