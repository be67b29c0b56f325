//! Memory of tiles that are no longer needed, for the next ones: fresh memory is cleared by the
//! system page by page, which takes as long as a kernel tile does, and for all tiles of a factor up to
//! a third of the time of factoring.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

/// Tiles whose memory a thread keeps for itself.
const TILES: usize = 2;
/// The most words of one tile that is kept.
const WORDS: usize = 1 << 20;
/// The most words that all threads keep together beside that: 1 GiB. What a larger factor is cleared
/// in is little beside what it computes.
const SHELF: usize = 1 << 27;

/// Memory, the oldest first, and how many words it is.
struct Shelf {
    kept: VecDeque<Vec<u64>>,
    words: usize,
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

/// What threads have beyond [`TILES`].
static COMMON: Mutex<Shelf> = Mutex::new(Shelf {
    kept: VecDeque::new(),
    words: 0,
});

impl Shelf {
    fn take(&mut self, fits: impl Fn(&Vec<u64>) -> bool) -> Option<Vec<u64>> {
        // What came last may still be in a cache.
        let at = self.kept.iter().rposition(fits)?;
        let found = self.kept.swap_remove_back(at)?;
        self.words -= found.capacity();
        Some(found)
    }

    fn put(&mut self, words: Vec<u64>, most: usize) {
        self.words += words.capacity();
        self.kept.push_back(words);
        while self.words > most {
            let oldest = self.kept.pop_front().map_or(0, |w| w.capacity());
            self.words -= oldest;
        }
    }
}

/// A tile with any values.
pub(crate) fn tile(shape: (usize, usize), precision: Precision, scale: i32) -> Tile {
    let words = (shape.0 * shape.1 * precision.bytes()).div_ceil(8);
    // What is much larger had better wait for a larger tile.
    let fits = |kept: &Vec<u64>| (words..=words + words / 8).contains(&kept.capacity());
    let own = SPARE.with_borrow_mut(|spare| {
        let at = spare.iter().position(fits)?;
        Some(spare.swap_remove(at))
    });
    // A panic elsewhere leaves the shelf whole.
    let shelf = || COMMON.lock().unwrap_or_else(PoisonError::into_inner);
    let found = own.or_else(|| shelf().take(fits));
    Tile::over(
        found.unwrap_or_else(|| vec![0; words]),
        shape,
        precision,
        scale,
    )
}

/// Keeps the memory of a tile.
pub(crate) fn give(tile: Tile) {
    let Some(words) = tile.into_words().filter(|words| words.capacity() <= WORDS) else {
        return;
    };
    let more = SPARE.with_borrow_mut(|spare| {
        spare.push(words);
        (spare.len() > TILES).then(|| spare.remove(0))
    });
    if let Some(words) = more {
        let mut shelf = COMMON.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.put(words, SHELF);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_made_in_the_memory_of_one_that_was_given_back() {
        let first = Tile::from_f64(4, 2, &[1.0; 8], Precision::F64, 3);
        let place = first.bytes().as_ptr();
        give(first);
        let mut larger = tile((4, 5), Precision::F64, 0);
        assert_ne!(larger.bytes().as_ptr(), place);
        larger.as_mut().write(&[0.0; 20]);
        assert_eq!(larger, Tile::zeros(4, 5, Precision::F64));
        let next = tile((4, 4), Precision::F32, -7);
        assert_eq!(next.bytes().as_ptr(), place);
        assert_eq!((next.rows(), next.cols(), next.scale()), (4, 4, -7));
        give(Tile::from_f64(3, 1, &[1.0; 3], Precision::F32, 0));
        let mut odd = tile((3, 1), Precision::F32, 0);
        odd.as_mut().write(&[0.0; 3]);
        assert_eq!(odd, Tile::zeros(3, 1, Precision::F32));
    }

    #[test]
    fn a_shelf_keeps_no_more_than_it_may_and_the_youngest() {
        let mut shelf = Shelf {
            kept: VecDeque::new(),
            words: 0,
        };
        (1..=4).for_each(|v| shelf.put(vec![v; 10], 30));
        assert_eq!((shelf.words, shelf.kept.len()), (30, 3));
        assert_eq!(shelf.take(|w| w.capacity() == 10), Some(vec![4; 10]));
        assert_eq!(shelf.take(|w| w.capacity() == 11), None);
        shelf.put(vec![5; 31], 30);
        assert_eq!((shelf.words, shelf.kept.len()), (0, 0));
    }
}
