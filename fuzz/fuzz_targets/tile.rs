//! See [`epitile_fuzz::tile`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::tile::check(bytes));
