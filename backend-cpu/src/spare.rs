//! Memory of tiles that are no longer needed, for the next ones of the same thread: fresh memory is
//! cleared by the system page by page, which takes as long as a kernel tile.

use std::cell::RefCell;

use epitile_core::precision::Precision;
use epitile_core::tile::Tile;

/// Tiles whose memory a thread keeps, and the most words of one.
const TILES: usize = 2;
const WORDS: usize = 1 << 20;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

/// A tile with scale 2⁰ and any values.
pub(crate) fn tile(shape: (usize, usize), precision: Precision) -> Tile {
    let words = (shape.0 * shape.1 * precision.bytes()).div_ceil(8);
    let found = SPARE.with_borrow_mut(|spare| {
        let fits = |kept: &Vec<u64>| (words..=2 * words).contains(&kept.len());
        spare.iter().position(fits).map(|at| spare.swap_remove(at))
    });
    match found {
        Some(kept) => Tile::over(kept, shape, precision),
        None => Tile::zeros(shape.0, shape.1, precision),
    }
}

/// Keeps the memory of a tile.
pub(crate) fn give(tile: Tile) {
    let Some(words) = tile.into_words().filter(|words| words.len() <= WORDS) else {
        return;
    };
    SPARE.with_borrow_mut(|spare| {
        if spare.len() == TILES {
            spare.remove(0);
        }
        spare.push(words);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_made_in_the_memory_of_one_that_was_given_back() {
        let first = Tile::from_f64(4, 2, &[1.0; 8], Precision::F64, 3);
        let place = first.bytes().as_ptr();
        give(first);
        let larger = tile((4, 5), Precision::F64);
        assert_ne!(larger.bytes().as_ptr(), place);
        assert_eq!(larger, Tile::zeros(4, 5, Precision::F64));
        let next = tile((3, 2), Precision::F64);
        assert_eq!(next.bytes().as_ptr(), place);
        assert_eq!((next.rows(), next.cols(), next.scale()), (3, 2, 0));
        give(Tile::from_f64(3, 1, &[1.0; 3], Precision::F32, 0));
        let mut odd = tile((3, 1), Precision::F32);
        odd.as_mut().write(&[0.0; 3]);
        assert_eq!(odd, Tile::zeros(3, 1, Precision::F32));
    }
}
