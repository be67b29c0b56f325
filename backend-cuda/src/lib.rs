//! The CUDA backend of epitile: [`Cuda`] computes on tiles in the memory of one NVIDIA GPU.
//!
//! **Not yet run on a GPU.** What could be tested without one was: the kernels' own text compiled for
//! a CPU, and everything else on fake libraries (`fake/`), through the conformance suite.
//!
//! | file | job |
//! |---|---|
//! | `backend.rs` | [`Cuda`]: the operations of `epitile_core::backend::Backend` |
//! | `probe.rs` | [`probe()`]: which device there is, or what is missing |
//! | `tile.rs` | [`CudaTile`]: a matrix on the device |
//! | `pairs.rs` | [`CudaPanel`], [`CudaPairs`]: exact pair statistics |
//! | `dots.rs`, `weighted.rs` | products of dosages, without and with weights |
//! | `missing.rs` | what missing calls add |
//! | `digits.rs` | sums of integers of more than a byte, of which both are made |
//! | `kernel.rs` | kernel tiles |
//! | `convert.rs`, `norm.rs` | tiles of any precision rounded, measured |
//! | `algebra.rs` | gemm, syrk, trsm, potrf by NVIDIA's libraries |
//! | `panel.rs` | products and solves of right-hand sides, with promised bits |
//! | `memory.rs` | what a run will take of the device's memory |
//! | `slab.rs` | which parts of device memory are free |
//! | `ceilings.rs` | [`ceilings`](fn@ceilings): what this device can do at most |
//! | `error.rs` | [`CudaError`] |
//! | `sys/` | calls of the driver and the libraries: all unsafe code |
//! | `../kernels/*.cu` | the kernels, as CUDA C++; `../ptx/` is what `../scripts/ptx` makes of them |
//! | `../fake/` | the kernels' shim and the fake libraries of the tests |
//!
//! What each operation runs on the device:
//!
//! | operation | runs |
//! |---|---|
//! | `panel` | copies of the bit planes |
//! | `pairs` | for 8,192 SNPs at a time `expand` of rows and columns and an INT8 product (cuBLASLt), then `distances`; for standardised kernels, and twice more where calls are missing, a product for each of five digits, then `digits` |
//! | `pair_block` | `gather` |
//! | `kernel_tile` | `kernel_tile`, after what `pairs` runs where numbers are not kept |
//! | `demote` | `largest`, `natural`, then as `convert`: the scale stays on the device |
//! | `convert` | `convert`, or `turn` to and from E4M3, whose tiles are row-major |
//! | `norm` | `norm_rows`, `norm_columns`, two copies to the host |
//! | `shift` | `shift` |
//! | `gemm`, `syrk` | `convert` of operands that tensor cores do not take, a product (cuBLASLt); two tiles in E4M3 as they are, where the device and their sizes allow; before it `factors` if a scale is known to the device only |
//! | `apply` | `apply` |
//! | `trsm` | for right-hand sides `solve`, else cuBLAS trsm |
//! | `potrf` | cuSOLVER potrf, `clear`, `pivot`, and twelve bytes to the host |

#![deny(unsafe_code)]

mod algebra;
mod backend;
mod ceilings;
mod convert;
mod digits;
mod dots;
mod error;
mod kernel;
pub mod memory;
mod missing;
mod norm;
mod pairs;
mod panel;
pub mod probe;
mod slab;
#[allow(unsafe_code)]
mod sys;
mod tile;
mod weighted;

pub use backend::{Cuda, LARGEST_EDGE};
pub use ceilings::ceilings;
pub use error::CudaError;
pub use pairs::{CudaPairs, CudaPanel};
pub use probe::{Device, Missing, probe};
pub use tile::CudaTile;
