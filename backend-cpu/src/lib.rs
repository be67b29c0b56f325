//! The CPU backend of epitile: [`Cpu`] computes on tiles in main memory, [`Rayon`] runs tasks.
//!
//! | file | job |
//! |---|---|
//! | `backend.rs` | [`Cpu`]: the operations of `epitile_core::backend::Backend` |
//! | `engine.rs` | [`Rayon`]: tasks in parallel, in the order their reads and writes imply |
//! | `pairs.rs`, `missing.rs`, `product.rs`, `codes.rs`, `slice.rs`, `room.rs` | [`Pairs`]: exact pair statistics |
//! | `kernel.rs` | kernel tiles |
//! | `operand.rs`, `convert.rs`, `norm.rs` | tiles of any precision read, rounded, measured |
//! | `algebra.rs`, `dense.rs` | gemm, syrk, trsm, potrf on borrowed views |
//! | `panel.rs` | products and solves of right-hand sides, with promised bits |
//! | `spectral.rs` | [`rational_sums`]: what likelihoods of a diagonal kernel are made of |
//! | `scratch.rs`, `scratch/` | [`Scratch`]: a file for what does not fit in memory |
//! | `ceilings.rs` | [`ceilings`](fn@ceilings): what this machine can do at most |
//! | `simd/` | the kernels, compiled once per instruction set |
//! | `lapack.rs` | `LapackCpu`, the same backend on a system BLAS and LAPACK (feature `lapack`) |
//! | `error.rs` | [`CpuError`] |

#![deny(unsafe_code)]

mod algebra;
mod backend;
mod ceilings;
mod codes;
mod convert;
mod dense;
mod engine;
mod error;
mod kernel;
#[cfg(feature = "lapack")]
#[allow(unsafe_code)]
mod lapack;
mod missing;
mod norm;
mod operand;
mod pairs;
mod panel;
mod product;
mod room;
mod scratch;
#[allow(unsafe_code)]
mod simd;
mod slice;
mod spare;
mod spectral;

pub use backend::Cpu;
pub use ceilings::{Ceiling, ceilings};
pub use engine::Rayon;
pub use error::CpuError;
#[cfg(feature = "lapack")]
pub use lapack::LapackCpu;
pub use pairs::Pairs;
pub use scratch::Scratch;
pub use spectral::rational_sums;
