//! What the fuzz targets check: one function per target, from bytes to silence or a panic.
//!
//! The ordinary tests of `core` and `gwas` replay stored inputs through the same functions.

#[cfg(feature = "gwas")]
pub mod factor;
#[cfg(feature = "gwas")]
pub mod model;
#[cfg(feature = "gwas")]
pub mod nulls;
pub mod plan;
#[cfg(feature = "gwas")]
pub mod plink;
#[cfg(feature = "gwas")]
pub mod refused;
pub mod replay;
pub mod round;
#[cfg(feature = "gwas")]
pub mod scratch;
pub mod source;
#[cfg(feature = "gwas")]
pub mod table;
#[cfg(feature = "gwas")]
pub mod tile;

/// A target: its name, the inputs to start from, and its check.
pub type Target = (&'static str, fn() -> Vec<Vec<u8>>, fn(&[u8]));

/// Every target of this build.
pub const TARGETS: &[Target] = &[
    ("round", round::seeds, round::check),
    ("plan", plan::seeds, plan::check),
    #[cfg(feature = "gwas")]
    ("plink", plink::seeds, plink::check),
    #[cfg(feature = "gwas")]
    ("table", table::seeds, table::check),
    #[cfg(feature = "gwas")]
    ("tile", tile::seeds, tile::check),
    #[cfg(feature = "gwas")]
    ("model", model::seeds, model::check),
    #[cfg(feature = "gwas")]
    ("nulls", nulls::seeds, nulls::check),
    #[cfg(feature = "gwas")]
    ("factor", factor::seeds, factor::check),
];
