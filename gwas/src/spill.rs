//! Where what does not fit in memory goes: a scratch file in a folder of the user's.

use std::path::{Path, PathBuf};

use epitile_cpu::{Cpu, Scratch};

use crate::error::{Error, Result};

/// A scratch file and what is kept in it. It has no name in its folder, so nothing stays behind.
#[derive(Clone, Debug)]
pub struct Spill {
    folder: PathBuf,
    scratch: Scratch,
    pairs: bool,
    factors: bool,
}

/// What a scratch file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Bytes of pair statistics, 0 if they stay in memory.
    pub pairs: u64,
    /// Bytes of factors, 0 if they stay in memory.
    pub factors: u64,
    /// Bytes of the file that may be held in memory at a time.
    pub window: u64,
}

impl Spill {
    /// Makes the file, if its folder has room for what it is to hold.
    ///
    /// # Errors
    /// `Write` if it has not, or no file can be made there.
    pub fn new(folder: &Path, contents: Contents) -> Result<Self> {
        let scratch =
            Scratch::new(folder, contents.window).map_err(|e| Error::write(folder, &e))?;
        let needed = contents.pairs + contents.factors;
        if let Some(free) = free(folder).filter(|&free| free < needed) {
            return Err(Error::no_room(format!(
                "cannot keep a scratch file in {}: found {} MiB free, expected {} MiB; free space \
                 or use another folder",
                folder.display(),
                free >> 20,
                needed.div_ceil(1 << 20)
            )));
        }
        Ok(Spill {
            folder: folder.to_owned(),
            scratch,
            pairs: contents.pairs > 0,
            factors: contents.factors > 0,
        })
    }

    /// Bytes written to the file so far, and bytes of it mapped in for reading.
    pub fn traffic(&self) -> (u64, u64) {
        (self.scratch.written(), self.scratch.read())
    }

    /// The processor with this file.
    pub(crate) fn cpu(&self) -> Cpu {
        let kept = |yes: bool| yes.then(|| self.scratch.clone());
        Cpu {
            pairs: kept(self.pairs),
            tiles: kept(self.factors),
        }
    }

    /// The error of a run: why the file could not be written, if that is what ended it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Some(cause) = self.scratch.failure() else {
            return error;
        };
        let file = format!("the scratch file in {}", self.folder.display());
        let written = self.scratch.written() >> 20;
        Error::write(file, cause).and(&format!("{written} MiB had been written"))
    }
}

/// Bytes that may still be written in `folder`, where the system tells.
fn free(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let about = rustix::fs::statvfs(folder).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }
    #[cfg(not(unix))]
    None
}

/// Whether files in `folder` are memory themselves, where the system tells.
pub fn is_memory(folder: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux's `magic.h`.
        const MAGIC: [u32; 2] = [0x0102_1994, 0x8584_58f6];
        rustix::fs::statfs(folder).is_ok_and(|about| MAGIC.contains(&(about.f_type as u32)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        false
    }
}
