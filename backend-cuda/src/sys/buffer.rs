//! Parts of device memory that know who used them last.
//!
//! Lanes run side by side. An operation waits for those before it that wrote what it reads, and for
//! those that used what it writes: by events, on the device, the host goes on. Memory that was given
//! back still knows its last users; whoever gets it next waits for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::device::{Device, LANES, Lane};
use super::driver::{Event, Events};
use crate::error::CudaError;

/// The end of an operation on a lane.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(super) lane: usize,
    /// Number of the operation on its lane.
    pub(super) number: u64,
    event: Arc<Mark>,
}

#[derive(Debug)]
struct Mark {
    /// There until the mark is dropped.
    event: Option<Event>,
    events: Arc<Events>,
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.events.give(event);
        }
    }
}

impl Stamp {
    pub(super) fn new(lane: usize, number: u64, event: Event, events: Arc<Events>) -> Self {
        let event = Some(event);
        Stamp {
            lane,
            number,
            event: Arc::new(Mark { event, events }),
        }
    }

    pub(super) fn event(&self) -> &Event {
        self.event.event.as_ref().expect("there until dropped")
    }
}

/// Who used a part of memory: the last operation of each lane, and the last that wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    last: [Option<Stamp>; LANES],
    written: Option<Stamp>,
}

impl Uses {
    /// Users of either part, as of one that nobody has written yet.
    pub(super) fn merge(mut self, other: Uses) -> Uses {
        for (mine, theirs) in self.last.iter_mut().zip(other.last) {
            let newer = match (&*mine, &theirs) {
                (Some(mine), Some(theirs)) => theirs.number > mine.number,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if newer {
                *mine = theirs;
            }
        }
        self.written = None;
        self
    }

    fn stamp(&mut self, stamp: &Stamp, wrote: bool) {
        self.last[stamp.lane] = Some(stamp.clone());
        if wrote {
            self.written = Some(stamp.clone());
        }
    }
}

/// A part of a device's memory. Starts at a multiple of [`ALIGN`](crate::slab::ALIGN).
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(super) device: Arc<Device>,
    /// Piece, offset in it, and address.
    pub(super) place: (usize, usize, u64),
    pub(super) bytes: usize,
    pub(super) uses: Mutex<Uses>,
}

impl Buffer {
    /// Bytes that were asked for.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Address, for calls that were checked to stay within [`bytes`](Self::bytes).
    pub(super) fn address(&self) -> u64 {
        self.place.2
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the lane wait for whoever wrote this or, before it is written, used it.
    pub(super) fn wait(&self, lane: &mut Lane, write: bool) -> Result<(), CudaError> {
        let uses = self.uses().clone();
        if write {
            uses.last.iter().flatten().try_for_each(|s| lane.wait(s))?;
        }
        uses.written.iter().try_for_each(|s| lane.wait(s))
    }

    /// Notes the operation that used this.
    pub(super) fn note(&self, stamp: &Stamp, wrote: bool) {
        self.uses().stamp(stamp, wrote);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let uses = std::mem::take(&mut *self.uses());
        self.device.give_back(self.place, self.bytes, uses);
    }
}
