//! What the fuzz targets check: one function per target, from bytes to silence or a panic.
//!
//! The ordinary tests of `core` and `gwas` replay stored inputs through the same functions.

pub mod plink;
pub mod refused;
pub mod replay;
pub mod scratch;
pub mod source;
