//! The promises of a [`Backend`], as checks that every backend must pass.
//!
//! A backend's `tests/conformance.rs` is one call of [`conformance!`](crate::conformance!);
//! programs walk [`checks`] or [`outcomes`] instead and print what they return; fuzz targets call
//! the single-case functions (`gemm::holds`, …) with inputs of their own.
//!
//! | file | what it holds |
//! |---|---|
//! | [`failure`] | what a failed check says |
//! | [`gauge`] | oracles better than f64, derived bounds, bitwise comparison |
//! | [`sample`] | deterministic inputs, ordinary and adversarial |
//! | [`upload`] [`convert`] [`demote`] [`norm`] | tiles in, out, settled, and from one format to another |
//! | [`roundoff`] | what sums lose, measured against what the backend says |
//! | [`gemm`] [`syrk`] [`trsm`] [`potrf`] | the linear algebra, entry by entry |
//! | [`panels`] | right-hand sides: no column sees its neighbours |
//! | [`pairs`] [`kernel`] | exact pair statistics and kernel tiles |
//! | [`flow`] | plan, factor, refinement and certificate together |
//!
//! Nothing here panics on a wrong result; bounds follow from unit roundoff and inner length
//! (N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM 2002).

use alloc::vec::Vec;

use crate::backend::Backend;
use crate::precision::Precision;

pub mod convert;
pub mod demote;
pub mod failure;
pub mod flow;
pub mod gauge;
pub mod gemm;
pub mod kernel;
pub mod norm;
pub mod pairs;
pub mod panels;
pub mod potrf;
pub mod roundoff;
pub mod sample;
pub mod syrk;
pub mod trsm;
pub mod upload;

pub use failure::Failure;

/// Formats a check is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// Every format that the backend supports, as that of an operand.
    Every,
    /// F64 and F32, the formats of an output.
    Accumulators,
    /// F64 only; checks without a format are among these.
    Double,
}

impl Formats {
    /// Whether the check is run for `precision`.
    pub fn contain(self, precision: Precision) -> bool {
        match self {
            Formats::Every => precision != Precision::I8,
            Formats::Accumulators => matches!(precision, Precision::F64 | Precision::F32),
            Formats::Double => precision == Precision::F64,
        }
    }
}

/// One promise of a backend.
#[derive(Debug)]
pub struct Check<B: Backend> {
    /// Name, a sentence in snake case.
    pub name: &'static str,
    /// Formats to run it for.
    pub formats: Formats,
    /// Runs it for one format.
    pub run: fn(&B, Precision) -> Result<(), Failure>,
}

/// All checks, in the order in which they build on each other.
pub fn checks<B: Backend>() -> Vec<Check<B>> {
    let mut all = Vec::new();
    all.extend(crate::conformance!(@list every table (Every)));
    all.extend(crate::conformance!(@list accumulators table (Accumulators)));
    all.extend(crate::conformance!(@list double table (Double)));
    all
}

/// Runs all checks for all formats that `backend` supports: name, format and outcome of each.
pub fn outcomes<B: Backend>(
    backend: &B,
) -> impl Iterator<Item = (&'static str, Precision, Result<(), Failure>)> {
    checks::<B>().into_iter().flat_map(move |check| {
        let formats = Precision::ALL.into_iter();
        formats
            .filter(move |&p| check.formats.contain(p) && backend.supports(p))
            .map(move |p| (check.name, p, (check.run)(backend, p)))
    })
}

/// Panics with the text of a failure; the body of every test of [`conformance!`](crate::conformance!).
///
/// # Panics
/// If `outcome` is a failure.
#[track_caller]
pub fn require(outcome: Result<(), Failure>) {
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Expands to one `#[test]` per check and format, in one module per format.
///
/// The backend is an expression, evaluated once per test; for a shared one write `*shared()`.
/// Call it in a module of its own: the modules `f64` and `f32` hide the types of that name.
///
/// ```
/// use epitile_core::reference::Reference;
/// epitile_core::conformance!(Reference, [F64, F32, F16, Bf16, F8E4M3]);
/// ```
#[macro_export]
macro_rules! conformance {
    ($backend:expr, [$($format:ident),+ $(,)?]) => {
        $( $crate::conformance! { @module $format $backend } )+
    };
    (@module F64 $b:expr) => {
        $crate::conformance! { @open f64 F64 $b, every accumulators double }
    };
    (@module F32 $b:expr) => { $crate::conformance! { @open f32 F32 $b, every accumulators } };
    (@module Tf32 $b:expr) => { $crate::conformance! { @open tf32 Tf32 $b, every } };
    (@module F16 $b:expr) => { $crate::conformance! { @open f16 F16 $b, every } };
    (@module Bf16 $b:expr) => { $crate::conformance! { @open bf16 Bf16 $b, every } };
    (@module F8E4M3 $b:expr) => { $crate::conformance! { @open f8e4m3 F8E4M3 $b, every } };
    (@module F8E5M2 $b:expr) => { $crate::conformance! { @open f8e5m2 F8E5M2 $b, every } };
    (@open $module:ident $format:ident $b:expr, $($list:ident)+) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $( $crate::conformance! { @list $list tests ($format $b) } )+
        }
    };
    // The one list of checks: a new one is one line here.
    (@list every $then:ident $context:tt) => {
        $crate::conformance! { @$then $context
            upload::upload_and_download_keep_every_bit
            upload::settled_tiles_keep_every_bit
            convert::convert_rounds_once
            convert::convert_keeps_signs_and_flushes
            norm::norm_is_within_the_bound_of_its_sum
            demote::demotion_takes_the_natural_scale
            demote::demoted_tiles_are_like_all_others
            gemm::gemm_is_within_its_bound
            roundoff::accumulator_roundoff_bounds_what_sums_lose
            syrk::syrk_is_within_its_bound
            trsm::trsm_leaves_a_residual_within_its_bound
            panels::apply_is_within_its_bound
            panels::apply_columns_do_not_see_their_neighbours
            panels::apply_rows_do_not_see_their_neighbours
            panels::trsm_columns_do_not_see_their_neighbours
            flow::solutions_are_certified
        }
    };
    (@list accumulators $then:ident $context:tt) => {
        $crate::conformance! { @$then $context
            gemm::accumulator_roundoff_is_plausible
            norm::shift_touches_the_diagonal_only
            potrf::potrf_leaves_a_residual_within_its_bound
            potrf::potrf_rejects_what_is_not_positive_definite
            kernel::kernel_tiles_keep_every_bit
            kernel::kernel_tiles_keep_every_bit_with_missing_dosages
            kernel::kernel_tiles_keep_every_bit_with_covariates
            kernel::kernel_tiles_keep_every_bit_across_blocks
        }
    };
    (@list double $then:ident $context:tt) => {
        $crate::conformance! { @$then $context
            pairs::pair_statistics_are_exact
            pairs::pair_statistics_are_exact_with_missing_dosages
            pairs::pair_statistics_are_exact_across_blocks
            flow::mixed_plans_are_certified
        }
    };
    (@tests ($format:ident $b:expr) $($file:ident::$check:ident)+) => {
        $(
            #[test]
            fn $check() {
                $crate::conformance::require($crate::conformance::$file::$check(
                    &$b,
                    $crate::precision::Precision::$format,
                ));
            }
        )+
    };
    (@table ($formats:ident) $($file:ident::$check:ident)+) => {
        [$( Check::<B> {
            name: stringify!($check),
            formats: Formats::$formats,
            run: $file::$check::<B>,
        } ),+]
    };
}
