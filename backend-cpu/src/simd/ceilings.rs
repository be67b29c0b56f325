//! What an instruction set can do at most: long runs of one instruction, or of the few that a
//! kernel cannot do without, on registers alone.
//!
//! Each function does `rounds` rounds of steps that do not wait for each other and returns what it
//! summed, so that the work counts as used. Operands pass through empty `asm!` blocks: the compiler must
//! take them for new numbers, yet nothing is executed.

/// Sums that do not wait for each other: a latency of six cycles at two a cycle. With the operands
/// they fit the registers of every instruction set that has 16.
#[cfg(target_arch = "x86_64")]
pub(crate) const CHAINS: u64 = 12;

/// Rounds of independent steps.
pub(crate) type Loop = fn(u64) -> f64;

/// Pairs of individuals of the pair-statistic mix: two sums each, and operands, in 32 registers.
pub(crate) const PAIRS: u64 = 8;

/// The same of AVX2, which has 16 registers.
#[cfg(target_arch = "x86_64")]
pub(crate) const PAIRS_AVX2: u64 = 2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;

    use super::{CHAINS, PAIRS, PAIRS_AVX2};
    use crate::simd::amx::Tiles;

    /// A function of [`CHAINS`] sums, to which each round applies `$step`; all vectors start as
    /// `$one`.
    macro_rules! chains {
        ($(#[$doc:meta])* $name:ident, $features:literal, $class:ident, $vector:ty, $one:expr,
         |$sum:ident, $a:ident, $b:ident| $step:expr, |$last:ident| $result:expr) => {
            $(#[$doc])*
            pub(crate) fn $name(rounds: u64) -> f64 {
                #[target_feature(enable = $features)]
                fn run(rounds: u64) -> f64 {
                    let (mut $a, mut $b): ($vector, $vector) = ($one, $one);
                    let mut sums: [$vector; CHAINS as usize] = [$one; CHAINS as usize];
                    for _ in 0..rounds {
                        // SAFETY: no instruction; the registers keep what they hold.
                        unsafe {
                            asm!("/* {0} {1} */", inout($class) $a, inout($class) $b,
                                 options(nomem, nostack, preserves_flags));
                        }
                        for $sum in &mut sums {
                            *$sum = $step;
                        }
                    }
                    sums.into_iter().map(|$last| $result).sum()
                }
                // SAFETY: `ceilings` lists this only where all of the features were found.
                unsafe { run(rounds) }
            }
        };
    }

    chains!(
        /// 16 FP32 multiply-adds a step.
        f32_avx512, "avx512f", zmm_reg, __m512, _mm512_set1_ps(0.5),
        |s, a, b| _mm512_fmadd_ps(a, b, *s), |s| f64::from(_mm512_cvtss_f32(s))
    );
    chains!(
        /// 8 FP64 multiply-adds a step.
        f64_avx512, "avx512f", zmm_reg, __m512d, _mm512_set1_pd(0.5),
        |s, a, b| _mm512_fmadd_pd(a, b, *s), |s| _mm512_cvtsd_f64(s)
    );
    chains!(
        /// 32 BF16 products a step, added to 16 FP32 sums.
        bf16_avx512, "avx512f,avx512bf16", zmm_reg, __m512i, _mm512_set1_epi16(0x3f00),
        |s, a, b| {
            // SAFETY: vectors of the same bits; any bits are numbers.
            unsafe {
                use std::mem::transmute;
                transmute::<__m512, __m512i>(_mm512_dpbf16_ps(
                    transmute::<__m512i, __m512>(*s),
                    transmute::<__m512i, __m512bh>(a),
                    transmute::<__m512i, __m512bh>(b),
                ))
            }
        },
        |s| f64::from(_mm512_cvtsi512_si32(s))
    );
    chains!(
        /// 32 FP16 multiply-adds a step.
        f16_avx512, "avx512f,avx512fp16", zmm_reg, __m512i, _mm512_set1_epi16(0x3800),
        |s, a, b| _mm512_castph_si512(_mm512_fmadd_ph(
            _mm512_castsi512_ph(a), _mm512_castsi512_ph(b), _mm512_castsi512_ph(*s)
        )),
        |s| f64::from(_mm512_cvtsi512_si32(s))
    );
    chains!(
        /// 64 products of bytes a step, added to 16 sums.
        i8_avx512, "avx512f,avx512vnni", zmm_reg, __m512i, _mm512_set1_epi8(3),
        |s, a, b| _mm512_dpbusd_epi32(*s, a, b), |s| f64::from(_mm512_cvtsi512_si32(s))
    );
    chains!(
        /// 8 FP32 multiply-adds a step.
        f32_avx2, "avx2,fma", ymm_reg, __m256, _mm256_set1_ps(0.5),
        |s, a, b| _mm256_fmadd_ps(a, b, *s), |s| f64::from(_mm256_cvtss_f32(s))
    );
    chains!(
        /// 4 FP64 multiply-adds a step.
        f64_avx2, "avx2,fma", ymm_reg, __m256d, _mm256_set1_pd(0.5),
        |s, a, b| _mm256_fmadd_pd(a, b, *s), |s| _mm256_cvtsd_f64(s)
    );

    /// Products of two by two tile registers a round, 2 · 16 · 16 · 64 operations on bytes in each,
    /// half as many on BF16 numbers.
    pub(crate) const TILES: u64 = 4 * 2 * 16 * 16;

    macro_rules! tiles {
        ($(#[$doc:meta])* $name:ident, $product:literal) => {
            $(#[$doc])*
            pub(crate) fn $name(rounds: u64) -> f64 {
                // SAFETY: `ceilings` lists this only where AMX was found.
                let _tiles = unsafe { Tiles::configure() };
                // SAFETY: eight tiles are configured, and those named are lost.
                unsafe {
                    asm!(
                        "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                        "tilezero tmm4", "tilezero tmm5", "tilezero tmm6", "tilezero tmm7",
                        "2:",
                        concat!($product, " tmm0, tmm4, tmm6"),
                        concat!($product, " tmm1, tmm4, tmm7"),
                        concat!($product, " tmm2, tmm5, tmm6"),
                        concat!($product, " tmm3, tmm5, tmm7"),
                        "dec {rounds}",
                        "jnz 2b",
                        rounds = inout(reg) rounds => _,
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                        options(nostack, nomem)
                    );
                }
                0.0
            }
        };
    }

    tiles!(
        /// BF16 products of tile registers.
        bf16_amx, "tdpbf16ps"
    );
    tiles!(
        /// Products of bytes in tile registers.
        i8_amx, "tdpbuud"
    );

    /// 512 SNPs of [`PAIRS`] pairs a round: the bits in which two planes differ, at one and at
    /// both, counted and added. Three logical instructions, two counts and two additions a pair.
    pub(crate) fn pairs_avx512(rounds: u64) -> f64 {
        #[target_feature(enable = "avx512f,avx512vpopcntdq")]
        fn run(rounds: u64) -> f64 {
            // (x ≥ 1, x = 2) of two individuals and of four: eight pairs.
            let [mut first, mut second] = [_mm512_set1_epi64(0x0f35); 2];
            let two = [_mm512_set1_epi64(0x0530), _mm512_set1_epi64(0x0111)];
            let other = [0x1f73, 0x0f31, 0x1371, 0x1f13].map(|x| _mm512_set1_epi64(x));
            let twice = [0x1142, 0x0d21, 0x1241, 0x0e03].map(|x| _mm512_set1_epi64(x));
            let mut sums = [[_mm512_setzero_si512(); 2]; PAIRS as usize];
            for _ in 0..rounds {
                // SAFETY: no instruction; the registers keep what they hold.
                unsafe {
                    asm!("/* {0} {1} */", inout(zmm_reg) first, inout(zmm_reg) second,
                         options(nomem, nostack, preserves_flags));
                }
                let some = [first, second];
                for (k, [once, thrice]) in sums.iter_mut().enumerate() {
                    let (i, j) = (k / 4, k % 4);
                    let p = _mm512_xor_si512(some[i], other[j]);
                    // p ∨ (a ⊕ b) and p ∧ (a ⊕ b)
                    let either = _mm512_ternarylogic_epi64::<0xf6>(p, two[i], twice[j]);
                    let both = _mm512_ternarylogic_epi64::<0x60>(p, two[i], twice[j]);
                    *once = _mm512_add_epi64(*once, _mm512_popcnt_epi64(either));
                    *thrice = _mm512_add_epi64(*thrice, _mm512_popcnt_epi64(both));
                }
            }
            let all = sums.into_iter().flatten();
            all.map(|s| _mm512_reduce_add_epi64(s) as f64).sum()
        }
        // SAFETY: `ceilings` lists this only where all of the features were found.
        unsafe { run(rounds) }
    }

    /// 256 SNPs of two pairs a round: the differing bits counted by two shuffles of a table, and
    /// added as bytes. Adding the bytes up, which a kernel does now and then, is left out.
    pub(crate) fn pairs_avx2(rounds: u64) -> f64 {
        #[target_feature(enable = "avx2")]
        fn count(bits: __m256i, table: __m256i, low: __m256i) -> __m256i {
            let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(bits), low);
            let lower = _mm256_and_si256(bits, low);
            _mm256_add_epi8(
                _mm256_shuffle_epi8(table, lower),
                _mm256_shuffle_epi8(table, upper),
            )
        }
        #[target_feature(enable = "avx2")]
        fn run(rounds: u64) -> f64 {
            let (table, low) = (
                _mm256_set1_epi64x(0x0403_0302_0302_0201),
                _mm256_set1_epi8(15),
            );
            let mut some = _mm256_set1_epi64x(0x0f35);
            let mut two = _mm256_set1_epi64x(0x0530);
            let other = [0x1f73, 0x0f31].map(|x| _mm256_set1_epi64x(x));
            let twice = [0x1142, 0x0d21].map(|x| _mm256_set1_epi64x(x));
            let mut sums = [[_mm256_setzero_si256(); 2]; PAIRS_AVX2 as usize];
            for _ in 0..rounds {
                // SAFETY: no instruction; the registers keep what they hold.
                unsafe {
                    asm!("/* {0} {1} */", inout(ymm_reg) some, inout(ymm_reg) two,
                         options(nomem, nostack, preserves_flags));
                }
                for (k, [once, thrice]) in sums.iter_mut().enumerate() {
                    let p = _mm256_xor_si256(some, other[k]);
                    let q = _mm256_xor_si256(two, twice[k]);
                    let (either, both) = (_mm256_or_si256(p, q), _mm256_and_si256(p, q));
                    *once = _mm256_add_epi8(*once, count(either, table, low));
                    *thrice = _mm256_add_epi8(*thrice, count(both, table, low));
                }
            }
            let all = sums.into_iter().flatten();
            all.map(|s| f64::from(_mm256_extract_epi32::<0>(s))).sum()
        }
        // SAFETY: `ceilings` lists this only where all of the features were found.
        unsafe { run(rounds) }
    }
}
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::*;

/// Numbers of the portable loops, in eight registers of 16 bytes: with more the compiler spills.
pub(crate) const F32_CHAINS: usize = 32;
pub(crate) const F64_CHAINS: usize = 16;

/// A multiplication and an addition of each chain, as the baseline has them.
macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $float:ty, $chains:ident) => {
        $(#[$doc])*
        pub(crate) fn $name(rounds: u64) -> f64 {
            let mut sums = [0.5; $chains];
            let (a, b): ($float, $float) = std::hint::black_box((0.5, 0.5));
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = *sum * a + b;
                }
            }
            sums.into_iter().map(f64::from).sum()
        }
    };
}

plain!(
    /// FP32 multiplications and additions.
    f32_portable, f32, F32_CHAINS
);
plain!(
    /// FP64 multiplications and additions.
    f64_portable, f64, F64_CHAINS
);

/// 64 SNPs of [`PAIRS`] pairs a round, as [`pairs_avx512`] does 512.
pub(crate) fn pairs_portable(rounds: u64) -> f64 {
    let mut planes = std::hint::black_box([0x0f35u64, 0x0530, 0x1f73, 0x1142]);
    let mut sums = [[0u64; 2]; PAIRS as usize];
    for round in 0..rounds {
        for (k, [once, thrice]) in sums.iter_mut().enumerate() {
            let [some, two, other, twice] = planes.map(|x| x.rotate_left(k as u32));
            let (p, q) = (some ^ other, two ^ twice);
            *once += u64::from((p | q).count_ones());
            *thrice += u64::from((p & q).count_ones());
        }
        planes[(round % 4) as usize] = planes[0].wrapping_add(round);
    }
    sums.into_iter().flatten().map(|s| s as f64).sum()
}
