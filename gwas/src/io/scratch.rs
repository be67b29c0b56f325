//! Files for tests, gone when dropped.

use std::io::Write;

use tempfile::NamedTempFile;

/// A temporary file that holds `bytes`.
pub(crate) fn scratch(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}
