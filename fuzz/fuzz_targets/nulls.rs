//! See [`epitile_fuzz::nulls`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::nulls::check(bytes));
