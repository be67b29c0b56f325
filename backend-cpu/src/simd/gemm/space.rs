//! Storage for packed operands, kept by each thread.

use core::cell::Cell;

use bytemuck::{Pod, Zeroable};

/// Bytes of a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

// SAFETY: bytes, whose number is a multiple of the alignment.
unsafe impl Zeroable for Line {}
// SAFETY: as above; every pattern of bits is valid.
unsafe impl Pod for Line {}

/// Room for the operands of one operation; it grows, and what it holds is rubbish.
#[derive(Default)]
pub(super) struct Space {
    pub(super) left: Vec<Line>,
    pub(super) right: Vec<Line>,
    pub(super) partial: Vec<Line>,
    /// Operands of products by slabs.
    #[cfg(target_arch = "x86_64")]
    pub(super) slab: Vec<Line>,
}

thread_local! {
    static SPACE: Cell<Space> = Cell::default();
}

/// Runs `f` with this thread's room.
pub(super) fn with<R>(f: impl FnOnce(&mut Space) -> R) -> R {
    let mut space = SPACE.take();
    let result = f(&mut space);
    SPACE.set(space);
    result
}

/// The first `len` numbers.
#[inline(always)]
pub(super) fn slots<P: Pod>(lines: &mut Vec<Line>, len: usize) -> &mut [P] {
    let needed = (len * size_of::<P>()).div_ceil(size_of::<Line>());
    if lines.len() < needed {
        lines.resize(needed, Line::zeroed());
    }
    &mut bytemuck::cast_slice_mut(lines)[..len]
}
