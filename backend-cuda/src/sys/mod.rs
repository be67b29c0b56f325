//! Which of NVIDIA's libraries can be loaded.

use cudarc::{cublas, cublaslt, cusolver, driver};

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
            ("cublas", self.cublas),
            ("cublasLt", self.cublaslt),
            ("cusolver", self.cusolver),
        ];
        all.into_iter()
            .find(|(_, present)| !present)
            .map(|(name, _)| name)
    }
}

/// Tries to load them.
pub(crate) fn libraries() -> Libraries {
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

/// Version of the driver's interface, as `cuDriverGetVersion` counts.
pub(crate) fn driver_version() -> Result<i32, driver::DriverError> {
    let mut version = 0;
    // SAFETY: the pointer is to a live i32, which is all the function writes.
    unsafe { driver::sys::cuDriverGetVersion(&mut version) }.result()?;
    Ok(version)
}
