//! Instruction sets.

/// An instruction set with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 with VPOPCNTDQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler may assume anyway.
    Portable,
}

/// The best level of this processor.
pub(crate) fn level() -> Level {
    #[cfg(test)]
    if let Some(forced) = tests::FORCED.get() {
        return forced;
    }
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! have {
            ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
        }
        if have!("avx2", "fma", "popcnt") {
            let wide = have!("avx512f", "avx512bw", "avx512dq", "avx512vl");
            return match wide && have!("avx512vpopcntdq") {
                true => Level::Avx512,
                false => Level::Avx2,
            };
        }
    }
    Level::Portable
}

/// Defines a function that runs `$fused` on instruction sets with a fused multiply-add and
/// `$plain` on the baseline; both are `#[inline(always)]` bodies with the function's arguments.
macro_rules! multiversion {
    (
        $(#[$doc:meta])*
        fn $name:ident$(<$generic:ident: $bound:path>)?($($arg:ident: $ty:ty),* $(,)?)
        = $fused:expr, $plain:expr
    ) => {
        $(#[$doc])*
        pub(crate) fn $name$(<$generic: $bound>)?($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(
                    enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,popcnt"
                )]
                fn avx512$(<$generic: $bound>)?($($arg: $ty),*) {
                    $fused($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,popcnt")]
                fn avx2$(<$generic: $bound>)?($($arg: $ty),*) {
                    $fused($($arg),*);
                }
                match $crate::simd::level::level() {
                    // SAFETY: `level` has found every feature that `avx512` enables.
                    $crate::simd::level::Level::Avx512 => return unsafe { avx512$(::<$generic>)?($($arg),*) },
                    // SAFETY: `level` has found every feature that `avx2` enables.
                    $crate::simd::level::Level::Avx2 => return unsafe { avx2$(::<$generic>)?($($arg),*) },
                    $crate::simd::level::Level::Portable => {}
                }
            }
            $plain($($arg),*);
        }
    };
}
pub(crate) use multiversion;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        pub(crate) static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// Runs `test` once per level that this processor has.
    pub(crate) fn at_every_level(test: impl Fn(Level)) {
        let levels = [
            #[cfg(target_arch = "x86_64")]
            Level::Avx512,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2,
            Level::Portable,
        ];
        let best = levels.iter().position(|&l| l == level());
        for &l in &levels[best.expect("the processor's level is one of them")..] {
            FORCED.set(Some(l));
            test(l);
            FORCED.set(None);
        }
    }
}
