//! The fake libraries, built once per test program.

// Each test program uses a part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use epitile_cuda::Cuda;

/// Names a folder of fake libraries that are to be used instead of freshly built ones.
pub(crate) const CHOSEN: &str = "EPITILE_FAKE";

/// Folder of the fake libraries.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match std::env::var_os(CHOSEN) {
        Some(folder) => folder.into(),
        None => build("fake", None),
    })
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

/// The backend on the fake device.
pub(crate) fn cuda() -> &'static Cuda {
    static CUDA: OnceLock<Cuda> = OnceLock::new();
    CUDA.get_or_init(another)
}

/// Another one, with counts of its own.
pub(crate) fn another() -> Cuda {
    Cuda::open(Some(folder().into())).expect("the fake device")
}

/// Runs the tests of this program whose names contain `test`, ignored ones too, in a process of their
/// own with these variables.
pub(crate) fn child(test: &str, variables: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut command = Command::new(program);
    command.args([test, "--include-ignored", "--nocapture"]);
    command.env(CHOSEN, folder());
    command.envs(variables.iter().copied());
    command.output().expect("a test can be started")
}
