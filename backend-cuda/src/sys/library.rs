//! Which of NVIDIA's libraries can be loaded.

use std::path::Path;

use cudarc::{cublas, cublaslt, cusolver, driver};
use libloading::Library;

/// Presence of each library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Libraries {
    pub(crate) driver: bool,
    cublas: bool,
    cublaslt: bool,
    cusolver: bool,
}

impl Libraries {
    /// The first toolkit library that is missing.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let all = [
            ("cublasLt", self.cublaslt),
            ("cublas", self.cublas),
            ("cusolver", self.cusolver),
        ];
        all.into_iter()
            .find(|(_, present)| !present)
            .map(|(name, _)| name)
    }
}

/// Tries to load them, those that lie in `folder` from there.
pub(crate) fn load(folder: Option<&Path>) -> Libraries {
    if let Some(folder) = folder {
        // Each needs those before it.
        for name in ["cuda", "cublasLt", "cublas", "cusparse", "cusolver"] {
            open(folder, name);
        }
    }
    // SAFETY: loading a library runs its initialisers; these are NVIDIA's own libraries, found
    // under their fixed names, whose initialisers have no precondition.
    unsafe {
        Libraries {
            driver: driver::sys::is_culib_present(),
            cublas: cublas::sys::is_culib_present(),
            cublaslt: cublaslt::sys::is_culib_present(),
            cusolver: cusolver::sys::is_culib_present(),
        }
    }
}

/// Loads `lib⟨name⟩.so…` of the folder for good: later loads by its name find it.
fn open(folder: &Path, name: &str) {
    let start = format!("lib{name}.so");
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let versions = names.filter(|n| n.to_str().is_some_and(|n| n.starts_with(&start)));
    if let Some(newest) = versions.max() {
        // SAFETY: as above; whoever names the folder says that NVIDIA's libraries are in it.
        if let Ok(library) = unsafe { Library::new(folder.join(newest)) } {
            std::mem::forget(library);
        }
    }
}
