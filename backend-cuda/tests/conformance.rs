//! The promises of every backend, on the fake device, whose streams run as late as they may.

mod fake;

mod suite {
    use crate::fake::cuda;
    epitile_core::conformance!(*cuda(), [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]);
}
