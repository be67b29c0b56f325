//! Kernels compiled once per instruction set, chosen at run time.
//!
//! Most kernels are one safe body of plain loops that the compiler vectorises; `multiversion!`
//! compiles it for AVX-512, for AVX2 and for the baseline, and asks the processor which to run.
//! Counts, lookups and the kernels of `gemm/` are written in the instructions of each set:
//! `popcount/avx512.rs`, `gemm/x86.rs` and so on.
//!
//! | file | kernels |
//! |---|---|
//! | `ceilings.rs` | what an instruction set can do at most |
//! | `amx.rs` | the matrix unit of x86 processors: may it be used? |
//! | `level.rs` | the instruction sets and `multiversion!` |
//! | `alone.rs` | sums of numbers by the calls of one individual |
//! | `count.rs` | numbers in which pairs are counted |
//! | `dosages.rs` | products of dosages as bytes |
//! | `popcount.rs` | differences of bit planes, all alike or weighted |
//! | `line.rs`, `transpose.rs` | 512 bits; calls of one SNP next to each other |
//! | `lookup.rs` | sums of numbers per SNP and dosage |
//! | `kernel.rs` | kernel functions of many pairs |
//! | `gemm/` | products, triangular solves and Cholesky factors of tiles |
//! | `panel.rs` | products and solves of right-hand sides |
//! | `decode.rs` | numbers of any format as f64 |
//! | `convert.rs`, `norm.rs` | rounding; sums of magnitudes and squares |
//! | `spectral.rs` | sums of weighted products of columns |

pub(crate) mod alone;
#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
pub(crate) mod ceilings;
pub(crate) mod convert;
pub(crate) mod count;
pub(crate) mod decode;
pub(crate) mod dosages;
pub(crate) mod gemm;
pub(crate) mod kernel;
pub(crate) mod level;
pub(crate) mod line;
pub(crate) mod lookup;
pub(crate) mod norm;
pub(crate) mod panel;
pub(crate) mod popcount;
pub(crate) mod spectral;
pub(crate) mod transpose;
