//! Free ranges of a stretch.

use std::collections::BTreeMap;
use std::ops::Range;

/// The free ranges: where each begins, and its length. No two touch.
#[derive(Debug)]
pub(super) struct Space(BTreeMap<usize, usize>);

impl Space {
    /// All of `len` bytes.
    pub(super) fn new(len: usize) -> Self {
        Space([(0, len)].into())
    }

    /// Takes `len` bytes from the first range that has as many; gives where they begin.
    pub(super) fn take(&mut self, len: usize) -> Option<usize> {
        let (&start, &room) = self.0.iter().find(|&(_, &room)| room >= len)?;
        self.0.remove(&start);
        if room > len {
            self.0.insert(start + len, room - len);
        }
        Some(start)
    }

    /// Makes a range free again, joined with its free neighbours.
    pub(super) fn give(&mut self, range: Range<usize>) {
        let Range { mut start, mut end } = range;
        if let Some(room) = self.0.remove(&end) {
            end += room;
        }
        if let Some((&before, &room)) = self.0.range(..start).next_back()
            && before + room == start
        {
            start = before;
        }
        self.0.insert(start, end - start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_taken_do_not_overlap_and_all_come_back_as_one() {
        let mut space = Space::new(1000);
        let mut taken: Vec<Range<usize>> = Vec::new();
        let mut state = 1u64;
        for _ in 0..2000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            let (len, which) = ((state >> 60) as usize + 1, (state >> 33) as usize);
            if state >> 40 & 3 == 0 && !taken.is_empty() {
                space.give(taken.swap_remove(which % taken.len()));
            } else if let Some(start) = space.take(len) {
                let new = start..start + len;
                assert!(new.end <= 1000);
                let apart = |t: &Range<usize>| t.end <= new.start || new.end <= t.start;
                assert!(taken.iter().all(apart), "{new:?} of {taken:?}");
                taken.push(new);
            }
        }
        taken.into_iter().for_each(|range| space.give(range));
        assert_eq!(space.take(1000), Some(0));
        assert_eq!(space.take(1), None);
    }
}
