//! Where tests find real data and reference programs.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the data set `set`, such as `toy13`: below `$EPITILE_DATA`, or `../shared/data`
/// beside the workspace. Without it the caller must return: the test is skipped visibly, or fails
/// where `CI=true`.
pub(crate) fn data(set: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("EPITILE_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let folder = root.join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    skip(&format!("no data at {}", folder.display()));
    None
}

/// Whether `program` can be started; if not, the test is skipped as in [`data`].
pub(crate) fn program(program: &str) -> bool {
    let run = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if run.is_err() {
        skip(&format!("{program} is not installed"));
    }
    run.is_ok()
}

/// Says that a test is skipped.
///
/// # Panics
/// Where `CI=true`: there nothing may be skipped.
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "CI may skip nothing, but {why}"
    );
    eprintln!("SKIPPED: {why}");
}
