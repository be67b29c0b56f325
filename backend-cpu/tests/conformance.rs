//! Every promise of a backend, for each backend of this crate.

mod cpu {
    epitile_core::conformance!(
        epitile_cpu::Cpu::MEMORY,
        [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
    );
}

#[cfg(feature = "lapack")]
mod lapack {
    epitile_core::conformance!(
        epitile_cpu::LapackCpu::new(),
        [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
    );
}
