//! Which parts of a piece of device memory are free: bookkeeping only, no memory.
//!
//! Tiles come and go at every operation; asking the driver each time would stop the device. So the
//! driver is asked for large pieces, and tiles get parts of them.

use std::collections::BTreeMap;

/// Parts start at multiples of this, which is what the libraries' fastest kernels want.
pub(crate) const ALIGN: usize = 256;

/// The free parts of one piece. Each carries a note of type `T` about who used it last.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    bytes: usize,
    /// By offset: bytes and note. Neighbours are one.
    free: BTreeMap<usize, (usize, T)>,
}

/// `bytes` rounded up to whole parts.
pub(crate) fn padded(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(ALIGN)
}

impl<T: Clone + Default> Slab<T> {
    /// A piece that is free.
    pub(crate) fn new(bytes: usize) -> Self {
        Slab {
            bytes,
            free: BTreeMap::from([(0, (bytes, T::default()))]),
        }
    }

    /// Takes a part of `bytes` (rounded up): its offset and the note of those who had it. The
    /// smallest that fits, of these the first.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<(usize, T)> {
        let bytes = padded(bytes);
        let fits = self.free.iter().filter(|(_, (len, _))| *len >= bytes);
        let (&at, _) = fits.min_by_key(|(_, (len, _))| *len)?;
        let (len, note) = self.free.remove(&at)?;
        if len > bytes {
            self.free.insert(at + bytes, (len - bytes, note.clone()));
        }
        Some((at, note))
    }

    /// Gives a part back. `merge` makes one note of two, of neighbours that become one part.
    pub(crate) fn give(&mut self, at: usize, bytes: usize, note: T, merge: impl Fn(T, T) -> T) {
        let (mut at, mut len, mut note) = (at, padded(bytes), note);
        if let Some((next, more)) = self.free.remove(&(at + len)) {
            len += next;
            note = merge(note, more);
        }
        let before = self.free.range(..at).next_back();
        if let Some((&start, &(size, _))) = before.filter(|(start, (size, _))| *start + size == at)
            && let Some((_, more)) = self.free.remove(&start)
        {
            (at, len) = (start, size + len);
            note = merge(note, more);
        }
        self.free.insert(at, (len, note));
    }

    /// Whether nothing of it is taken.
    pub(crate) fn is_free(&self) -> bool {
        self.free.get(&0).is_some_and(|(len, _)| *len == self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_aligned_apart_and_come_back_whole() {
        let mut slab = Slab::<u32>::new(8 * ALIGN);
        let a = slab.take(1).unwrap().0;
        let b = slab.take(ALIGN + 1).unwrap().0;
        let c = slab.take(5 * ALIGN).unwrap().0;
        assert_eq!((a, b, c), (0, ALIGN, 3 * ALIGN));
        assert!(slab.take(1).is_none() && !slab.is_free());
        let either = |x, y| x | y;
        slab.give(b, ALIGN + 1, 2, either);
        assert!(slab.take(2 * ALIGN + 1).is_none());
        slab.give(a, 1, 1, either);
        // Both neighbours' users are remembered.
        assert_eq!(slab.take(3 * ALIGN), Some((0, 3)));
        slab.give(0, 3 * ALIGN, 0, either);
        slab.give(c, 5 * ALIGN, 4, either);
        assert!(slab.is_free());
    }

    #[test]
    fn the_smallest_part_that_fits_is_taken() {
        let mut slab = Slab::<()>::new(10 * ALIGN);
        let parts = [3, 1, 2, 1, 3].map(|n| slab.take(n * ALIGN).unwrap().0);
        slab.give(parts[0], 3 * ALIGN, (), |_, _| ());
        slab.give(parts[2], 2 * ALIGN, (), |_, _| ());
        assert_eq!(slab.take(2 * ALIGN).unwrap().0, parts[2]);
        assert_eq!(slab.take(1).unwrap().0, parts[0]);
    }
}
