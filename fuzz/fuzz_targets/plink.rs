//! See [`epitile_fuzz::plink`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epitile_fuzz::plink::check(bytes));
