//! The fake libraries, built once per test program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Folder of the fake libraries.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| build("fake", None))
}

/// Builds them into the folder `name` of the target folder, with the kernels of `kernels` if given.
///
/// # Panics
/// If there is no C++ compiler, or the build fails.
pub(crate) fn build(name: &str, kernels: Option<&Path>) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = Command::new(crates.join("fake/build"));
    let built = command.arg(&out).args(kernels).output();
    let built = built.expect("fake/build needs bash and a C++ compiler");
    let text = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "fake/build: {text}");
    out
}
