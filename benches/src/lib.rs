//! Nothing: the benches are in `benches/kernels/`, the comparison with other programs in
//! `compare/`, the process it talks to in `src/worker/`; what they measure is in `README.md`.

#![forbid(unsafe_code)]
