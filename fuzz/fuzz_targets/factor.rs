//! See [`epitile_fuzz::factor`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::factor::check(bytes));
