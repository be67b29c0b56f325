//! What is kept comes back, whatever the window, and room is used again.

use std::fs::File;

use epitile_core::precision::Precision;

use super::*;

fn scratch(window: u64) -> Scratch {
    Scratch::new(&std::env::temp_dir(), window).unwrap()
}

fn numbers(seed: u64, count: usize) -> Vec<i64> {
    let mixed = |i: u64| (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64;
    (0..count as u64).map(mixed).collect()
}

#[test]
fn what_is_kept_comes_back_on_all_threads_whatever_the_window() {
    for window in [0, 100_000, u64::MAX] {
        let scratch = scratch(window);
        let kept: Vec<Stored<i64>> = (0..40)
            .map(|s| scratch.keep(numbers(s, 2000 + s as usize).into()).unwrap())
            .collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let kept = &kept;
                scope.spawn(move || {
                    for step in 0..200 {
                        let s = (step * 7 + thread * 11) % 40;
                        assert_eq!(kept[s][..], numbers(s as u64, 2000 + s));
                    }
                });
            }
        });
        let bytes: u64 = kept.iter().map(|k| 8 * k.len() as u64).sum();
        assert_eq!(scratch.written(), bytes);
        assert!(scratch.read() >= bytes);
        // A window that holds all is filled once, but for threads that come at the same time.
        assert!(window < u64::MAX || scratch.read() <= 4 * bytes);
        assert!(window > 0 || scratch.read() > 4 * bytes);
    }
}

#[test]
fn room_that_is_given_back_is_used_again() {
    let scratch = scratch(1 << 20);
    for round in 0..50 {
        let kept: Vec<_> = (0..10)
            .map(|s| scratch.keep(numbers(s + round, 30_000).into()).unwrap())
            .collect();
        assert_eq!(kept[3][..], numbers(3 + round, 30_000));
    }
    let mut book = scratch.0.book();
    assert_eq!(book.stretches.len(), 1);
    let all = book.stretches[0].space.take(STRETCH);
    assert_eq!(all, Some(0), "the room is one range again");
}

#[test]
fn a_tile_keeps_its_bits_in_the_file_and_leaves_it_to_be_written() {
    let scratch = scratch(0);
    let values: Vec<f64> = (0..35).map(|i| f64::from(i - 17) * 0.37).collect();
    for precision in Precision::ALL {
        let tile = Tile::from_f64(7, 5, &values, precision, -3);
        let mut kept = scratch.tile(tile.clone()).unwrap();
        assert_eq!(kept, tile);
        let other = kept.clone();
        kept.as_mut().write(&vec![0.0; 35]);
        assert_eq!(other, tile);
        assert_eq!(kept.to_f64(), [0.0; 35]);
    }
    let written = scratch.written();
    let empty = scratch.tile(Tile::zeros(0, 3, Precision::F64)).unwrap();
    assert_eq!((empty.cols(), scratch.written()), (3, written));
}

#[test]
fn more_than_a_stretch_in_one_piece_gets_a_stretch_of_its_size() {
    let mut book = Book {
        file: tempfile::tempfile().unwrap(),
        stretches: Vec::new(),
    };
    assert_eq!(book.take(ALIGN).unwrap(), (0, 0));
    assert_eq!(book.take(STRETCH + ALIGN).unwrap(), (1, 0));
    assert_eq!(book.take(STRETCH - ALIGN).unwrap(), (0, ALIGN));
    assert_eq!(book.stretches[1].start, STRETCH as u64);
    assert_eq!(book.file.metadata().unwrap().len(), 3 * STRETCH as u64);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_with_its_cause() {
    assert!(Scratch::new(&std::env::temp_dir().join("no such folder"), 1).is_err());
    let file = tempfile::NamedTempFile::new().unwrap();
    let scratch = Scratch::of(File::open(file.path()).unwrap(), 1);
    assert!(scratch.failure().is_none());
    let tile = Tile::zeros(3, 3, Precision::F64);
    assert_eq!(scratch.tile(tile), Err(CpuError::Scratch));
    assert!(scratch.failure().is_some());
}
