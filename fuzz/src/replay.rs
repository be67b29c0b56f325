//! Stored inputs, checked again by ordinary tests.

use std::path::Path;

/// Runs `check` on the seeds and on every file of `fuzz/regressions/<target>`, which holds what
/// fuzzing has found. For tests of crates beside `fuzz`.
///
/// # Panics
/// If a check fails, or a file cannot be read.
pub fn replay(target: &str, seeds: fn() -> Vec<Vec<u8>>, check: fn(&[u8])) {
    for (k, seed) in seeds().iter().enumerate() {
        println!("seed {k} of {target}"); // Shown if the check fails.
        check(seed);
    }
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let Ok(entries) = std::fs::read_dir(fuzz.join("regressions").join(target)) else {
        return; // Nothing has been found yet.
    };
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        println!("{}", path.display());
        check(&std::fs::read(&path).expect("a stored input"));
    }
}
