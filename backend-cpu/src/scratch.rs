//! A file for what is written once and then only read, mapped into memory.
//!
//! Numbers are written with ordinary writes, so that a full disk is an error and not a signal, and
//! read through maps of long stretches of the file. The system keeps in memory what it has room
//! for; what this process holds mapped stays within a window: every so many bytes everything is
//! unmapped, and comes back page by page, from the system's cache if it is still there.
//!
//! | file | what it does |
//! |---|---|
//! | `space.rs` | which parts of a stretch are free |
//! | `map.rs` | stretches as memory: the unsafe part |

#[allow(unsafe_code)]
mod map;
mod space;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytemuck::Pod;
use epitile_core::pairs::PairTile;
use epitile_core::stored::Stored;
use epitile_core::tile::Tile;

use crate::error::CpuError;
use map::{Map, Part};
use space::Space;

/// Bytes of a stretch: address space only, the file has holes.
const STRETCH: usize = 1 << 30;
/// Parts begin at multiples of this: pages, so that no page has two writers.
const ALIGN: usize = 4096;

/// A temporary file with room for pair statistics and factors. It has no name: nothing is left of
/// it when the last clone and all that was kept are dropped, or the process ends in any way.
///
/// Anything kept gives its room back when it is dropped, so the file is as large as what was ever
/// kept at a time. A full disk is an error of the operation that keeps; a disk that cannot be read
/// back ends the process with the system's signal.
#[derive(Clone, Debug)]
pub struct Scratch(Arc<Store>);

#[derive(Debug)]
struct Store {
    book: Mutex<Book>,
    /// Bytes that may be mapped in at a time.
    window: u64,
    /// Bytes mapped in since everything was last unmapped.
    mapped: AtomicU64,
    /// How often everything was unmapped.
    epoch: AtomicU64,
    written: AtomicU64,
    read: AtomicU64,
    failure: OnceLock<io::Error>,
}

/// The file and its stretches.
#[derive(Debug)]
struct Book {
    file: File,
    stretches: Vec<Stretch>,
}

#[derive(Debug)]
struct Stretch {
    /// First byte in the file.
    start: u64,
    map: Arc<Map>,
    space: Space,
}

impl Scratch {
    /// A file in `folder`, of which at most about `window` bytes are mapped in at a time.
    ///
    /// # Errors
    /// If the system refuses the file.
    pub fn new(folder: &Path, window: u64) -> io::Result<Self> {
        Ok(Scratch::of(tempfile::tempfile_in(folder)?, window))
    }

    fn of(file: File, window: u64) -> Self {
        let stretches = Vec::new();
        Scratch(Arc::new(Store {
            book: Mutex::new(Book { file, stretches }),
            window,
            mapped: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            failure: OnceLock::new(),
        }))
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Bytes mapped in for reading so far.
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// What the system said when a [`CpuError::Scratch`] first happened.
    pub fn failure(&self) -> Option<&io::Error> {
        self.0.failure.get()
    }

    /// The tile with its bytes in the file.
    pub(crate) fn tile(&self, tile: Tile) -> Result<Tile, CpuError> {
        tile.kept(|words| self.keep(words))
    }

    /// The block with its numbers in the file.
    pub(crate) fn block(&self, block: PairTile) -> Result<PairTile, CpuError> {
        Ok(match block {
            PairTile::Whole(numbers) => PairTile::Whole(self.keep(numbers)?),
            PairTile::Fixed(numbers) => PairTile::Fixed(self.keep(numbers)?),
        })
    }

    fn keep<T: Pod + Send + Sync>(&self, numbers: Stored<T>) -> Result<Stored<T>, CpuError> {
        if matches!(numbers, Stored::Lent(_)) || numbers.is_empty() {
            return Ok(numbers);
        }
        match Store::write(&self.0, bytemuck::cast_slice(&numbers)) {
            Ok(part) => Ok(Stored::Lent(Arc::new(part))),
            Err(cause) => {
                let _ = self.0.failure.set(cause);
                Err(CpuError::Scratch)
            }
        }
    }
}

impl Store {
    /// Writes `bytes` where there is room.
    fn write(self: &Arc<Self>, bytes: &[u8]) -> io::Result<Part> {
        let len = bytes.len().next_multiple_of(ALIGN);
        let mut book = self.book();
        let (stretch, start) = book.take(len)?;
        let Stretch { start: at, map, .. } = &book.stretches[stretch];
        let (at, map) = (at + start as u64, map.clone());
        let written = book
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| book.file.write_all(bytes));
        if let Err(cause) = written {
            book.stretches[stretch].space.give(start..start + len);
            return Err(cause);
        }
        drop(book);
        let bytes = bytes.len();
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(Part::new(
            self.clone(),
            (stretch, map),
            start..start + bytes,
        ))
    }

    /// Makes the room of a part that is gone free for others.
    fn give(&self, stretch: usize, start: usize, bytes: usize) {
        let range = start..start + bytes.next_multiple_of(ALIGN);
        self.book().stretches[stretch].space.give(range);
    }

    /// Counts `bytes` that are about to be mapped in, first unmapping everything if the window is
    /// full; gives the epoch that this belongs to.
    fn enter(&self, bytes: u64) -> u64 {
        self.read.fetch_add(bytes, Ordering::Relaxed);
        let mapped = self.mapped.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Of several that see the window full, one takes the sum and clears the maps.
        if mapped > self.window && self.mapped.swap(0, Ordering::Relaxed) > self.window {
            self.mapped.fetch_add(bytes, Ordering::Relaxed);
            self.epoch.fetch_add(1, Ordering::Relaxed);
            let maps: Vec<_> = self
                .book()
                .stretches
                .iter()
                .map(|s| s.map.clone())
                .collect();
            maps.iter().for_each(|map| map.release());
        }
        self.epoch.load(Ordering::Relaxed)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing that holds this lock panics half-way through a change.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// A free range of `len` bytes: its stretch and where it begins there.
    fn take(&mut self, len: usize) -> io::Result<(usize, usize)> {
        for (s, stretch) in self.stretches.iter_mut().enumerate() {
            if let Some(start) = stretch.space.take(len) {
                return Ok((s, start));
            }
        }
        let start = self
            .stretches
            .last()
            .map_or(0, |s| s.start + s.map.len() as u64);
        let whole = len.next_multiple_of(STRETCH);
        self.file.set_len(start + whole as u64)?;
        let mut space = Space::new(whole);
        let first = space.take(len).expect("a new stretch has room");
        self.stretches.push(Stretch {
            start,
            map: Arc::new(Map::new(&self.file, start, whole)?),
            space,
        });
        Ok((self.stretches.len() - 1, first))
    }
}

#[cfg(test)]
mod tests;
