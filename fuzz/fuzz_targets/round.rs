//! See [`epitile_fuzz::round`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::round::check(bytes));
