//! One device: its lanes and its memory.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::result;

use super::buffer::{Buffer, Stamp, Uses};
use super::driver::{Context, Events, Memory, Stream, failed};
use super::factor::Factors;
use super::launch::Kernels;
use super::matmul::Products;
use crate::error::CudaError;
use crate::slab::{Slab, padded};

/// Streams. Threads that issue work share them; more than a few only split the device.
pub(crate) const LANES: usize = 4;

/// Operations of a lane that are not done. Whoever issues more waits: work that can be issued ahead of a
/// slow operation would else fill the memory with what it made.
const DEPTH: usize = 32;

/// Largest piece of memory that the driver is asked for in advance.
pub(crate) const PIECE: usize = 1 << 30;

/// Threads get lanes in turn, and keep them: one thread's operations run in order.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LANE: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % LANES);
}

/// A stream with what the libraries need to use it.
#[derive(Debug)]
pub(crate) struct Lane {
    index: usize,
    // Fields are dropped in this order: the handles use the stream and the memory.
    factors: Option<Factors>,
    pub(super) stream: Stream,
    /// Scratch memory of the libraries and its bytes, got when first needed.
    workspace: Option<(Memory, usize)>,
    /// Operations issued so far.
    number: u64,
    /// The last of them.
    issued: VecDeque<Stamp>,
    /// The last operation of each lane that this one has waited for.
    seen: [u64; LANES],
}

impl Lane {
    pub(super) fn wait(&mut self, stamp: &Stamp) -> Result<(), CudaError> {
        if stamp.lane == self.index || stamp.number <= self.seen[stamp.lane] {
            return Ok(());
        }
        self.stream.wait(stamp.event())?;
        self.seen[stamp.lane] = stamp.number;
        Ok(())
    }
}

/// A piece of memory and what of it is free. A piece that went back to the driver leaves a gap.
type Piece = Option<(Memory, Slab<Uses>)>;

/// A device in use. Fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Device {
    lanes: [Mutex<Lane>; LANES],
    pieces: Mutex<Vec<Piece>>,
    events: Arc<Events>,
    pub(super) products: Products,
    pub(super) kernels: Kernels,
    context: Context,
    /// Compute capability.
    capability: (i32, i32),
    /// Pairs whose statistics were made for one use.
    pub(crate) made_again: AtomicU64,
    /// Bytes of memory.
    pub(crate) total: usize,
}

impl Drop for Device {
    fn drop(&mut self) {
        // What the fields give back, they give back to the context that is current.
        let _ = self.context.bind();
    }
}

