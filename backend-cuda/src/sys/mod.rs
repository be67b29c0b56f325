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
//! | `statistic.rs`, `weighted.rs` | the kernels of pair statistics: distances, standardised products |
//! | `map.rs` | kernel functions and the kernel of their tiles |
//! | `matmul.rs` | products by cuBLASLt |
//! | `factor.rs` | triangular solves by cuBLAS, Cholesky factors by cuSOLVER |

mod buffer;
mod calls;
mod convert;
mod device;
mod driver;
mod factor;
mod launch;
mod library;
mod map;
mod matmul;
mod natural;
mod statistic;
mod weighted;

pub(crate) use buffer::Buffer;
pub(crate) use calls::{Calls, Index};
pub(crate) use device::Device;
pub(crate) use driver::describe;
pub(crate) use factor::Side;
pub(crate) use launch::Operand;
pub(crate) use library::load;
pub(crate) use map::Map;
pub(crate) use matmul::{Matrix, Number};
pub(crate) use statistic::{Numbers, Order};
pub(crate) use weighted::{RADIX, Rest, SLICES};
