//! The reference backend keeps every promise.

epitile_core::conformance!(
    epitile_core::reference::Reference,
    [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
);
