//! The conformance suite can fail: every fault below is caught by the checks named beside it, for
//! the formats named beside it, and by no other check.

mod backend;

use backend::Wrong;
use epitile_core::conformance::checks;
use epitile_core::precision::Precision::{self, *};

use Fault::*;

/// What a wrong backend does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    UploadIgnoresTheLeadingDimension,
    DownloadLosesTheScale,
    SettleLosesTheLastBit,
    ConvertIsOneUlpOff,
    ConvertRoundsTwice,
    ConvertForgetsToFlush,
    NormSumsInF32,
    NormForgetsTheScale,
    NormSumsRowsAsColumns,
    DemoteTakesTheNextScale,
    ShiftAddsToAColumn,
    GemmDropsTheLastProduct,
    GemmSumsInHalf,
    GemmStartsFromC,
    GemmTransposesB,
    ApplyDropsTheLastProduct,
    ApplySeesColumns,
    ApplySeesRows,
    SyrkReadsTheUpperTriangle,
    TrsmTransposes,
    TrsmMultipliesByAnInverse,
    TrsmSeesColumns,
    PotrfAcceptsIndefinite,
    PotrfAcceptsNan,
    PotrfBlamesTheNextPivot,
    PotrfReadsTheUpperTriangle,
    PotrfLeavesTheUpperTriangle,
    PairOffByOneWhereMissing,
    PairWrapsAtTheBlockEdge,
    KernelOneUlpOff,
    KernelSortsItsRows,
    KernelRoundsThroughF32,
    KernelForgetsToFlush,
    RoundoffIsClaimedTooLarge,
    /// No fault: operations may be asynchronous.
    ErrorSurfacesAtSynchronize,
}
/// Demands that the checks named fail for the formats named (for all supported, if none is), and
/// that all others pass: tried in F64 and in the formats named, to save time.
fn caught(fault: Fault, expected: &[(&str, &[Precision])]) {
    let (backend, all) = (Wrong::new(fault), checks::<Wrong>());
    for (name, _) in expected {
        assert!(all.iter().any(|c| c.name == *name), "no check {name}");
    }
    // The whole flow is built on all operations and repairs some faults: it proves nothing here.
    for check in all
        .into_iter()
        .filter(|c| !c.name.ends_with("_are_certified"))
    {
        let named = expected.iter().find(|(name, _)| *name == check.name);
        for p in [F64, F32, F16]
            .into_iter()
            .filter(|&p| check.formats.contain(p))
        {
            let due = named.is_some_and(|(_, formats)| formats.is_empty() || formats.contains(&p));
            if p != F64 && named.is_none() {
                continue;
            }
            match (check.run)(&backend, p) {
                Ok(()) => assert!(!due, "{fault:?} passes {} for {p}", check.name),
                Err(failure) => assert!(due, "{fault:?} fails {} for {p}: {failure}", check.name),
            }
        }
    }
}

macro_rules! faults {
    ($($test:ident: $fault:ident => [$($check:ident $formats:tt),* $(,)?];)+) => {
        $(
            #[test]
            #[cfg_attr(miri, ignore)]
            fn $test() {
                caught($fault, &[$((stringify!($check), &$formats)),*]);
            }
        )+
    };
}

