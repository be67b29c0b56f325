//! Every promise of a backend, for each backend of this crate.

mod cpu {
    epitile_core::conformance!(
        epitile_cpu::Cpu::MEMORY,
        [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
    );
}

/// With pair statistics and settled tiles in a file, of which next to nothing stays mapped.
mod scratch {
    use epitile_cpu::{Cpu, Scratch};

    fn cpu() -> Cpu {
        let file = || Scratch::new(&std::env::temp_dir(), 1 << 16).expect("a temporary file");
        Cpu {
            pairs: Some(file()),
            tiles: Some(file()),
        }
    }

    epitile_core::conformance!(cpu(), [F64, F32, F8E4M3]);
}

#[cfg(feature = "lapack")]
mod lapack {
    epitile_core::conformance!(
        epitile_cpu::LapackCpu::new(),
        [F64, F32, Tf32, F16, Bf16, F8E4M3, F8E5M2]
    );
}
