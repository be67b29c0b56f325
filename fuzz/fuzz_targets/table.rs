//! See [`epitile_fuzz::table`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::table::check(bytes));
