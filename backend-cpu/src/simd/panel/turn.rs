//! Transposes of small squares, by exchanging the off-diagonal halves of ever smaller squares.

/// Where entry `l` of a row and of the row `half` further on come from, those of the second row
/// counted on from `lanes`.
#[cfg(target_arch = "x86_64")]
const fn places<const L: usize>(half: usize, second: bool) -> [u32; L] {
    let mut at = [0; L];
    let mut l = 0;
    while l < L {
        at[l] = match (l & half == 0, second) {
            (true, false) => l,
            (false, false) => L + l - half,
            (true, true) => l + half,
            (false, true) => L + l,
        } as u32;
        l += 1;
    }
    at
}

/// The transpose of an L × L square.
#[inline(always)]
pub(super) fn turn<T: Copy, const L: usize>(square: &mut [[T; L]; L]) {
    let from = *square;
    for (r, row) in square.iter_mut().enumerate() {
        for (to, from) in row.iter_mut().zip(&from) {
            *to = from[r];
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod wide {
    use core::arch::x86_64::*;

    use super::places;

    macro_rules! turn {
        ($name:ident, $number:ty, $lanes:literal, $vector:ty, $permute:ident, $at:expr) => {
            /// The transpose of a square.
            ///
            /// # Safety
            /// Needs AVX-512F.
            #[inline(always)]
            pub(in super::super) unsafe fn $name(square: &mut [[$number; $lanes]; $lanes]) {
                // SAFETY: a row is as long as a vector; any bits are valid.
                let mut rows = unsafe {
                    core::mem::transmute::<[[$number; $lanes]; $lanes], [$vector; $lanes]>(*square)
                };
                macro_rules! stage {
                    ($half:literal) => {
                        let low = $at(const { places::<$lanes>($half, false) });
                        let high = $at(const { places::<$lanes>($half, true) });
                        for k in (0..$lanes).filter(|k| k & $half == 0) {
                            let (a, b) = (rows[k], rows[k + $half]);
                            // SAFETY: the caller's promise.
                            rows[k] = unsafe { $permute(a, low, b) };
                            // SAFETY: as above.
                            rows[k + $half] = unsafe { $permute(a, high, b) };
                        }
                    };
                }
                if $lanes == 16 {
                    stage!(8);
                }
                stage!(4);
                stage!(2);
                stage!(1);
                // SAFETY: as above.
                *square = unsafe {
                    core::mem::transmute::<[$vector; $lanes], [[$number; $lanes]; $lanes]>(rows)
                };
            }
        };
    }

    turn!(
        f64s,
        f64,
        8,
        __m512d,
        _mm512_permutex2var_pd,
        |at: [u32; 8]| {
            // SAFETY: eight u64 are as long as the vector; any bits are valid.
            unsafe { core::mem::transmute::<[u64; 8], __m512i>(at.map(u64::from)) }
        }
    );
    turn!(
        f32s,
        f32,
        16,
        __m512,
        _mm512_permutex2var_ps,
        |at: [u32; 16]| {
            // SAFETY: sixteen u32 are as long as the vector; any bits are valid.
            unsafe { core::mem::transmute::<[u32; 16], __m512i>(at) }
        }
    );
}
