//! Instruction sets.

use std::sync::OnceLock;

/// An instruction set with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 with VPOPCNTDQ, BITALG and VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler may assume anyway.
    Portable,
}

/// What multiplies 16- and 8-bit numbers faster than FP32 does, beside [`Level::Avx512`]; the best
/// last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) enum Half {
    /// Nothing: they are widened to FP32.
    Widened,
    /// AVX512-BF16: pairs of BF16 products added to FP32, exact for BF16 and FP8 operands.
    Bf16,
    /// AVX512-FP16: FP16 arithmetic. Preferred where both are there: such processors run the BF16
    /// dot product slower than FP32.
    Fp16,
    /// AMX: BF16 products added to FP32, products of bytes added to 32-bit integers, of whole tiles
    /// of registers; FP16 and FP32 numbers are sums of two and three BF16 numbers.
    Amx,
}

/// Instruction sets in use: the best of this processor, or fewer if `EPITILE_ISA` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Isa {
    pub(crate) level: Level,
    pub(crate) half: Half,
}

/// The environment variable that holds one of [`NAMES`].
pub(crate) const VARIABLE: &str = "EPITILE_ISA";

/// Names of instruction sets, the widest of each kind last.
pub(crate) const NAMES: [&str; 6] = [
    "portable",
    "avx2",
    "avx512",
    "avx512bf16",
    "avx512fp16",
    "amx",
];

/// The instruction sets in use.
pub(crate) fn isa() -> Isa {
    #[cfg(test)]
    if let Some(forced) = tests::FORCED.get() {
        return forced;
    }
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| {
        let wanted = std::env::var(VARIABLE).ok();
        detected().limited(wanted.as_deref())
    })
}

/// The level in use.
pub(crate) fn level() -> Level {
    isa().level
}

#[cfg(target_arch = "x86_64")]
macro_rules! have {
    ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
}

impl Isa {
    /// Not more than `name` allows; a name that is none, or of what is not there, changes nothing.
    fn limited(self, name: Option<&str>) -> Isa {
        let level = self.level;
        match name {
            Some("portable") => Isa {
                level: Level::Portable,
                half: Half::Widened,
            },
            #[cfg(target_arch = "x86_64")]
            Some("avx2") if level != Level::Portable => Isa {
                level: Level::Avx2,
                half: Half::Widened,
            },
            Some("avx512") => Isa {
                level,
                half: Half::Widened,
            },
            #[cfg(target_arch = "x86_64")]
            Some("avx512bf16") if self.half >= Half::Bf16 && have!("avx512bf16") => Isa {
                level,
                half: Half::Bf16,
            },
            #[cfg(target_arch = "x86_64")]
            Some("avx512fp16") if self.half >= Half::Fp16 && have!("avx512fp16") => Isa {
                level,
                half: Half::Fp16,
            },
            _ => self,
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match (self.level, self.half) {
            (Level::Portable, _) => NAMES[0],
            #[cfg(target_arch = "x86_64")]
            (Level::Avx2, _) => NAMES[1],
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Half::Widened) => NAMES[2],
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Half::Bf16) => NAMES[3],
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Half::Fp16) => NAMES[4],
            #[cfg(target_arch = "x86_64")]
            (Level::Avx512, Half::Amx) => NAMES[5],
        })
    }
}

/// What this processor has.
fn detected() -> Isa {
    #[cfg(target_arch = "x86_64")]
    if have!("avx2", "fma", "f16c", "popcnt") {
        let wide = have!(
            "avx512f",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512vpopcntdq",
            "avx512bitalg",
            "avx512vnni"
        );
        let half = match wide {
            true if have!("avx512bf16", "avx512vbmi") && super::amx::is_there() => Half::Amx,
            true if have!("avx512fp16") => Half::Fp16,
            true if have!("avx512bf16") => Half::Bf16,
            _ => Half::Widened,
        };
        let level = if wide { Level::Avx512 } else { Level::Avx2 };
        return Isa { level, half };
    }
    Isa {
        level: Level::Portable,
        half: Half::Widened,
    }
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
        pub(crate) static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
    }

    /// Runs `test` once per instruction set that this processor has.
    pub(crate) fn at_every_isa(test: impl Fn(Isa)) {
        let mut tried = Vec::new();
        for name in NAMES {
            let isa = detected().limited(Some(name));
            if !tried.contains(&isa) {
                FORCED.set(Some(isa));
                test(isa);
                FORCED.set(None);
                tried.push(isa);
            }
        }
    }

    /// Runs `test` once per level that this processor has.
    pub(crate) fn at_every_level(test: impl Fn(Level)) {
        let tried = std::cell::RefCell::new(Vec::new());
        at_every_isa(|isa| {
            if !tried.borrow().contains(&isa.level) {
                tried.borrow_mut().push(isa.level);
                test(isa.level);
            }
        });
    }

    #[test]
    fn the_best_is_tried_and_a_wrong_name_changes_nothing() {
        let best = detected();
        assert_eq!(best.limited(Some("sse9")), best);
        assert_eq!(best.limited(Some(&best.to_string())), best);
        assert_eq!(best.limited(Some("portable")).level, Level::Portable);
        at_every_isa(|isa| assert_eq!(isa, super::isa()));
    }
}
