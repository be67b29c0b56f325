//! Memory for all blocks of pairs at once, and for calls, in large pages where the system has them: to
//! be given memory page by page takes up to a quarter of the time that the pairs take.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use bytemuck::Pod;
use epitile_core::pairs::PAIR_EDGE;
use epitile_core::stored::Stored;
use memmap2::MmapMut;

/// Bytes from which large pages are worth asking for.
const LARGE: usize = 4 << 20;

/// Memory in large pages, if the system has it.
fn map(len: usize) -> Option<MmapMut> {
    if len < LARGE || cfg!(miri) {
        return None;
    }
    let map = MmapMut::map_anon(len).ok()?;
    #[cfg(target_os = "linux")]
    // A system without large pages gives small ones.
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

/// Many numbers, zeros at first.
pub(crate) enum Large<T> {
    /// On the heap.
    Few(Vec<T>),
    /// In large pages.
    Many(MmapMut, PhantomData<T>),
}

impl<T: Pod> Large<T> {
    pub(crate) fn zeros(len: usize) -> Self {
        match map(len * size_of::<T>()) {
            Some(map) => Large::Many(map, PhantomData),
            None => Large::Few(vec![T::zeroed(); len]),
        }
    }
}

impl<T> Default for Large<T> {
    fn default() -> Self {
        Large::Few(Vec::new())
    }
}

impl<T: Pod> Deref for Large<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Large::Few(few) => few,
            Large::Many(map, _) => bytemuck::cast_slice(map),
        }
    }
}

impl<T: Pod> DerefMut for Large<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Large::Few(few) => few,
            Large::Many(map, _) => bytemuck::cast_slice_mut(map),
        }
    }
}

/// Zeros for many blocks of pairs.
pub(crate) struct Room(MmapMut);

/// Bytes of a block.
fn bytes<T>() -> usize {
    PAIR_EDGE * PAIR_EDGE * size_of::<T>()
}

impl Room {
    /// For `blocks` blocks, if they are many and the system gives the memory.
    pub(crate) fn new<T>(blocks: usize) -> Option<Self> {
        map(blocks.checked_mul(bytes::<T>())?).map(Room)
    }

    /// The blocks, in order, to be filled.
    pub(crate) fn blocks<T: Pod>(&mut self) -> impl Iterator<Item = &mut [T]> {
        let blocks = self.0.chunks_exact_mut(bytes::<T>());
        blocks.map(|block| bytemuck::cast_slice_mut(block))
    }

    /// The blocks, in order, to be read.
    pub(crate) fn lend<T: Pod + Send + Sync>(self) -> impl Iterator<Item = Stored<T>> {
        let (map, len) = (Arc::new(self.0), bytes::<T>());
        (0..map.len() / len).map(move |b| {
            let (map, range) = (map.clone(), b * len..(b + 1) * len);
            Stored::Lent(Arc::new(Part { map, range }))
        })
    }
}

/// A block of a room.
struct Part {
    map: Arc<MmapMut>,
    range: Range<usize>,
}

impl<T: Pod> AsRef<[T]> for Part {
    fn as_ref(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.range.clone()])
    }
}

/// Numbers of a block while it is filled: zeros at first.
pub(crate) enum Block<'a, T> {
    /// In memory of their own.
    Own(Vec<T>),
    /// In a room.
    Part(&'a mut [T]),
}

impl<T: Pod> Block<'_, T> {
    /// In memory of its own.
    pub(crate) fn new() -> Self {
        Block::Own(vec![T::zeroed(); PAIR_EDGE * PAIR_EDGE])
    }
}

impl<T> Deref for Block<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Block::Own(own) => own,
            Block::Part(part) => part,
        }
    }
}

impl<T> DerefMut for Block<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Block::Own(own) => own,
            Block::Part(part) => part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_a_room_is_lent_in_order() {
        const BLOCKS: usize = 20;
        let Some(mut room) = Room::new::<u32>(BLOCKS) else {
            return; // No memory is to be had, or it is Miri's.
        };
        for (b, block) in room.blocks::<u32>().enumerate() {
            assert!(block.iter().all(|&v| v == 0));
            block.fill(b as u32);
        }
        let lent: Vec<Stored<u32>> = room.lend().collect();
        assert_eq!(lent.len(), BLOCKS);
        for (b, block) in lent.iter().enumerate() {
            assert!(block.len() == PAIR_EDGE * PAIR_EDGE && block.iter().all(|&v| v == b as u32));
        }
        assert!(Room::new::<u32>(2).is_none());
    }
}
