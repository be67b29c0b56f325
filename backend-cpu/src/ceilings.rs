//! What this machine can do at most: arithmetic on registers, by instruction set and format, and
//! reading memory. Rates of kernels are fractions of these.

use std::time::Instant;

use rayon::prelude::*;

use crate::simd::ceilings as loops;
use crate::simd::ceilings::Loop;
#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Half, Isa, Level, isa};

/// One measured ceiling.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceiling {
    /// What is done: `f64`, `f32`, `f16` and `bf16` multiply-adds (two operations each), `i8`
    /// products of bytes added to 32-bit sums (two each), `pairs` of dosages at one SNP (two
    /// each), `read` bytes of main memory.
    pub work: &'static str,
    /// Instruction set: `amx`, `avx512`, `avx2` or `portable`; empty for `read`.
    pub isa: &'static str,
    /// 10⁹ operations or bytes a second by one thread alone.
    pub one: f64,
    /// The same by all threads of the pool together.
    pub all: f64,
}

/// Time of one measurement, of which the best of [`TIMES`] counts.
const SECONDS: f64 = 0.006;
const TIMES: usize = 4;

/// Words read: more than any cache holds, in parts for the threads.
const WORDS: usize = 32 << 20;

/// Measures the ceilings of the instruction sets in use and of those below, best first for each
/// kind of work, on the current pool's threads. Takes about a second.
///
/// Other work on the machine lowers what is measured: compare only with what runs at the same
/// time.
pub fn ceilings() -> Vec<Ceiling> {
    let mut all: Vec<Ceiling> = kernels().into_iter().map(measure).collect();
    all.push(memory());
    all
}

/// A loop, its work and instruction set, and the operations of a round.
type Kernel = (&'static str, &'static str, Loop, u64);

fn kernels() -> Vec<Kernel> {
    #[cfg(target_arch = "x86_64")]
    let chained = |lanes: u64| 2 * lanes * loops::CHAINS;
    let pairs = |snps: u64| 2 * snps * loops::PAIRS;
    let mut kernels: Vec<Kernel> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as have;
        let Isa { level, half } = isa();
        if half == Half::Amx {
            kernels.push(("bf16", "amx", loops::bf16_amx, 32 * loops::TILES));
            kernels.push(("i8", "amx", loops::i8_amx, 64 * loops::TILES));
        }
        if level == Level::Avx512 {
            kernels.push(("f64", "avx512", loops::f64_avx512, chained(8)));
            kernels.push(("f32", "avx512", loops::f32_avx512, chained(16)));
            if half >= Half::Fp16 && have!("avx512fp16") {
                kernels.push(("f16", "avx512", loops::f16_avx512, chained(32)));
            }
            if half != Half::Widened && have!("avx512bf16") {
                kernels.push(("bf16", "avx512", loops::bf16_avx512, chained(32)));
            }
            if have!("avx512vnni") {
                kernels.push(("i8", "avx512", loops::i8_avx512, chained(64)));
            }
            kernels.push(("pairs", "avx512", loops::pairs_avx512, pairs(512)));
        }
        if level != Level::Portable {
            kernels.push(("f64", "avx2", loops::f64_avx2, chained(4)));
            kernels.push(("f32", "avx2", loops::f32_avx2, chained(8)));
            let snps = 256 * 2 * loops::PAIRS_AVX2;
            kernels.push(("pairs", "avx2", loops::pairs_avx2, snps));
        }
    }
    let plain = |chains: usize| 2 * chains as u64;
    kernels.push((
        "f64",
        "portable",
        loops::f64_portable,
        plain(loops::F64_CHAINS),
    ));
    kernels.push((
        "f32",
        "portable",
        loops::f32_portable,
        plain(loops::F32_CHAINS),
    ));
    kernels.push(("pairs", "portable", loops::pairs_portable, pairs(64)));
    kernels
}

fn measure((work, isa, run, operations): Kernel) -> Ceiling {
    let mut rounds = 1 << 10;
    let timed = |rounds: u64| {
        let start = Instant::now();
        std::hint::black_box(run(std::hint::black_box(rounds)));
        start.elapsed().as_secs_f64()
    };
    while timed(rounds) < SECONDS {
        rounds *= 2;
    }
    let done = (rounds * operations) as f64 / 1e9;
    let one = best(|| timed(rounds));
    let threads = rayon::current_num_threads();
    let all = best(|| {
        let start = Instant::now();
        rayon::broadcast(|_| std::hint::black_box(run(std::hint::black_box(rounds))));
        start.elapsed().as_secs_f64()
    });
    Ceiling {
        work,
        isa,
        one: done / one,
        all: done * threads as f64 / all,
    }
}

/// Reads words that no cache holds.
fn memory() -> Ceiling {
    let words: Vec<u64> = (0..WORDS as u64).collect();
    let sum = |words: &[u64]| words.iter().fold(0u64, |s, w| s.wrapping_add(*w));
    let bytes = (WORDS * size_of::<u64>()) as f64 / 1e9;
    let part = WORDS / rayon::current_num_threads();
    let timed = |run: &dyn Fn() -> u64| {
        best(|| {
            let start = Instant::now();
            std::hint::black_box(run());
            start.elapsed().as_secs_f64()
        })
    };
    let one = timed(&|| sum(std::hint::black_box(&words)));
    let all = timed(&|| {
        let parts = std::hint::black_box(&words).par_chunks(part).map(sum);
        parts.reduce(|| 0, u64::wrapping_add)
    });
    Ceiling {
        work: "read",
        isa: "",
        one: bytes / one,
        all: bytes / all,
    }
}

fn best(timed: impl Fn() -> f64) -> f64 {
    (0..TIMES).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_work_has_a_ceiling() {
        let all = ceilings();
        for work in ["f64", "f32", "pairs", "read"] {
            assert!(all.iter().any(|c| c.work == work), "{work}");
        }
        for c in &all {
            assert!(c.one > 0.0 && c.one.is_finite(), "{c:?}");
            assert!(c.all > 0.0 && c.all.is_finite(), "{c:?}");
        }
    }
}
