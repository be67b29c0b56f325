//! The small study of `calibration/`: every question, on a few traits.

use std::process::Command;

#[test]
fn p_values_and_intervals_say_what_they_promise() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calibration"));
    let output = command.arg("--small").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}\n{log}");
    eprintln!("{text}\n{log}");
}