faults! {
    an_ignored_leading_dimension_is_caught: UploadIgnoresTheLeadingDimension => [
        upload_and_download_keep_every_bit [],
        settled_tiles_keep_every_bit [],
    ];
    a_lost_scale_is_caught: DownloadLosesTheScale => [
        upload_and_download_keep_every_bit [],
        settled_tiles_keep_every_bit [],
        convert_rounds_once [],
        convert_keeps_signs_and_flushes [],
        demotion_takes_the_natural_scale [F16],
        demoted_tiles_are_like_all_others [F16],
    ];
    a_bit_lost_in_settling_is_caught: SettleLosesTheLastBit => [
        settled_tiles_keep_every_bit [],
    ];
    one_ulp_in_one_entry_of_a_conversion_is_caught: ConvertIsOneUlpOff => [
        convert_rounds_once [],
        demotion_takes_the_natural_scale [F16],
    ];
    rounding_twice_is_caught: ConvertRoundsTwice => [convert_rounds_once [F64]];
    subnormals_that_survive_a_conversion_are_caught: ConvertForgetsToFlush => [
        convert_rounds_once [],
        convert_keeps_signs_and_flushes [],
    ];
    a_norm_in_f32_is_caught: NormSumsInF32 => [norm_is_within_the_bound_of_its_sum []];
    a_norm_without_scale_is_caught: NormForgetsTheScale => [
        norm_is_within_the_bound_of_its_sum [],
        demotion_takes_the_natural_scale [F16],
    ];
    row_sums_in_place_of_column_sums_are_caught: NormSumsRowsAsColumns => [
        norm_is_within_the_bound_of_its_sum [],
    ];
    a_scale_that_is_too_large_is_caught: DemoteTakesTheNextScale => [
        demotion_takes_the_natural_scale [],
    ];
    a_shift_off_the_diagonal_is_caught: ShiftAddsToAColumn => [
        shift_touches_the_diagonal_only [],
    ];
    a_dropped_product_is_caught: GemmDropsTheLastProduct => [
        gemm_is_within_its_bound [],
        accumulator_roundoff_bounds_what_sums_lose [],
    ];
    sums_in_half_precision_are_caught: GemmSumsInHalf => [
        gemm_is_within_its_bound [],
        accumulator_roundoff_bounds_what_sums_lose [],
    ];
    sums_that_start_from_c_are_caught: GemmStartsFromC => [gemm_is_within_its_bound []];
    a_transposed_operand_is_caught: GemmTransposesB => [gemm_is_within_its_bound []];
    a_product_that_is_dropped_for_right_hand_sides_is_caught: ApplyDropsTheLastProduct => [
        apply_is_within_its_bound [],
    ];
    a_product_that_sees_its_columns_is_caught: ApplySeesColumns => [
        apply_columns_do_not_see_their_neighbours [],
    ];
    a_product_that_sees_its_rows_is_caught: ApplySeesRows => [
        apply_rows_do_not_see_their_neighbours [],
    ];
    an_update_that_reads_above_the_diagonal_is_caught: SyrkReadsTheUpperTriangle => [
        syrk_is_within_its_bound [],
    ];
    a_transposed_solve_is_caught: TrsmTransposes => [trsm_leaves_a_residual_within_its_bound []];
    a_solve_by_an_inverse_is_caught: TrsmMultipliesByAnInverse => [
        trsm_leaves_a_residual_within_its_bound [],
    ];
    a_solve_that_sees_its_columns_is_caught: TrsmSeesColumns => [
        trsm_columns_do_not_see_their_neighbours [],
    ];
    a_factor_of_an_indefinite_matrix_is_caught: PotrfAcceptsIndefinite => [
        potrf_rejects_what_is_not_positive_definite [],
    ];
    a_factor_of_nan_is_caught: PotrfAcceptsNan => [
        potrf_rejects_what_is_not_positive_definite [],
    ];
    a_wrong_pivot_is_caught: PotrfBlamesTheNextPivot => [
        potrf_rejects_what_is_not_positive_definite [],
    ];
    a_factor_that_reads_above_the_diagonal_is_caught: PotrfReadsTheUpperTriangle => [
        potrf_leaves_a_residual_within_its_bound [],
    ];
    a_factor_with_entries_above_the_diagonal_is_caught: PotrfLeavesTheUpperTriangle => [
        potrf_leaves_a_residual_within_its_bound [],
    ];
    one_unit_where_a_call_is_missing_is_caught: PairOffByOneWhereMissing => [
        pair_statistics_are_exact_with_missing_dosages [],
        pair_statistics_are_exact_across_blocks [],
    ];
    a_block_of_pairs_read_twice_is_caught: PairWrapsAtTheBlockEdge => [
        pair_statistics_are_exact_across_blocks [],
    ];
    one_ulp_of_a_kernel_is_caught: KernelOneUlpOff => [
        kernel_tiles_keep_every_bit [],
        kernel_tiles_keep_every_bit_with_missing_dosages [],
        kernel_tiles_keep_every_bit_with_covariates [],
        kernel_tiles_keep_every_bit_across_blocks [],
    ];
    a_kernel_tile_in_another_order_is_caught: KernelSortsItsRows => [
        kernel_tiles_keep_every_bit [],
        kernel_tiles_keep_every_bit_with_missing_dosages [],
        kernel_tiles_keep_every_bit_with_covariates [],
        kernel_tiles_keep_every_bit_across_blocks [],
    ];
    a_kernel_in_f32_is_caught: KernelRoundsThroughF32 => [
        kernel_tiles_keep_every_bit [F64],
        kernel_tiles_keep_every_bit_with_missing_dosages [F64],
        kernel_tiles_keep_every_bit_with_covariates [F64],
        kernel_tiles_keep_every_bit_across_blocks [F64],
    ];
    subnormals_in_a_kernel_tile_are_caught: KernelForgetsToFlush => [
        kernel_tiles_keep_every_bit [F32],
        kernel_tiles_keep_every_bit_with_missing_dosages [F32],
        kernel_tiles_keep_every_bit_with_covariates [F32],
    ];
    a_claim_that_allows_anything_is_caught: RoundoffIsClaimedTooLarge => [
        accumulator_roundoff_is_plausible [],
    ];
    an_error_may_surface_at_synchronisation: ErrorSurfacesAtSynchronize => [];
}
