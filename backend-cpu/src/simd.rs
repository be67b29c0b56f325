//! Kernels compiled once per instruction set, chosen at run time.
//!
//! Most kernels are one safe body of plain loops that the compiler vectorises; `multiversion!`
//! compiles it for AVX-512, for AVX2 and for the baseline, and asks the processor which to run.
//! Those of `gemm/` are written with intrinsics.
//!
//! | file | kernels |
//! |---|---|
//! | `level.rs` | the instruction sets and `multiversion!` |
//! | `popcount.rs` | differences of bit planes |
//! | `spread.rs` | numbers per SNP and dosage, laid out by individual |
//! | `product.rs` | exact products of integer codes |
//! | `kernel.rs` | kernel functions of many pairs |
//! | `gemm/` | products, triangular solves and Cholesky factors of tiles |
//! | `panel.rs` | products and solves of right-hand-side panels |
//! | `convert.rs`, `norm.rs` | rounding; sums of magnitudes and squares |

pub(crate) mod convert;
pub(crate) mod gemm;
pub(crate) mod kernel;
pub(crate) mod level;
pub(crate) mod norm;
pub(crate) mod panel;
pub(crate) mod popcount;
pub(crate) mod product;
pub(crate) mod spread;
