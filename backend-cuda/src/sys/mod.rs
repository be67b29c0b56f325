//! All calls of the driver and of NVIDIA's libraries, and all unsafe code of this crate.
//!
//! | file | holds |
//! |---|---|
//! | `library.rs` | which libraries can be loaded, and from where |
//! | `driver.rs` | context, modules, streams, events, memory: what the driver gives, given back |
//! | `buffer.rs` | parts of device memory that know who used them last |
//! | `device.rs` | one device: its lanes (a stream and the libraries' handles each) and its memory |
//! | `launch.rs` | the kernels, and a safe function for each that works on tiles |
//! | `convert.rs` | the kernels of conversions |
//! | `natural.rs` | scales that are found and kept on the device |
//! | `calls.rs` | genotypes on the device, lists of individuals |
//! | `expand.rs` | the kernels that make bytes of bit planes |
//! | `numbers.rs`, `pairs.rs` | numbers of pairs, and the kernels that make them |
//! | `map.rs` | kernel functions and the kernel of their tiles |
//! | `number.rs`, `matmul.rs` | products by cuBLASLt |
//! | `factor.rs` | triangular solves by cuBLAS, Cholesky factors by cuSOLVER |

mod buffer;
mod calls;
mod convert;
mod device;
mod driver;
mod expand;
mod factor;
mod launch;
mod library;
mod map;
mod matmul;
mod natural;
mod number;
mod numbers;
mod pairs;

pub(crate) use buffer::Buffer;
pub(crate) use calls::{Calls, Index};
pub(crate) use device::{Device, LANES, PIECE, workspace};
pub(crate) use driver::describe;
pub(crate) use expand::Bytes;
pub(crate) use factor::Side;
pub(crate) use launch::Operand;
pub(crate) use library::load;
pub(crate) use map::Map;
pub(crate) use matmul::Matrix;
pub(crate) use number::Number;
pub(crate) use numbers::{Numbers, Order};
pub(crate) use pairs::{Rest, SLICES};
