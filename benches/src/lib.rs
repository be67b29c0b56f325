//! Nothing: the benches are in `benches/kernels/`, what they measure is in `README.md`.

#![forbid(unsafe_code)]
