//! Whether this machine can compute with CUDA, and if not, what is missing.

use std::fmt;
use std::panic;
use std::path::Path;

use cudarc::driver::result;

use crate::sys;

/// Oldest driver interface this crate is built for (CUDA 13.0, as `cuDriverGetVersion` counts).
const DRIVER: i32 = 13_000;
/// Least compute capability (its major part): that of the PTX, Ampere's.
const CAPABILITY: i32 = 8;

/// A usable device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Ordinal, from 0.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// Version of the driver as `1000 · major + 10 · minor`.
    pub driver: i32,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = (self.driver / 1000, self.driver % 1000 / 10);
        write!(
            f,
            "CUDA device {} ({}, driver for CUDA {major}.{minor})",
            self.ordinal, self.name
        )
    }
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The driver's library cannot be loaded.
    Driver,
    /// A library of the toolkit cannot be loaded.
    Library(&'static str),
    /// The driver is older than this crate.
    Version {
        /// As the driver says.
        found: i32,
    },
    /// The driver sees no device.
    Device,
    /// The device is older than this crate.
    Capability {
        /// Its name.
        name: String,
        /// Its compute capability, the major part.
        major: i32,
    },
    /// The driver failed.
    Failure(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Driver => f.write_str(
                "no NVIDIA driver found (libcuda cannot be loaded); install it, or use --backend cpu",
            ),
            Missing::Library(name) => write!(
                f,
                "the CUDA library {name} cannot be loaded; put CUDA 13 on the loader's path \
                 (LD_LIBRARY_PATH), name its folder in EPITILE_CUDA, or use --backend cpu"
            ),
            Missing::Version { found } => write!(
                f,
                "the NVIDIA driver supports CUDA {}.{}, needed is {}.{} or later; update it, or \
                 use --backend cpu",
                found / 1000,
                found % 1000 / 10,
                DRIVER / 1000,
                DRIVER % 1000 / 10
            ),
            Missing::Device => {
                f.write_str("the NVIDIA driver sees no device; use --backend cpu")
            }
            Missing::Capability { name, major } => write!(
                f,
                "{name} has compute capability {major}, needed is {CAPABILITY} or later; use \
                 --backend cpu"
            ),
            Missing::Failure(what) => {
                write!(f, "the NVIDIA driver failed ({what}); use --backend cpu")
            }
        }
    }
}

impl std::error::Error for Missing {}

/// The first usable device. Libraries that lie in the folder `libraries` are taken from there, the
/// others from where the system's loader finds them; what was loaded once stays.
///
/// # Errors
/// What is missing. Never panics, whatever the machine lacks.
pub fn probe(libraries: Option<&Path>) -> Result<Device, Missing> {
    let libraries = sys::load(libraries);
    if !libraries.driver {
        return Err(Missing::Driver);
    }
    // The driver's wrappers panic where a symbol is absent: an older driver.
    let seen = panic::catch_unwind(|| {
        result::init().map_err(failure)?;
        if result::device::get_count().map_err(failure)? < 1 {
            return Err(Missing::Device);
        }
        let (name, major, driver) = sys::describe().map_err(failure)?;
        if driver < DRIVER {
            return Err(Missing::Version { found: driver });
        }
        if major < CAPABILITY {
            return Err(Missing::Capability { name, major });
        }
        Ok(Device {
            ordinal: 0,
            name,
            driver,
        })
    });
    let device = seen.unwrap_or(Err(Missing::Version { found: 0 }))?;
    match libraries.missing() {
        Some(name) => Err(Missing::Library(name)),
        None => Ok(device),
    }
}

fn failure(error: cudarc::driver::DriverError) -> Missing {
    match error.0 {
        cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE => Missing::Device,
        code => Missing::Failure(format!("{code:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_answers_on_any_machine() {
        match probe(None) {
            Ok(device) => assert!(!device.name.is_empty() && device.driver >= DRIVER),
            Err(missing) => assert!(missing.to_string().contains("--backend cpu"), "{missing}"),
        }
    }
}
