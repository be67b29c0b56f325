//! Screens that are closed or full.

use std::fs::File;
use std::process::{Output, Stdio};

use super::{CV, Lab, cv, lab};

/// A run whose standard output or error nobody reads.
fn unread(lab: &Lab, line: &str, out: bool) -> Output {
    let mut command = lab.command(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    match out {
        true => drop(child.stdout.take()),
        false => drop(child.stderr.take()),
    }
    child.wait_with_output().unwrap()
}

const BENCH: &str = "bench --samples 40 --snps 50 --traits 1 --runs 1";

#[test]
fn a_screen_that_is_closed_stops_no_run() {
    let lab = lab();
    assert_eq!(unread(&lab, CV, false).status.code(), Some(0));
    assert_eq!(lab.outputs("o").len(), 3);
    for (line, code) in [
        (cv("--lambda 1", "--lambda 0"), 8),
        (cv("--out o", "--out absent/o"), 5),
        ("frobnicate".into(), 8),
    ] {
        assert_eq!(
            unread(&lab, &line, false).status.code(),
            Some(code),
            "{line}"
        );
    }
    for line in [BENCH, "--help", "--version"] {
        let output = unread(&lab, line, true);
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}\n{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_cannot_be_written_is_told() {
    let lab = lab();
    let mut command = lab.command(BENCH);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{log}");
    assert!(
        log.contains("ERROR: cannot write standard output: the disk is full"),
        "{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
}
