//! Sums over the SNPs of a number by the call of one individual.
//!
//! Numbers are split into digits from −128 to 127 of base 256, of which one instruction multiplies
//! 64 by the bits of a plane and adds them: twelve instructions for 64 SNPs of an individual and
//! numbers of 39 bits, where lookups take some hundred.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::dosage_sums;
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use crate::simd::level::{Level, level};

/// Individuals that one thread sums at a time. Where tables are looked up, they take as long to make as
/// some hundreds of individuals.
const TOGETHER: usize = 1024;

/// Σ over the SNPs of a number by the call (dosage 0, 1, 2, missing) of every individual. Numbers are
/// below 2⁵⁵ in magnitude.
pub(crate) fn sums(genotypes: &Genotypes, numbers: &[[i64; 4]]) -> Vec<i128> {
    let n = genotypes.samples();
    let parts = (0..n.div_ceil(TOGETHER)).into_par_iter();
    let range = |part: usize| part * TOGETHER..n.min((part + 1) * TOGETHER);
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        let digits = avx512::Digits::new(genotypes, numbers);
        let sums = |part| digits.sums(genotypes, range(part));
        return parts.flat_map_iter(sums).collect();
    }
    let sums = |part| dosage_sums(genotypes, range(part), numbers);
    parts.flat_map_iter(sums).collect()
}

#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::tests::cohort;
    use crate::simd::level::tests::at_every_isa;

    #[test]
    fn sums_are_those_of_the_definition() {
        let sizes = if cfg!(miri) { 70 } else { 3000 };
        for (missing, bits) in [(0, 3), (9, 35), (0, 54), (500, 54), (0, 39)] {
            let g = cohort(19, &[65, sizes, 1], missing, bits);
            let mut state = bits | 1;
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state as i64) >> (63 - bits)
            };
            let mut numbers: Vec<[i64; 4]> =
                (0..g.snps()).map(|_| [(); 4].map(|()| next())).collect();
            let most = 1 << bits;
            numbers[0] = [-most, most, -most, most];
            let expected = dosage_sums(&g, 0..19, &numbers);
            at_every_isa(|isa| assert_eq!(sums(&g, &numbers), expected, "{isa} {missing} {bits}"));
        }
    }
}
