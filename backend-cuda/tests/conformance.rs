//! The promises of every backend, on the fake device, whose streams run as late as they may.

use std::sync::OnceLock;

use epitile_cuda::Cuda;

mod fake;

fn shared() -> &'static Cuda {
    static CUDA: OnceLock<Cuda> = OnceLock::new();
    CUDA.get_or_init(|| Cuda::open(Some(fake::folder().into())).expect("the fake device"))
}

mod suite {
    use super::shared;
    epitile_core::conformance!(*shared(), [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]);
}
