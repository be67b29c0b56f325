//! Stored inputs, checked again.

use std::path::Path;

/// Runs `check` on every file of `folder`, which holds what fuzzing has found.
///
/// # Panics
/// If a check fails, or a file cannot be read.
pub fn replay(folder: &Path, check: fn(&[u8])) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return; // Nothing was found yet.
    };
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        let bytes = std::fs::read(&path).expect("a stored input");
        println!("{}", path.display());
        check(&bytes);
    }
}
