//! What products by cuBLASLt are made of.

use cudarc::cublaslt::sys;

/// What a product's operands hold, and what it is summed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Number {
    /// Bytes, summed in 32-bit integers.
    I8,
    /// F64.
    F64,
    /// F32, multiplied as such.
    F32,
    /// F32 storage of TF32 values, multiplied on tensor cores; F32 sums.
    Tf32,
    /// F16, F32 sums.
    F16,
    /// BF16, F32 sums.
    Bf16,
    /// E4M3, F32 sums; op(A) transposed, op(B) not, sizes multiples of 16.
    F8E4M3,
}

impl Number {
    /// Types of the operands, of the output and its factors, and how sums are made.
    pub(super) fn types(
        self,
    ) -> (
        sys::cudaDataType,
        sys::cudaDataType,
        sys::cublasComputeType_t,
    ) {
        use sys::cublasComputeType_t as Sum;
        use sys::cudaDataType_t as Type;
        match self {
            Number::I8 => (Type::CUDA_R_8I, Type::CUDA_R_32I, Sum::CUBLAS_COMPUTE_32I),
            Number::F64 => (Type::CUDA_R_64F, Type::CUDA_R_64F, Sum::CUBLAS_COMPUTE_64F),
            Number::F32 => (Type::CUDA_R_32F, Type::CUDA_R_32F, Sum::CUBLAS_COMPUTE_32F),
            Number::Tf32 => (
                Type::CUDA_R_32F,
                Type::CUDA_R_32F,
                Sum::CUBLAS_COMPUTE_32F_FAST_TF32,
            ),
            Number::F16 => (Type::CUDA_R_16F, Type::CUDA_R_32F, Sum::CUBLAS_COMPUTE_32F),
            Number::Bf16 => (Type::CUDA_R_16BF, Type::CUDA_R_32F, Sum::CUBLAS_COMPUTE_32F),
            // Without its fast sums, which are off unless asked for; the operands' scales are in α.
            Number::F8E4M3 => (
                Type::CUDA_R_8F_E4M3,
                Type::CUDA_R_32F,
                Sum::CUBLAS_COMPUTE_32F,
            ),
        }
    }

    /// A factor in the type of the output, in the first bytes of eight.
    pub(super) fn factor(self, x: f64) -> u64 {
        match self {
            Number::F64 => x.to_bits(),
            Number::I8 => first_bytes((x as i32).to_ne_bytes()),
            _ => first_bytes((x as f32).to_ne_bytes()),
        }
    }

    /// Bytes of an operand's number and of the output's.
    pub(super) fn bytes(self) -> (usize, usize) {
        match self {
            Number::I8 => (1, 4),
            Number::F64 => (8, 8),
            Number::F32 | Number::Tf32 => (4, 4),
            Number::F16 | Number::Bf16 => (2, 4),
            Number::F8E4M3 => (1, 4),
        }
    }
}

/// A number that starts with these bytes.
fn first_bytes(bytes: [u8; 4]) -> u64 {
    let mut all = [0; 8];
    all[..4].copy_from_slice(&bytes);
    u64::from_ne_bytes(all)
}
