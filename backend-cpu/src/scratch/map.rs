//! Stretches of the scratch file as memory.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::Pod;
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use super::Store;

/// A stretch of the file, mapped for reading.
#[derive(Debug)]
pub(super) struct Map(MmapRaw);

impl Map {
    /// `len` bytes of the file from `start` on, both multiples of the page size.
    pub(super) fn new(file: &File, start: u64, len: usize) -> io::Result<Self> {
        let map = MmapOptions::new()
            .offset(start)
            .len(len)
            .map_raw_read_only(file)?;
        Ok(Map(map))
    }

    /// Bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes all pages out of this process; they come back when they are read.
    pub(super) fn release(&self) {
        // SAFETY: the map is of a file and read-only, so that pages read again hold the same
        // bytes. A system that refuses this advice keeps more in memory, nothing else.
        let _ = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}

/// Bytes in the file, which nobody writes as long as this lives.
#[derive(Debug)]
pub(super) struct Part {
    store: Arc<Store>,
    stretch: usize,
    map: Arc<Map>,
    range: Range<usize>,
    /// The epoch in which this was last read; `u64::MAX`, which none will be, before.
    seen: AtomicU64,
}

impl Part {
    /// The bytes `range` of a stretch, which `store` has written and will leave alone until it is
    /// given the range back.
    ///
    /// # Panics
    /// If the range leaves the stretch.
    pub(super) fn new(
        store: Arc<Store>,
        (stretch, map): (usize, Arc<Map>),
        range: Range<usize>,
    ) -> Self {
        assert!(range.start <= range.end && range.end <= map.len());
        Part {
            store,
            stretch,
            map,
            range,
            seen: AtomicU64::new(u64::MAX),
        }
    }
}

impl<T: Pod> AsRef<[T]> for Part {
    fn as_ref(&self) -> &[T] {
        if self.seen.load(Ordering::Relaxed) != self.store.epoch.load(Ordering::Relaxed) {
            let epoch = self.store.enter(self.range.len() as u64);
            self.seen.store(epoch, Ordering::Relaxed);
            let _ = self
                .map
                .0
                .advise_range(Advice::WillNeed, self.range.start, self.range.len());
        }
        // SAFETY: the range is inside the map, the map lives as long as `self`, and the file,
        // which has no name and is as long as its maps, is written by its store only: never in
        // the range of a living part.
        let bytes = unsafe {
            slice::from_raw_parts(self.map.0.as_ptr().add(self.range.start), self.range.len())
        };
        bytemuck::cast_slice(bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let Range { start, end } = self.range;
        self.store.give(self.stretch, start, end - start);
    }
}