/// Bytes of a lane's scratch memory: what cuBLASLt's documentation advises, less on a small device.
pub(crate) fn workspace(total: usize) -> usize {
    (32 << 20).min(total / 16)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind is whole: fields change one by one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// Device `ordinal`, with the kernels loaded.
    pub(crate) fn open(ordinal: i32) -> Result<Arc<Self>, CudaError> {
        let context = Context::new(ordinal)?;
        let (_, total) = context.memory()?;
        let kernels = Kernels::load()?;
        let products = Products::new()?;
        let mut lanes = Vec::new();
        for index in 0..LANES {
            lanes.push(Mutex::new(Lane {
                index,
                factors: None,
                stream: Stream::new()?,
                workspace: None,
                number: 0,
                issued: VecDeque::new(),
                seen: [0; LANES],
            }));
        }
        Ok(Arc::new(Device {
            lanes: lanes.try_into().expect("as many as were made"),
            pieces: Mutex::default(),
            events: Arc::default(),
            products,
            kernels,
            capability: context.capability()?,
            context,
            made_again: AtomicU64::new(0),
            total,
        }))
    }

    /// Whether its tensor cores multiply FP8 numbers: Ada's (8.9), Hopper's and later ones.
    pub(crate) fn multiplies_eights(&self) -> bool {
        self.capability >= (8, 9)
    }

    /// Bytes of memory that are free, and all of them; what was got in advance counts as used.
    pub(crate) fn memory(&self) -> Result<(usize, usize), CudaError> {
        self.context.memory()
    }

    /// `bytes` of memory, contents unspecified.
    pub(crate) fn buffer(self: &Arc<Self>, bytes: usize) -> Result<Buffer, CudaError> {
        let mut pieces = locked(&self.pieces);
        let part = pieces.iter_mut().enumerate().find_map(|(at, piece)| {
            let (memory, slab) = piece.as_mut()?;
            let (offset, uses) = slab.take(bytes)?;
            Some(((at, offset, memory.address() + offset as u64), uses))
        });
        let (place, uses) = match part {
            Some(part) => part,
            None => self.grow(&mut pieces, bytes)?,
        };
        Ok(Buffer {
            device: self.clone(),
            place,
            bytes,
            uses: Mutex::new(uses),
        })
    }

    /// A part of a new piece; pieces that nobody uses make room for it.
    fn grow(
        &self,
        pieces: &mut Vec<Piece>,
        bytes: usize,
    ) -> Result<((usize, usize, u64), Uses), CudaError> {
        self.context.bind()?;
        let least = padded(bytes);
        let size = least.max(PIECE.min(self.total / 8));
        let memory = match Memory::new(size) {
            Err(CudaError::OutOfMemory { .. }) => {
                for piece in pieces.iter_mut() {
                    if piece.as_ref().is_some_and(|(_, slab)| slab.is_free()) {
                        *piece = None;
                    }
                }
                let smaller = Memory::new(size).map(|m| (m, size));
                smaller.or_else(|_| Memory::new(least).map(|m| (m, least)))
            }
            memory => memory.map(|m| (m, size)),
        };
        let (memory, size) = memory.map_err(|error| match error {
            CudaError::OutOfMemory { .. } => CudaError::OutOfMemory { bytes },
            other => other,
        })?;
        let mut slab = Slab::new(size);
        let (offset, uses) = slab.take(bytes).expect("it was made for this");
        let address = memory.address() + offset as u64;
        let at = match pieces.iter().position(Option::is_none) {
            Some(at) => at,
            None => {
                pieces.push(None);
                pieces.len() - 1
            }
        };
        pieces[at] = Some((memory, slab));
        Ok(((at, offset, address), uses))
    }

    pub(super) fn give_back(&self, place: (usize, usize, u64), bytes: usize, uses: Uses) {
        if let Some((_, slab)) = &mut locked(&self.pieces)[place.0] {
            slab.give(place.1, bytes, uses, Uses::merge);
        }
    }

    /// Issues an operation on this thread's lane: it runs when whatever it needs has, and before
    /// what needs it. `work` touches no other buffers.
    pub(crate) fn issue<R>(
        self: &Arc<Self>,
        reads: &[&Buffer],
        writes: &[&Buffer],
        work: impl FnOnce(&mut Lane) -> Result<R, CudaError>,
    ) -> Result<R, CudaError> {
        let mut lane = locked(&self.lanes[LANE.get()]);
        let lane = &mut *lane;
        self.context.bind()?;
        reads.iter().try_for_each(|b| b.wait(lane, false))?;
        writes.iter().try_for_each(|b| b.wait(lane, true))?;
        let done = work(lane);
        // Also when it failed: some of it may have been issued.
        lane.number += 1;
        let event = self.events.mark(&lane.stream);
        let stamp = match event {
            Ok(event) => Stamp::new(lane.index, lane.number, event, self.events.clone()),
            Err(error) => return done.and(Err(error)),
        };
        reads.iter().for_each(|b| b.note(&stamp, false));
        writes.iter().for_each(|b| b.note(&stamp, true));
        lane.issued.push_back(stamp);
        let oldest = (lane.issued.len() > DEPTH).then(|| lane.issued.pop_front());
        match oldest.flatten() {
            Some(oldest) => done.and_then(|value| oldest.event().finish().map(|()| value)),
            None => done,
        }
    }

    /// Address and bytes of the lane's scratch memory for the libraries; only work on that lane may
    /// use it.
    pub(super) fn workspace(&self, lane: &mut Lane) -> Result<(u64, usize), CudaError> {
        let (memory, bytes) = match lane.workspace.take() {
            Some(workspace) => workspace,
            None => {
                let bytes = workspace(self.total);
                (Memory::new(bytes)?, bytes)
            }
        };
        let (memory, bytes) = lane.workspace.insert((memory, bytes));
        Ok((memory.address(), *bytes))
    }

    /// The lane's handles of cuBLAS and cuSOLVER.
    pub(super) fn factors<'a>(&self, lane: &'a mut Lane) -> Result<&'a Factors, CudaError> {
        let workspace = self.workspace(lane)?;
        let factors = match lane.factors.take() {
            Some(factors) => factors,
            None => Factors::new(&lane.stream, workspace)?,
        };
        Ok(lane.factors.insert(factors))
    }

    /// Copies `bytes` to the start of a new buffer.
    pub(crate) fn upload(self: &Arc<Self>, bytes: &[u8]) -> Result<Buffer, CudaError> {
        let buffer = self.buffer(bytes.len())?;
        if bytes.is_empty() {
            return Ok(buffer);
        }
        self.issue(&[], &[&buffer], |lane| {
            // SAFETY: the buffer has as many bytes; pageable memory is staged before this returns.
            unsafe { result::memcpy_htod_async(buffer.address(), bytes, lane.stream.raw()) }
                .map_err(failed("cuMemcpyHtoDAsync"))
        })?;
        Ok(buffer)
    }

    /// Copies from the start of a buffer, and waits for it.
    ///
    /// # Panics
    /// If `out` is longer than the buffer.
    pub(crate) fn download(
        self: &Arc<Self>,
        buffer: &Buffer,
        out: &mut [u8],
    ) -> Result<(), CudaError> {
        assert!(out.len() <= buffer.bytes(), "bytes of a buffer");
        if out.is_empty() {
            return Ok(());
        }
        self.issue(&[buffer], &[], |lane| {
            // SAFETY: the buffer has as many bytes, and `out` lives until the stream is done.
            unsafe { result::memcpy_dtoh_async(out, buffer.address(), lane.stream.raw()) }
                .map_err(failed("cuMemcpyDtoHAsync"))?;
            lane.stream.finish()
        })
    }

    /// Fills a buffer with zero bytes.
    pub(crate) fn zero(self: &Arc<Self>, buffer: &Buffer) -> Result<(), CudaError> {
        self.issue(&[], &[buffer], |lane| {
            let (bytes, stream) = (buffer.bytes(), lane.stream.raw());
            // SAFETY: the buffer has as many bytes.
            unsafe { result::memset_d8_async(buffer.address(), 0, bytes, stream) }
                .map_err(failed("cuMemsetD8Async"))
        })
    }

    /// Waits for everything issued so far.
    pub(crate) fn finish(&self) -> Result<(), CudaError> {
        self.context.bind()?;
        self.lanes
            .iter()
            .try_for_each(|lane| locked(lane).stream.finish())
    }
}
